package fidelity

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	forms "github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/relay"
)

// The client that submitted what was injected over SMTP. Source: fakes/mta/testdata/transcripts, every Received line.
const injector = "ws1.corp.example"

// Submissions are what was injected, as far as the transcript tells: each message that it carries, less what the server
// added to it. A message whose content never reached the relay is stood in for by one of the same form; standIns counts
// these.
func (r *Recording) Submissions() (all []forms.Submission, standIns int) {
	contents, recipients := r.carried()
	for i := range max(r.Inject.Messages, 1) {
		s := forms.Submission{
			Sender: r.Inject.Sender, Local: r.Inject.Local,
			HelloName: injector, HelloVerb: "EHLO", Client: injector, Address: netip.AddrFrom4([4]byte{127, 0, 0, 1}),
		}
		if i < len(contents) {
			s.Content, s.Recipients = contents[i], recipients[i]
		} else {
			s.Content, s.Recipients = r.standIn(i+1), r.toWhom()
			standIns++
		}
		all = append(all, s)
	}
	return all, standIns
}

// carried gives the distinct contents that were injected, and who each was for, in the order of injection: that of the
// numbers in their subjects.
func (r *Recording) carried() (contents [][]byte, recipients [][]string) {
	for _, s := range r.Sessions {
		for _, m := range s.Messages {
			if m.Sender != r.Inject.Sender || isBounce(m.Content) {
				continue
			}
			content := r.unconverted(r.received(m.Content))
			at := slices.IndexFunc(contents, func(c []byte) bool { return bytes.Equal(c, content) })
			if at < 0 {
				at = len(contents)
				contents, recipients = append(contents, content), append(recipients, nil)
			}
			recipients[at] = append(recipients[at], slices.Concat(m.Recipients, m.Refused)...)
		}
	}
	if len(contents) == 1 && r.Inject.Messages <= 1 {
		recipients[0] = r.toWhom()
	}
	for i := range recipients {
		slices.SortFunc(recipients[i], naturally)
		recipients[i] = slices.Compact(recipients[i])
	}
	order := make([]int, len(contents))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return naturally(subject(contents[a]), subject(contents[b])) })
	sorted, whom := make([][]byte, len(order)), make([][]string, len(order))
	for i, at := range order {
		sorted[i], whom[i] = contents[at], recipients[at]
	}
	return sorted, whom
}

// toWhom are all recipients that the sender's own messages were for, in the order in which they were injected: that of
// their names.
func (r *Recording) toWhom() []string {
	var whom []string
	for _, s := range r.Sessions {
		sender := ""
		for _, step := range s.Steps {
			address, _ := envelope(step.Text)
			switch step.Verb {
			case "MAIL":
				sender = address
			case "RCPT":
				if sender == r.Inject.Sender {
					whom = append(whom, address)
				}
			}
		}
	}
	slices.SortFunc(whom, naturally)
	whom = slices.Compact(whom)
	if r.Inject.Sender == "" && len(whom) > r.Inject.Recipients && r.Inject.Recipients > 0 {
		whom = whom[:r.Inject.Recipients]
	}
	for i := len(whom); i < r.Inject.Recipients; i++ { // those that the server never named to the relay
		whom = append(whom, r.spare(i+1))
	}
	if len(whom) == 0 {
		whom = []string{r.spare(1)}
	}
	return whom
}

// spare is the n-th recipient where the transcript doesn't name it.
func (r *Recording) spare(n int) string {
	if r.Inject.Recipients <= 1 {
		return "bob@example.net"
	}
	return fmt.Sprintf("r%03d@example.net", n)
}

// standIn is a message of the form that all injected ones have.
func (r *Recording) standIn(n int) []byte {
	head := "From: Alice <alice@corp.example>\r\nTo: Bob <bob@example.net>\r\n" + fmt.Sprintf("Subject: test %s %d\r\n", r.Case, n)
	if !strings.HasPrefix(r.Case, "j_") {
		head += "Date: Mon, 06 Jan 2025 10:00:00 +0000\r\n" + fmt.Sprintf("Message-ID: <%s-%d@%s>\r\n", r.Case, n, injector)
	}
	return fmt.Appendf(nil, "%s\r\nHello Bob, message %d.\r\n.leading dot line\r\nlast line\r\n", head, n)
}

// received is content less what the server added: its Received lines, a Message-ID that names the server, and a date that
// is the time of receipt.
func (r *Recording) received(content []byte) []byte {
	head, body, _ := bytes.Cut(content, []byte("\r\n\r\n"))
	fields := headerFields(string(head))
	at := time.Time{}
	for len(fields) > 0 && isField(fields[0], "Received") {
		if at.IsZero() {
			at = receivedAt(fields[0])
		}
		fields = fields[1:]
	}
	server := r.host()
	fields = slices.DeleteFunc(fields, func(field string) bool {
		_, value, _ := strings.Cut(field, ":")
		if isField(field, "Message-ID") {
			return strings.Contains(value, "@"+server+">")
		}
		date, err := mail.ParseDate(strings.TrimSpace(value))
		return isField(field, "Date") && err == nil && !at.IsZero() && date.Sub(at).Abs() < 5*time.Minute
	})
	return slices.Concat([]byte(strings.Join(fields, "\r\n")), []byte("\r\n\r\n"), body)
}

