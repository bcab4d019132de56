package mta

import (
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mta/session"
)

// ID is the name of a message in the queue of its server, in the server's own form.
type ID string

// The verdicts that the engine comes to by itself, beside a session's.
const (
	Expired session.Verdict = "expired" // given up: it was deferred for too long; its sender is told
	Warned  session.Verdict = "warned"  // it still waits, and its sender was told so
	Frozen  session.Verdict = "frozen"  // refused, but nobody can be told: it stays in the queue and isn't tried again
)

// Event is what has become of a recipient.
type Event struct {
	At        time.Time // by the server's clock
	ID        ID
	Sender    string // "": <>
	Recipient string
	Bounce    bool // of a message that the server wrote itself
	Verdict   session.Verdict
	Stage     client.Stage // where it was decided
	Reply     client.Reply // that decided it; its code is 0 where none came
	Err       error        // why no reply came
	Attempts  int          // of the message so far
	Next      time.Time    // when it is tried again; zero: it isn't
}

// Counts is what a server has done so far. Recipients of bounces and warnings that it wrote itself stand apart.
type Counts struct {
	Submitted  int // messages that were taken
	Recipients int // of those
	Delivered  int // recipients whom the relay took the message for
	Bounced    int // recipients who were refused for good
	Expired    int // recipients who were given up
	Deferred   int // times that a recipient was deferred
	Frozen     int // recipients of frozen messages

	Bounces          int // bounces and warnings that were written
	BouncesDelivered int // of their recipients
	BouncesLost      int // of their recipients: refused, given up or frozen; nobody is told

	Attempts    int // transactions tried, those of connections that did not come about included
	Connections int // that were opened, or tried to be
	Queued      int // messages in the queue now, bounces included
	UnderWay    int // messages being tried, or about to be
}
