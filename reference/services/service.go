package services

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// service makes a policy.Service of the file. Every limit, switch and reply must be there, and none besides.
func (d *document) service() (*policy.Service, error) {
	s := &policy.Service{
		Name:       d.Name,
		Host:       d.Host.Value,
		Mechanisms: d.Mechanisms.Value,
		Replies:    make(map[policy.ReplyName]policy.Reply),
	}
	if err := setAll("limits", d.Limits, limitSetters(&s.Limits)); err != nil {
		return nil, err
	}
	if err := setAll("switches", d.Switches, switchSetters(s)); err != nil {
		return nil, err
	}
	size := strconv.FormatInt(s.Limits.MessageSize, 10)
	for _, keyword := range d.Capabilities.Value {
		s.Capabilities = append(s.Capabilities, strings.ReplaceAll(keyword, "{size}", size))
	}
	if err := d.replies(s); err != nil {
		return nil, err
	}
	return s, nil
}

// oneLine is the older form of helo-refused. Source: relay-rules 3.3.
const oneLine = "helo-refused-one-line"

// replies fills in the service's own values and picks the form of the HELO refusal.
func (d *document) replies(s *policy.Service) error {
	for _, name := range policy.ReplyNames() {
		r, ok := d.Replies[string(name)]
		if !ok {
			return at("replies").wrong("%s is missing", name)
		}
		if name == policy.ReplyHeloRefused && d.Switches["helo-refusal-form"].Value == "one-line" {
			if r, ok = d.Replies[oneLine]; !ok {
				return at("replies").wrong("%s is missing, which helo-refusal-form asks for", oneLine)
			}
		}
		reply := policy.Reply{Code: r.Code, Enhanced: r.Enhanced, Lines: r.Lines}
		reply = reply.Expand("host", s.Host, "product", d.Switches["wording"].Value, "hops", strconv.Itoa(s.Limits.Hops))
		reply.Wrap = r.Wrap
		s.Replies[name] = reply
	}
	for _, name := range sortedKeys(d.Replies) {
		if name != oneLine && !slices.Contains(policy.ReplyNames(), policy.ReplyName(name)) {
			return at("replies", name).wrong("no reply has that name")
		}
	}
	return nil
}

// setter takes the text of a value.
type setter func(value string) error

// setAll hands every fact of a section to its setter. Facts and setters must be the same set of names.
func setAll(section string, facts map[string]fact[string], setters map[string]setter) error {
	for _, name := range sortedKeys(facts) {
		set, ok := setters[name]
		if !ok {
			return at(section, name).wrong("there is none of that name")
		}
		if err := set(facts[name].Value); err != nil {
			return at(section, name).wrong("%v", err)
		}
	}
	for _, name := range sortedKeys(setters) {
		if _, ok := facts[name]; !ok {
			return at(section).wrong("%s is missing", name)
		}
	}
	return nil
}

func limitSetters(l *policy.Limits) map[string]setter {
	return map[string]setter{
		"user-messages":       number(&l.UserMessages),
		"user-recipients":     number(&l.UserRecipients),
		"user-window":         duration(&l.UserWindow),
		"day-per-licence":     number(&l.DayPerLicence),
		"day-max":             number(&l.DayMax),
		"day-window":          duration(&l.DayWindow),
		"peak-per-licence":    number(&l.PeakPerLicence),
		"peak-max":            number(&l.PeakMax),
		"peak-window":         duration(&l.PeakWindow),
		"unpaid-day":          number(&l.UnpaidDay),
		"unpaid-peak":         number(&l.UnpaidPeak),
		"trial-day":           number(&l.TrialDay),
		"trial-peak":          number(&l.TrialPeak),
		"recipients":          number(&l.Recipients),
		"message-size":        number(&l.MessageSize),
		"hops":                number(&l.Hops),
		"single-label-burst":  number(&l.SingleLabelBurst),
		"single-label-refill": duration(&l.SingleLabelRefill),
	}
}

