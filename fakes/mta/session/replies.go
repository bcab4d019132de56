package session

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// StartTLS is the stage at which STARTTLS was said, or should have been.
const StartTLS client.Stage = "starttls"

// Replies is what a server makes of what its relay says. Each stage has what it makes of some replies; what isn't there
// is looked up in Any.
type Replies struct {
	Greeting  Meanings `yaml:"greeting"` // and of there being no connection
	Hello     Meanings `yaml:"hello"`    // the last greeting that it says
	StartTLS  Meanings `yaml:"starttls"` // where TLS is required, or its remedy is to defer
	Auth      Meanings `yaml:"auth"`     // where it doesn't go on without
	Mail      Meanings `yaml:"mail"`
	Rcpt      Meanings `yaml:"rcpt"` // of one recipient; what becomes of the connection counts when every one is refused
	Data      Meanings `yaml:"data"`
	EndOfData Meanings `yaml:"end_of_data"`
	Any       Meanings `yaml:"any"` // holds at least 4yz, 5yz, drop, timeout, garbage and other
}

// Meanings has what replies mean. A key is a code, 552; the code of a reply of several lines, 354-; a class, 4yz; or what
// came in place of a reply:
//
//	unconnected  no connection could be made
//	drop         the connection ended, or failed
//	timeout      nothing came in time
//	garbage      what came is no reply
//	missing      what is required isn't announced
//	other        a reply of a class that isn't expected
//
// The first one of these keys that is there counts.
type Meanings map[string]sourced.Value[Meaning]

// Meaning is a verdict on the message, and what becomes of the connection: "deferred keep".
type Meaning string

// Then is what becomes of a connection.
type Then string

// What becomes of a connection.
const (
	Keep  Then = "keep"  // it may carry another message; where none follows it ends as after any other
	Leave Then = "quit"  // QUIT is said at once: no RSET, no further message
	Cut   Then = "close" // it is closed without a word
)

// Words are the meanings that a profile may name.
func (Meaning) Words() []string {
	var all []string
	for _, verdict := range words(Deferred, Bounced) {
		for _, then := range words(Keep, Leave, Cut) {
			all = append(all, verdict+" "+then)
		}
	}
	return all
}

// Verdict is m's verdict on the message.
func (m Meaning) Verdict() Verdict {
	verdict, _, _ := strings.Cut(string(m), " ")
	return Verdict(verdict)
}

// Then is what m makes of the connection.
func (m Meaning) Then() Then {
	_, then, _ := strings.Cut(string(m), " ")
	return Then(then)
}

// Keys that stand for what came in place of a reply.
const (
	unconnected = "unconnected"
	dropped     = "drop"
	timedOut    = "timeout"
	garbage     = "garbage"
	missing     = "missing"
	other       = "other"
)

// at gives the meanings of a stage.
func (r *Replies) at(stage client.Stage) Meanings {
	switch stage {
	case client.Connect:
		return r.Greeting
	case client.Hello:
		return r.Hello
	case StartTLS:
		return r.StartTLS
	case client.Auth:
		return r.Auth
	case client.Mail:
		return r.Mail
	case client.Rcpt:
		return r.Rcpt
	case client.Data:
		return r.Data
	case client.EndOfData:
		return r.EndOfData
	}
	return nil
}

// find gives what the first of keys that is there means at a stage: what the stage itself says comes first.
func (r *Replies) find(stage client.Stage, keys ...string) (Meaning, bool) {
	for _, meanings := range []Meanings{r.at(stage), r.Any} {
		for _, key := range keys {
			if value, ok := meanings[key]; ok {
				return value.Value, true
			}
		}
	}
	return "", false
}

// of gives what a reply that doesn't accept means.
func (r *Replies) of(stage client.Stage, reply client.Reply) Meaning {
	code := strconv.Itoa(reply.Code)
	keys := []string{code, code[:1] + "yz", other}
	if len(reply.Lines) > 1 {
		keys = append([]string{code + "-"}, keys...)
	}
	meaning, _ := r.find(stage, keys...)
	return meaning
}

// severalLines gives what a reply means that would accept, but for the lines that it has.
func (r *Replies) severalLines(stage client.Stage, reply client.Reply) (Meaning, bool) {
	if len(reply.Lines) < 2 {
		return "", false
	}
	value, ok := r.at(stage)[strconv.Itoa(reply.Code)+"-"]
	return value.Value, ok
}

// without gives what it means that no reply came, and why.
func (r *Replies) without(stage client.Stage, err error) Meaning {
	meaning, _ := r.find(stage, keyOf(err))
	return meaning
}

// keyOf says what came in place of a reply.
func keyOf(err error) string {
	var wrong *client.ProtocolError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return timedOut
	case errors.As(err, &wrong) && wrong.Err == nil:
		return garbage
	}
	return dropped
}
