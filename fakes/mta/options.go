package mta

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/reports/transcript"
)

// Options are a server's. Profile has no default, and Relay, Resolve or Dial says where its relay is.
type Options struct {
	Profile *Profile
	Setup   *settings.Setup // what a real configuration changes of the profile; nil: nothing
	Retry   RetryChoice     // "": Documented
	Host    string          // what the server calls itself; "": DefaultHost

	Relay string            // host:port to dial for the profile's relay; "": Resolve finds it
	Hosts map[string]string // host:port to dial for other names that Route.Domains has; nil: Resolve finds them
	// Resolve asks DNS as the profile's Route.Lookup says. nil: names are dialled as they are.
	Resolve Resolver
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: TCP
	TLS     *tls.Config                                                          // roots and the like; nil: the system's
	User    string                                                               // to authenticate as, where the profile does; "": it doesn't
	// Password goes with User. It is in no transcript, event or error.
	Password string

	// Clock says what time it is: for the queue, not for sockets. Whoever has it calls RunDue. nil: the real time, by a loop
	// of the server's own.
	Clock Clock
	Queue string // folder in which the queue outlives the process; "": memory
	Hold  bool   // what is submitted waits for a run of the queue, or for Flush; else it is tried at once
	// AtOnce bounds the connections at one time, whatever the profile says: the machine's bound. 0: 64.
	AtOnce int
	Scale  float64 // by which session time-outs are multiplied; 0: 1

	Observe    func(Event)            // told of all that becomes of recipients, by several goroutines; nil: nobody
	Trouble    func(error)            // told when the queue's folder fails, or a bounce can't be written; nil: nobody
	Transcript *transcript.Transcript // records all connections, named by their numbers from 1; nil: none is kept
	Seed       uint64                 // of IDs: the same one gives the same; 0: each server has others
}

// DefaultHost is what a server calls itself that isn't told otherwise.
const DefaultHost = "mail.corp.example"

// mostConnections is Options.AtOnce by default.
const mostConnections = 64

// RetryChoice is which set-up of retries a server has.
type RetryChoice string

// The choices.
const (
	DocumentedRetry RetryChoice = "documented" // what the relay's document has administrators set
	VendorRetry     RetryChoice = "vendor"     // what the server comes with
)

// Clock says what time it is. simulator/clock's is one.
type Clock interface{ Now() time.Time }

// Resolver asks DNS. *net.Resolver is one.
type Resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupHost(ctx context.Context, name string) ([]string, error)
}

// realTime is the Clock of a server with a loop of its own.
type realTime struct{}

func (realTime) Now() time.Time { return time.Now() }

// filled gives o with its defaults.
func (o Options) filled() (Options, error) {
	switch {
	case o.Profile == nil:
		return o, errors.New("a sending server needs a Profile: mta.Load gives one")
	case o.Relay == "" && o.Resolve == nil && o.Dial == nil:
		return o, errors.New("a sending server needs to know where its relay is: Relay, Resolve or Dial")
	case o.Retry != "" && o.Retry != DocumentedRetry && o.Retry != VendorRetry:
		return o, errors.New("Retry is documented or vendor, not " + string(o.Retry))
	case o.AtOnce < 0 || o.Scale < 0:
		return o, errors.New("AtOnce and Scale must not be negative")
	}
	o, err := o.configured()
	if err != nil {
		return o, err
	}
	o.Host = cmp.Or(o.Host, DefaultHost)
	o.Retry = cmp.Or(o.Retry, DocumentedRetry)
	o.AtOnce = cmp.Or(o.AtOnce, mostConnections)
	o.Scale = cmp.Or(o.Scale, 1)
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	return o, nil
}
