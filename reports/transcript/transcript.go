// Package transcript is one timeline of SMTP sessions: what each side said, when, and what happened beside it.
//
// It is written by the client engine, shown in reports, and read back from testdata. It imports nothing of ours.
package transcript

import (
	"sync"
	"time"
)

// Kind is who or what an Entry comes from.
type Kind byte

// The kinds of entries.
const (
	Client Kind = 'C' // a line the client sent, without CRLF
	Server Kind = 'S' // a line the server sent, without CRLF
	Raw    Kind = 'R' // octets the client sent that are no CRLF-ended line; Text is Go-quoted when written
	Note   Kind = '#' // something beside the dialogue: connected, TLS established, the clock moved
	Closed Kind = 'X' // the connection ended; Text says who ended it
)

// Entry is one line of a timeline.
type Entry struct {
	At      time.Duration // since the transcript began
	Session string        // name of the session, empty when there is only one
	Kind    Kind
	Text    string
	Secret  bool // credentials: written as [redacted]
	Marked  bool // the offending reply
}

// Transcript is a timeline. Its methods may be called from several goroutines. The zero value records from its first entry on.
type Transcript struct {
	// Keep bounds the entries: the first and the last Keep/2 stay, what is between is counted. 0: 2,000; -1: no bound.
	Keep int
	// Now gives the time; nil: time.Now.
	Now func() time.Time

	mu      sync.Mutex
	began   time.Time
	head    []Entry
	tail    []Entry // ring
	next    int     // next place in tail
	skipped int
}
