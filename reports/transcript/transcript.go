// Package transcript is one timeline of SMTP sessions: what each side said, when, and what happened beside it.
//
// It is written by the client engine, shown in reports, and read back from testdata. It imports nothing of ours.
// Credentials are kept as they were said and left out when an entry is written, as text or as JSON.
//
// Start with Transcript.Add, then text.go for the file form.
package transcript

import (
	"fmt"
	"strings"
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
	Call   Kind = '@' // for programs: what was asked of the target, or what it takes to replay; see Transcript.Call
)

// Valid tells whether k is one of the kinds.
func (k Kind) Valid() bool {
	switch k {
	case Client, Server, Raw, Note, Closed, Call:
		return true
	}
	return false
}

// String gives the kind as it stands in the file form.
func (k Kind) String() string { return string(rune(k)) }

// Entry is one line of a timeline.
type Entry struct {
	At      time.Duration // since the transcript began
	Session string        // name of the session, empty when there is only one
	Kind    Kind
	Text    string
	Secret  bool // credentials: written as [redacted]
	Marked  bool // the offending reply
}

// DefaultKeep is how many entries a Transcript keeps when Keep is 0.
const DefaultKeep = 2000

// Transcript is a timeline. Its methods may be called from several goroutines. The zero value records from its first
// entry on. A nil Transcript records nothing.
type Transcript struct {
	// Keep bounds the entries: the first and the last Keep/2 stay, what is between is counted. 0: 2,000; -1: no bound.
	Keep int
	// Now gives the time; nil: time.Now.
	Now func() time.Time
	// To is given each entry, in their order, in the place of its being kept: nothing can be marked, and Entries gives none.
	// It must wait for nothing, and not use the Transcript. nil: they are kept.
	To func(Entry)

	mu      sync.Mutex
	began   time.Time
	head    []Entry
	tail    []Entry // ring
	next    int     // next place in tail
	skipped int
	known   map[string]string // credentials and their names
}

// Add appends e and fills in its At; before one with credentials that are known, the call that says how it is made. Time never runs backwards: before the beginning is at the beginning.
func (t *Transcript) Add(e Entry) {
	if t == nil {
		return
	}
	if carriesCredentials(e) {
		e.Secret = true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if t.began.IsZero() {
		t.began = now
	}
	e.At = max(0, now.Sub(t.began))
	if call, ok := t.recipe(e); ok {
		t.keep(call)
	}
	t.keep(e)
}

// Client records a line that the client sent in session, without its CRLF.
func (t *Transcript) Client(session, line string) {
	t.Add(Entry{Session: session, Kind: Client, Text: line})
}

// Server records a line that the server sent in session, without its CRLF.
func (t *Transcript) Server(session, line string) {
	t.Add(Entry{Session: session, Kind: Server, Text: line})
}

// Raw records octets that the client sent in session and that are no line.
func (t *Transcript) Raw(session, octets string) {
	t.Add(Entry{Session: session, Kind: Raw, Text: octets})
}

// Note records what happened beside the dialogue.
func (t *Transcript) Note(session, text string) {
	t.Add(Entry{Session: session, Kind: Note, Text: text})
}

// Closed records that the connection of session ended; by says who ended it.
func (t *Transcript) Closed(session, by string) {
	t.Add(Entry{Session: session, Kind: Closed, Text: by})
}

// Mark marks the last line of the last reply in session that begins with prefix ("550"; "" is any reply) as the
// offending reply. It tells whether there was one.
func (t *Transcript) Mark(session, prefix string) bool { return t.MarkBefore(session, prefix, 0) }

// MarkBefore is Mark for a reply behind which others were heard: later tells how many of them begin with prefix, too.
func (t *Transcript) MarkBefore(session, prefix string, later int) bool {
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.tail) - 1; i >= 0; i-- {
		if markIf(&t.tail[(t.next+i)%len(t.tail)], session, prefix, &later) {
			return true
		}
	}
	for i := len(t.head) - 1; i >= 0; i-- {
		if markIf(&t.head[i], session, prefix, &later) {
			return true
		}
	}
	return false
}

func markIf(e *Entry, session, prefix string, later *int) bool {
	if e.Kind != Server || e.Session != session || !strings.HasPrefix(e.Text, prefix) || len(e.Text) > 3 && e.Text[3] == '-' {
		return false
	}
	if *later > 0 {
		*later--
		return false
	}
	e.Marked = true
	return true
}

// Entries gives what was kept, in order. Where entries were left out stands a Note that counts them. Texts are as they
// were said: credentials are left out only when an entry is written.
func (t *Transcript) Entries() []Entry {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	entries := make([]Entry, 0, len(t.head)+1+len(t.tail))
	entries = append(entries, t.head...)
	if t.skipped > 0 {
		entries = append(entries, t.gap())
	}
	if len(t.tail) > 0 {
		entries = append(entries, t.tail[t.next:]...)
		entries = append(entries, t.tail[:t.next]...)
	}
	return entries
}

// Tail gives the last n entries of Entries, or all when there are fewer.
func (t *Transcript) Tail(n int) []Entry {
	entries := t.Entries()
	return entries[max(0, len(entries)-max(0, n)):]
}

func (t *Transcript) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

// keep hands e on where it isn't to be kept; else it puts it into the first half while there is room, then into the ring of
// the last ones.
func (t *Transcript) keep(e Entry) {
	if t.To != nil {
		t.To(e)
		return
	}
	first, last := t.bounds()
	switch {
	case first < 0 || len(t.head) < first:
		t.head = append(t.head, e)
	case len(t.tail) < last:
		t.tail = append(t.tail, e)
	case last == 0:
		t.skipped++
	default:
		t.tail[t.next] = e
		t.next = (t.next + 1) % last
		t.skipped++
	}
}

// bounds gives how many of the first and of the last entries stay. -1: no bound.
func (t *Transcript) bounds() (first, last int) {
	switch {
	case t.Keep < 0:
		return -1, 0
	case t.Keep == 0:
		return DefaultKeep / 2, DefaultKeep / 2
	}
	return t.Keep - t.Keep/2, t.Keep / 2
}

// gap is the note that stands for what was left out.
func (t *Transcript) gap() Entry {
	lines := "lines"
	if t.skipped == 1 {
		lines = "line"
	}
	e := Entry{Kind: Note, Text: LeftOut(fmt.Sprintf("%d %s", t.skipped, lines))}
	if len(t.head) > 0 {
		e.At = t.head[len(t.head)-1].At
	}
	return e
}

// LeftOut is the text of a note that stands for what a transcript hasn't got: nobody can replay it.
func LeftOut(what string) string { return "… " + what + " left out …" }

// IsLeftOut tells whether e is such a note.
func (e Entry) IsLeftOut() bool {
	return e.Kind == Note && strings.HasPrefix(e.Text, "… ") && strings.HasSuffix(e.Text, " left out …")
}
