package mutants

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/mailbox"
)

// contents are relays that take or pass on messages otherwise than RFC 5321 has it.
func contents() []Mutant {
	var (
		stuffed  = regexp.MustCompile(`\r\n\.\.([^\r])`)
		needless = regexp.MustCompile(`\r\n\.([^.\r])`)
		trace    = regexp.MustCompile(`^Received:(?:[^\r]|\r\n[ \t])*\r\n`)
	)
	return []Mutant{
		{Name: "DATA is answered with 250", Breaks: []string{"RFC5321-4.1.1.4/data"}, Relay: rewords(func(command, text string) string {
			if verbOf(command) == "DATA" && strings.HasPrefix(text, "354") {
				return "250 2.0.0 go ahead\r\n"
			}
			return text
		})},
		{Name: "the end of a message is answered with 220", Breaks: []string{"RFC5321-4.1.1.4/data"}, Relay: rewords(func(command, text string) string {
			if command == "." && text[0] == '2' {
				return recode(text, "220")
			}
			return text
		})},
		{Name: "a message that was refused is passed on", Breaks: []string{"RFC5321-4.1.1.4/truth"}, Relay: rewords(func(command, text string) string {
			if command == "." && text[0] == '2' {
				return recode(text, "554")
			}
			return text
		})},
		{Name: "a message that was accepted is lost", Breaks: []string{"RFC5321-4.1.1.4/truth"}, Relay: tapped(func(bool) edit {
			return edit{
				content: func(octets []byte) []byte {
					return bytes.Replace(octets, []byte("\r\n\r\n"), []byte("\r\n\r\n\n"), 1) // a bare LF, which is refused
				},
				reply: func(command, text string) string {
					if command == "." && text[0] == '5' {
						return recode(text, "250")
					}
					return text
				},
			}
		})},
		{Name: "a message with odd octets is lost", Breaks: []string{"RFC5321-4.1.1.4/odd-octets"}, Relay: rewords(func(command, text string) string {
			if command == "." && text[0] == '5' {
				return recode(text, "250")
			}
			return text
		})},
		{Name: "stuffed dots stay", Breaks: []string{"RFC5321-4.5.2/transparency"}, Relay: edits(func(octets []byte) []byte {
			return bytes.ReplaceAll(octets, []byte("\r\n.."), []byte("\r\n..."))
		})},
		{Name: "dots are taken off twice", Breaks: []string{"RFC5321-4.5.2/transparency"}, Relay: edits(func(octets []byte) []byte {
			return stuffed.ReplaceAll(octets, []byte("\r\n.$1"))
		})},
		{Name: "a single dot stays where it needn't stand", Breaks: []string{"RFC5321-4.5.2/transparency"}, Relay: edits(func(octets []byte) []byte {
			return needless.ReplaceAll(octets, []byte("\r\n..$1"))
		})},
		{Name: "a dot and a blank end a message", Breaks: []string{"RFC5321-4.1.1.4/end-of-data"}, Relay: ends(`\r\n\. \r\n`)},
		{Name: "two dots end a message", Breaks: []string{"RFC5321-4.1.1.4/end-of-data"}, Relay: ends(`\r\n\.\.\r\n`)},
		{Name: "QUIT in a message ends it", Breaks: []string{"RFC5321-4.1.1.4/end-of-data"}, Relay: ends(`\r\nQUIT\r\n`)},
		{Name: "a message without From is refused", Breaks: []string{"RFC5321-3.3/imperfect"}, Relay: rejects(func(message string) bool { return !strings.Contains(message, "From:") })},
		{Name: "Resent-To without its like is refused", Breaks: []string{"RFC5321-3.3/resent-fields"}, Relay: rejects(func(message string) bool { return strings.Contains(message, "Resent-To:") })},
		{Name: "there is no Received field", Breaks: []string{"RFC5321-4.4/received", "RFC5321-4.4/received-from"}, Relay: passes(func(body string) string {
			return trace.ReplaceAllString(body, "")
		})},
		{Name: "the Received field is the last of the header", Breaks: []string{"RFC5321-4.4/received"}, Relay: passes(func(body string) string {
			own := trace.FindString(body)
			return strings.Replace(body[len(own):], "\r\n\r\n", "\r\n"+own+"\r\n", 1)
		})},
		{Name: "the Received fields of others are put straight", Breaks: []string{"RFC5321-4.4/received"}, Relay: passes(func(body string) string {
			return strings.ReplaceAll(body, "Received:  ", "Received: ")
		})},
		{Name: "the Received fields of others are taken away", Breaks: []string{"RFC5321-4.4/received"}, Relay: passes(func(body string) string {
			own := trace.FindString(body)
			rest := body[len(own):]
			for trace.MatchString(rest) {
				rest = trace.ReplaceAllString(rest, "")
			}
			return own + rest
		})},
		{Name: "the Received field doesn't say who sent", Breaks: []string{"RFC5321-4.4/received-from"}, Relay: passes(func(body string) string {
			return regexp.MustCompile(`^Received: from \S+`).ReplaceAllString(body, "Received: from somewhere")
		})},
		{Name: "a Received field without a date is refused", Breaks: []string{"RFC5321-3.7.2/odd-trace"}, Relay: rejects(func(message string) bool {
			return strings.HasPrefix(message, "Received:") && !strings.Contains(message[:strings.Index(message, "\r\n")], "+0000")
		})},
		{Name: "20 hops are a loop", Breaks: []string{"RFC5321-6.3/few-hops"}, Relay: rejects(func(message string) bool { return strings.Count(message, "Received:") >= 20 })},
		{Name: "blanks at the end of lines are trimmed", Breaks: []string{"RFC5321-3.6.3/unchanged"}, Relay: passes(func(body string) string {
			return regexp.MustCompile(` +\r\n`).ReplaceAllString(body, "\r\n")
		})},
		{Name: "TABs become blanks", Breaks: []string{"RFC5321-3.6.3/unchanged"}, Relay: passes(func(body string) string { return strings.ReplaceAll(body, "\t", "        ") })},
		{Name: "control characters go", Breaks: []string{"RFC5321-4.1.1.4/controls-kept"}, Relay: passes(func(body string) string {
			return regexp.MustCompile(`[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]`).ReplaceAllString(body, "")
		})},
		{Name: "From at the beginning of a line gets a bracket", Breaks: []string{"RFC5321-3.6.3/unchanged"}, Relay: passes(func(body string) string { return strings.ReplaceAll(body, "\r\nFrom ", "\r\n>From ") })},
		{Name: "empty lines at the end are trimmed", Breaks: []string{"RFC5321-3.6.3/unchanged"}, Relay: passes(func(body string) string { return strings.TrimRight(body, "\r\n") + "\r\n" })},
		{Name: "a line of its own stands below each message", Breaks: []string{"RFC5321-3.6.3/unchanged"}, Relay: passes(func(body string) string { return body + "Relayed for you.\r\n" })},
		{Name: "header fields are unfolded", Breaks: []string{"RFC5321-3.6.3/unchanged"}, Relay: passes(func(body string) string {
			header, rest, _ := strings.Cut(body, "\r\n\r\n")
			return regexp.MustCompile(`\r\n[ \t]+`).ReplaceAllString(header, " ") + "\r\n\r\n" + rest
		})},
	}
}

