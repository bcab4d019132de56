package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/reports/transcript"
)

// Plan is what a transcript says that was done, in its order: transcript in, plan out. Who plays it decides what the names
// and credentials in it are.
type Plan []Step

// Action is what a Step does.
type Action string

// The actions.
const (
	DoConnect   Action = "connect"   // opens the session: Connect says how
	DoSay       Action = "say"       // says the line Text
	DoRaw       Action = "raw"       // sends the octets of Text as they are
	DoContent   Action = "content"   // sends Data as the content of a message, without the final dot; or as a chunk
	DoHandshake Action = "handshake" // does the TLS handshake
	DoHear      Action = "hear"      // reads a reply: it was Reply
	DoWait      Action = "wait"      // waits for a reply: none came in time
	DoEnd       Action = "end"       // waits for the relay to end the connection: so it did
	DoClose     Action = "close"     // ends the connection
	DoDrop      Action = "drop"      // ends the connection as when a client dies
	DoCall      Action = "call"      // asks Verb of the target, with Body
)

// Step is one thing that was done.
type Step struct {
	Do      Action
	Line    int               // of the transcript, from 1
	Session string            // empty where there is only one, and for most calls
	Text    string            // DoSay, DoRaw: credentials left out
	Secret  []transcript.Part // DoSay, DoRaw: how Text is made that has credentials in it; nil: it hasn't, or nobody knows
	Veiled  bool              // DoSay, DoRaw: Text has credentials in it
	Apart   bool              // DoRaw: each octet went in a write of its own
	Data    []byte            // DoContent
	Connect Connecting        // DoConnect
	Refused bool              // DoConnect: no connection was made; DoHandshake: it failed
	Reply   Reply             // DoHear
	Marked  bool              // DoHear: it was the offending one
	Differs bool              // DoHear: nobody knows its words, only that its codes were those of Reply
	Verb    string            // DoCall
	Body    []byte            // DoCall: JSON
}

// ConnectCall is the verb of the call that says how a session was opened.
const ConnectCall = "connect"

// Connecting says how a session is opened.
type Connecting struct {
	Port    int    `json:"port,omitempty"`    // documented: 25, 465 or 587; 0: nobody knows
	Source  string `json:"source,omitempty"`  // the local address; empty: the system's choice
	Address string `json:"address,omitempty"` // where that was
}

// PlanOf reads the plan off a transcript; lines are the entries' own, as ParseLines gives them.
//
// The error, a *transcript.LineError, says what can't be played: a session that begins or ends nowhere, what was left out,
// a call that can't be read, or more content than 512 MiB.
func PlanOf(entries []transcript.Entry, lines []int) (Plan, error) {
	return planOf(entries, lines, maxContents)
}

// planOf is PlanOf with room for so many octets of content.
func planOf(entries []transcript.Entry, lines []int, room int64) (Plan, error) {
	p := &planner{sessions: map[string]*planned{}, room: room}
	for i, e := range entries {
		p.line = lines[i]
		if err := p.entry(e); err != nil {
			return nil, &transcript.LineError{Line: p.line, Err: err}
		}
	}
	for _, s := range p.order {
		if s.open {
			return nil, &transcript.LineError{Line: s.last, Err: fmt.Errorf("the session%s doesn't end: the transcript was cut", nameOf(s.name))}
		}
		if s.heard != nil {
			return nil, &transcript.LineError{Line: s.last, Err: errors.New("the reply has no last line: the transcript was cut")}
		}
	}
	if len(p.order) == 0 {
		return nil, &transcript.LineError{Line: max(1, p.line), Err: errors.New("no session stands in it")}
	}
	return p.plan, nil
}

// ErrLeftOut is why a transcript that hasn't got everything can't be played.
var ErrLeftOut = errors.New("what isn't there can't be played")

// planner reads a transcript.
type planner struct {
	plan     Plan
	line     int
	sessions map[string]*planned
	order    []*planned
	made     int   // steps that are made of calls
	room     int64 // for contents, in octets
}

