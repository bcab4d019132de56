// Package faults makes a relay fail on purpose: at the listener, at a stage of a session, and between a message's durable
// acceptance and the reply to it. The relay has no branches for them: each is a wrapper around one of its parts.
//
// A Fault is data; a Set holds those that are active, counts them down and forgets them, and Set.Wrap puts it around a
// relay. Start with Fault, then Set. check.go says what a Fault may be, match.go when it strikes; listener.go, engine.go and
// tap.go are the wrappers.
package faults

import (
	"fmt"
	"time"
)

// Stage is where a fault strikes.
type Stage string

// The stages. Connect is before the greeting; Accept before a message is taken, when its last octet has come; Accepted is
// after it was kept for good and charged, and before the 250 is written: the reply that gets lost.
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

// Fault is one thing that goes wrong. It does what is set: waits, then answers, then drops. Where several fit, they strike
// in the order in which they were added, as far as the first that answers or drops.
type Fault struct {
	ID   string `json:"id,omitempty"` // letters, digits, dots, dashes and underscores, 64 at most; empty: one is given
	On   Stage  `json:"on"`
	When When   `json:"when,omitzero"` // zero: always
	// Reply is said in place of the relay's own; not at Accepted. A refusal is said without asking the relay. Any other code
	// takes the place of the relay's agreement only: where the relay refuses, it refuses.
	Reply *Reply `json:"reply,omitempty"`
	Delay Span   `json:"delay,omitzero"` // before the reply, in real time, at most an hour
	// Rate is how many octets a second the relay reads from a connection, and writes to it; at Connect, and by itself. It
	// strikes when the connection is accepted. 0: as they come.
	Rate int `json:"rate,omitzero"`
	// Drop closes the connection: behind Reply, or without a word. At Connect, alone, that is when the connection is
	// accepted, before TLS; at Auth it is behind the challenge by which XOAUTH2 and OAUTHBEARER are refused.
	Drop bool `json:"drop,omitzero"`
	// Count is how often it strikes before it is gone. 0: as often as it fits. GET shows what remains.
	Count int `json:"count,omitzero"`
	// TTL is how long it stays, by the relay's clock. 0: until it is removed.
	TTL Span `json:"ttl,omitzero"`
	// Probability is how often it strikes of the times that it fits, 0 to 1. 0: always.
	Probability float64 `json:"probability,omitzero"`
	// Seed makes the strokes of Probability the same in every run. 0: one is drawn, and shown.
	Seed uint64 `json:"seed,omitzero"`

	Expires time.Time `json:"expires,omitzero"` // by TTL; set when it is added, and gone then
	Struck  int       `json:"struck,omitzero"`  // how often so far; set as it strikes
}

// When says what a fault waits for. All that is set must fit; addresses and names as globs, * and ?, without case. What
// isn't known yet at the fault's stage can't be asked for.
type When struct {
	Sender    string `json:"sender,omitzero"`    // envelope sender as MAIL gave it; "<>" the null one
	Recipient string `json:"recipient,omitzero"` // the one of this RCPT; at later stages any of them
	Helo      string `json:"helo,omitzero"`
	// Peer is the client's address, or a range in CIDR form, or a glob. Where a connection is accepted (Rate, and Drop
	// alone, at Connect), a client behind a proxy has the proxy's.
	Peer string `json:"peer,omitzero"`
	User string `json:"user,omitzero"` // that authenticated, or tries to
	Nth  int    `json:"nth,omitzero"`  // only every nth time that the rest fits, from the nth on
}

// Reply is what is said in the place of the relay's own words. {id}, {unix}, {peer}, {helo} and {octets} are filled in.
type Reply struct {
	Code     int      `json:"code"`               // 200 to 599; a 421 closes the connection
	Enhanced string   `json:"enhanced,omitempty"` // such as 4.7.0, on every line; empty: none
	Lines    []string `json:"lines,omitempty"`    // printable ASCII; empty: a line that names the fault
}

// Refuses tells whether r is a refusal.
func (r *Reply) Refuses() bool { return r != nil && r.Code >= 400 }

// Span is a duration that is written as 1m30s.
type Span time.Duration

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no span of time; write one such as 1m30s", text)
	}
	*s = Span(d)
	return nil
}
