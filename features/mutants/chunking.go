package mutants

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/policy"
)

// chunking are relays that announce CHUNKING and don't keep to RFC 3030.
func chunking() []Mutant {
	const refused = "501 5.5.4 Bad BDAT\r\n"
	bdat := func(match, answer string) embedded.Options {
		return answers(to("BDAT", regexp.MustCompile(match), answer))
	}
	return []Mutant{
		{Name: "BDAT is announced and unknown", Breaks: []string{"RFC3030-2/chunks"}, Relay: bdat(``, "502 5.5.1 Unrecognized command\r\n")},
		{Name: "LAST has a case", Breaks: []string{"RFC3030-2/chunks"}, Relay: bdat(` last`, refused)},
		{Name: "a last chunk isn't empty", Breaks: []string{"RFC3030-2/chunks"}, Relay: bdat(` 0 LAST`, refused)},
		{Name: "a chunk isn't empty", Breaks: []string{"RFC3030-2/chunks"}, Relay: bdat(` 0$`, refused)},
		{Name: "a chunk has less than 10,000 octets", Breaks: []string{"RFC3030-2/chunks"}, Relay: bdat(` \d{5}`, "552 5.3.4 Too large\r\n")},
		{Name: "a chunk that isn't the last isn't answered with 250", Breaks: []string{"RFC3030-2/chunks"}, Relay: reply(policy.ReplyChunk, func(r *policy.Reply) { r.Code = 354 })},
		{Name: "BDAT and DATA aren't used in one session", Breaks: []string{"RFC3030-2/chunks"}, Relay: within(".", "BDAT", outOfTurn)},
		{Name: "a line of a single dot ends a message in chunks", Breaks: []string{"RFC3030-2/octets"}, Relay: hands(func(body []byte) []byte {
			before, _, _ := bytes.Cut(body, []byte("\r\n.\r\n"))
			return before
		})},
		{Name: "a dot is taken from the lines of a chunk", Breaks: []string{"RFC3030-2/octets"}, Relay: hands(func(body []byte) []byte {
			return bytes.ReplaceAll(body, []byte("\r\n.."), []byte("\r\n."))
		})},
		{Name: "the end of a chunk ends a line", Breaks: []string{"RFC3030-2/octets"}, Relay: hands(func(body []byte) []byte {
			return bytes.Replace(body, []byte("half a line"), []byte("half \r\na line"), 1)
		})},
		{Name: "CR at the end of a chunk stands alone", Breaks: []string{"RFC3030-2/octets"}, Relay: hands(func(body []byte) []byte {
			return bytes.Replace(body, []byte("a line\r\nanother"), []byte("a line\r\n\r\nanother"), 1)
		})},
		{Name: "the octets of a refused chunk are obeyed", Breaks: []string{"RFC3030-2/discarded"}, Relay: tapped(spilling)},
		{Name: "BDAT isn't taken in a group", Breaks: []string{"RFC3030-2/pipelined"}, Relay: tapped(ungrouped("BDAT"))},
		{Name: "DATA after BDAT is 502", Breaks: []string{"RFC3030-2/data-after-bdat"}, Relay: reply(policy.ReplyNoData, func(r *policy.Reply) { r.Code = 502 })},
		{Name: "DATA after BDAT is taken", Breaks: []string{"RFC3030-2/data-after-bdat"}, Relay: within("BDAT", "DATA", "354 Go ahead\r\n")},
		{Name: "BDAT after LAST is 554", Breaks: []string{"RFC3030-2/after-last"}, Relay: rewords(func(command, text string) string {
			if verbOf(command) == "BDAT" && strings.HasPrefix(text, "503") {
				return recode(text, "554")
			}
			return text
		})},
		{Name: "an empty BDAT after LAST is taken", Breaks: []string{"RFC3030-2/after-last"}, Relay: tapped(outlasting)},
		{Name: "RSET doesn't forget chunks", Breaks: []string{"RFC3030-2/reset"}, Relay: within("BDAT", "RSET", "250 2.1.5 Flushed\r\n")},
		{Name: "chunks outlive RSET", Breaks: []string{"RFC3030-2/reset"}, Relay: hands(func(body []byte) []byte { return append(body, "forgotten\r\n"...) })},
		{Name: "a last chunk may be cut short", Breaks: []string{"RFC3030-2/incomplete"}, Relay: hears(shortening)},
		{Name: "each chunk is a message", Breaks: []string{"RFC3030-2/incomplete"}, Relay: hears(func(line string) string {
			if verbOf(line) == "BDAT" && !strings.HasSuffix(line, "LAST") {
				return line + " LAST"
			}
			return line
		})},
		{Name: "QUIT ends a message in chunks", Breaks: []string{"RFC3030-2/incomplete"}, Relay: tapped(func(bool) edit {
			return edit{command: func(line string) ([]string, string) {
				if line == "QUIT" {
					return []string{"BDAT 0 LAST", line}, ""
				}
				return []string{line}, ""
			}}
		})},
		{Name: "NOOP ends a transaction", Breaks: []string{"RFC3030-2/between"}, Relay: resetting("NOOP")},
		{Name: "BDAT isn't read to its end", Breaks: []string{"RFC3030-2/malformed"}, Relay: hears(func(line string) string {
			if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "BDAT" {
				return "BDAT 0"
			}
			return line
		})},
		{Name: "BDAT without a size is empty", Breaks: []string{"RFC3030-2/malformed"}, Relay: hears(func(line string) string {
			if line == "BDAT" || line == "BDAT LAST" {
				return "BDAT 0"
			}
			return line
		})},
	}
}

// spilling refuses BDAT where it has no recipient, and takes the octets of the chunk for commands.
func spilling(bool) edit {
	recipient := false
	return edit{
		command: func(line string) ([]string, string) {
			if verbOf(line) == "BDAT" && !recipient {
				return nil, outOfTurn
			}
			return []string{line}, ""
		},
		reply: func(command, text string) string {
			recipient = recipient || verbOf(command) == "RCPT" && text[0] == '2'
			return text
		},
	}
}

// outlasting takes an empty last chunk behind a message that had its last.
func outlasting(bool) edit {
	over := false
	return edit{
		command: func(line string) ([]string, string) {
			over = over && verbOf(line) != "MAIL"
			if over && line == "BDAT 0 LAST" {
				return nil, "250 2.0.0 OK\r\n"
			}
			return []string{line}, ""
		},
		reply: func(command, text string) string {
			over = over || strings.HasPrefix(command, "BDAT ") && strings.HasSuffix(command, " LAST") && text[0] == '2'
			return text
		},
	}
}

// ungrouped refuses a verb that doesn't stand at the beginning of its segment.
func ungrouped(verb string) func(bool) edit {
	return func(bool) edit {
		first := false
		return edit{
			raw: func(octets []byte) []byte {
				first = bytes.HasPrefix(octets, []byte(verb))
				return octets
			},
			command: func(line string) ([]string, string) {
				if verbOf(line) == verb && !first {
					return nil, outOfTurn
				}
				return []string{line}, ""
			},
		}
	}
}

// shortening takes 8 octets off what a last chunk is said to have.
func shortening(line string) string {
	fields := strings.Fields(line)
	if len(fields) != 3 || fields[0] != "BDAT" {
		return line
	}
	size, err := strconv.Atoi(fields[1])
	if err != nil || size < 100 {
		return line
	}
	return fmt.Sprintf("BDAT %d LAST", size-8)
}