// planned is a session on the way.
type planned struct {
	name    string
	open    bool
	begun   bool
	last    int // its last line
	connect *Connecting
	secret  []transcript.Part // of the next line
	heard   *Step             // a reply of which more lines are to come
	said    *Step             // the last whole reply
}

func nameOf(session string) string {
	if session == "" {
		return ""
	}
	return " " + session
}

func (p *planner) add(s Step, session string) {
	s.Line, s.Session = p.line, session
	p.plan = append(p.plan, s)
}

func (p *planner) entry(e transcript.Entry) error {
	if e.IsLeftOut() {
		return fmt.Errorf("%q: %w", e.Text, ErrLeftOut)
	}
	if e.Kind == transcript.Call {
		return p.call(e)
	}
	if e.Kind == transcript.Note && !opens(e) && p.sessions[e.Session] == nil {
		return nil // for people
	}
	s, err := p.session(e)
	if err != nil {
		return err
	}
	s.last = p.line
	if !s.open && e.Kind != transcript.Server {
		return nil // said when the relay had closed the connection, or a word about it
	}
	switch e.Kind {
	case transcript.Client:
		p.add(Step{Do: DoSay, Text: e.Text, Secret: s.taken(), Veiled: e.Secret}, e.Session)
	case transcript.Raw:
		if p.octet(e) {
			return nil
		}
		p.add(Step{Do: DoRaw, Text: e.Text, Secret: s.taken(), Veiled: e.Secret || e.Redacted() != e.Text || strings.Contains(e.Text, transcript.Redacted)}, e.Session)
	case transcript.Server:
		return p.hear(s, e)
	case transcript.Closed:
		p.heardInPart(s)
		s.open = false
		p.add(Step{Do: closing(e.Text)}, e.Session)
	case transcript.Note:
		p.note(s, e)
	}
	return nil
}

// octet adds a single octet to those that went before it one by one.
func (p *planner) octet(e transcript.Entry) bool {
	last := len(p.plan) - 1
	if last < 0 || len(e.Text) != 1 || e.Secret {
		return false
	}
	before := &p.plan[last]
	if before.Do != DoRaw || before.Session != e.Session || before.Veiled || len(before.Text) != 1 && !before.Apart {
		return false
	}
	before.Text, before.Apart = before.Text+e.Text, true
	return true
}

// opens tells whether e says that a session began, or should have.
func opens(e transcript.Entry) bool {
	return strings.HasPrefix(e.Text, "connected to ") || strings.HasPrefix(e.Text, "not connected")
}

// session finds the session of e. Without a word of its beginning the first line begins it.
func (p *planner) session(e transcript.Entry) (*planned, error) {
	s := p.known(e.Session)
	if opens(e) {
		if s.open {
			return nil, fmt.Errorf("the session%s is open already", nameOf(e.Session))
		}
		p.open(s, e)
		return s, nil
	}
	if !s.open && !s.begun && e.Kind != transcript.Note {
		if e.Kind == transcript.Closed {
			return nil, fmt.Errorf("the session%s ends and never began", nameOf(e.Session))
		}
		p.open(s, e)
	}
	return s, nil
}

func (p *planner) known(name string) *planned {
	s := p.sessions[name]
	if s == nil {
		s = &planned{name: name}
		p.sessions[name] = s
	}
	return s
}

func (p *planner) open(s *planned, e transcript.Entry) {
	if !slices.Contains(p.order, s) {
		p.order = append(p.order, s)
	}
	step := Step{Do: DoConnect, Refused: strings.HasPrefix(e.Text, "not connected")}
	if s.connect != nil {
		step.Connect = *s.connect
	}
	if address, ok := strings.CutPrefix(e.Text, "connected to "); ok && opens(e) {
		step.Connect.Address = address
	}
	s.begun, s.open, s.connect = true, !step.Refused, nil
	p.add(step, s.name)
}

