// Package faults makes a relay fail on purpose: at the listener, at a stage of a session, and between a message's durable
// acceptance and the reply to it. The relay has no branches for them: each is a wrapper around one of its parts.
//
// A Fault is data; a Set holds those that are active, counts them down and forgets them. Start with Fault, then Set.
package faults

import "time"

// Stage is where a fault strikes.
type Stage string

// The stages. Connect is before the greeting; Accept before a message is taken, at the final dot or the last BDAT; Accepted
// is after it was kept for good and before the 250 is written: the reply that gets lost.
const (
	Connect  Stage = "connect"
	Helo     Stage = "helo" // EHLO and HELO
	Auth     Stage = "auth"
	Mail     Stage = "mail"
	Rcpt     Stage = "rcpt"
	Data     Stage = "data" // the reply to DATA, before 354
	Accept   Stage = "accept"
	Accepted Stage = "accepted"
)

// Fault is one thing that goes wrong. It does what is set: waits, then answers, then drops.
type Fault struct {
	ID    string `json:"id,omitempty"` // empty: one is given
	On    Stage  `json:"on"`
	When  When   `json:"when,omitzero"`  // zero: always
	Reply *Reply `json:"reply,omitzero"` // in place of the relay's own; not at Accepted
	Delay Span   `json:"delay,omitzero"` // before the reply, in real time
	Rate  int    `json:"rate,omitzero"`  // octets a second that the relay reads and writes from then on; Connect only. 0: as they come
	Drop  bool   `json:"drop,omitzero"`  // closes the connection: behind Reply, or without a word
	// Count is how often it strikes before it is gone. 0: as often as it fits. GET shows what remains.
	Count int `json:"count,omitzero"`
	// TTL is how long it stays, by the relay's clock. 0: until it is removed.
	TTL Span `json:"ttl,omitzero"`
	// Probability is how often it strikes of the times that it fits, 0 to 1. 0: always.
	Probability float64 `json:"probability,omitzero"`
	// Seed makes the strokes of Probability the same in every run. 0: one is drawn, and shown.
	Seed uint64 `json:"seed,omitzero"`

	Expires time.Time `json:"expires,omitzero"` // by TTL; set when it is added
	Struck  int       `json:"struck,omitzero"`  // how often so far
}

// When says what a fault waits for. All that is set must fit; addresses and names as globs, * and ?, without case.
type When struct {
	Sender    string `json:"sender,omitzero"`    // envelope sender; "<>" the null one
	Recipient string `json:"recipient,omitzero"` // the one of this RCPT; at later stages any of them
	Helo      string `json:"helo,omitzero"`
	Peer      string `json:"peer,omitzero"` // the client's address, or a range in CIDR form
	User      string `json:"user,omitzero"` // that authenticated, or tries to
	Nth       int    `json:"nth,omitzero"`  // only every nth time that the rest fits, from the nth on
}

// Reply is what is said in the place of the relay's own words.
type Reply struct {
	Code     int      `json:"code"`               // 200 to 599
	Enhanced string   `json:"enhanced,omitempty"` // such as 4.7.0; empty: none
	Lines    []string `json:"lines,omitempty"`    // empty: a line that names the fault
}

// Span is a duration that is written as 1m30s.
type Span time.Duration

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = Span(d)
	return err
}
