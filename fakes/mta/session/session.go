// Package session is one connection of a sending server to its relay: how it greets, groups its commands, sends a
// message, and ends. All that differs between servers is data (Manner); nothing asks for a server's name.
//
// It decides what a reply means for a message (Fate), and for the connection; when to try again, and which message comes
// next, is the engine's (fakes/mta).
//
// Start with Open and Session.Send; Manner says what servers differ in, and Replies what they make of replies.
package session

import (
	"github.com/relayspec/relayspec/fakes/client"
)

// Envelope is one transaction to be sent.
type Envelope struct {
	Sender     string   // "" is <>
	Recipients []string // no more than Manner admits in one transaction
	Content    []byte   // as it is stored, CRLF-ended lines, what the server adds to it included
	Received   int64    // octets of what was received, before the server put its own in front of it; 0: nobody knows
	Bounce     bool     // the server wrote it itself
	Queued     bool     // it was read back from the queue: not the first try, or a run of the queue
}

// Verdict is what becomes of a recipient.
type Verdict string

// The verdicts of a try.
const (
	Delivered Verdict = "delivered" // the relay has it
	Deferred  Verdict = "deferred"  // to be tried again
	Bounced   Verdict = "bounced"   // refused for good: the sender is to be told
)

// Fate is what a try came to for one recipient.
type Fate struct {
	Recipient string
	Verdict   Verdict
	Stage     client.Stage // where it was decided
	Reply     client.Reply // that decided it; its code is 0 where none came
	Err       error        // why no reply came; nil: one did
	// ToData is what the relay said to a DATA that shared the write of the last RCPT, where all of those were refused; its
	// code is 0 where there was none.
	ToData client.Reply
}

// Next says what follows a message on its connection; a server that pipelines has to know before it sends the message.
type Next string

// What may follow.
const (
	Nothing Next = "nothing" // it is the last: QUIT may ride with it
	Another Next = "another" // one more is there already
	Perhaps Next = "perhaps" // the connection is kept in case that one comes
)