// taken gives how the next line is made.
func (s *planned) taken() []transcript.Part {
	secret := s.secret
	s.secret = nil
	return secret
}

// hear takes a line of a reply. Source: RFC 5321 §4.2.1.
func (p *planner) hear(s *planned, e transcript.Entry) error {
	code, more, reason := parseReplyLine([]byte(e.Text))
	if reason != "" {
		return fmt.Errorf("%q is no line of a reply: %s", e.Text, reason)
	}
	if s.heard == nil {
		s.heard = &Step{Do: DoHear, Reply: Reply{Code: code}}
	}
	s.heard.Reply.Lines = append(s.heard.Reply.Lines, replyText(e.Text))
	s.heard.Marked = s.heard.Marked || e.Marked
	if !more {
		p.heardWhole(s)
	}
	return nil
}

// heardInPart takes a reply that the end of the connection, or of the client's patience, cut off.
func (p *planner) heardInPart(s *planned) {
	if s.heard != nil {
		p.add(*s.heard, s.name)
		s.heard = nil
	}
}

// heardWhole takes a reply. One that is read when a client could say no more was said before the relay closed.
func (p *planner) heardWhole(s *planned) {
	step := *s.heard
	s.heard, s.said = nil, &step
	last := len(p.plan) - 1
	if s.open || last < 0 || p.plan[last].Session != s.name || p.plan[last].Do != DoEnd {
		p.add(step, s.name)
		return
	}
	end := p.plan[last]
	p.plan = p.plan[:last]
	p.add(step, s.name)
	p.plan = append(p.plan, end)
}

// closing tells how a connection ended.
func closing(text string) Action {
	switch {
	case text == "by the client, without a word":
		return DoDrop
	case strings.HasPrefix(text, "by the relay"):
		return DoEnd
	}
	return DoClose
}

// note takes the notes that say what was done: the client engine writes them.
func (p *planner) note(s *planned, e transcript.Entry) {
	switch {
	case strings.HasPrefix(e.Text, "TLS established"):
		p.add(Step{Do: DoHandshake}, s.name)
	case strings.HasPrefix(e.Text, "TLS handshake failed"):
		p.add(Step{Do: DoHandshake, Refused: true}, s.name)
	case e.Text == "timeout":
		p.heardInPart(s)
		p.add(Step{Do: DoWait}, s.name)
	}
}

// call takes a call: those that the client engine knows by itself are for a session, the others are kept.
func (p *planner) call(e transcript.Entry) error {
	verb, body := e.Verb()
	s := p.known(e.Session)
	switch verb {
	case ConnectCall:
		s.connect = &Connecting{}
		return readCall(verb, body, s.connect)
	case transcript.SecretCall:
		return readCall(verb, body, &s.secret)
	case ContentCall:
		var content contentCall
		if err := readCall(verb, body, &content); err != nil {
			return err
		}
		data, err := content.unsqueeze(p.room)
		if err != nil {
			return err
		}
		p.room -= int64(len(data))
		if s, err = p.session(e); err != nil { // as of a line that the client said
			return err
		}
		if s.last = p.line; s.open {
			p.add(Step{Do: DoContent, Data: data}, e.Session)
		}
		return nil
	case RecipientsCall:
		var recipients recipientsCall
		if err := readCall(verb, body, &recipients); err != nil {
			return err
		}
		return p.recipients(s, recipients)
	case RepliesCall:
		var replies repliesCall
		if err := readCall(verb, body, &replies); err != nil {
			return err
		}
		return p.replies(s, replies)
	}
	if !json.Valid(body) {
		return fmt.Errorf("what follows %s is no JSON", verb)
	}
	p.add(Step{Do: DoCall, Verb: verb, Body: body}, e.Session)
	return nil
}

func readCall(verb string, body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if named := transcript.Misnamed(body); named != nil {
		err = named
	}
	if err != nil {
		return fmt.Errorf("what follows %s can't be read: %w", verb, err)
	}
	return nil
}
