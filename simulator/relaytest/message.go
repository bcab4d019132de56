package relaytest

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/wire"
)

// Message is a message that the relay has accepted.
type Message struct {
	ID         string
	Customer   string   // the ID of the customer whose mail it is
	Given      string   // MAIL FROM; "": the null sender
	Sender     string   // the envelope sender as it goes on: postmaster@ of the customer's domain where Given is foreign
	Recipients []string // in the order of RCPT
	User       string   // that authenticated; "": nobody
	Helo       string   // what the client called itself
	Peer       netip.Addr
	Received   time.Time // by the relay's clock
	Data       []byte    // as it goes on: with the relay's Received header
}

// Header is the message's header; empty where that can't be read.
func (m Message) Header() mail.Header {
	read, err := mail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		return mail.Header{}
	}
	return read.Header
}

// Subject is the message's subject, decoded.
func (m Message) Subject() string {
	subject := m.Header().Get("Subject")
	if decoded, err := new(mime.WordDecoder).DecodeHeader(subject); err == nil {
		return decoded
	}
	return subject
}

// Body is what follows the header, as it came.
func (m Message) Body() []byte {
	_, body, _ := bytes.Cut(m.Data, []byte("\r\n\r\n"))
	return body
}

// Match chooses messages.
type Match struct {
	name string
	fits func(Message) bool
}

// Matching chooses the messages that fits says yes to. The name tells them in a failure.
func Matching(name string, fits func(Message) bool) Match { return Match{name, fits} }

// To chooses the messages that have this recipient, letters without case.
func To(address string) Match {
	return Match{"to " + address, func(m Message) bool {
		return slices.ContainsFunc(m.Recipients, func(r string) bool { return strings.EqualFold(r, address) })
	}}
}

// From chooses the messages whose MAIL FROM this was, letters without case.
func From(address string) Match {
	return Match{"from " + address, func(m Message) bool { return strings.EqualFold(m.Given, address) }}
}

// Subject chooses the messages whose subject has text in it.
func Subject(text string) Match {
	return Match{fmt.Sprintf("subject %q", text), func(m Message) bool { return strings.Contains(m.Subject(), text) }}
}

// Messages are those that the relay has accepted, the oldest first.
func (r *Relay) Messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// accepted notes a message that was kept, and wakes who waits for it.
func (r *Relay) accepted(id string, e mailbox.Envelope) {
	_, content, err := r.box.Get(id)
	if err != nil {
		return // so many have come since that it has given way: nobody can look for it among them
	}
	defer content.Close()
	data, err := io.ReadAll(content)
	if err != nil {
		return // memory doesn't fail
	}
	m := Message{
		ID: id, Customer: e.Customer, Given: e.Given.String(), Sender: e.Sender.String(), User: e.User, Helo: e.Helo,
		Peer: e.Peer, Received: e.Received, Data: data,
	}
	for _, a := range e.Recipients {
		m.Recipients = append(m.Recipients, a.String())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = latest(r.messages, m, r.options.Keep)
	close(r.arrived)
	r.arrived = make(chan struct{})
}

// WaitForMessage gives the first message that all of match choose, and waits for it as long as Options.Patience says, in real
// time. Where none comes the test ends, and says what came instead and what was refused.
func (r *Relay) WaitForMessage(match ...Match) Message {
	r.t.Helper()
	timer := time.NewTimer(r.options.Patience)
	defer timer.Stop()
	for {
		r.mu.Lock()
		arrived := r.arrived // before the look, so that nothing is missed
		r.mu.Unlock()
		for _, m := range r.Messages() {
			if fits(m, match) {
				return m
			}
		}
		select {
		case <-arrived:
		case <-timer.C:
			r.t.Fatalf("%s", r.missed(match))
			return Message{}
		}
	}
}

func fits(m Message, match []Match) bool {
	return !slices.ContainsFunc(match, func(one Match) bool { return !one.fits(m) })
}

// mostTold bounds the messages and the refusals that a failure lists.
const mostTold = 20

// missed tells what came instead of a message, and what was refused.
func (r *Relay) missed(match []Match) string {
	names := make([]string, len(match))
	for i, m := range match {
		names[i] = m.name
	}
	var b strings.Builder
	fmt.Fprintf(&b, "no message came within %s that is %s", r.options.Patience, strings.Join(names, ", "))
	if len(match) == 0 {
		b.Reset()
		fmt.Fprintf(&b, "no message came within %s", r.options.Patience)
	}
	messages := r.Messages()
	fmt.Fprintf(&b, "\nmessages that came: %d", len(messages))
	for _, m := range messages[max(len(messages)-mostTold, 0):] {
		fmt.Fprintf(&b, "\n  from <%s> to %s, subject %q", m.Given, strings.Join(m.Recipients, ", "), m.Subject())
	}
	refused := r.Refusals()
	fmt.Fprintf(&b, "\nrefused: %d", len(refused))
	for _, e := range refused[max(len(refused)-mostTold, 0):] {
		b.WriteString("\n  " + told(&e))
	}
	if len(r.Events()) == 0 {
		fmt.Fprintf(&b, "\nnobody has connected to the relay: it listens on %s, %s (TLS) and %s", r.Address(), r.AddressTLS(), r.SubmissionAddress())
	}
	return b.String()
}

// told is a refusal as a person reads it.
func told(e *wire.Event) string {
	said := strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, e.Enhanced)) + " " + e.Text
	command := e.Command
	if command == "" {
		command = e.Stage
	}
	text := command + ": " + said
	if e.Rule != "" {
		text += " (" + string(e.Rule) + ")"
	}
	if e.Cause != "" {
		text += ": " + e.Cause
	}
	return text
}
