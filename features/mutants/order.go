package mutants

import "strings"

// order are relays that get the order of commands wrong.
func order() []Mutant {
	return []Mutant{
		{Name: "a nested MAIL begins anew", Breaks: []string{"RFC5321-4.1.4/nested-mail"}, Relay: tapped(func(bool) edit {
			return edit{command: func(line string) ([]string, string) {
				if strings.HasPrefix(strings.ToUpper(line), "MAIL FROM:") {
					return []string{"RSET", line}, ""
				}
				return []string{line}, ""
			}}
		})},
	}
}
