package mutants

import (
	"bytes"
	"regexp"

	"github.com/relayspec/relayspec/features/target/embedded"
)

// lines are relays that take something else than CRLF for the end of a line: the findings of 2023.
func lines() []Mutant {
	const unended = "RFC5321-4.1.1.4/only-crlf-dot-crlf"
	all := []Mutant{
		{Name: "a bare LF ends a line", Breaks: []string{"RFC5321-2.3.8/lines", unended, "RFC5321-4.1.1.4/nothing-smuggled"}, Relay: becomesCRLF(`([^\r])\n`)},
		{Name: "a bare CR ends a line", Breaks: []string{"RFC5321-2.3.8/lines", unended, "RFC5321-4.1.1.4/nothing-smuggled"}, Relay: becomesCRLF(`\r([^\n])`)},
		{Name: "what a bare LF hides is passed on unseen", Breaks: []string{"RFC5321-4.1.1.4/nothing-smuggled"}, Relay: tapped(unseen)},
		{Name: "NULs go before lines are looked for", Breaks: []string{unended}, Relay: tapped(func(bool) edit {
			return edit{raw: func(octets []byte) []byte { return bytes.ReplaceAll(octets, []byte{0}, nil) }}
		})},
	}
	for _, variant := range []struct{ name, pattern string }{
		{"LF.LF", `()\n\.\n`},
		{"LF.CRLF", `([^\r])\n\.\r\n`},
		{"CRLF.LF", `()\r\n\.\n`},
		{"CR.CR", `()\r\.\r([^\n])`},
		{"CR.CRLF", `()\r\.\r\n`},
		{"CRLF.CR", `()\r\n\.\r([^\n])`},
		{"LF.CR", `([^\r])\n\.\r([^\n])`},
		{"CR.LF", `()\r\.\n`},
	} {
		all = append(all, Mutant{Name: variant.name + " ends a message", Breaks: []string{unended, "RFC5321-4.1.1.4/nothing-smuggled"}, Relay: ends(variant.pattern)})
	}
	return all
}

// becomesCRLF puts CRLF in the place of what fits pattern, but for its group.
func becomesCRLF(pattern string) embedded.Options {
	found := regexp.MustCompile(pattern)
	whole := []byte("${1}\r\n")
	if pattern[0] != '(' {
		whole = []byte("\r\n${1}")
	}
	return tapped(func(bool) edit {
		return edit{raw: func(octets []byte) []byte { return found.ReplaceAll(octets, whole) }}
	})
}

// unseen obeys what stands behind LF.LF, and says nothing of it: as when the next hop takes it for commands.
func unseen(bool) edit {
	hidden, ended := false, 0
	return edit{
		raw: func(octets []byte) []byte {
			found := bytes.Contains(octets, []byte("\n.\n"))
			hidden = hidden || found
			return bytes.ReplaceAll(octets, []byte("\n.\n"), []byte("\r\n.\r\n"))
		},
		reply: func(command, text string) string {
			if !hidden {
				return text
			}
			if command == "." {
				ended++
			}
			if first := command == "." && ended == 1; first {
				return text
			}
			hidden = ended < 2
			return ""
		},
	}
}