// unconverted undoes what a server does to a body that it can't send as it is: quoted-printable in the place of octets of
// 8 bits, and lines that were too long and are folded.
func (r *Recording) unconverted(content []byte) []byte {
	switch {
	case strings.HasPrefix(r.Case, "u_8bit"):
		return from8bit(content)
	case strings.HasPrefix(r.Case, "u_longline"):
		return unfolded(content)
	}
	return content
}

var encoding = regexp.MustCompile(`(?im)^(Content-Transfer-Encoding:) *quoted-printable`)

// from8bit decodes a body in quoted-printable.
func from8bit(content []byte) []byte {
	head, body, _ := bytes.Cut(content, []byte("\r\n\r\n"))
	if !encoding.Match(head) {
		return content
	}
	decoded, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
	if err != nil {
		return content
	}
	decoded = bytes.ReplaceAll(bytes.ReplaceAll(decoded, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	return slices.Concat(encoding.ReplaceAll(head, []byte("$1 8bit")), []byte("\r\n\r\n"), decoded)
}

// unfolded makes one line again of each that was split: at 998 octets, or at 2040 with an exclamation mark.
// Source: sending-servers.md §1, the row about a line of 2500 characters.
func unfolded(content []byte) []byte {
	var whole []byte
	open := false // the last line was split
	for line := range bytes.SplitSeq(content, []byte("\r\n")) {
		switch rest, continues := bytes.CutPrefix(line, []byte(" ")); {
		case open && continues:
			whole = append(whole, rest...)
		case open:
			whole = append(append(whole, "\r\n"...), line...)
		default:
			whole = append(whole, line...)
		}
		marked := len(line) >= 2000 && bytes.HasSuffix(line, []byte("!"))
		if open = marked || len(line) >= 985 && len(line) <= 998; marked {
			whole = whole[:len(whole)-1]
		}
		if !open {
			whole = append(whole, "\r\n"...)
		}
	}
	return bytes.TrimSuffix(whole, []byte("\r\n"))
}

// host is what the server calls itself.
func (r *Recording) host() string {
	for _, s := range r.Sessions {
		if s.Hello != "" {
			return s.Hello
		}
	}
	return "mail.corp.example"
}

// headerFields splits a head into its fields, each with the lines that continue it.
func headerFields(head string) []string {
	var fields []string
	for line := range strings.SplitSeq(head, "\r\n") {
		if len(fields) > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			fields[len(fields)-1] += "\r\n" + line
		} else {
			fields = append(fields, line)
		}
	}
	return fields
}

func isField(field, name string) bool {
	is, _, _ := strings.Cut(field, ":")
	return strings.EqualFold(is, name)
}

// receivedAt is the time at the end of a Received field; zero: it can't be read.
func receivedAt(field string) time.Time {
	at, _ := mail.ParseDate(strings.TrimSpace(field[strings.LastIndexByte(field, ';')+1:]))
	return at
}

// isBounce tells whether content is a report about another message.
func isBounce(content []byte) bool {
	head, _, _ := bytes.Cut(content, []byte("\r\n\r\n"))
	for _, field := range headerFields(strings.ToLower(string(head))) {
		switch {
		case isField(field, "Content-Type") && strings.Contains(field, "delivery-status"),
			isField(field, "From") && strings.Contains(field, "mailer-daemon"):
			return true
		}
	}
	return false
}

func subject(content []byte) string {
	head, _, _ := bytes.Cut(content, []byte("\r\n\r\n"))
	for _, field := range headerFields(string(head)) {
		if isField(field, "Subject") {
			return field
		}
	}
	return ""
}

var digits = regexp.MustCompile(`\d+|\D+`)

// naturally orders names as people do: r2 before r10.
func naturally(a, b string) int {
	as, bs := digits.FindAllString(a, -1), digits.FindAllString(b, -1)
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.Atoi(as[i])
		y, errY := strconv.Atoi(bs[i])
		if errX == nil && errY == nil && x != y {
			return x - y
		}
		if c := strings.Compare(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return len(as) - len(bs)
}

// credentials are those that the server was given for its relay; ok is false: none.
func (r *Recording) credentials() (user, password string, ok bool) {
	for _, s := range r.Sessions {
		for i, step := range s.Steps {
			if _, initial, _ := strings.Cut(strings.TrimPrefix(step.Text, "AUTH "), " "); step.Verb == "AUTH" {
				if user, password, ok = plain(initial, s.Steps[i+1:]); ok {
					return user, password, true
				}
			}
		}
	}
	if strings.HasPrefix(r.Case, "k_") { // it has them, and doesn't use them
		return "relayuser@corp.example", "s3cret", true
	}
	return "", "", false
}

// plain reads PLAIN's credentials.
func plain(initial string, next []relay.Step) (user, password string, ok bool) {
	if initial == "" {
		for _, step := range next {
			if step.Kind == relay.Command {
				initial = step.Text
				break
			}
		}
	}
	octets, err := base64.StdEncoding.DecodeString(initial)
	parts := strings.Split(string(octets), "\x00")
	if err != nil || len(parts) != 3 {
		return "", "", false
	}
	return parts[1], parts[2], true
}
