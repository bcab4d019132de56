package mutants

import (
	"bytes"

	"github.com/relayspec/relayspec/features/target/embedded"
)

// pipelining are relays that announce PIPELINING and lose their place in a group.
func pipelining() []Mutant {
	return []Mutant{
		{Name: "a group is given up at its first refusal", Breaks: []string{"RFC2920-3.2/in-order"}, Relay: tapped(givingUp)},
		{Name: "a group has at most ten commands", Breaks: []string{"RFC2920-3.2/in-order"}, Relay: tapped(countingGroups)},
		{Name: "DATA isn't taken in a group", Breaks: []string{"RFC2920-3.2/in-order"}, Relay: tapped(ungrouped("DATA"))},
		{Name: "RSET in a group is answered twice", Breaks: []string{"RFC2920-3.2/in-order"}, Relay: rewords(func(command, text string) string {
			if command == "RSET" {
				return text + text
			}
			return text
		})},
		{Name: "a segment ends a line", Breaks: []string{"RFC2920-3.2/input-kept"}, Relay: receives(func(octets []byte) []byte {
			if len(octets) > 0 && !bytes.HasSuffix(octets, []byte("\n")) {
				return append(bytes.Clone(octets), "\r\n"...)
			}
			return octets
		})},
		{Name: "an octet behind the final dot is lost", Breaks: []string{"RFC2920-3.2/input-kept"}, Relay: receives(losesBehind("\r\n.\r\n"))},
		{Name: "a line at the end of a message is lost in a group", Breaks: []string{"RFC2920-3.2/input-kept"}, Relay: receives(func(octets []byte) []byte {
			return bytes.Replace(octets, []byte("the last line\r\n"), nil, 1)
		})},
		{Name: "an octet behind EHLO is lost", Breaks: []string{"RFC2920-3.2/input-kept-behind-last"}, Relay: receives(func(octets []byte) []byte {
			if !bytes.HasPrefix(octets, []byte("EHLO ")) {
				return octets
			}
			return losesBehind("\r\n")(octets)
		})},
		{Name: "DATA is taken without a recipient", Breaks: []string{"RFC2920-3.2/no-recipient"}, Relay: rewords(func(command, text string) string {
			if command == "DATA" && !bytes.HasPrefix([]byte(text), []byte("354")) {
				return "354 Go ahead\r\n"
			}
			return text
		})},
	}
}

// receives changes what comes from the client, segment by segment.
func receives(change func(octets []byte) []byte) embedded.Options {
	return tapped(func(bool) edit { return edit{raw: change} })
}

// losesBehind takes an octet away behind what ends something, where more stands in the same segment.
func losesBehind(end string) func(octets []byte) []byte {
	return func(octets []byte) []byte {
		before, after, found := bytes.Cut(octets, []byte(end))
		if !found || len(after) == 0 {
			return octets
		}
		return bytes.Join([][]byte{before, []byte(end), after[1:]}, nil)
	}
}

// givingUp refuses what stands behind a refused command of the same segment.
func givingUp(bool) edit {
	grouped, refused := false, false
	return edit{
		raw: func(octets []byte) []byte {
			grouped, refused = bytes.Count(octets, []byte("\r\n")) > 1, false
			return octets
		},
		command: func(line string) ([]string, string) {
			if refused {
				return nil, "503 5.5.1 Bad sequence of commands\r\n"
			}
			return []string{line}, ""
		},
		reply: func(_, text string) string {
			refused = grouped && text[0] >= '4'
			return text
		},
	}
}

// countingGroups refuses what stands behind the tenth command of a segment.
func countingGroups(bool) edit {
	count := 0
	return edit{
		raw: func(octets []byte) []byte {
			count = 0
			return octets
		},
		command: func(line string) ([]string, string) {
			if count++; count > 10 {
				return nil, "452 4.5.3 Too many commands\r\n"
			}
			return []string{line}, ""
		},
	}
}
