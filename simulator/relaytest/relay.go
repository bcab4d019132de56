package relaytest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/services"
	"github.com/relayspec/relayspec/reference/wire"
	"github.com/relayspec/relayspec/simulator/clock"
	"github.com/relayspec/relayspec/simulator/faults"
)

// T is what is needed of a test. *testing.T and Ginkgo's GinkgoT() are such.
type T interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// DefaultWorld has one customer, acme, who relays from this machine in the name of anything at acme.example, and one
// registered user, anna@acme.example, whose password is "correct horse". With 2000 licences acme has 260,000 recipients in 24
// hours and 18,000 in 10 minutes, so that anna's 10,000 messages and 10,000 different recipients in 24 hours are what she
// meets first.
const DefaultWorld = `
customers:
  - id: acme
    licences: 2000
    domains: [acme.example]
    users:
      - {address: anna@acme.example, password: correct horse}
    settings:
      - description: This machine
        senders: my-domains
        addresses: [127.0.0.1, "::1"]
`

// Options are what a Relay is made with. The zero value works.
type Options struct {
	// World is who may relay what, in the form of a world file (directory.Load says which). Empty: DefaultWorld.
	World string
	// Switches say how the service answers what its document leaves open: helo-match: exact. nil: the defaults.
	Switches map[string]string
	// Service changes the service before the relay starts: lower limits, for one. nil: it is as documented.
	Service func(*policy.Service)
	// Start is where the clock stands at first. Zero: a Monday in November 2026, 09:04:30 UTC.
	Start time.Time
	// Patience is how long WaitForMessage waits, in real time. 0: 5 s.
	Patience time.Duration
	// Keep is how many messages are kept, and how many events; the oldest give way. 0: 10,000.
	Keep int
}

// The defaults of Options.
const (
	defaultPatience = 5 * time.Second
	defaultKeep     = 10_000
	inFlight        = 1000 // messages between being kept and being read
)

// dawn is where the clock stands at first: not at the beginning of a fixed window of 10 minutes or 24 hours.
var dawn = time.Date(2026, 11, 23, 9, 4, 30, 0, time.UTC)

// Relay is a running relay. Its methods may be called from many goroutines, but those that can end the test (they say so)
// only from the test's own.
type Relay struct {
	t       T
	options Options
	service *policy.Service
	clock   *clock.Clock
	box     *mailbox.Box
	faults  *faults.Set
	relay   *reference.Relay
	ledger  *ledger.Ledger
	pool    *x509.CertPool
	ports   map[policy.Role]string

	mu       sync.Mutex
	world    *directory.Directory
	messages []Message
	events   []wire.Event
	arrived  chan struct{} // closed and made anew with each message
}

// New starts a relay of DefaultWorld that ends with the test. Where it can't start the test ends.
func New(t T) *Relay {
	t.Helper()
	return NewWith(t, Options{})
}

// NewWith starts the relay that o describes, which ends with the test. Where it can't start the test ends, and says why.
func NewWith(t T, o Options) *Relay {
	t.Helper()
	o.setDefaults()
	r := &Relay{
		t: t, options: o, clock: clock.New(o.Start), box: mailbox.Memory(inFlight), ledger: ledger.New(ledger.Options{}),
		ports: map[policy.Role]string{}, arrived: make(chan struct{}),
	}
	r.faults = faults.New(r.clock.Now)
	if err := r.start(); err != nil {
		t.Fatalf("start a relay: %v", err)
	}
	t.Cleanup(func() { r.relay.Close() })
	return r
}

