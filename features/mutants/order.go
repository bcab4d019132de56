package mutants

import (
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/target/embedded"
)

// order are relays that get the order of commands wrong.
func order() []Mutant {
	return []Mutant{
		{Name: "a nested MAIL begins anew", Breaks: []string{"RFC5321-4.1.4/nested-mail"}, Relay: anew()},
		{Name: "a nested MAIL is accepted and changes nothing", Breaks: []string{"RFC5321-4.1.1.2/mail-clears", "RFC5321-4.1.4/nested-mail"}, Relay: tapped(func(bool) edit {
			open := false
			return edit{
				command: func(line string) ([]string, string) {
					if open && verbOf(line) == "MAIL" {
						return nil, "250 2.1.0 OK\r\n"
					}
					return []string{line}, ""
				},
				reply: func(command, text string) string {
					open = open || verbOf(command) == "MAIL" && text[0] == '2'
					return text
				},
			}
		})},
		{Name: "a refused MAIL ends the transaction", Breaks: []string{"RFC5321-4.1.1.2/mail-clears", "RFC5321-4.1.4/same-state"}, Relay: precedes("RSET", "MAIL")},
		{Name: "MAIL before EHLO is taken", Breaks: []string{"RFC5321-4.1.4/mail-needs-ehlo"}, Noted: true, Relay: tapped(func(bool) edit {
			greeted := false
			return edit{command: func(line string) ([]string, string) {
				before := !greeted && verbOf(line) == "MAIL"
				greeted = greeted || slices.Contains([]string{"EHLO", "HELO"}, verbOf(line))
				if before {
					return []string{"HELO mail.elsewhere.example", line}, ""
				}
				return []string{line}, ""
			}}
		})},
		{Name: "RCPT out of turn is 550", Breaks: []string{"RFC5321-3.3/rcpt-needs-mail"}, Relay: rewords(func(command, text string) string {
			if verbOf(command) == "RCPT" && strings.HasPrefix(text, "503") {
				return recode(text, "550")
			}
			return text
		})},
		{Name: "RCPT out of turn is accepted", Breaks: []string{"RFC5321-3.3/rcpt-needs-mail"}, Relay: rewords(func(command, text string) string {
			if verbOf(command) == "RCPT" && strings.HasPrefix(text, "503") {
				return recode(text, "250")
			}
			return text
		})},
		{Name: "a message without a recipient is taken", Breaks: []string{"RFC5321-4.1.4/data-needs-rcpt", "RFC5321-3.3/data-refused-early"}, Relay: withoutRecipient("250 2.0.0 OK\r\n")},
		{Name: "DATA without a recipient gets 354", Breaks: []string{"RFC5321-3.3/data-refused-early"}, Noted: true, Relay: withoutRecipient("554 5.5.1 no valid recipients\r\n")},
		{Name: "an unknown command ends the transaction", Breaks: []string{"RFC5321-4.1.4/same-state"}, Relay: precedes("RSET", "XYZZY")},
		{Name: "a refused RCPT ends the transaction", Breaks: []string{"RFC5321-4.1.4/same-state"}, Relay: tapped(func(bool) edit {
			return edit{command: func(line string) ([]string, string) {
				if verbOf(line) == "RCPT" && !strings.Contains(line, "<") {
					return []string{"RSET", line}, ""
				}
				return []string{line}, ""
			}}
		})},
		{Name: "VRFY ends the transaction", Breaks: []string{"RFC5321-4.1.1/no-effect"}, Relay: precedes("RSET", "VRFY", "EXPN")},
		{Name: "NOOP ends the transaction", Breaks: []string{"RFC5321-4.1.1/no-effect"}, Relay: precedes("RSET", "NOOP", "HELP")},
		{Name: "EHLO in a transaction changes nothing", Breaks: []string{"RFC5321-4.1.4/ehlo-resets"}, Relay: deafTo("EHLO")},
		{Name: "HELO in a transaction changes nothing", Breaks: []string{"RFC5321-4.1.4/ehlo-resets"}, Relay: deafTo("HELO")},
		{Name: "the recipients of a message get the next one too", Breaks: []string{"RFC5321-4.1.1.4/buffers-cleared"}, Relay: tapped(recipientsStay)},
		{Name: "NOOP and VRFY before EHLO are out of sequence", Breaks: []string{"RFC5321-4.1.4/before-ehlo"}, Relay: beforeEhlo("NOOP", "VRFY")},
	}
}

// anew takes each MAIL for a new beginning.
func anew() embedded.Options {
	return tapped(func(bool) edit {
		return edit{command: func(line string) ([]string, string) {
			if strings.HasPrefix(strings.ToUpper(line), "MAIL FROM:") {
				return []string{"RSET", line}, ""
			}
			return []string{line}, ""
		}}
	})
}

// withoutRecipient says 354 to DATA in any transaction; a message that has no recipient gets an answer of its own.
func withoutRecipient(answer string) embedded.Options {
	return tapped(func(bool) edit {
		recipients, begun, content := 0, false, false
		return edit{
			command: func(line string) ([]string, string) {
				switch {
				case content && line == ".":
					content = false
					return nil, answer
				case content:
					return nil, ""
				case verbOf(line) == "DATA" && begun && recipients == 0:
					content = true
					return nil, "354 go ahead\r\n"
				}
				return []string{line}, ""
			},
			reply: func(command, text string) string {
				switch verb := verbOf(command); {
				case verb == "RCPT" && text[0] == '2':
					recipients++
				case verb == "." || slices.Contains([]string{"MAIL", "RSET", "EHLO", "HELO"}, verb) && text[0] == '2':
					recipients, begun = 0, verb == "MAIL"
				}
				return text
			},
		}
	})
}

// deafTo answers a greeting in a transaction and does nothing about it.
func deafTo(verb string) embedded.Options {
	return tapped(func(bool) edit {
		open := false
		return edit{command: func(line string) ([]string, string) {
			if open && verbOf(line) == verb {
				return nil, "250 relay.example\r\n"
			}
			open = verbOf(line) == "MAIL" || open && verbOf(line) == "RCPT"
			return []string{line}, ""
		}}
	})
}

// recipientsStay names the recipients of the message before again.
func recipientsStay(bool) edit {
	var before, now []string
	return edit{command: func(line string) ([]string, string) {
		switch verbOf(line) {
		case "MAIL":
			before, now = now, nil
		case "RCPT":
			now = append(now, line)
			if len(now) == 1 {
				return append(slices.Clone(before), line), ""
			}
		}
		return []string{line}, ""
	}}
}

// beforeEhlo refuses verbs until the client has greeted.
func beforeEhlo(verbs ...string) embedded.Options {
	return tapped(func(bool) edit {
		greeted := false
		return edit{command: func(line string) ([]string, string) {
			greeted = greeted || slices.Contains([]string{"EHLO", "HELO"}, verbOf(line))
			if !greeted && slices.Contains(verbs, verbOf(line)) {
				return nil, "503 5.5.1 EHLO first\r\n"
			}
			return []string{line}, ""
		}}
	})
}
