package mutants

import (
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// sizes are relays that can't take what RFC 5321 wants every relay to take.
func sizes() []Mutant {
	return []Mutant{
		{Name: "a command line of 512 octets is too long", Breaks: []string{"RFC5321-4.5.3.1.4/command-line"}, Relay: answers(func(line string) string {
			if len(line)+len("\r\n") >= 512 {
				return "500 5.5.2 line too long\r\n"
			}
			return ""
		})},
		{Name: "a long line is answered twice", Breaks: []string{"RFC5321-4.5.3.1.9/long-line"}, Relay: rewords(func(command, text string) string {
			if len(command) > 512 {
				return text + text
			}
			return text
		})},
		{Name: "a reply repeats whatever was said", Breaks: []string{"RFC5321-4.5.3.1.5/reply-line"}, Relay: rewords(func(command, text string) string {
			if text[0] == '5' && len(command) > 400 {
				return "500 5.5.2 what is " + command + " and what could " + command + " mean?\r\n"
			}
			return text
		})},
		{Name: "a local part of 64 octets is too long", Breaks: []string{"RFC5321-4.5.3.1.1/local-part"}, Relay: refuses(`<a{64}@`, "501 5.1.3")},
		{Name: "a path of 256 octets is too long", Breaks: []string{"RFC5321-4.5.3.1.3/path"}, Relay: refuses(`TO:<[^>]{254}>`, "501 5.1.3")},
		{Name: "a domain of 253 octets is too long", Breaks: []string{"RFC5321-4.5.3.1.2/domain"}, Relay: refuses(`^EHLO .{253}$`, "501 5.5.4")},
		{Name: "a line of 1,000 octets is too long", Breaks: []string{"RFC5321-4.5.3.1.6/text-line"}, Relay: rejects(func(message string) bool { return longestLine(message) >= 1000 })},
		{Name: "a line of 1,000 octets is cut in two", Breaks: []string{"RFC5321-4.5.3.1.6/text-line"}, Relay: passes(func(body string) string {
			return strings.ReplaceAll(body, strings.Repeat("a", 990), strings.Repeat("a", 990)+"\r\n ")
		})},
		{Name: "a message of 60,000 octets is too large", Breaks: []string{"RFC5321-4.5.3.1.7/message-content"}, Relay: rejects(func(message string) bool { return len(message) >= 60_000 })},
		{Name: "a message has 99 recipients at most", Breaks: []string{"RFC5321-4.5.3.1.8/recipients"}, Relay: number(func(l *policy.Limits) { l.Recipients = 99 })},
		{Name: "recipients that are too many are refused with 550", Breaks: []string{"RFC5321-4.5.3.1.10/too-many-recipients"}, Noted: true, Relay: coded(policy.ReplyRecipients, 550, "5.5.3")},
	}
}

// longestLine is the length of a message's longest line with its CRLF, in octets.
func longestLine(message string) int {
	longest := 0
	for line := range strings.SplitAfterSeq(message, "\r\n") {
		longest = max(longest, len(line))
	}
	return longest
}
