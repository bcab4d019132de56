package mutants

import (
	"bytes"
	"slices"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
)

// senders are relays that admit the wrong senders, or hand their mail on wrongly.
func senders() []Mutant { return slices.Concat(options(), identities(), rewrites(), nullSenders()) }

// options are relays that get the option "Allowed senders" wrong.
func options() []Mutant {
	return []Mutant{
		{Name: "the three options of allowed senders are one", Breaks: []string{"SND-OPTIONS", "SND-REGISTERED", "SND-ANY"}, Relay: option(func(target.Senders) target.Senders { return target.MyDomains })},
		{Name: "unknown users pass for registered ones", Breaks: []string{"SND-REGISTERED", "SND-OPTIONS"}, Relay: option(swap(target.RegisteredUsers, target.MyDomains))},
		{Name: "only registered users pass for a domain", Breaks: []string{"SND-DOMAINS", "SND-OPTIONS"}, Relay: option(swap(target.MyDomains, target.RegisteredUsers))},
		{Name: "foreign senders pass for one's own domain", Breaks: []string{"SND-DOMAINS", "SND-OPTIONS"}, Relay: option(swap(target.MyDomains, target.AnyAddress))},
		{Name: "no foreign sender is let in by any address", Breaks: []string{"SND-ANY", "SND-OPTIONS"}, Relay: option(swap(target.AnyAddress, target.MyDomains))},
	}
}

// identities are relays that get wrong what identifies a sender.
func identities() []Mutant {
	return []Mutant{
		{Name: "a listed address identifies its customer", Breaks: []string{"SND-ANY-IDENT", "SND-FOREIGN-IDENT", "SND-EMPTY-IDENT", "EXTRA-IDENT"}, Relay: sees(knownByAddress)},
		{Name: "a foreign sender needs no identification", Breaks: []string{"SND-FOREIGN-IDENT", "SND-ANY-IDENT", "EXTRA-IDENT"}, Relay: sees(func(next reference.Decider, f *policy.Facts) {
			if !f.Sender.Null() {
				knownByAddress(next, f)
			}
		})},
		{Name: "an empty sender needs no identification", Breaks: []string{"SND-EMPTY-IDENT", "SND-ANY-IDENT", "EXTRA-IDENT"}, Relay: sees(func(next reference.Decider, f *policy.Facts) {
			if f.Sender.Null() {
				knownByAddress(next, f)
			}
		})},
		{Name: "AUTH identifies no sender", Breaks: []string{"EXTRA-IDENT", "SND-ANY-IDENT", "SND-REWRITE-DOMAIN", "AUTH-SMTP"}, Relay: sees(func(_ reference.Decider, f *policy.Facts) { f.User = "" })},
		{Name: "HELO identifies no sender", Breaks: []string{"SND-ANY-IDENT", "SND-FOREIGN-IDENT", "SND-EMPTY-IDENT", "EXTRA-IDENT", "CNT-CUST-HELO", "SND-REWRITE-DOMAIN"}, Relay: sees(func(_ reference.Decider, f *policy.Facts) { f.Helo = "nobody.invalid" })},
	}
}

// rewrites are relays that get wrong what a sender is changed to.
func rewrites() []Mutant {
	return []Mutant{
		{Name: "foreign senders aren't rewritten", Breaks: []string{"SND-POSTMASTER-REWRITE", "SND-REWRITE-DOMAIN"}, Relay: handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			e.Sender = e.Given
			return body
		})},
		{Name: "a sender of one's own is rewritten, too", Breaks: []string{"SND-POSTMASTER-REWRITE"}, Relay: handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			if e.Sender.Local != "" {
				e.Sender.Local = "postmaster"
			}
			return body
		})},
		{Name: "the From field is rewritten", Breaks: []string{"SND-POSTMASTER-REWRITE"}, Noted: true, Relay: handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			if e.Sender != e.Given {
				return bytes.ReplaceAll(body, []byte("From: "), []byte("From: postmaster@"+e.Sender.Domain+"\r\nX-Original-From: "))
			}
			return body
		})},
		{Name: "senders become mailer-daemon", Breaks: []string{"SND-POSTMASTER-REWRITE", "SND-REWRITE-DOMAIN"}, Relay: handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			if e.Sender != e.Given {
				e.Sender.Local = "mailer-daemon"
			}
			return body
		})},
		{Name: "the rewritten domain is the name in HELO as it was given", Breaks: []string{"SND-REWRITE-DOMAIN"}, Relay: handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			if e.Sender != e.Given {
				e.Sender.Domain = e.Helo
			}
			return body
		})},
		{Name: "the rewritten domain is the relay's own", Breaks: []string{"SND-REWRITE-DOMAIN", "SND-POSTMASTER-REWRITE"}, Relay: handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			if e.Sender != e.Given {
				e.Sender.Domain = "smtp-relay.gmail.com"
			}
			return body
		})},
		{Name: "a null sender becomes postmaster", Breaks: []string{"SND-POSTMASTER-REWRITE"}, Noted: true, Relay: with(nil, "rewrite-null=postmaster")},
	}
}

// nullSenders are relays that get null senders wrong, or lose the mail.
func nullSenders() []Mutant {
	return []Mutant{
		{Name: "a null sender needs the option any", Breaks: []string{"EXTRA-IDENT", "SND-EMPTY-IDENT"}, Noted: true, Relay: with(nil, "empty-sender=only-any")},
		{Name: "accepted mail goes nowhere", Breaks: []string{"SVC-PURPOSE"}, Relay: handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			e.Recipients = nil
			return body
		})},
		{Name: "a null sender may have several recipients", Breaks: []string{"NULL-MULTI-RCPT"}, Relay: sees(func(_ reference.Decider, f *policy.Facts) {
			if f.Sender.Null() && f.Rcpt.Local != "" {
				f.Recipients = nil
			}
		})},
		{Name: "a null sender may have no recipient", Breaks: []string{"NULL-MULTI-RCPT", "SND-EMPTY-IDENT", "EXTRA-IDENT"}, Relay: decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			if stage == policy.Rcpt && f.Sender.Null() {
				return policy.Decision{Reply: serviceOf(next).Replies[policy.ReplyNullSender], Rule: "NULL-MULTI-RCPT"}
			}
			return next.Decide(stage, f)
		})},
	}
}

// option changes "Allowed senders" of every setting.
func option(change func(target.Senders) target.Senders) embedded.Options {
	return settings(func(s *target.Setting) { s.Senders = change(s.Senders) })
}

// swap takes one option for another.
func swap(from, to target.Senders) func(target.Senders) target.Senders {
	return func(s target.Senders) target.Senders {
		if s == from {
			return to
		}
		return s
	}
}

// knownByAddress attributes mail of nobody's to the first customer, as if the peer's address told whose it is.
func knownByAddress(next reference.Decider, f *policy.Facts) {
	customers := directoryOf(next).(*directory.Directory).Customers()
	owner, _ := directoryOf(next).Owner(f.Sender.Domain)
	helo, _ := directoryOf(next).Owner(f.Helo)
	if owner == nil && helo == nil && f.User == "" && len(customers) > 0 && directoryOf(next).Listed(f.Peer) {
		f.Helo = customers[0].Domains[0]
	}
}

// handedOn changes what goes to the next hop.
func handedOn(change func(e *mailbox.Envelope, body []byte) []byte) embedded.Options {
	return embedded.Options{Envelope: func(e mailbox.Envelope, body []byte) (mailbox.Envelope, []byte) {
		body = change(&e, body)
		return e, body
	}}
}
