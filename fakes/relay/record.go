package relay

import (
	"net/netip"
	"slices"
	"time"
)

// Session is what came in one connection.
type Session struct {
	Number  int // from 1, in the order of opening
	Remote  netip.AddrPort
	Opened  time.Time
	Closed  time.Time // zero: it is open
	End     Ending
	Failure string // what kept it from ending well; "": nothing

	Verb  string // HELO or EHLO, the last that was accepted
	Hello string // and its name
	TLS   string // "TLSv1.3 TLS_AES_128_GCM_SHA256"; "": in clear
	SNI   string
	User  string // who authenticated; "": nobody
	// Authzid is what stood before the user's name in PLAIN's credentials.
	Authzid string

	Steps    []Step
	Messages []Message
}

// Ending is how a connection ended.
type Ending string

// The endings.
const (
	ByQuit   Ending = "QUIT"   // the client said QUIT
	ByEOF    Ending = "EOF"    // the client closed it without
	ByServer Ending = "server" // the relay closed it
	ByError  Ending = "error"  // it was reset, or timed out
)

// Kind is what a step is.
type Kind string

// The kinds of steps.
const (
	Command Kind = "command" // a line of the client's, its credentials too
	Content Kind = "content" // the end of a message's content: Message is its index
	Reply   Kind = "reply"   // the relay's, all of its lines
	Note    Kind = "note"    // TLS began, something failed
)

// EndOfData is the verb of the step that ends a DATA content.
const EndOfData = "<end-of-data>"

// Step is what either side said.
type Step struct {
	At      time.Time
	Kind    Kind
	Verb    string // of a command, upper case; EndOfData
	Text    string // without its CRLF; a reply's lines are separated by \n
	Segment int    // the read in which its last octet came, from 1; 0 of what the relay said
	Message int    // of Content: index in the session's messages
}

// Message is a content that a sender sent to its end, accepted or not.
type Message struct {
	At         time.Time // when its end had come
	Session    int
	Sender     string   // as it stood between the brackets; "" is <>
	Parameters string   // what stood behind it in MAIL
	Recipients []string // the accepted ones, in their order
	Refused    []string // the refused ones
	Content    []byte   // dots taken away; CRLF-ended lines where the sender sent such
	Chunked    bool     // by BDAT
	Chunks     int      // BDAT commands
	Reply      string   // at its end
}

// Accepted tells whether the relay took it.
func (m *Message) Accepted() bool { return len(m.Reply) > 0 && m.Reply[0] == '2' }

// Commands are the verbs of s, in their order; content ended by a dot counts as EndOfData where ends is set.
func (s *Session) Commands(ends bool) []string {
	var verbs []string
	for _, step := range s.Steps {
		if step.Kind == Command || ends && step.Kind == Content && step.Verb != "" {
			verbs = append(verbs, step.Verb)
		}
	}
	return verbs
}

// Segments are the groups of commands that came in one read, each of two or more.
func (s *Session) Segments() [][]string {
	var groups [][]string
	var group []string
	last := 0
	add := func() {
		if len(group) > 1 {
			groups = append(groups, group)
		}
		group = nil
	}
	for _, step := range s.Steps {
		if step.Segment == 0 || step.Verb == "" {
			continue
		}
		if step.Segment != last {
			add()
			last = step.Segment
		}
		group = append(group, step.Verb)
	}
	add()
	return groups
}

// copied is s as it is now, safe to keep.
func (s *Session) copied() Session {
	c := *s
	c.Steps = slices.Clone(s.Steps)
	c.Messages = slices.Clone(s.Messages)
	return c
}

// Event is something that happened, while it happens.
type Event struct {
	Session int
	Remote  netip.AddrPort
	Hello   string
	Step    Step     // its Kind is "" when the connection opened or closed
	Message *Message // of a Content step's reply: the message as it now is
	Opened  bool
	Closed  bool
	End     Ending // of Closed
}
