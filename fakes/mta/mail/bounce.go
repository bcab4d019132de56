package mail

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// BounceForm is how a server tells a sender what became of a message. Its templates see a bounce: {{.Original.ID}},
// {{range .Failures}}{{.Recipient}}{{end}}.
type BounceForm struct {
	ID      sourced.Value[Text] `yaml:"id"`      // of the bounce in the queue
	Message sourced.Value[Text] `yaml:"message"` // the whole of it, Received included
	// Warning is the whole message that tells of a delay; empty: the server sends none.
	Warning sourced.Value[Text] `yaml:"warning"`
	// Stages are what the server calls where it was refused, by client.Stage: "rcpt: RCPT TO command".
	Stages sourced.Value[map[string]string] `yaml:"stages"`

	read parsed
}

// Compile reads the templates, so that they aren't read anew for each bounce. A BounceForm may be used without.
//
// Error: one that is no template.
func (b *BounceForm) Compile() (err error) {
	b.read, err = read(map[string]Text{"id": b.ID.Value, "message": b.Message.Value, "warning": b.Warning.Value})
	return err
}

// Write writes the message that tells sender of failures of original, which is as the server had it in its queue. Where all
// of them are delayed, it is a warning; empty: the server sends none.
//
// Error: a template that can't be filled in.
func (b *BounceForm) Write(h Host, original []byte, sender string, failures []Failure, ids *IDs, now time.Time) ([]byte, error) {
	told := &bounce{IDs: ids, Host: h.filled(), Sender: sender, Original: originalOf(original), Now: now}
	for _, f := range failures {
		told.Failures = append(told.Failures, failed{f, b.Stages.Value[string(f.Stage)]})
	}
	var err error
	if told.ID, err = b.read.fill("id", b.ID.Value, told); err != nil {
		return nil, err
	}
	name, text := "message", b.Message.Value
	if told.Delayed() {
		name, text = "warning", b.Warning.Value
	}
	filled, err := b.read.fill(name, text, told)
	return bytes.ReplaceAll([]byte(filled), []byte("\n"), []byte("\r\n")), err
}

// bounce is what the templates of a BounceForm see.
type bounce struct {
	*IDs
	Host     Host
	ID       string
	Now      time.Time
	Sender   string
	Original original
	Failures []failed
}

// Delayed tells whether all that is told of is delayed.
func (b *bounce) Delayed() bool {
	for _, f := range b.Failures {
		if !f.Delayed {
			return false
		}
	}
	return len(b.Failures) > 0
}

// Hours is how old the message is.
func (b *bounce) Hours() int { return int(b.Now.Sub(b.First().Arrived).Hours()) }

// First is the failure that is told of first.
func (b *bounce) First() failed {
	if len(b.Failures) == 0 {
		return failed{}
	}
	return b.Failures[0]
}

// ToData is what the relay said to a DATA that rode with refused RCPTs, line by line: once, however many there were. Empty:
// there was none.
func (b *bounce) ToData() []string {
	for _, f := range b.Failures {
		if f.ToData.Code > 0 {
			return f.ToData.Wire()
		}
	}
	return nil
}

// Recipients are those that are told of, with a comma and a blank between them.
func (b *bounce) Recipients() string {
	all := make([]string, len(b.Failures))
	for i, f := range b.Failures {
		all[i] = f.Recipient
	}
	return strings.Join(all, ", ")
}

// failed is a failure as the templates see it.
type failed struct {
	Failure
	Where string // it was refused, in the server's words
}

// Replied tells whether it was a reply that decided it; else Reason says why.
func (f failed) Replied() bool { return f.Reply.Code > 0 }

// Lines are the reply as it was sent, or the reason.
func (f failed) Lines() []string {
	if f.Replied() && len(f.Reply.Lines) > 0 {
		return f.Reply.Wire()
	}
	return []string{f.Reason}
}

// Top is the reply's first line.
func (f failed) Top() string { return f.Lines()[0] }

// Bottom is the reply's last line.
func (f failed) Bottom() string { return f.Lines()[len(f.Lines())-1] }

// All is the reply, all lines joined.
func (f failed) All() string { return strings.Join(f.Lines(), " ") }

// Status is the reply's enhanced code, else what its code comes to, else what stands for a message that wasn't got rid of in
// time. Source: RFC 3463 §3.5.
func (f failed) Status() string {
	code := f.Reply.Enhanced()
	switch {
	case f.Delayed && (code == "" || code[0] != '4'):
		return "4.4.1"
	case code != "":
		return code
	case f.Replied():
		return strconv.Itoa(f.Reply.Code/100) + ".0.0"
	}
	return "4.4.1"
}

// Of tells whether it was decided at one of stages.
func (f failed) Of(stages ...string) bool {
	for _, s := range stages {
		if f.Stage == client.Stage(s) {
			return true
		}
	}
	return false
}

// original is the message that a bounce tells of. Its texts have LF at the ends of lines.
type original struct {
	Text    string // all of it
	Headers string
	Body    string // without the empty line before it
}

// mostReturned bounds what a bounce shows of a message. Octets.
const mostReturned = 1 << 20

func originalOf(content []byte) original {
	header, rest := split(content[:min(len(content), mostReturned)])
	plain := func(b []byte) string { return strings.ReplaceAll(string(b), "\r\n", "\n") }
	return original{Text: plain(header) + plain(rest), Headers: plain(header), Body: plain(rest[2:])}
}

// Field gives the body of a field, unfolded; "" where there is none.
func (o original) Field(name string) string {
	body, _ := field([]byte(strings.ReplaceAll(o.Headers, "\n", "\r\n")), name)
	return body
}

// ID is what the server called the message, as its Received says.
func (o original) ID() string {
	words := strings.Fields(o.Field("Received"))
	for i, w := range words[:max(0, len(words)-1)] {
		if w == "id" {
			return strings.Trim(words[i+1], ";")
		}
	}
	return ""
}

// From is the name that the message came from, as the server's Received says.
func (o original) From() string {
	words := strings.Fields(o.Field("Received"))
	if len(words) > 1 && words[0] == "from" {
		return words[1]
	}
	return "localhost"
}

// Peer is what the server found of the host that the message came from: in brackets in its Received.
func (o original) Peer() string {
	_, after, _ := strings.Cut(o.Field("Received"), "(")
	peer, _, found := strings.Cut(after, ")")
	if !found {
		return o.From()
	}
	return peer
}

// Cut is the message up to n octets.
func (o original) Cut(n int) string { return o.Text[:min(n, len(o.Text))] }
