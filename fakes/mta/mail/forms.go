package mail

import (
	"bytes"
	"cmp"
	"net/netip"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// Forms is what a server makes of a message. Its templates see a trace: {{.ID}}, {{.Host.Name}}, {{.Now.Format "..."}}.
// Lines of a header that come out empty are left out.
type Forms struct {
	ID sourced.Value[Text] `yaml:"id"` // of a message in the queue
	// Command is the header that the server's command puts before what it is given on the host, before the server itself has
	// it; the message is then received from the command. Empty: the server is given it as it is.
	Command sourced.Value[Text] `yaml:"command"`
	Trace   sourced.Value[Text] `yaml:"trace"`   // the header that the server puts before every message: Received
	Missing []Missing           `yaml:"missing"` // in the order in which they come to stand
	Place   sourced.Value[Spot] `yaml:"place"`   // where missing fields come
	Last    sourced.Value[Text] `yaml:"last"`    // the header that it puts behind every message's own

	EightBit  sourced.Value[EightBit] `yaml:"eight_bit"`
	LongLines sourced.Value[LongLine] `yaml:"long_lines"`
	LineLimit sourced.Value[int]      `yaml:"line_limit"` // octets of a line without its end that LongLines lets pass

	read parsed
}

// Missing is a field that the server adds where a message has none.
type Missing struct {
	Field     string              `yaml:"field"` // as it is written: Message-Id
	Text      sourced.Value[Text] `yaml:"text"`  // its body
	LocalOnly sourced.Value[bool] `yaml:"local_only"`
}

// Spot is a place in a message's header.
type Spot string

// The places.
const (
	Before Spot = "before" // the fields that it has
	After  Spot = "after"
)

// Words are the places that a profile may name.
func (Spot) Words() []string { return []string{string(Before), string(After)} }

// Compile reads the templates, so that they aren't read anew for each message. Forms may be used without.
//
// Error: one that is no template.
func (f *Forms) Compile() (err error) {
	texts := map[string]Text{"id": f.ID.Value, "command": f.Command.Value, "trace": f.Trace.Value, "last": f.Last.Value}
	for _, m := range f.Missing {
		texts[m.Field] = m.Text.Value
	}
	f.read, err = read(texts)
	return err
}

// Accept makes of a submission what the server has in its queue: content. received is how many octets it was given, before
// it added its own.
//
// Error: *Unfit, where the server refuses it; a template that can't be filled in.
func (f *Forms) Accept(s Submission, h Host, ids *IDs, now time.Time) (content []byte, received int64, err error) {
	if line := longest(s.Content); f.LongLines.Value == RefuseLong && line > f.LineLimit.Value {
		return nil, 0, &Unfit{Long: line, Limit: f.LineLimit.Value}
	}
	t, err := f.begin(s, h, ids, now)
	if err != nil {
		return nil, 0, err
	}
	header, body := split(s.Content)
	header, err = f.submitted(t, header)
	received = int64(len(header) + len(body))
	if err != nil {
		return nil, 0, err
	}
	if header, err = f.complete(t, header); err != nil {
		return nil, 0, err
	}
	trace, err := f.header("trace", f.Trace.Value, t)
	if err != nil {
		return nil, 0, err
	}
	last, err := f.header("last", f.Last.Value, t)
	return bytes.Join([][]byte{trace, header, last, body}, nil), received, err
}

// begin gives what the templates see of a submission.
func (f *Forms) begin(s Submission, h Host, ids *IDs, now time.Time) (*trace, error) {
	t := &trace{IDs: ids, Submission: s, Host: h.filled(), Now: now}
	t.Address = cmp.Or(s.Address, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	t.HelloName = cmp.Or(s.HelloName, s.Client, "localhost")
	t.HelloVerb = cmp.Or(strings.ToUpper(s.HelloVerb), "EHLO")
	var err error
	if f.Command.Value != "" && s.Local {
		if t.CommandID, err = f.read.fill("id", f.ID.Value, t); err != nil {
			return nil, err
		}
	}
	t.ID, err = f.read.fill("id", f.ID.Value, t)
	return t, err
}

// submitted is the header as the server is given it: what its command was given on the host has become a message first.
func (f *Forms) submitted(t *trace, header []byte) ([]byte, error) {
	if f.Command.Value == "" || !t.Local {
		return header, nil
	}
	header, err := f.complete(t, header)
	if err != nil {
		return nil, err
	}
	command, err := f.header("command", f.Command.Value, t)
	return append(command, header...), err
}

// complete adds the fields that are missing.
func (f *Forms) complete(t *trace, header []byte) ([]byte, error) {
	var added []byte
	for _, m := range f.Missing {
		if _, has := field(header, m.Field); has || m.LocalOnly.Value && !t.Local {
			continue
		}
		text, err := f.read.fill(m.Field, m.Text.Value, t)
		if err != nil {
			return nil, err
		}
		added = append(added, lines(m.Field+": "+text)...)
	}
	if f.Place.Value == Before {
		return append(added, header...), nil
	}
	return append(bytes.Clone(header), added...), nil
}

func (f *Forms) header(name string, text Text, t *trace) ([]byte, error) {
	filled, err := f.read.fill(name, text, t)
	return lines(filled), err
}

// trace is what the templates of Forms see.
type trace struct {
	*IDs
	Submission
	Host      Host
	Now       time.Time
	ID        string // that the server gives the message
	CommandID string // that its command gave it; empty: no command did
}

// Only is the recipient of a message that has one; else empty.
func (t *trace) Only() string {
	if len(t.Recipients) == 1 {
		return t.Recipients[0]
	}
	return ""
}

// Protocol is what the message came by: SMTP, ESMTP, ESMTPS. Source: RFC 3848.
func (t *trace) Protocol() string {
	switch {
	case t.HelloVerb != "EHLO":
		return "SMTP"
	case t.TLS:
		return "ESMTPS"
	}
	return "ESMTP"
}

// filled is h with its own address, where it says none.
func (h Host) filled() Host {
	h.Address = cmp.Or(h.Address, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	if h.Domain == "" {
		_, h.Domain, _ = strings.Cut(h.Name, ".")
	}
	return h
}
