package mutants

import (
	"regexp"
	"strings"

	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
)

// paths are relays that can't read an address that RFC 5321 allows, or read one that it doesn't.
func paths() []Mutant {
	return []Mutant{
		{Name: "recipients are put in small letters", Breaks: []string{"RFC5321-2.4/local-part-case"}, Relay: hears(func(line string) string {
			if verbOf(line) == "RCPT" {
				return strings.ToLower(line)
			}
			return line
		})},
		{Name: "recipients are put in capitals", Breaks: []string{"RFC5321-2.4/local-part-case"}, Relay: hears(func(line string) string {
			if verbOf(line) == "RCPT" {
				return strings.ToUpper(line)
			}
			return line
		})},
		{Name: "a quoted local part can't be read", Breaks: []string{"RFC5321-4.1.2/quoted-local-part", "RFC5321-4.1.2/needless-quotes"}, Relay: refuses(`"@`, "501 5.1.3")},
		{Name: "a quoted local part is unknown", Breaks: []string{"RFC5321-4.1.2/needless-quotes"}, Relay: refuses(`"@`, "550 5.1.1")},
		{Name: "a plus in a local part can't be read", Breaks: []string{"RFC5321-4.1.2/specials-in-local-part"}, Relay: refuses(`\+`, "501 5.1.3")},
		{Name: "a source route can't be read", Breaks: []string{"RFC5321-4.1.1.3/source-route", "RFC5321-4.1.1.3/route-stripped"}, Relay: refuses("<@", "501 5.1.3")},
		{Name: "a source route of several hosts can't be read", Breaks: []string{"RFC5321-4.1.1.3/source-route", "RFC5321-4.1.1.3/route-stripped"}, Relay: refuses("<@.*,@", "501 5.1.3")},
		{Name: "a source route is refused", Breaks: []string{"RFC5321-4.1.1.3/route-stripped"}, Relay: refuses("<@", "550 5.7.1")},
		{Name: "an address literal can't be read", Breaks: []string{"RFC5321-4.1.3/address-literal"}, Relay: refuses(`@\[`, "501 5.1.3")},
		{Name: "Postmaster needs a domain", Breaks: []string{"RFC5321-4.5.1/postmaster"}, Relay: refuses("(?i)<postmaster>", "501 5.1.3")},
		{Name: "Postmaster has a case", Breaks: []string{"RFC5321-4.5.1/postmaster"}, Relay: refuses("<([A-OQ-Zp][A-Za-z]*|P[A-Z]+)>", "501 5.1.3")},
		{Name: "a null reverse-path can't be read", Breaks: []string{"RFC5321-4.5.5/null-reverse-path", "RFC5321-4.5.5/null-stays-null"}, Relay: refuses("(?i)MAIL FROM:<>", "501 5.1.7")},
		{Name: "a null reverse-path becomes a sender", Breaks: []string{"RFC5321-4.5.5/null-stays-null"}, Relay: embedded.Options{
			Envelope: func(e mailbox.Envelope, body []byte) (mailbox.Envelope, []byte) {
				if e.Sender == (policy.Address{}) {
					e.Sender = policy.Address{Local: "mailer-daemon", Domain: "relay.reference.example"}
				}
				return e, body
			},
		}},
		{Name: "a null forward-path is accepted", Breaks: []string{"RFC5321-4.1.2/empty-forward-path"}, Relay: refuses("RCPT TO:<>", "250 2.1.5")},
		{Name: "an address that can't be read is accepted", Breaks: []string{"RFC5321-4.1.2/syntax"}, Relay: rewords(func(command, text string) string {
			if verb := verbOf(command); (verb == "MAIL" || verb == "RCPT") && strings.HasPrefix(text, "555") {
				return recode(text, "250")
			}
			return text
		})},
		{Name: "a high octet is taken for its low half", Breaks: []string{"RFC5321-2.4/ascii-only"}, Relay: hears(func(line string) string {
			octets := []byte(line)
			for i := range octets {
				if octets[i] >= 0x80 {
					octets[i] = 'h'
				}
			}
			return string(octets)
		})},
	}
}

// refuses answers each line in which pattern is found.
func refuses(pattern, codes string) embedded.Options {
	found := regexp.MustCompile(pattern)
	return answers(func(line string) string {
		if found.MatchString(line) {
			return codes + " so it is\r\n"
		}
		return ""
	})
}
