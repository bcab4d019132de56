// Package mail is what a sending server makes of a message: what it adds to one that is submitted, how it changes a body
// that its relay can't take, and the bounces that it writes. Forms are data, those of a profile.
package mail

import (
	"net/netip"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
)

// Submission is how a message came to the server.
type Submission struct {
	Sender     string // "" is <>
	Recipients []string
	Content    []byte     // CRLF-ended lines
	Local      bool       // by the server's own command on its host; else over SMTP, from:
	HelloName  string     // empty: Client, or localhost
	HelloVerb  string     // EHLO or HELO; empty: EHLO
	Client     string     // the name of the client's address; empty: it has none
	Address    netip.Addr // the zero value: 127.0.0.1
	TLS        bool
}

// Host is the server that a form is filled in for.
type Host struct {
	Name    string     // mail.corp.example
	Domain  string     // corp.example
	Address netip.Addr // its own; the zero value: 127.0.0.1
}

// Failure is a recipient that a bounce tells of.
type Failure struct {
	Recipient string
	Reply     client.Reply // Code 0: none; Reason says why
	Stage     client.Stage
	Reason    string
	Remote    string    // the relay's name
	Address   string    // and its address
	Arrived   time.Time // when the message came to the server
	Tried     time.Time // last
	Delayed   bool      // a warning, not a bounce
	// ToData is what the relay said to a DATA that rode with the refused RCPT; its code is 0 where there was none.
	ToData client.Reply
}
