package mutants

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/relayspec/relayspec/features/target/embedded"
)

// smtpUTF8 are relays that announce SMTPUTF8 and don't keep to RFC 6531.
func smtpUTF8() []Mutant {
	const (
		refused = "555 5.5.4 Parameters not recognized\r\n"
		bad     = "501 5.1.3 Bad address\r\n"
		fine    = "250 2.1.5 OK\r\n"
	)
	return []Mutant{
		{Name: "SMTPUTF8 without 8BITMIME", Breaks: []string{"RFC6531-3.1/8bitmime"}, Relay: embedded.Options{Service: without("8BITMIME")}},
		{Name: "SMTPUTF8 is no parameter", Breaks: []string{"RFC6531-3.4/parameter"}, Relay: answers(to("MAIL", regexp.MustCompile(` SMTPUTF8$`), refused))},
		{Name: "SMTPUTF8 has a case", Breaks: []string{"RFC6531-3.4/parameter"}, Relay: answers(to("MAIL", regexp.MustCompile(` smtputf8`), refused))},
		{Name: "SMTPUTF8 is the last parameter", Breaks: []string{"RFC6531-3.4/parameter"}, Relay: answers(to("MAIL", regexp.MustCompile(` SMTPUTF8 BODY`), refused))},
		{Name: "SMTPUTF8 is the only parameter", Breaks: []string{"RFC6531-3.4/parameter"}, Relay: answers(to("MAIL", regexp.MustCompile(`BODY=\S+ SMTPUTF8`), refused))},
		{Name: "a local part is ASCII", Breaks: []string{"RFC6531-3.3/mailbox"}, Relay: answers(to("RCPT", regexp.MustCompile(`[^\x00-\x7f].*@`), bad))},
		{Name: "a domain is ASCII", Breaks: []string{"RFC6531-3.3/mailbox"}, Relay: answers(to("RCPT", regexp.MustCompile(`@.*[^\x00-\x7f]`), bad))},
		{Name: "a sender is ASCII", Breaks: []string{"RFC6531-3.3/mailbox"}, Relay: answers(to("MAIL", regexp.MustCompile(`[^\x00-\x7f]`), bad))},
		{Name: "a header is handed on in ASCII", Breaks: []string{"RFC6531-3.3/delivered"}, Relay: hands(func(body []byte) []byte {
			for i, c := range body {
				if c >= utf8.RuneSelf {
					body[i] = '?'
				}
			}
			return body
		})},
		{Name: "a recipient beyond ASCII is nobody's", Breaks: []string{"RFC6531-3.3/delivered"}, Relay: answers(to("RCPT", regexp.MustCompile(`[^\x00-\x7f]`), "550 5.1.1 No such user\r\n"))},
		{Name: "an address beyond ASCII needs no SMTPUTF8", Breaks: []string{"RFC6531-3.4/needed"}, Relay: tapped(lenient)},
		{Name: "SMTPUTF8 may have a value", Breaks: []string{"RFC6531-3.4/no-value"}, Relay: hears(omits("MAIL", regexp.MustCompile(` SMTPUTF8(=\S*)`)))},
		{Name: "SMTPUTF8 may stand twice", Breaks: []string{"RFC6531-3.4/no-value"}, Relay: hears(omits("MAIL", regexp.MustCompile(` SMTPUTF8( SMTPUTF8)`)))},
		{Name: "any octets make an address", Breaks: []string{"RFC6531-3.3/malformed"}, Relay: answers(func(line string) string {
			if verbOf(line) == "RCPT" && !utf8.ValidString(line) {
				return fine
			}
			return ""
		})},
		{Name: "VRFY knows no SMTPUTF8", Breaks: []string{"RFC6531-3.7.4.2/verify"}, Relay: answers(to("VRFY", regexp.MustCompile(` SMTPUTF8$`), "501 5.5.4 Bad address\r\n"))},
	}
}

// lenient accepts addresses beyond ASCII in any transaction.
func lenient(bool) edit {
	said := false
	return edit{command: func(line string) ([]string, string) {
		verb := verbOf(line)
		if verb == "MAIL" {
			said = strings.Contains(line, "SMTPUTF8")
		}
		beyond := strings.ContainsFunc(line, func(r rune) bool { return r >= utf8.RuneSelf })
		if beyond && !said && (verb == "MAIL" || verb == "RCPT") {
			return nil, "250 2.1.0 OK\r\n"
		}
		return []string{line}, ""
	}}
}
