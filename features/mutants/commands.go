package mutants

import (
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/policy"
)

// commands are relays that read command lines, or answer the simple ones, otherwise than RFC 5321 has it.
func commands() []Mutant {
	return []Mutant{
		{Name: "verbs want capitals", Breaks: []string{"RFC5321-2.4/case"}, Relay: answers(func(line string) string {
			verb, _, _ := strings.Cut(line, " ")
			if verb != strings.ToUpper(verb) {
				return "500 5.5.1 no such command\r\n"
			}
			return ""
		})},
		{Name: "FROM: and TO: want capitals", Breaks: []string{"RFC5321-2.4/case"}, Relay: answers(func(line string) string {
			if _, argument, _ := strings.Cut(line, " "); strings.HasPrefix(argument, "from:") || strings.HasPrefix(argument, "to:") {
				return "501 5.5.4 FROM or TO wanted\r\n"
			}
			return ""
		})},
		{Name: "a blank at the end of a line is a fault", Breaks: []string{"RFC5321-4.1.1/trailing-blanks"}, Relay: answers(func(line string) string {
			if strings.HasSuffix(line, " ") {
				return "501 5.5.4 syntax\r\n"
			}
			return ""
		})},
		{Name: "RSET takes an argument", Breaks: []string{"RFC5321-4.1.1/no-arguments"}, Relay: hears(func(line string) string {
			if slices.Contains([]string{"RSET", "DATA"}, verbOf(line)) {
				return verbOf(line)
			}
			return line
		})},
		{Name: "an unknown command is answered with 250", Breaks: []string{"RFC5321-4.2.4/unknown-command"}, Relay: coded(policy.ReplyUnknown, 250, "2.0.0")},
		{Name: "a verb is known by its first four letters", Breaks: []string{"RFC5321-4.2.4/unknown-command"}, Relay: hears(func(line string) string {
			verb, rest, _ := strings.Cut(line, " ")
			if len(verb) > 4 && (verb[:4] == "RSET" || verb[:4] == "NOOP") {
				return verb[:4] + rest
			}
			return line
		})},
		{Name: "an unknown command is 550", Breaks: []string{"RFC5321-4.2.4/unknown-code"}, Relay: coded(policy.ReplyUnknown, 550, "5.7.1")},
		{Name: "RSET before EHLO is out of sequence", Breaks: []string{"RFC5321-4.1.1.5/rset"}, Relay: beforeEhlo("RSET")},
		{Name: "RSET is answered with 220", Breaks: []string{"RFC5321-4.1.1.5/rset"}, Relay: coded(policy.ReplyReset, 220, "2.0.0")},
		{Name: "RSET does nothing", Breaks: []string{"RFC5321-4.1.1.5/rset-discards"}, Relay: hears(func(line string) string {
			if verbOf(line) == "RSET" {
				return "NOOP"
			}
			return line
		})},
		{Name: "RSET closes the session", Breaks: []string{"RFC5321-4.1.1.5/rset-stays-open"}, Relay: closesOn("RSET", "250")},
		{Name: "NOOP is answered with 200", Breaks: []string{"RFC5321-4.1.1.9/noop"}, Relay: coded(policy.ReplyNoop, 200, "2.0.0")},
		{Name: "NOOP takes no argument", Breaks: []string{"RFC5321-4.1.1.9/noop-argument"}, Relay: answers(func(line string) string {
			if strings.HasPrefix(line, "NOOP ") {
				return "501 5.5.4 no argument\r\n"
			}
			return ""
		})},
		{Name: "HELP isn't served", Breaks: []string{"RFC5321-4.1.1.8/help"}, Relay: coded(policy.ReplyHelp, 502, "5.5.1")},
		{Name: "VRFY isn't served", Breaks: []string{"RFC5321-4.1.1.6/vrfy"}, Relay: coded(policy.ReplyVerify, 502, "5.5.1")},
		{Name: "VRFY says 250 to anything", Breaks: []string{"RFC5321-3.5.3/vrfy-unverified"}, Relay: coded(policy.ReplyVerify, 250, "2.1.5")},
		{Name: "parameters are ignored", Breaks: []string{"RFC5321-4.1.1.11/unknown-parameter"}, Relay: hears(func(line string) string {
			if path, _, found := strings.Cut(line, "> "); found {
				return path + ">"
			}
			return line
		})},
	}
}

// coded gives a reply of the service another code.
func coded(name policy.ReplyName, code int, enhanced string) embedded.Options {
	return reply(name, func(r *policy.Reply) { r.Code, r.Enhanced = code, enhanced })
}
