package mutants

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/policy"
)

// dialects are compliant relays that speak SMTP in another way than the reference does.
func dialects() []Variant {
	return []Variant{
		{"other codes for the same refusals", codes(map[policy.ReplyName]policy.Reply{
			policy.ReplyUnknown: {Code: 500, Enhanced: "5.5.2"},
			policy.ReplyHelp:    {Code: 502, Enhanced: "5.5.1"},
			policy.ReplyVerify:  {Code: 550, Enhanced: "5.7.1"},
			policy.ReplyNoRcpt:  {Code: 554, Enhanced: "5.5.1"},
		})},
		{"VRFY is turned off", codes(map[policy.ReplyName]policy.Reply{policy.ReplyVerify: {Code: 502, Enhanced: "5.5.1"}})},
		{"a malformed message ends the session", codes(map[policy.ReplyName]policy.Reply{
			policy.ReplyMalformed:   {Code: 421, Enhanced: "4.6.0"},
			policy.ReplyLineTooLong: {Code: 421, Enhanced: "4.5.2"},
		})},
		{"stray CR, LF and NUL become blanks", edits(tidy)},
		{"a second MAIL begins anew", anew()},
		{"DATA without a recipient gets 354", withoutRecipient("554 5.5.1 no valid recipients\r\n")},
		{"the greeting and the reply to HELO have several lines", rewords(manyLines)},
		{"routes, quotes and literals are refused for what they are", refuses(`<@|"@|@\[`, "550 5.7.1")},
		{"Postmaster is asked to come back later", refuses("(?i)RCPT TO:<postmaster[@>]", "450 4.2.1")},
	}
}

// codes gives replies of the service other codes; their words stay.
func codes(of map[policy.ReplyName]policy.Reply) embedded.Options {
	return embedded.Options{Service: func(s *policy.Service) {
		for name, coded := range of {
			r := s.Replies[name]
			r.Code, r.Enhanced = coded.Code, coded.Enhanced
			s.Replies[name] = r
		}
	}}
}

// tidy puts blanks in the place of what is neither text nor the end of a line. A chunk it leaves alone: what stands at
// its border belongs together with the next one.
func tidy(octets []byte) []byte {
	if !bytes.HasSuffix(octets, []byte(".\r\n")) {
		return octets
	}
	const end = "\uFFFF" // no octet of a message is one
	kept := strings.ReplaceAll(string(octets), "\r\n", end)
	return []byte(strings.ReplaceAll(regexp.MustCompile("[\r\n\x00]").ReplaceAllString(kept, " "), end, "\r\n"))
}

// manyLines says more than is asked for.
func manyLines(command, text string) string {
	if verb := verbOf(command); verb != "" && verb != "HELO" || text[0] != '2' {
		return text
	}
	return text[:3] + "-" + text[4:] + text[:3] + " What a fine day to send mail\r\n"
}
