package mutants

import (
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/target/embedded"
)

// session are relays that greet, reply or close otherwise than RFC 5321 has it.
func session() []Mutant {
	return []Mutant{
		{Name: "the greeting is 250", Breaks: []string{"RFC5321-3.1/greeting"}, Relay: rewords(func(command, text string) string {
			if command == "" {
				return recode(text, "250")
			}
			return text
		})},
		{Name: "the greeting is a welcome without a name", Breaks: []string{"RFC5321-4.3.1/greeting-names-the-relay"}, Relay: rewordsTo("", "220 *** welcome ***\r\n")},
		{Name: "EHLO isn't served", Breaks: []string{"RFC5321-4.1.1.1/ehlo"}, Relay: answersTo("EHLO", "502 5.5.1 no such command\r\n")},
		{Name: "an address literal in EHLO can't be read", Breaks: []string{"RFC5321-4.1.1.1/ehlo-literal"}, Relay: answers(func(line string) string {
			if verbOf(line) == "EHLO" && strings.Contains(line, "[") {
				return "501 5.5.2 no name\r\n"
			}
			return ""
		})},
		{Name: "EHLO without a name is taken", Breaks: []string{"RFC5321-4.1.1.1/ehlo-argument"}, Relay: answers(func(line string) string {
			if line == "EHLO" {
				return "250 relay.example\r\n"
			}
			return ""
		})},
		{Name: "the reply to EHLO has a keyword with an equals sign", Breaks: []string{"RFC5321-4.1.1.1/ehlo-reply"}, Relay: rewords(func(command, text string) string {
			if verbOf(command) == "EHLO" && strings.HasPrefix(text, "250-") {
				return strings.Replace(text, "\r\n", "\r\n250-AUTH=LOGIN\r\n", 1)
			}
			return text
		})},
		{Name: "HELO isn't served", Breaks: []string{"RFC5321-4.1.1.1/helo"}, Relay: answersTo("HELO", "502 5.5.1 EHLO wanted\r\n")},
		{Name: "HELO is answered as EHLO is", Breaks: []string{"RFC5321-3.2/helo-reply"}, Relay: hears(func(line string) string {
			if verbOf(line) == "HELO" {
				return "EHLO" + line[len("HELO"):]
			}
			return line
		})},
		{Name: "a reply ends in LF alone", Breaks: []string{"RFC5321-4.2/reply-form"}, Relay: rewordsTo("VRFY", "252 2.1.5 perhaps\n")},
		{Name: "a reply code has two digits", Breaks: []string{"RFC5321-4.2/reply-form"}, Relay: rewordsTo("VRFY", "25 perhaps\r\n")},
		{Name: "a reply code begins with 1", Breaks: []string{"RFC5321-4.2/reply-form"}, Relay: rewordsTo("VRFY", "152 perhaps\r\n")},
		{Name: "the lines of a reply differ in their codes", Breaks: []string{"RFC5321-4.2/reply-form"}, Relay: rewordsTo("VRFY", "252-perhaps\r\n550 not\r\n")},
		{Name: "a refusal is said twice", Breaks: []string{"RFC5321-4.2/one-reply"}, Relay: rewords(func(_, text string) string {
			if text[0] == '5' {
				return text + text
			}
			return text
		})},
		{Name: "an unknown command closes the session", Breaks: []string{"RFC5321-3.8/stays-open"}, Relay: closesOn("XYZZY", "500")},
		{Name: "QUIT is answered with 250", Breaks: []string{"RFC5321-4.1.1.10/quit"}, Relay: rewordsTo("QUIT", "250 2.0.0 bye\r\n")},
		{Name: "a 421 follows the reply to QUIT", Breaks: []string{"RFC5321-4.1.1.10/quit"}, Relay: rewords(func(command, text string) string {
			if verbOf(command) == "QUIT" {
				return text + "421 4.4.2 lost connection\r\n"
			}
			return text
		})},
		{Name: "QUIT after HELO leaves the session open", Breaks: []string{"RFC5321-4.1.1.10/quit"}, Relay: tapped(func(bool) edit {
			old := false
			return edit{command: func(line string) ([]string, string) {
				old = old || verbOf(line) == "HELO"
				if old && verbOf(line) == "QUIT" {
					return nil, "221 2.0.0 bye\r\n"
				}
				return []string{line}, ""
			}}
		})},
		{Name: "a pause in a message ends it", Breaks: []string{"RFC5321-4.1.1.10/dropped"}, Relay: tapped(endAtPause)},
	}
}

// rewordsTo changes the reply to one verb; "" is the greeting.
func rewordsTo(verb, reply string) embedded.Options {
	return rewords(func(command, text string) string {
		if verbOf(command) == verb {
			return reply
		}
		return text
	})
}

// answersTo answers one verb in the relay's place.
func answersTo(verb, reply string) embedded.Options {
	return answers(func(line string) string {
		if verbOf(line) == verb {
			return reply
		}
		return ""
	})
}

// precedes has the relay do another command before each that begins with one of verbs, and say nothing of it.
func precedes(command string, verbs ...string) embedded.Options {
	return tapped(func(bool) edit {
		return edit{command: func(line string) ([]string, string) {
			if slices.Contains(verbs, verbOf(line)) {
				return []string{command, line}, ""
			}
			return []string{line}, ""
		}}
	})
}

// closesOn closes the session on a verb, with a code.
func closesOn(verb, code string) embedded.Options {
	return tapped(func(bool) edit {
		over := false
		return edit{
			command: func(line string) ([]string, string) {
				if verbOf(line) == verb {
					over = true
					return []string{"QUIT"}, ""
				}
				return []string{line}, ""
			},
			reply: func(_, text string) string {
				if over {
					return recode(text, code)
				}
				return text
			},
		}
	})
}

// endAtPause takes for a message what came of it at once.
func endAtPause(bool) edit {
	message := false
	return edit{
		raw: func(octets []byte) []byte {
			if message && !strings.HasSuffix(string(octets), "\r\n.\r\n") {
				octets = append(octets, "\r\n.\r\n"...)
			}
			message = false
			return octets
		},
		reply: func(_, text string) string {
			message = strings.HasPrefix(text, "354")
			return text
		},
	}
}
