package mutants

import (
	"regexp"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/target/embedded"
)

// announces puts parameters behind a keyword of the reply to EHLO.
func announces(keyword, parameters string) embedded.Options {
	line := regexp.MustCompile(`(?m)^(250[ -]` + keyword + `)[^\r]*`)
	return rewords(func(command, text string) string {
		if verbOf(command) != "EHLO" {
			return text
		}
		return line.ReplaceAllString(text, strings.TrimSpace("${1} "+parameters))
	})
}

// parametric are relays that announce a keyword with a parameter that it hasn't.
func parametric() []Mutant {
	var all []Mutant
	for keyword, rule := range map[string]string{
		"ENHANCEDSTATUSCODES": "RFC2034-3/no-parameter",
		"PIPELINING":          "RFC2920-2/no-parameter",
		"CHUNKING":            "RFC3030-2/no-parameter",
		"STARTTLS":            "RFC3207-2/no-parameter",
		"8BITMIME":            "RFC6152-2/no-parameter",
		"SMTPUTF8":            "RFC6531-3.1/no-parameter",
	} {
		all = append(all, Mutant{Name: keyword + " is announced with a parameter", Breaks: []string{rule}, Relay: announces(keyword, "yes")})
	}
	slices.SortFunc(all, func(a, b Mutant) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// to gives what answers says to the commands of verb that match.
func to(verb string, match *regexp.Regexp, answer string) func(line string) string {
	return func(line string) string {
		if verbOf(line) == verb && match.MatchString(line) {
			return answer
		}
		return ""
	}
}

// omits takes what matches out of the commands of verb: the first group, where there is one.
func omits(verb string, match *regexp.Regexp) func(line string) string {
	return func(line string) string {
		at := match.FindStringSubmatchIndex(line)
		if verbOf(line) != verb || at == nil {
			return line
		}
		at = at[len(at)-2:]
		return line[:at[0]] + line[at[1]:]
	}
}

// resetting resets the transaction before a verb.
func resetting(verb string) embedded.Options {
	return tapped(func(bool) edit {
		return edit{command: func(line string) ([]string, string) {
			if verbOf(line) == verb {
				return []string{"RSET", line}, ""
			}
			return []string{line}, ""
		}}
	})
}
