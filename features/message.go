package features

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// mail is one message that a scenario relays.
type mail struct {
	sender     string // "" is the null sender
	recipients []string
	serial     int
	token      string  // in the body: how it is known again outside; empty: nobody asks for it there
	fields     []field // in the place of the usual From
}

// field is a header field.
type field struct{ name, value string }

// mail gives a message with a token of its own.
func (s *scenario) mail(sender string, recipients []string) mail {
	m := s.oneOfMany(sender, recipients)
	m.token = fmt.Sprintf("%s%s-%d.", target.TokenMark, s.namespace, m.serial)
	return m
}

// oneOfMany gives a message that nobody asks for outside.
func (s *scenario) oneOfMany(sender string, recipients []string) mail {
	return mail{sender: sender, recipients: recipients, serial: s.next()}
}

// newRecipients gives n addresses that this scenario hasn't used before.
func (s *scenario) newRecipients(n int) []string {
	domain := s.text("other.example")
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("r%d@%s", s.next(), domain)
	}
	return addresses
}

// manyAddresses is a field's value of that many addresses.
var manyAddresses = regexp.MustCompile(`^([\d,]+) addresses$`)

// addresses reads a field's value: addresses, or how many there should be, folded. Source: RFC 5322 §2.2.3.
func (s *scenario) addresses(value string) string {
	m := manyAddresses.FindStringSubmatch(value)
	if m == nil {
		return s.text(value)
	}
	n, _ := count(m[1]) // the expression lets only counts through
	return strings.Join(s.newRecipients(n), ",\r\n ")
}

// message is m as the client engine sends it, with the names that the relay has.
func (s *scenario) message(m mail) client.Message {
	sent := client.Message{Sender: m.sender, Recipients: m.recipients, Data: m.content()}
	if s.world.cast == nil {
		return sent
	}
	sent.Sender, sent.Data, sent.Recipients = s.real(m.sender), []byte(s.real(string(sent.Data))), nil
	for _, recipient := range m.recipients {
		sent.Recipients = append(sent.Recipients, s.real(recipient))
	}
	return sent
}

// content is header and body. Source: RFC 5322 §3.6.
func (m mail) content() []byte {
	var b bytes.Buffer
	written := time.Now()
	fields := m.fields
	if !slices.ContainsFunc(fields, func(f field) bool { return f.name == "From" }) {
		author := m.sender
		if author == "" {
			author = "mailer-daemon@elsewhere.example"
		}
		fields = append([]field{{"From", author}}, fields...)
	}
	for _, f := range append(slices.Clip(fields),
		field{"To", m.recipients[0]},
		field{"Date", written.Format(time.RFC1123Z)},
		field{"Message-ID", fmt.Sprintf("<%d.%d@elsewhere.example>", m.serial, written.UnixNano())},
		field{"Subject", "Relayed"},
	) {
		b.WriteString(f.name + ": " + f.value + "\r\n")
	}
	b.WriteString("\r\n" + m.token + "\r\n")
	return b.Bytes()
}

// padded writes a message of size octets: m with lines of at most 1,000 octets behind it. Source: RFC 5321 §4.5.3.1.6.
func (m mail) padded(size int) func(w io.Writer) error {
	const longest = 1000
	return func(w io.Writer) error {
		head := m.content()
		left := size - len(head)
		if left < len("\r\n") {
			return fmt.Errorf("a message of %d octets is too small", size)
		}
		if _, err := w.Write(head); err != nil {
			return err
		}
		line := []byte(strings.Repeat("x", longest-2) + "\r\n")
		for left > 0 {
			n := left
			if n > longest {
				n = min(longest, left-len("\r\n")) // the last line has an end, too
			}
			if _, err := w.Write(line[longest-n:]); err != nil {
				return err
			}
			left -= n
		}
		return nil
	}
}

// headerField gives the unfolded value of a message's field; "" when it has none.
func headerField(data []byte, name string) string {
	header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(data))).ReadMIMEHeader()
	return header.Get(name)
}
