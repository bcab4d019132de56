package mutants

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/policy"
)

// size are relays that announce a size and don't keep to RFC 1870.
func size() []Mutant {
	return []Mutant{
		{Name: "SIZE is announced with a unit", Breaks: []string{"RFC1870-3/announced-value"}, Relay: announces("SIZE", "34M")},
		{Name: "SIZE is no parameter", Breaks: []string{"RFC1870-3/parameter"}, Relay: answers(to("MAIL", sizeParameter, "555 5.5.4 Parameters not recognized\r\n"))},
		{Name: "SIZE has a case", Breaks: []string{"RFC1870-3/parameter"}, Relay: answers(to("MAIL", regexp.MustCompile(` size=`), "555 5.5.4 Parameters not recognized\r\n"))},
		{Name: "a declared size isn't looked at", Breaks: []string{"RFC1870-6.1/declared-too-large", "RFC1870-6.1/552"}, Relay: hears(omits("MAIL", sizeParameter))},
		{Name: "too large is 550", Breaks: []string{"RFC1870-6.1/552", "RFC1870-5/counted-exactly"}, Relay: reply(policy.ReplyTooBig, func(r *policy.Reply) { r.Code = 550 })},
		{Name: "a declared size of the maximum is too large", Breaks: []string{"RFC1870-6.1/declared-maximum"}, Relay: number(func(l *policy.Limits) { l.MessageSize-- })},
		{Name: "a size of 20 digits is malformed", Breaks: []string{"RFC1870-3/digits"}, Relay: answers(to("MAIL", regexp.MustCompile(`SIZE=\d{20}$`), "501 5.5.4 Bad size\r\n"))},
		{Name: "a malformed size is ignored", Breaks: []string{"RFC1870-3/malformed"}, Relay: hears(omits("MAIL", regexp.MustCompile(` SIZE=(?:\d*\D\S*|\d{21,}|$)`)))},
		{Name: "the first of two sizes counts", Breaks: []string{"RFC1870-3/malformed"}, Relay: hears(omits("MAIL", regexp.MustCompile(`(?:SIZE=\d+)( SIZE=.*)`)))},
		{Name: "a message is as large as it was declared", Breaks: []string{"RFC1870-6.3/less-than-declared"}, Relay: tapped(believing)},
		{Name: "the announced maximum isn't kept", Breaks: []string{"RFC1870-5/maximum-kept", "RFC1870-5/counted-exactly", "RFC1870-6.1/declared-too-large", "RFC1870-6.1/552"}, Relay: maximum(100_000, -1)},
		{Name: "one octet too few is taken", Breaks: []string{"RFC1870-5/counted-exactly", "RFC1870-6.1/declared-maximum"}, Relay: maximum(100_000, 99_999)},
		{Name: "one octet too many is taken", Breaks: []string{"RFC1870-5/counted-exactly", "RFC1870-6.1/declared-too-large", "RFC1870-6.1/552"}, Relay: maximum(100_000, 100_001)},
	}
}

var sizeParameter = regexp.MustCompile(`(?i) SIZE=\S*`)

// maximum announces a maximum and keeps to another, both smaller than the reference's, so that less has to be sent.
func maximum(announced, kept int64) embedded.Options {
	return embedded.Options{Service: func(s *policy.Service) { setMaximum(s, announced, kept) }}
}

// setMaximum makes a service announce one maximum and keep to another.
func setMaximum(s *policy.Service, announced, kept int64) {
	s.Limits.MessageSize = kept
	s.Capabilities = slices.Clone(s.Capabilities)
	for i, line := range s.Capabilities {
		if strings.HasPrefix(line, "SIZE ") {
			s.Capabilities[i] = fmt.Sprintf("SIZE %d", announced)
		}
	}
}

// believing refuses a small message that was declared large, as if it were.
func believing(bool) edit {
	declared := false
	return edit{
		command: func(line string) ([]string, string) {
			if verbOf(line) == "MAIL" {
				declared = strings.HasSuffix(line, " SIZE=100000")
			}
			return []string{line}, ""
		},
		reply: func(command, text string) string {
			if command == "." && declared {
				return recode(text, "552")
			}
			return text
		},
	}
}
