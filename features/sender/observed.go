package sender

import (
	"bytes"
	"encoding/pem"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/relay"
	"github.com/relayspec/relayspec/reports/transcript"
)

// connection is one that the server opened, as the relay saw it.
type connection struct {
	name         string // in the transcript
	port         int
	names        []string // that were presented in EHLO or HELO
	clearAUTH    bool     // credentials were sent in clear text
	triedAUTH    bool
	dropped      bool // the relay closed it
	transactions []transaction
}

// transaction is what the server began with MAIL.
type transaction struct {
	at            time.Time
	encrypted     bool
	authenticated bool   // AUTH had succeeded before
	hello         string // the name that held
	sender        string // "" is <>
	reply         string // to MAIL
	recipients    []answered
	message       *relay.Message // its content; nil: none came to its end
	cut           bool           // the relay closed the connection within it; only an audit asks
}

// answered is what the relay said to a recipient; "": nothing came of it.
type answered struct{ address, reply string }

// connections gives all connections to the relay, in the order of opening, port by port.
func (p *play) connections() []connection {
	var all []connection
	for _, s := range p.relays {
		all = append(all, s.connections()...)
	}
	return all
}

func (s *served) connections() []connection {
	var all []connection
	for i, session := range s.heard() {
		all = append(all, connectionOf(session, s.named(i+1), s.port))
	}
	return all
}

// connectionOf goes through what was said in a session to a port of the relay.
func connectionOf(session relay.Session, name string, port int) connection {
	w := walker{session: session, connection: connection{name: name, port: port}, encrypted: port == 465}
	for _, step := range session.Steps {
		w.step(step)
	}
	return w.connection
}

// named is what a session is called in the transcript.
func (s *served) named(number int) string { return fmt.Sprintf("%d/%d", s.port, number) }

// walker goes through what was said in a session.
type walker struct {
	session relay.Session
	connection
	encrypted, authenticated bool
	hello                    string
	said                     relay.Step // the last command
	content                  *relay.Message
}

// step takes the next thing that was said.
func (w *walker) step(step relay.Step) {
	switch step.Kind {
	case relay.Note:
		if strings.HasPrefix(step.Text, "TLS established") {
			w.encrypted, w.authenticated, w.hello = true, false, ""
		}
	case relay.Command:
		if step.Verb != "" { // else it goes on with AUTH
			w.said = step
		}
		w.content = nil
		w.command(step)
	case relay.Content:
		w.content = &w.session.Messages[step.Message]
	case relay.Reply:
		w.reply(step.Text)
	}
}

func (w *walker) command(step relay.Step) {
	switch step.Verb {
	case "EHLO", "HELO":
		_, name, _ := strings.Cut(step.Text, " ")
		w.hello = strings.TrimSpace(name)
		w.names = append(w.names, w.hello)
	case "AUTH":
		w.triedAUTH = true
		w.clearAUTH = w.clearAUTH || !w.encrypted
	case "MAIL":
		w.transactions = append(w.transactions, transaction{
			at: step.At, encrypted: w.encrypted, authenticated: w.authenticated, hello: w.hello, sender: pathIn(step.Text),
		})
	case "RCPT":
		if t := w.last(); t != nil {
			t.recipients = append(t.recipients, answered{address: pathIn(step.Text)})
		}
	}
}

func (w *walker) reply(text string) {
	t := w.last()
	switch {
	case w.content != nil:
		if t != nil && len(w.content.Recipients) > 0 {
			t.message = w.content
		}
		w.content = nil
	case w.said.Verb == "AUTH":
		w.authenticated = w.authenticated || strings.HasPrefix(text, "235")
	case w.said.Verb == "MAIL" && t != nil:
		t.reply = text
	case w.said.Verb == "RCPT" && t != nil && len(t.recipients) > 0:
		t.recipients[len(t.recipients)-1].reply = text
	}
}

// last is the transaction under way, or the last one; nil: there is none.
func (w *walker) last() *transaction {
	if len(w.transactions) == 0 {
		return nil
	}
	return &w.transactions[len(w.transactions)-1]
}

