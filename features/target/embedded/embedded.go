// Package embedded is the target that needs nothing: the reference relay in this process, over real loopback sockets,
// with a clock that moves on request and a sink for what it delivers.
//
// It alone of the judge's packages imports the relay. Start with Open.
package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/relayspec/relayspec/fakes/mx"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/delivery"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/services"
	"github.com/relayspec/relayspec/reference/wire"
	"github.com/relayspec/relayspec/simulator"
	"github.com/relayspec/relayspec/simulator/clock"
)

// Options make other relays than the reference: compliant ones by Switches, broken ones by what wraps its parts.
// The zero value is the reference relay.
type Options struct {
	Name     string            // empty: reference
	Switches map[string]string // of the service, by name
	// Lacks are capabilities that this relay, by its switches, doesn't have.
	Lacks []target.Capability

	Service  func(*policy.Service)                                     // changes the service after it was read
	World    func(target.World) target.World                           // changes each world that is asked for
	Decider  func(reference.Decider) reference.Decider                 // wraps policy
	Ledger   func(reference.Ledger) reference.Ledger                   // wraps the ledger
	Listener func(net.Listener) net.Listener                           // wraps each listener
	Engine   func(wire.Engine) wire.Engine                             // wraps the whole Engine
	Tap      func(net.Conn) net.Conn                                   // wraps what a session reads and writes, inside TLS too
	Envelope func(mailbox.Envelope, []byte) (mailbox.Envelope, []byte) // changes what is handed on to the next hop
	Ports    []policy.Role                                             // what is served; nil: 25, 465 and 587
}

// Relay is the target.
type Relay struct {
	options Options
	service *policy.Service
	clock   *clock.Clock
	ledger  *ledger.Ledger
	box     *mailbox.Box
	relay   *reference.Relay
	sink    *mx.Sink
	hop     *reference.Forwarder
	api     *api // nil: it isn't served
	ports   map[target.Role]string
}

var (
	_ target.Target      = (*Relay)(nil)
	_ target.Applier     = (*Relay)(nil)
	_ target.Resetter    = (*Relay)(nil)
	_ target.UsageSetter = (*Relay)(nil)
	_ target.Clock       = (*Relay)(nil)
	_ target.Deliveries  = (*Relay)(nil)
)

// dawn is where the clock starts: not at the beginning of a fixed window of 10 min or 24 h, so that scenarios stand in the middle of one.
var dawn = time.Date(2026, 11, 23, 9, 4, 30, 0, time.UTC)

// Open starts the reference relay on ports that the system chooses.
func Open(ctx context.Context) (target.Target, io.Closer, error) { return OpenWith(ctx, Options{}) }

// OpenWith starts the relay that o describes.
func OpenWith(_ context.Context, o Options) (target.Target, io.Closer, error) {
	r := newRelay(o)
	if err := r.start(); err != nil {
		r.Close()
		return nil, nil, fmt.Errorf("start the embedded relay: %w", err)
	}
	return r, r, nil
}

func newRelay(o Options) *Relay {
	return &Relay{options: o, clock: clock.New(dawn), ledger: ledger.New(ledger.Options{}), box: mailbox.Memory(8)}
}

func (r *Relay) start() (err error) {
	if r.service, err = services.Load(services.Default, r.options.Switches); err != nil {
		return err
	}
	if r.options.Service != nil {
		r.options.Service(r.service)
	}
	if r.sink, err = mx.Start(mx.Options{}); err != nil {
		return err
	}
	hop := delivery.NextHop{Address: r.sink.Address(), Hello: "relay.reference.example", Idle: time.Hour}
	if r.hop, err = reference.NewForwarder(hop, r.clock.Now, func(delivery.Attempt) {}); err != nil {
		return err
	}
	r.clock.Attach(r.hop)
	nobody, err := directory.New(nil, nil)
	if err != nil {
		return err
	}
	certificate, err := reference.SelfMade("", "127.0.0.1", "::1", r.service.Host)
	if err != nil {
		return err
	}
	listeners, err := r.listen()
	if err != nil {
		return err
	}
	var counted reference.Ledger = r.ledger
	if r.options.Ledger != nil {
		counted = r.options.Ledger(counted)
	}
	o := reference.Options{
		Service:   r.service,
		Directory: nobody,
		Listeners: listeners,
		TLS:       certificate.TLS,
		Keeper:    r.box,
		Ledger:    counted,
		Now:       r.clock.Now,
		Decider:   r.options.Decider,
		Engine:    r.options.Engine,
		Tap:       r.options.Tap,
		Accepted:  r.accepted,
	}
	if r.api != nil {
		return r.api.start(&o, nobody)
	}
	r.relay, err = reference.Start(o)
	return err
}

// listen opens each port on both loopbacks, where there is an IPv6 one.
func (r *Relay) listen() (map[policy.Role][]net.Listener, error) {
	listeners := map[policy.Role][]net.Listener{}
	r.ports = map[target.Role]string{}
	roles := r.options.Ports
	if roles == nil {
		roles = []policy.Role{policy.Port25, policy.Port465, policy.Port587}
	}
	for _, role := range roles {
		both, err := listenOnBoth()
		if err != nil {
			return nil, err
		}
		r.ports[target.Role(role)] = both[0].Addr().String()
		for _, l := range both {
			if r.options.Listener != nil {
				l = r.options.Listener(l)
			}
			listeners[role] = append(listeners[role], l)
		}
	}
	return listeners, nil
}

