package reference

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/wire"
)

// Options are what a Relay is made of. Service, Directory and Listeners are needed; the others work as zero.
type Options struct {
	Service   *policy.Service
	Directory policy.Directory
	Listeners map[policy.Role][]net.Listener // the Relay closes them, also when it can't start
	TLS       *tls.Config                    // nil: no STARTTLS; then there must be no listener for port 465
	Keeper    Keeper                         // nil: messages are accepted and thrown away
	Ledger    Ledger                         // nil: one in memory, with a key of its own
	// Accepted is told of each message that was kept and charged, before its 250 is written. It must not wait for
	// anything. The envelope's recipients are the session's: they change when it returns. nil: nobody wants to know.
	Accepted  func(id string, e mailbox.Envelope)
	Now       func() time.Time // for decisions and dates; nil: time.Now
	Events    func(wire.Event) // nil: none
	Deadlines wire.Deadlines

	MaxErrors       int            // see wire.Config
	MaxCommands     int            // see wire.Config
	MaxTransactions int            // see wire.Config
	MaxRecipients   int            // see wire.Config
	MaxSessions     int            // see wire.Config
	MaxPeerSessions int            // see wire.Config
	ProxyFrom       []netip.Prefix // see wire.Config

	// Decider and Engine wrap what decides: for relays that are broken on purpose, and for faults. nil: as they are.
	Decider func(Decider) Decider
	Engine  func(wire.Engine) wire.Engine
	Tap     func(net.Conn) net.Conn // see wire.Config
}

// sweepEvery is how often a relay lets go of customers that have fallen silent, in real time.
const sweepEvery = time.Hour

// Relay is a running relay.
type Relay struct {
	engine  *Engine
	server  *wire.Server
	options Options
	stop    chan struct{} // closed when the relay ends
	failed  chan error    // has room for an error of each listener
	ending  sync.Once
	running sync.WaitGroup

	mu   sync.Mutex
	errs []error
}

// Start serves on every listener until Shutdown. The error says which option is missing or can't be used.
func Start(o Options) (*Relay, error) {
	r, err := newRelay(o)
	if err != nil {
		o.closeListeners()
		return nil, fmt.Errorf("start the relay: %w", err)
	}
	for role, listeners := range o.Listeners {
		for _, l := range listeners {
			r.running.Go(func() { r.note(r.server.Serve(l, role)) })
		}
	}
	if l, ok := r.options.Ledger.(interface{ Sweep(now time.Time) }); ok {
		r.running.Go(func() { r.sweep(l) })
	}
	return r, nil
}

// newRelay makes a relay that doesn't run yet.
func newRelay(o Options) (*Relay, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.setDefaults()
	engine := newEngine(&o)
	r := &Relay{engine: engine, options: o, stop: make(chan struct{}), failed: make(chan error, o.listeners())}
	server, err := wire.New(wire.Config{
		Engine:          o.Engine(engine),
		Replies:         o.Service.Replies,
		Capabilities:    o.Service.Capabilities,
		Mechanisms:      o.Service.Mechanisms,
		MaxSize:         o.Service.Limits.MessageSize,
		MaxHops:         o.Service.Limits.Hops,
		TLS:             o.TLS,
		Deadlines:       o.Deadlines,
		MaxErrors:       o.MaxErrors,
		MaxCommands:     o.MaxCommands,
		MaxTransactions: o.MaxTransactions,
		MaxRecipients:   o.MaxRecipients,
		MaxSessions:     o.MaxSessions,
		MaxPeerSessions: o.MaxPeerSessions,
		ProxyFrom:       o.ProxyFrom,
		Tap:             o.Tap,
		Now:             o.Now,
		Events:          o.Events,
	})
	if err != nil {
		return nil, err
	}
	r.server = server
	return r, nil
}

// check says what Start can't do without.
func (o *Options) check() error {
	if err := o.checkEngine(); err != nil {
		return err
	}
	switch {
	case len(o.Listeners) == 0:
		return errors.New("Options.Listeners is empty: there is nowhere to serve")
	case len(o.Listeners[policy.Port465]) > 0 && o.TLS == nil:
		return errors.New("Options.TLS is missing, which port 465 needs: SelfMade gives one")
	}
	return nil
}

// checkEngine says what an Engine can't do without.
func (o *Options) checkEngine() error {
	switch {
	case o.Service == nil:
		return errors.New("Options.Service is missing: services.Load gives one")
	case o.Directory == nil:
		return errors.New("Options.Directory is missing: directory.Load gives one")
	}
	return nil
}

// listeners is how many there are.
func (o *Options) listeners() (n int) {
	for _, some := range o.Listeners {
		n += len(some)
	}
	return n
}

func (o *Options) closeListeners() {
	for _, listeners := range o.Listeners {
		for _, l := range listeners {
			l.Close()
		}
	}
}

// sweep bounds the ledger's memory until the relay ends.
func (r *Relay) sweep(l interface{ Sweep(now time.Time) }) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			l.Sweep(r.options.Now())
		case <-r.stop:
			return
		}
	}
}

func (o *Options) setDefaults() {
	if o.Keeper == nil {
		o.Keeper = mailbox.Discard()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ledger == nil {
		var key [16]byte
		rand.Read(key[:]) // never fails
		o.Ledger = ledger.New(ledger.Options{Key: key})
	}
	if o.Accepted == nil {
		o.Accepted = func(string, mailbox.Envelope) {}
	}
	if o.Decider == nil {
		o.Decider = func(d Decider) Decider { return d }
	}
	if o.Engine == nil {
		o.Engine = func(e wire.Engine) wire.Engine { return e }
	}
}

// SetDirectory makes the relay decide by d from the next decision on: each is made by the old directory or the new one,
// never by a mix.
func (r *Relay) SetDirectory(d policy.Directory) { r.engine.SetDirectory(d) }

// Failed receives what ended a listener that the relay didn't end itself, once for each: nobody is served there any more.
// The others go on; whether to end the relay, too, is the caller's to say. Shutdown tells the same errors again.
func (r *Relay) Failed() <-chan error { return r.failed }

// note keeps and tells what ended a listener, unless we ended it.
func (r *Relay) note(err error) {
	if err == nil || errors.Is(err, wire.ErrClosed) {
		return
	}
	r.mu.Lock()
	r.errs = append(r.errs, err)
	r.mu.Unlock()
	r.failed <- err
}

// Shutdown drains the relay: nobody is let in any more, transactions end, sessions are closed with 421. What is left when
// ctx ends is cut. It returns when no session and no listener is left, with what went wrong on the way.
func (r *Relay) Shutdown(ctx context.Context) error {
	err := r.server.Shutdown(ctx)
	r.ending.Do(func() { close(r.stop) })
	r.running.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(append(r.errs, err)...)
}

// Close cuts every session and returns when none is left.
func (r *Relay) Close() error {
	err := r.server.Close()
	r.ending.Do(func() { close(r.stop) })
	r.running.Wait()
	return err
}

// Sessions is how many sessions there are now.
func (r *Relay) Sessions() int { return r.server.Sessions() }
