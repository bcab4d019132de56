package recorder

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/relayspec/relayspec/reports/transcript"
)

// reader understands a dialogue as far as recording it needs. Both sides' goroutines use it.
type reader struct {
	*session

	mu      sync.Mutex
	out     []byte // of the sender, not recorded yet
	in      []byte // of the relay, likewise
	content bool   // the sender is in the text of a message
	chunk   int    // octets of a chunk that are still to come; 0: none
	kept    []byte // of the chunk, or of the text
	lost    int    // octets of it that were too many to keep

	said    int // replies that are due: what was said, and the greeting
	begins  int // the reply that answers STARTTLS; 0: none is awaited
	replies int

	mechanism string // of the last AUTH
	user      string // who authenticates
	named     bool   // LOGIN: the user was said; what comes next is the password
	answers   int    // that follow AUTH without being asked for
	asked     bool   // the last reply was 334
}

// mostKept is how much of one message is kept. Octets.
const mostKept = 1 << 20

// longest is the longest line that is waited for. Octets.
const longest = 64 << 10

// sent takes what the sender said, and tells whether STARTTLS is in it.
func (r *reader) sent(octets []byte) (begins bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out = append(r.out, octets...)
	for len(r.out) > 0 {
		if r.chunk > 0 {
			n := min(r.chunk, len(r.out))
			r.keep(r.out[:n])
			r.chunk, r.out = r.chunk-n, r.out[n:]
			if r.chunk == 0 {
				r.flush()
			}
			continue
		}
		end := bytes.IndexByte(r.out, '\n')
		if end < 0 && len(r.out) < longest {
			break
		}
		if end < 0 {
			end = len(r.out) - 1
		}
		line := string(r.out[:end+1])
		r.out = r.out[end+1:]
		if r.content {
			r.text(line)
			continue
		}
		begins = r.line(line) || begins
	}
	return begins
}

// text takes a line of a message. Source: RFC 5321 §4.5.2.
func (r *reader) text(line string) {
	ends := line == ".\r\n" && (len(r.kept)+r.lost == 0 || r.lost > 0 || bytes.HasSuffix(r.kept, []byte("\r\n")))
	if !ends {
		r.keep([]byte(line))
		return
	}
	r.flush()
	r.content = false
	r.said++
	r.log.Client(r.name, ".")
}

func (r *reader) keep(octets []byte) {
	room := min(len(octets), max(0, mostKept-len(r.kept)))
	r.kept = append(r.kept, octets[:room]...)
	r.lost += len(octets) - room
}

// flush records what was kept: a text line by line where every line has its end, a chunk as octets.
func (r *reader) flush() {
	kept, lost := string(r.kept), r.lost
	r.kept, r.lost = nil, 0
	switch {
	case lost > 0:
		r.log.Note(r.name, transcript.LeftOut(fmt.Sprintf("content of %d octets", len(kept)+lost)))
	case kept == "":
	case !r.content || !whole(kept):
		r.log.Raw(r.name, kept)
	default:
		for _, line := range strings.SplitAfter(strings.TrimSuffix(kept, "\r\n"), "\r\n") {
			r.log.Client(r.name, strings.TrimSuffix(line, "\r\n"))
		}
	}
}

// whole tells whether every line of text ends in CRLF, and in nothing else.
func whole(text string) bool {
	rest := strings.ReplaceAll(text, "\r\n", "")
	return strings.HasSuffix(text, "\r\n") && !strings.ContainsAny(rest, "\r\n")
}

// line takes a command, or an answer to AUTH, and tells whether it is STARTTLS.
func (r *reader) line(line string) bool {
	r.said++
	text, crlf := strings.CutSuffix(line, "\r\n")
	if r.asked || r.answers > 0 {
		r.answers, r.asked = max(0, r.answers-1), false
		r.answer(text, line, crlf)
		return false
	}
	words := strings.Fields(text)
	verb := ""
	if len(words) > 0 {
		verb = strings.ToUpper(words[0])
	}
	switch {
	case verb == "AUTH" && len(words) > 1:
		r.auth(words, line, crlf)
		return false
	case verb == "BDAT" && len(words) > 1:
		r.chunk, _ = strconv.Atoi(words[1]) // what is no number has no chunk
		r.chunk = max(0, r.chunk)
	}
	r.add(transcript.Entry{Text: text}, line, crlf)
	if verb == "STARTTLS" {
		r.begins = r.said
		return true
	}
	return false
}