// listenOnBoth listens on 127.0.0.1 and, on the same port, on ::1. Without IPv6 on this machine the first is all.
func listenOnBoth() ([]net.Listener, error) {
	for range 20 {
		v4, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		if !hasIPv6() {
			return []net.Listener{v4}, nil
		}
		_, port, _ := net.SplitHostPort(v4.Addr().String())
		v6, err := net.Listen("tcp6", net.JoinHostPort("::1", port))
		if err == nil {
			return []net.Listener{v4, v6}, nil
		}
		v4.Close() // somebody has this port of ::1: try another
	}
	return nil, errors.New("no port is free on both 127.0.0.1 and ::1")
}

// hasIPv6 tells whether this machine has an IPv6 loopback.
func hasIPv6() bool { return hasAddress("[::1]:0") }

// hasLoopbackNet tells whether all of 127.0.0.0/8 is this machine, as on Linux.
func hasLoopbackNet() bool { return hasAddress("127.0.0.2:0") }

func hasAddress(address string) bool {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// Close ends the relay and its sink.
func (r *Relay) Close() error {
	var errs []error
	if r.api != nil {
		errs = append(errs, r.api.close())
	}
	if r.relay != nil {
		errs = append(errs, r.relay.Close())
	}
	if r.hop != nil {
		errs = append(errs, r.hop.Close())
	}
	if r.sink != nil {
		errs = append(errs, r.sink.Close())
	}
	return errors.Join(errs...)
}

// Describe implements target.Target.
func (r *Relay) Describe() target.Description {
	name := r.options.Name
	if name == "" {
		name = "reference"
	}
	d := target.Description{Name: name, Driver: "embedded"}
	announced := simulator.Extensions(r.service)
	for _, c := range target.Known() {
		absent := slices.Contains(target.Extensions(), c) && !slices.Contains(announced, string(c))
		if !slices.Contains(r.options.Lacks, c) && here(c) && !absent {
			d.Capabilities = append(d.Capabilities, c)
		}
	}
	return d
}

// here tells whether this machine lets the relay have c.
func here(c target.Capability) bool {
	switch c {
	case target.SourceIPv6:
		return hasIPv6()
	case target.SourceIPv4:
		return hasLoopbackNet()
	}
	return true
}

// Address implements target.Target.
func (r *Relay) Address(role target.Role) string { return r.ports[role] }

// Apply implements target.Applier. The world replaces the one before: scenarios bring customers of their own.
func (r *Relay) Apply(_ context.Context, w target.World) error {
	if r.options.World != nil {
		w = r.options.World(w)
	}
	d, err := worldOf(w).Directory()
	if err != nil {
		return err
	}
	r.relay.SetDirectory(d)
	return nil
}

// Reset implements target.Resetter.
func (r *Relay) Reset(_ context.Context, customer string) error {
	r.ledger.Reset(customer)
	return nil
}

// SetUsage implements target.UsageSetter.
func (r *Relay) SetUsage(_ context.Context, u target.Usage) error {
	counter, err := policy.ParseCounter(u.Counter)
	if err != nil {
		return fmt.Errorf("set usage: %w", err)
	}
	r.ledger.Set(r.clock.Now(), u.Customer, counter, u.User, u.Amount, r.service.Window(counter))
	return nil
}

// Now implements target.Clock.
func (r *Relay) Now(context.Context) (time.Time, error) { return r.clock.Now(), nil }

// Advance implements target.Clock.
func (r *Relay) Advance(_ context.Context, d time.Duration) error { return r.clock.Advance(d) }

// Delivered implements target.Deliveries. What the relay accepted was queued before its 250, so that nothing more will
// come once the queue has been run.
func (r *Relay) Delivered(ctx context.Context, token string, wait time.Duration) ([]target.Message, error) {
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	r.hop.Drain(limited)
	var messages []target.Message
	for _, m := range r.sink.All() {
		if bytes.Contains(m.Data, []byte(token)) {
			messages = append(messages, target.Message{Sender: m.Sender, Recipients: m.Recipients, Data: m.Data})
		}
	}
	return messages, ctx.Err()
}

// accepted hands a message that somebody may ask about to the next hop; others have been counted, and that was all.
func (r *Relay) accepted(id string, e mailbox.Envelope) {
	_, content, err := r.box.Get(id)
	if err != nil {
		return // the newest few are kept: only other sessions' volume pushes a message out
	}
	defer content.Close()
	body, err := io.ReadAll(content)
	if err != nil || !bytes.Contains(body, []byte(target.TokenMark)) {
		return
	}
	if r.options.Envelope != nil {
		e, body = r.options.Envelope(e, body)
	}
	_ = r.hop.Add(delivery.Message{ // it takes a million
		ID:       id,
		Envelope: delivery.Envelope{Sender: e.Sender, Recipients: e.Recipients, UTF8: e.UTF8, DSN: e.DSN},
		Received: e.Received,
		Open:     func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	})
}
