package queue

import (
	"strings"
	"time"
)

// Message is what is known of a message that is queued.
type Message struct {
	ID         string    `json:"id"`
	Sender     string    `json:"sender"` // "": <>
	Recipients []string  `json:"recipients"`
	Relay      string    `json:"relay"`    // where it goes: host:port; short, and the same for many
	Received   int64     `json:"received"` // octets of what was received; 0: nobody knows
	Born       time.Time `json:"born"`     // when it came
	Bounce     bool      `json:"bounce"`   // the server wrote it itself
	State
}

// State is what changes of a message while it waits.
type State struct {
	Last     time.Time `json:"last"`     // the last try; zero: there was none
	Attempts int       `json:"attempts"` // so far
	Warned   bool      `json:"warned"`   // its sender was told of the delay
	Frozen   bool      `json:"frozen"`   // it isn't tried again
	Failures []byte    `json:"failures"` // of recipients that are not waiting any more, for the bounce that is still to be written; nil: none
}

// Item is a message in a queue. It belongs to whoever took it (Add, Due, All) until it is put back or removed; then its
// methods must not be called.
type Item struct {
	text       string // packed: relay, ID, sender and recipients
	content    []byte // nil: it is in the folder
	failures   []byte
	born, last int64 // Unix time in ns
	due        int64 // 0: nobody waits for it
	received   int64
	serial     uint64 // of its files; 0: it has none
	previous   *Item  // in the order in which they came
	next       *Item
	attempts   int32
	flags      flags
}

type flags uint8

const (
	bounce flags = 1 << iota
	warned
	frozen
	taken   // somebody has it
	removed // it is no more in the queue
)

// separator stands between packed texts: no address has it.
const separator = "\x00"

// pack makes an item of m.
func pack(m Message) *Item {
	i := &Item{
		text:     strings.Join(append([]string{m.Relay, m.ID, m.Sender}, m.Recipients...), separator),
		born:     m.Born.UnixNano(),
		received: m.Received,
	}
	if m.Bounce {
		i.flags |= bounce
	}
	i.set(m.State)
	return i
}

// set takes what has changed.
func (i *Item) set(s State) {
	i.last, i.attempts, i.failures = 0, int32(s.Attempts), s.Failures
	if !s.Last.IsZero() {
		i.last = s.Last.UnixNano()
	}
	i.flags &^= warned | frozen
	if s.Warned {
		i.flags |= warned
	}
	if s.Frozen {
		i.flags |= frozen
	}
}

// Message gives all that is known of i.
func (i *Item) Message() Message {
	parts := strings.Split(i.text, separator)
	return Message{
		Relay: parts[0], ID: parts[1], Sender: parts[2], Recipients: parts[3:],
		Received: i.received, Born: i.Born(), Bounce: i.flags&bounce != 0,
		State: i.State(),
	}
}

// State gives what changes of i.
func (i *Item) State() State {
	s := State{Attempts: int(i.attempts), Warned: i.flags&warned != 0, Frozen: i.flags&frozen != 0, Failures: i.failures}
	if i.last != 0 {
		s.Last = time.Unix(0, i.last)
	}
	return s
}

// Born is when the message came.
func (i *Item) Born() time.Time { return time.Unix(0, i.born) }

// Relay is where the message goes.
func (i *Item) Relay() string {
	relay, _, _ := strings.Cut(i.text, separator)
	return relay
}

// Recipients are those who wait for the message.
func (i *Item) Recipients() []string { return strings.Split(i.text, separator)[3:] }

// Waiting counts the recipients who wait for the message.
func (i *Item) Waiting() int { return strings.Count(i.text, separator) - 2 }