// add records a line, or octets where it has no proper end.
func (r *reader) add(e transcript.Entry, line string, crlf bool) {
	e.Session, e.Kind = r.name, transcript.Client
	if !crlf || strings.ContainsAny(e.Text, "\r\n") {
		e.Kind, e.Text = transcript.Raw, line
	}
	r.log.Add(e)
}

// auth takes AUTH, with its initial response where it has one.
func (r *reader) auth(words []string, line string, crlf bool) {
	r.mechanism, r.user, r.named, r.answers = strings.ToUpper(words[1]), "", false, 0
	text := strings.TrimSuffix(line, "\r\n")
	if len(words) == 2 {
		r.answers = 1
		if r.mechanism == "LOGIN" {
			r.answers = 2
		}
		r.add(transcript.Entry{Text: text}, line, crlf)
		return
	}
	if !r.learn(words[2]) {
		text = words[0] + " " + words[1] + " " + transcript.Redacted
		line = text + "\r\n"
	}
	r.add(transcript.Entry{Text: text, Secret: true}, line, crlf)
}

// answer takes an answer to AUTH. One that can't be read isn't kept at all.
func (r *reader) answer(text, line string, crlf bool) {
	if !r.learn(text) {
		text, line = transcript.Redacted, transcript.Redacted
	}
	r.add(transcript.Entry{Text: text, Secret: true}, line, crlf)
}

// learn names the credential in an answer, so that a replay can make it again; false: nobody knows what is in it.
func (r *reader) learn(answer string) bool {
	if answer == "" || answer == "=" || answer == "*" {
		r.named = true
		return true
	}
	octets, err := base64.StdEncoding.DecodeString(answer)
	if err != nil {
		return false
	}
	text := string(octets)
	switch r.mechanism {
	case "PLAIN": // RFC 4616 §2
		parts := strings.Split(text, "\x00")
		if len(parts) != 3 || parts[2] == "" {
			return false
		}
		r.log.Know(parts[2], "password of "+parts[1])
		return true
	case "LOGIN":
		if !r.named {
			r.user, r.named = text, true
			return true
		}
		r.log.Know(text, "password of "+r.user)
		return true
	case "XOAUTH2", "OAUTHBEARER": // RFC 7628 §3.1
		return r.bearer(text)
	}
	return false
}

func (r *reader) bearer(text string) bool {
	user, token := "", ""
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return c == '\x01' || c == ',' }) {
		for _, key := range []string{"user=", "a="} {
			if value, ok := strings.CutPrefix(part, key); ok {
				user = value
			}
		}
		if value, ok := strings.CutPrefix(part, "auth=Bearer "); ok {
			token = value
		}
	}
	if token == "" || user == "" {
		return false
	}
	r.log.Know(token, "token of "+user)
	return true
}

// heard takes what the relay said, and tells whether its answer to STARTTLS is in it.
func (r *reader) heard(octets []byte) (agreed, refused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.in = append(r.in, octets...)
	for {
		end := bytes.IndexByte(r.in, '\n')
		if end < 0 && len(r.in) < longest {
			return agreed, refused
		}
		if end < 0 {
			end = len(r.in) - 1
		}
		line := strings.TrimRight(string(r.in[:end+1]), "\r\n")
		r.in = r.in[end+1:]
		r.log.Server(r.name, line)
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		code := line[:min(3, len(line))]
		if r.begins > 0 && r.replies == r.begins { // the greeting is reply 0
			agreed, refused = code == "220", code != "220"
			r.begins = 0
		}
		r.replies++
		r.answered(code)
	}
}

// answered takes a whole reply.
func (r *reader) answered(code string) {
	r.asked = code == "334"
	if !r.asked && r.mechanism != "" && r.replies > r.said {
		r.answers = 0 // AUTH was refused, or has ended
	}
	switch {
	case code == "354":
		r.content = true
	case r.content: // the relay has had enough, or takes something else for the end
		r.flush()
		r.content = false
	}
}

// rest records what has come of a line when the session ends.
func (r *reader) rest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	if len(r.out) > 0 {
		e := transcript.Entry{Session: r.name, Kind: transcript.Raw, Text: string(r.out)}
		if r.asked || r.answers > 0 || strings.Contains(strings.ToUpper(e.Text), "AUTH") {
			e.Text, e.Secret = transcript.Redacted, true
		}
		r.log.Add(e)
		r.out = nil
	}
	if len(r.in) > 0 {
		r.log.Note(r.name, fmt.Sprintf("the relay's last words have no end: %q", r.in))
		r.in = nil
	}
}