func (o *Options) setDefaults() {
	if o.World == "" {
		o.World = DefaultWorld
	}
	if o.Start.IsZero() {
		o.Start = dawn
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	if o.Keep <= 0 {
		o.Keep = defaultKeep
	}
}

func (r *Relay) start() (err error) {
	if r.service, err = services.Load(services.Default, r.options.Switches); err != nil {
		return err
	}
	if r.options.Service != nil {
		r.options.Service(r.service)
	}
	if r.world, err = directory.Parse("Options.World", []byte(r.options.World)); err != nil {
		return err
	}
	certificate, err := reference.SelfMade("", loopback, "localhost", r.service.Host)
	if err != nil {
		return err
	}
	r.pool = certificate.Authority
	o := reference.Options{
		Service: r.service, Directory: r.world, TLS: certificate.TLS, Keeper: r.box, Ledger: r.ledger, Now: r.clock.Now,
		Accepted: r.accepted, Events: r.note,
	}
	if o.Listeners, err = r.listen(); err != nil {
		return err
	}
	r.faults.Wrap(&o)
	r.relay, err = reference.Start(o)
	return err
}

const loopback = "127.0.0.1"

// listen opens every port, or none.
func (r *Relay) listen() (map[policy.Role][]net.Listener, error) {
	listeners := map[policy.Role][]net.Listener{}
	for _, role := range []policy.Role{policy.Port25, policy.Port465, policy.Port587} {
		l, err := net.Listen("tcp4", loopback+":0")
		if err != nil {
			for _, opened := range listeners {
				opened[0].Close()
			}
			return nil, err
		}
		listeners[role], r.ports[role] = []net.Listener{l}, l.Addr().String()
	}
	return listeners, nil
}

// Address is where port 25 is served, 127.0.0.1:port. It offers STARTTLS.
func (r *Relay) Address() string { return r.ports[policy.Port25] }

// AddressTLS is where port 465 is served, 127.0.0.1:port: TLS from the start.
func (r *Relay) AddressTLS() string { return r.ports[policy.Port465] }

// SubmissionAddress is where port 587 is served, 127.0.0.1:port. It offers STARTTLS.
func (r *Relay) SubmissionAddress() string { return r.ports[policy.Port587] }

// Authority is who signed the relay's certificate, for tls.Config.RootCAs. The certificate is for 127.0.0.1, localhost, and
// the name of the real relay.
func (r *Relay) Authority() *x509.CertPool { return r.pool.Clone() }

// ClientTLS is a configuration for a client that checks the relay's certificate.
func (r *Relay) ClientTLS() *tls.Config {
	return &tls.Config{RootCAs: r.Authority(), ServerName: loopback, MinVersion: tls.VersionTLS12}
}

// Now is where the relay's clock stands. It stands still until Advance.
func (r *Relay) Now() time.Time { return r.clock.Now() }

// Advance moves the relay's clock forward, so that windows of its limits pass, tokens expire and faults end. Where d is
// negative the test ends.
func (r *Relay) Advance(d time.Duration) {
	r.t.Helper()
	if err := r.clock.Advance(d); err != nil {
		r.t.Fatalf("%v", err)
	}
}

// SetWorld puts another world, in the form of a world file, into the place of the one that there is. What was used of limits
// stays. Where the world can't be used the test ends, and says why, line by line.
func (r *Relay) SetWorld(world string) {
	r.t.Helper()
	d, err := directory.Parse("world", []byte(world))
	if err != nil {
		r.t.Fatalf("change the world: %v", err)
		return
	}
	r.mu.Lock()
	r.world = d
	r.mu.Unlock()
	r.relay.SetDirectory(d)
}

// Fail makes something go wrong with the relay from now on, and gives it back as it was added. Where the fault can't be the
// test ends, and says why. See faults.Fault.
func (r *Relay) Fail(f faults.Fault) faults.Fault {
	r.t.Helper()
	added, err := r.faults.Add(f)
	if err != nil {
		r.t.Fatalf("make the relay fail: %v", err)
	}
	return added
}

// Faults are what goes wrong with the relay, to look at and to take back.
func (r *Relay) Faults() *faults.Set { return r.faults }

// Reset forgets what was used, what was accepted and said, and what goes wrong. The world stays, and so does the time.
func (r *Relay) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.world.Customers() {
		r.ledger.Reset(c.ID)
	}
	r.faults.Clear()
	r.events, r.messages = nil, nil
}

// Events are the relay's replies so far, with what led to each, and what else it has to tell.
func (r *Relay) Events() []wire.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Refusals are those of Events that say no: 4yz and 5yz.
func (r *Relay) Refusals() (refused []wire.Event) {
	for _, e := range r.Events() {
		if e.Code >= 400 {
			refused = append(refused, e)
		}
	}
	return refused
}

func (r *Relay) note(e wire.Event) {
	e.Reply = bytes.Clone(e.Reply) // it is the session's own, and written over by the next one
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = latest(r.events, e, r.options.Keep)
}

// latest adds to what is kept, of which the oldest gives way.
func latest[E any](kept []E, one E, most int) []E {
	kept = append(kept, one) // which makes room anew once in a while
	if len(kept) <= most {
		return kept
	}
	clear(kept[:1]) // nothing keeps it there
	return kept[1:]
}

// customers names those that there are, for who has got one wrong.
func customers(d *directory.Directory) string {
	var ids []string
	for _, c := range d.Customers() {
		ids = append(ids, fmt.Sprintf("%q", c.ID))
	}
	return strings.Join(ids, ", ")
}
