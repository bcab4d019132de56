package mutants

import (
	"slices"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/policy"
)

// Variants lists the compliant relays: the reference, and those that answer otherwise what the document leaves open. To
// charge what was given up (unfinished=charged, relay-rules 2.4) is none: the features take it for a fault, and it is a
// mutant.
func Variants() []Variant {
	all := []Variant{
		{"reference", embedded.Options{}},
		{"windows are fixed", with([]target.Capability{target.Sliding}, "day-window=fixed", "peak-window=fixed")},
		{"limits speak at RCPT", with(nil, "limit-stage=rcpt")},
		{"limits speak after the final dot", with(nil, "limit-stage=accept")},
		{"sender rules speak at RCPT", with(nil, "sender-stage=rcpt")},
		{"sender rules speak at DATA", with(nil, "sender-stage=data")},
		{"only a registered domain itself counts in HELO", with([]target.Capability{target.HeloSuffix}, "helo-match=exact")},
		{"100 recipients a transaction", with([]target.Capability{target.Over100}, "recipient-cap=cap100")},
		{"every HELO name is accepted", with(nil, "generic-helo=lenient")},
		{"the peak's error before the day's", with(nil, "limit-order=peak-day-user")},
		{"421 in one line", with(nil, "helo-refusal-form=one-line")},
		{"the second recipient of <> is deferred", with(nil, "null-sender-reply=452")},
		{"denials are always 5.7.0", with(nil, "denial=5.7.0")},
		{"denials are always 5.7.1", with(nil, "denial=5.7.1")},
		{"missing AUTH is 530", with(nil, "auth-missing=530")},
		{"missing TLS is 550", with(nil, "tls-required=550")},
		{"HELO's domain before AUTH's in a rewrite", with(nil, "rewrite-domain=helo-first")},
		{"a limit's refusal closes the session", with(nil, "limit-refusal=closes")},
		{"a message larger than a window passes an empty one", with(nil, "larger-than-window=allow-if-window-empty")},
		{"a user's limit doesn't follow the licences", with(nil, "user-cap=flat")},
		{"one of both boxes is enough", with(nil, "both-methods=or")},
		{"a trial has 12,999 a day", number(func(l *policy.Limits) { l.TrialDay, l.TrialPeak = 12_999, -1 })},
		{"a trial has 899 in 10 minutes", number(func(l *policy.Limits) { l.TrialDay, l.TrialPeak = -1, 899 })},
		{"the words of G Suite", with(nil, "wording=G Suite")},
		{"no PIPELINING", embedded.Options{Service: without("PIPELINING")}},
		{"no enhanced codes are announced", embedded.Options{Service: without("ENHANCEDSTATUSCODES")}},
		{"DSN is announced, PLAIN alone is offered, STARTTLS ends a transaction", both(resetting("STARTTLS"), func(s *policy.Service) {
			announcing("DSN")(s)
			s.Mechanisms = []string{"PLAIN"}
		})},
		{"a message has 1,000,000 octets at most, a bad token is refused at once", both(rewords(unexplained), maximum(1_000_000, 1_000_000).Service)},
		{"SIZE is announced without a number, what came with STARTTLS is thrown away", announces("SIZE", "")}, // no tap keeps that
	}
	all = append(all, dialects()...)
	for i := range all {
		all[i].Relay.Name = "variant: " + all[i].Name
	}
	return all
}

// with is the reference with switches set, lacking what they take away.
func with(lacks []target.Capability, switches ...string) embedded.Options {
	o := embedded.Options{Lacks: lacks, Switches: map[string]string{}}
	for _, s := range switches {
		at := slices.Index([]byte(s), '=')
		o.Switches[s[:at]] = s[at+1:]
	}
	return o
}

// both is a relay whose service is changed, too.
func both(relay embedded.Options, service func(*policy.Service)) embedded.Options {
	relay.Service = service
	return relay
}

// without takes a keyword out of the reply to EHLO.
func without(keyword string) func(*policy.Service) {
	return func(s *policy.Service) {
		s.Capabilities = slices.DeleteFunc(slices.Clone(s.Capabilities), func(k string) bool { return k == keyword })
	}
}