// edits changes each message before the relay takes its dots off. The edit sees no more than begins with a line's CRLF.
func edits(change func(octets []byte) []byte) embedded.Options {
	return tapped(func(bool) edit { return edit{content: change} })
}

// passes changes what is handed on to the next hop.
func passes(change func(body string) string) embedded.Options {
	return embedded.Options{Envelope: func(e mailbox.Envelope, body []byte) (mailbox.Envelope, []byte) {
		return e, []byte(change(string(body)))
	}}
}

// rejects refuses the messages that are found wanting. The relay has taken them all the same.
func rejects(wanting func(message string) bool) embedded.Options {
	return tapped(func(bool) edit {
		rejected := false
		return edit{
			content: func(octets []byte) []byte {
				rejected = wanting(string(octets))
				return octets
			},
			reply: func(command, text string) string {
				if command == "." && rejected {
					return "554 5.6.0 not in this form\r\n"
				}
				return text
			},
		}
	})
}

// ends takes what fits pattern for the end of a message.
func ends(pattern string) embedded.Options {
	found := regexp.MustCompile(pattern)
	return tapped(func(bool) edit {
		return edit{raw: func(octets []byte) []byte { return found.ReplaceAll(octets, []byte("${1}\r\n.\r\n${2}")) }}
	})
}
