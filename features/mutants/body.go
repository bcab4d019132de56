package mutants

import (
	"regexp"

	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/mailbox"
)

// body are relays that announce 8BITMIME and don't keep to RFC 6152.
func body() []Mutant {
	const refused = "555 5.5.4 Parameters not recognized\r\n"
	return []Mutant{
		{Name: "BODY is no parameter", Breaks: []string{"RFC6152-2/parameter"}, Relay: answers(to("MAIL", regexp.MustCompile(`(?i) BODY=8BITMIME`), refused))},
		{Name: "a body of 7 bits needn't be said", Breaks: []string{"RFC6152-2/parameter"}, Relay: answers(to("MAIL", regexp.MustCompile(`(?i) BODY=7BIT`), refused))},
		{Name: "BODY is the only parameter", Breaks: []string{"RFC6152-2/parameter"}, Relay: answers(to("MAIL", regexp.MustCompile(` BODY=\S+ |SIZE=\d+ BODY`), refused))},
		{Name: "the eighth bit is lost", Breaks: []string{"RFC6152-3/bits-kept"}, Relay: hands(func(body []byte) []byte {
			for i := range body {
				body[i] &= 0x7f
			}
			return body
		})},
		{Name: "an unknown body is ignored", Breaks: []string{"RFC6152-2/malformed"}, Relay: hears(omits("MAIL", regexp.MustCompile(` BODY=(?:XYZZY|8BIT|$)$| BODY$`)))},
		{Name: "the first of two bodies counts", Breaks: []string{"RFC6152-2/malformed"}, Relay: hears(omits("MAIL", regexp.MustCompile(`BODY=\S+( BODY=\S+)`)))},
		{Name: "BODY may stand behind a recipient", Breaks: []string{"RFC6152-2/mail-only"}, Relay: hears(omits("RCPT", regexp.MustCompile(` BODY=\S+`)))},
	}
}

// hands changes the messages that are handed on.
func hands(change func(body []byte) []byte) embedded.Options {
	return embedded.Options{Envelope: func(e mailbox.Envelope, body []byte) (mailbox.Envelope, []byte) {
		return e, change(body)
	}}
}