// switchSetters gives the setter of each switch. The first choice is the zero value of its field; a switch with one
// choice states a decision that is built in.
func switchSetters(s *policy.Service) map[string]setter {
	w := &s.Switches
	return map[string]setter{
		"day-window":            flag(&w.FixedDay, "sliding", "fixed"),
		"peak-window":           flag(&w.FixedPeak, "sliding", "fixed"),
		"limit-stage":           stage(&w.LimitStage, policy.Data, policy.Rcpt, policy.Accept),
		"unfinished":            flag(&w.ChargeUnfinished, "free", "charged"),
		"partial-fit":           stated("refuse-all"),
		"factors":               stated("exact"),
		"recipient-cap":         cap100(&s.Limits),
		"null-sender-reply":     flag(&w.NullSenderDefers, "550", "452"),
		"null-sender-with-auth": flag(&w.NullSenderAuthFree, "same", "exempt"),
		"rewrites":              stated("envelope"),
		"rewrite-domain":        flag(&w.RewriteHeloFirst, "auth-first", "helo-first"),
		"rewrite-null":          flag(&w.RewriteNull, "keep", "postmaster"),
		"helo-match":            flag(&w.HeloExact, "suffix", "exact"),
		"both-methods":          flag(&w.EitherMethod, "and", "or"),
		"denial":                denial(&w.Denial),
		"unknown-user":          flag(&w.UnknownUserDenied, "5.7.1", "5.7.0"),
		"sender-stage":          stage(&w.SenderStage, policy.Mail, policy.Rcpt, policy.Data),
		"tls-required":          flag(&w.TLSRequiredDenies, "530", "550"),
		"auth-in-clear":         stated("refused-530"),
		"auth-missing":          flag(&w.AuthRequired530, "550", "530"),
		"generic-helo":          flag(&w.GenericHeloPasses, "refused", "lenient"),
		"port-465":              stated("implicit-tls"),
		"user-cap":              flag(&w.UserCapFlat, "customer-day", "flat"),
		"limit-order":           flag(&w.PeakBeforeDay, "day-peak-user", "peak-day-user"),
		"larger-than-window":    flag(&w.AllowIfEmpty, "refused", "allow-if-window-empty"),
		"address-cap":           stated("per-setting"),
		"recipient-identity":    stated("case-folded"),
		"aliases":               flag(&w.Aliases, "unregistered", "registered"),
		"own-domains":           flag(&w.OwnDomainsFree, "counted", "free"),
		"legacy-reply":          stated("unmanaged"),
		"auth-other-user":       stated("allowed"),
		"limit-refusal":         flag(&w.LimitCloses, "stays-open", "closes"),
		"customer":              stated("auth-mail-helo"),
		"answering-setting":     stated("furthest"),
		"empty-sender":          flag(&w.EmptyOnlyAny, "any-option", "only-any"),
		"charged-at":            stated("final-250"),
		"recipient-leaves":      stated("refreshed"),
		"wording":               stated("Workspace", "G Suite"),
		"helo-refusal-form":     stated("three-lines", "one-line"),
		"denial-names":          flag(&w.DeniedListsSender, "helo", "helo-and-sender"),
	}
}

// number reads a count of -1 or more.
func number[T int | int64](to *T) setter {
	return func(value string) error {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < -1 {
			return fmt.Errorf("%q is no count; write a number, or -1 for no limit", value)
		}
		*to = T(n)
		return nil
	}
}

// duration reads a span of time over zero.
func duration(to *time.Duration) setter {
	return func(value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q is no time; write 24h, 10m or 30s", value)
		}
		*to = d
		return nil
	}
}

// flag sets to where the value is the other one, and not the usual one.
func flag(to *bool, usual, other string) setter {
	return func(value string) error {
		*to = value == other
		return stated(usual, other)(value)
	}
}

// stated accepts what is used elsewhere, or built in.
func stated(choices ...string) setter {
	return func(value string) error {
		if !slices.Contains(choices, value) {
			return fmt.Errorf("%q can't be done; there is %s", value, strings.Join(choices, ", "))
		}
		return nil
	}
}

// stage sets to where the value is one of the other stages. The usual one is the zero value of the field.
func stage(to *policy.Stage, usual policy.Stage, others ...policy.Stage) setter {
	names := []string{usual.String()}
	for _, s := range others {
		names = append(names, s.String())
	}
	return func(value string) error {
		if at := slices.Index(names, value); at > 0 {
			*to = others[at-1]
		}
		return stated(names...)(value)
	}
}

func denial(to *policy.Denial) setter {
	return func(value string) error {
		*to = map[string]policy.Denial{"5.7.0": policy.DenyAlways570, "5.7.1": policy.DenyAlways571}[value]
		return stated("by-customer", "5.7.0", "5.7.1")(value)
	}
}

// cap100 lowers the recipients a transaction to 100, as two other pages have it. Source: relay-rules 2.7.
func cap100(l *policy.Limits) setter {
	return func(value string) error {
		if value == "cap100" && (l.Recipients < 0 || l.Recipients > 100) {
			l.Recipients = 100
		}
		return stated("by-limit", "cap100")(value)
	}
}
