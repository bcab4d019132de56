// Package wire is the relay's SMTP server: bytes in, Facts to the Engine, its Decisions out as replies.
//
// It knows the grammar and the order of commands (RFC 5321, 1870, 2034, 2920, 3030, 3207, 3461, 4954, 6152, 6531, 7628)
// and no limit of any service: what to say stands in Config.Replies, whether to say it is the Engine's decision. It has no clock
// of its own but the real one, for deadlines.
//
// Start with Server.Serve, then session.go. A session is one goroutine that owns a stream (stream.go: both directions
// with their buffers), reads lines (line.go) and messages (dot.go, bdat.go) from it, and answers (reply.go). What it is
// asked is in commands.go, mail.go (with address.go, parameters.go and dsn.go), tls.go and auth.go (with bearer.go).
// proxy.go and peers.go come before the greeting, hops.go looks at a message's header as it passes by.
package wire

import (
	"context"
	"io"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// Engine decides for a session. Its methods are called from many sessions at once, and one at a time for one session.
// An error is the relay's own failure, never a refusal: it is answered with ReplyFailure (451).
//
// Facts, its slices and body belong to the session and are good until the call returns; the transaction's Recipients
// stay as they are from Data to the end of Commit or Release. ctx ends when the server is closed.
type Engine interface {
	// Decide answers at a stage. At policy.Accept it isn't called: Commit answers there.
	// A refusal at Mail or Data ends the transaction, one at Rcpt only this recipient.
	Decide(ctx context.Context, stage policy.Stage, f *policy.Facts) (policy.Decision, error)
	// Commit reads the message to its end and takes responsibility for it, or refuses it. An error of body is
	// returned as it is, and then nothing has been taken or charged. Where the message comes in chunks, each but the
	// last is answered when the next octet is asked for.
	Commit(ctx context.Context, f *policy.Facts, body io.Reader) (policy.Decision, error)
	// Release gives back what a transaction holds (f.Hold): after RSET, a refusal, a drop, and after a Commit that
	// refused or failed. It isn't called after a Commit that accepted. It may be called when nothing is held.
	Release(f *policy.Facts)
}

// Event is one reply with what led to it, for the log. The wire gets the service's words, the cause goes here.
type Event struct {
	Time     time.Time     `json:"time"`
	Session  string        `json:"session"`
	Peer     string        `json:"peer"`
	Stage    string        `json:"stage"`             // a policy.Stage, or the verb of a command that has no stage
	Command  string        `json:"command,omitempty"` // the verb and its argument, credentials left out, at most 512 octets
	Code     int           `json:"code"`
	Enhanced string        `json:"enhanced,omitempty"`
	Rule     policy.RuleID `json:"rule,omitempty"` // the rule that decided the reply
	Text     string        `json:"text"`           // first line
	Sender   string        `json:"sender,omitempty"`
	Rcpts    int           `json:"recipients,omitempty"`
	Cause    string        `json:"cause,omitempty"` // our own failure behind a 451 or 421
	// Reply is the whole reply as it is written, CRLF included. It is good until the call returns.
	Reply []byte `json:"-"`
}