// pathIn is the address between the brackets of a command.
func pathIn(line string) string {
	_, rest, _ := strings.Cut(line, ":")
	address, _, _ := strings.Cut(rest, ">")
	return strings.TrimPrefix(strings.TrimSpace(address), "<")
}

// accepted tells whether the relay took t's message.
func (t *transaction) accepted() bool { return t.message != nil && t.message.Accepted() }

// took gives the recipients for whom the relay took t's message.
func (t *transaction) took() []string {
	if !t.accepted() {
		return nil
	}
	return t.message.Recipients
}

// transactions gives those of all connections to the relay in the order in which they were begun.
func (p *play) transactions() []transaction {
	var all []transaction
	for _, c := range p.connections() {
		all = append(all, c.transactions...)
	}
	slices.SortStableFunc(all, func(a, b transaction) int { return a.at.Compare(b.at) })
	return all
}

// is tells whether t carries m itself, not a notice about it.
func (t *transaction) is(m *sent) bool {
	if t.message == nil || t.sender != m.Sender {
		return false
	}
	header, err := netmail.ReadMessage(bytes.NewReader(t.message.Content))
	return err == nil && header.Header.Get("Message-Id") == m.messageID()
}

// isNotice tells whether t carries a message that the server wrote itself: none of those that were handed to it.
func (t *transaction) isNotice(handed []sent) bool {
	if t.sender != "" {
		return false
	}
	own := slices.ContainsFunc(handed, func(m sent) bool {
		return t.is(&m) || t.message == nil && m.Sender == "" && t.isTo(m.Recipients)
	})
	return !own
}

// isTo tells whether all of t's recipients are among these.
func (t *transaction) isTo(recipients []string) bool {
	return !slices.ContainsFunc(t.recipients, func(r answered) bool { return !slices.Contains(recipients, r.address) })
}

// ofDelay tells whether a notice says that the message is late, not that it failed.
func (t *transaction) ofDelay() bool {
	return t.message != nil && bytes.Contains(bytes.ToLower(t.message.Content), []byte("action: delayed"))
}

// messageID is that of m.
func (m *sent) messageID() string { return "<" + m.token + "@ws1.corp.example>" }

// got counts how often the relay took m for a recipient.
func got(transactions []transaction, m *sent, recipient string) int {
	n := 0
	for i := range transactions {
		if transactions[i].is(m) && slices.Contains(transactions[i].took(), recipient) {
			n++
		}
	}
	return n
}

// attempts gives when the server tried to send a message of m's sender to one of its recipients.
func attempts(transactions []transaction, m *sent, recipient string) []time.Time {
	var at []time.Time
	for _, t := range transactions {
		named := slices.ContainsFunc(t.recipients, func(r answered) bool { return r.address == recipient })
		if t.sender == m.Sender && (named || len(t.recipients) == 0) && (t.message == nil || t.is(m)) {
			at = append(at, t.at)
		}
	}
	return at
}

// observer writes what a relay hears into the scenario's transcript.
func (p *play) observer(s *served) func(relay.Event) {
	before := len(s.over)
	return func(e relay.Event) { record(p.Transcript(), s.named(before+e.Session), s.port, e) }
}

// record writes what a relay hears in a session.
func record(log *transcript.Transcript, name string, port int, e relay.Event) {
	switch {
	case e.Opened:
		log.Note(name, "connected to port "+fmt.Sprint(port))
	case e.Closed:
		log.Closed(name, string(e.End))
	case e.Step.Kind == relay.Command:
		log.Add(transcript.Entry{Session: name, Kind: transcript.Client, Text: e.Step.Text, Secret: e.Step.Verb == "" || e.Step.Verb == "AUTH"})
	case e.Step.Kind == relay.Content:
		log.Note(name, fmt.Sprintf("a content of %d octets", len(e.Message.Content)))
	case e.Step.Kind == relay.Reply:
		for line := range strings.SplitSeq(e.Step.Text, "\n") {
			log.Server(name, line)
		}
	case e.Step.Kind == relay.Note:
		log.Note(name, e.Step.Text)
	}
}

// pemOf is the certificate by which the relay's is trusted.
func pemOf(a *relay.Authority) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
}
