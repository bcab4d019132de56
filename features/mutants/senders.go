package mutants

import (
	"bytes"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
)

// senders are relays that admit the wrong senders, or hand their mail on wrongly.
func senders() []Mutant {
	return []Mutant{
		{"the three options of allowed senders are one", []string{"SND-OPTIONS", "SND-REGISTERED", "SND-ANY"}, option(func(target.Senders) target.Senders { return target.MyDomains })},
		{"unknown users pass for registered ones", []string{"SND-REGISTERED", "SND-OPTIONS"}, option(swap(target.RegisteredUsers, target.MyDomains))},
		{"only registered users pass for a domain", []string{"SND-DOMAINS", "SND-OPTIONS"}, option(swap(target.MyDomains, target.RegisteredUsers))},
		{"foreign senders pass for one's own domain", []string{"SND-DOMAINS", "SND-OPTIONS"}, option(swap(target.MyDomains, target.AnyAddress))},
		{"no foreign sender is let in by any address", []string{"SND-ANY", "SND-OPTIONS"}, option(swap(target.AnyAddress, target.MyDomains))},
		{"a listed address identifies its customer", []string{"SND-ANY-IDENT", "SND-FOREIGN-IDENT", "SND-EMPTY-IDENT", "EXTRA-IDENT"}, sees(knownByAddress)},
		{"a foreign sender needs no identification", []string{"SND-FOREIGN-IDENT", "SND-ANY-IDENT", "EXTRA-IDENT"}, sees(func(next reference.Decider, f *policy.Facts) {
			if !f.Sender.Null() {
				knownByAddress(next, f)
			}
		})},
		{"an empty sender needs no identification", []string{"SND-EMPTY-IDENT", "SND-ANY-IDENT", "EXTRA-IDENT"}, sees(func(next reference.Decider, f *policy.Facts) {
			if f.Sender.Null() {
				knownByAddress(next, f)
			}
		})},
		{"AUTH identifies no sender", []string{"EXTRA-IDENT", "SND-ANY-IDENT", "SND-REWRITE-DOMAIN", "AUTH-SMTP"}, sees(func(_ reference.Decider, f *policy.Facts) { f.User = "" })},
		{"HELO identifies no sender", []string{"SND-ANY-IDENT", "SND-FOREIGN-IDENT", "SND-EMPTY-IDENT", "EXTRA-IDENT", "CNT-CUST-HELO", "SND-REWRITE-DOMAIN"}, sees(func(_ reference.Decider, f *policy.Facts) { f.Helo = "nobody.invalid" })},
		{"foreign senders aren't rewritten", []string{"SND-POSTMASTER-REWRITE", "SND-REWRITE-DOMAIN"}, handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			e.Sender = e.Given
			return body
		})},
		{"a sender of one's own is rewritten, too", []string{"SND-POSTMASTER-REWRITE"}, handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			if e.Sender.Local != "" {
				e.Sender.Local = "postmaster"
			}
			return body
		})},
		{"the From field is rewritten", []string{"SND-POSTMASTER-REWRITE"}, handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			if e.Sender != e.Given {
				return bytes.ReplaceAll(body, []byte("From: "), []byte("From: postmaster@"+e.Sender.Domain+"\r\nX-Original-From: "))
			}
			return body
		})},
		{"senders become mailer-daemon", []string{"SND-POSTMASTER-REWRITE", "SND-REWRITE-DOMAIN"}, handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			if e.Sender != e.Given {
				e.Sender.Local = "mailer-daemon"
			}
			return body
		})},
		{"the rewritten domain is the name in HELO as it was given", []string{"SND-REWRITE-DOMAIN"}, handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			if e.Sender != e.Given {
				e.Sender.Domain = e.Helo
			}
			return body
		})},
		{"the rewritten domain is the relay's own", []string{"SND-REWRITE-DOMAIN", "SND-POSTMASTER-REWRITE"}, handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			if e.Sender != e.Given {
				e.Sender.Domain = "smtp-relay.gmail.com"
			}
			return body
		})},
		{"accepted mail goes nowhere", []string{"SVC-PURPOSE"}, handedOn(func(e *mailbox.Envelope, body []byte) []byte {
			e.Recipients = nil
			return body
		})},
		{"a null sender may have several recipients", []string{"NULL-MULTI-RCPT"}, sees(func(_ reference.Decider, f *policy.Facts) {
			if f.Sender.Null() && f.Rcpt.Local != "" {
				f.Recipients = nil
			}
		})},
		{"a null sender may have no recipient", []string{"NULL-MULTI-RCPT", "SND-EMPTY-IDENT", "EXTRA-IDENT"}, decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
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
