package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Options of Start. The zero value listens on a free port of 127.0.0.1 and accepts all.
type Options struct {
	Listen   string       // host:port; "": 127.0.0.1:0
	Listener net.Listener // wins over Listen; Close closes it
	// ImplicitTLS begins TLS before the greeting.
	ImplicitTLS bool

	Script Script
	// Choose gives the script of a session: when it opens (Verb is ""), and again at each EHLO or HELO, before that is
	// answered. nil from it: no change; nil itself: Script. A script is known by its address: what its rules have counted
	// goes on where the same one is given again.
	Choose func(Peer) *Script

	TLS       *tls.Config // what STARTTLS uses; nil: a certificate as the script says
	Authority *Authority  // that issues it; nil: one of its own, see Relay.Authority

	Now     func() time.Time // of what is recorded; nil: the real time
	Idle    time.Duration    // after which a silent sender is given up; 0: 10 minutes
	Largest int              // content that is read, octets; 0: 64 MiB; the next octet gets 552 and the end
	Keep    int              // sessions that are kept, the latest; 0: 100,000
	// Observe is told of all that happens, in the session's goroutine: the session waits for it.
	Observe func(Event)
}

// Peer is who a session is with.
type Peer struct {
	Session int
	Remote  netip.AddrPort
	Verb    string // EHLO or HELO; "": it has just connected
	Hello   string
	TLS     bool
}

// Relay is a scripted relay that listens.
type Relay struct {
	options   Options
	authority *Authority
	listener  net.Listener
	sessions  sync.WaitGroup
	closing   chan struct{}

	mu      sync.Mutex
	script  *Script
	counts  map[*Rule]int // of rules that count all
	kept    []*session
	conns   map[net.Conn]struct{}
	changed chan struct{} // closed when anything has come
	started time.Time
	number  int // sessions so far
	ended   int // contents so far: part of their ids
	closed  bool
}

// Start listens until Close, or until ctx ends. Errors: the script can't be played, nothing can be listened on.
func Start(ctx context.Context, o Options) (*Relay, error) {
	if err := o.Script.Check(); err != nil {
		return nil, fmt.Errorf("the relay's script: %w", err)
	}
	r := &Relay{
		options: o, authority: o.Authority, script: &o.Script, counts: map[*Rule]int{},
		conns: map[net.Conn]struct{}{}, changed: make(chan struct{}), closing: make(chan struct{}), started: o.now()(),
	}
	var err error
	if r.authority == nil {
		if r.authority, err = NewAuthority(o.now()); err != nil {
			return nil, err
		}
	}
	if r.listener = o.Listener; r.listener == nil {
		if r.listener, err = net.Listen("tcp", o.listen()); err != nil {
			return nil, fmt.Errorf("the relay can't listen: %w", err)
		}
	}
	r.sessions.Go(r.accept)
	stop := context.AfterFunc(ctx, func() { r.end() })
	go func() { <-r.closing; stop() }()
	return r, nil
}

func (o Options) listen() string {
	if o.Listen == "" {
		return "127.0.0.1:0"
	}
	return o.Listen
}

func (o Options) now() func() time.Time {
	if o.Now == nil {
		return time.Now
	}
	return o.Now
}

func (o Options) idle() time.Duration {
	if o.Idle <= 0 {
		return 10 * time.Minute
	}
	return o.Idle
}

func (o Options) largest() int {
	if o.Largest <= 0 {
		return 64 << 20
	}
	return o.Largest
}

func (o Options) keep() int {
	if o.Keep <= 0 {
		return 100_000
	}
	return o.Keep
}

// Address is where the relay listens, host:port.
func (r *Relay) Address() string { return r.listener.Addr().String() }

// Authority is who issues the relay's certificates.
func (r *Relay) Authority() *Authority { return r.authority }

// Started is when it began to listen.
func (r *Relay) Started() time.Time { return r.started }

// SetScript has all commands from now on answered as s says, also in sessions that are open, but for those whose script
// Options.Choose has chosen. What its rules count begins anew. Error: it can't be played.
func (r *Relay) SetScript(s Script) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("the relay's script: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rules := range r.script.stages() {
		for i := range rules {
			delete(r.counts, &rules[i])
		}
	}
	r.script = &s
	return nil
}

// Sessions gives what came, as it stands now, in the order in which the connections were opened.
func (r *Relay) Sessions() []Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Session, len(r.kept))
	for i, s := range r.kept {
		all[i] = s.record.copied()
	}
	return all
}

// Messages gives the contents that came to their end, in the order in which they did.
func (r *Relay) Messages() []Message {
	var all []Message
	for _, s := range r.Sessions() {
		all = append(all, s.Messages...)
	}
	sortByTime(all)
	return all
}

// Await waits until what came is enough. Error: ctx's.
func (r *Relay) Await(ctx context.Context, enough func([]Session) bool) error {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if enough(r.Sessions()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("what was waited for has not come to the relay: %w", context.Cause(ctx))
		}
	}
}

// Close stops listening, ends every connection and waits for the sessions.
func (r *Relay) Close() error {
	err := r.end()
	r.sessions.Wait()
	return err
}

// end stops listening and ends every connection.
func (r *Relay) end() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	close(r.closing)
	for conn := range r.conns {
		conn.Close()
	}
	if err := r.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop listening: %w", err)
	}
	return nil
}

// accept gives each connection its session.
func (r *Relay) accept() {
	for {
		conn, err := r.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-r.closing:
				return
			case <-time.After(10 * time.Millisecond): // out of descriptors, say: the next may be had
				continue
			}
		}
		if s := r.opened(conn); s != nil {
			r.sessions.Go(s.serve)
		}
	}
}

// opened makes the session of a connection; nil: the relay is closed.
func (r *Relay) opened(conn net.Conn) *session {
	remote, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		conn.Close()
		return nil
	}
	r.number++
	s := &session{relay: r, conn: conn, socket: conn, counts: map[*Rule]int{}}
	s.record = Session{Number: r.number, Remote: remote, Opened: r.options.now()()}
	if r.kept = append(r.kept, s); len(r.kept) > r.options.keep() {
		r.kept = r.kept[1:]
	}
	r.conns[conn] = struct{}{}
	r.told()
	r.mu.Unlock()
	return s
}

// told wakes who waits. r.mu is held.
func (r *Relay) told() {
	close(r.changed)
	r.changed = make(chan struct{})
}
