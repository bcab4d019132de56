package storm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
)

// Options are what a storm is made of. Address and Message are needed, Corpus where there is Garbage; the others work as
// zero.
type Options struct {
	Address    string // host:port of the relay's port 25 or 587
	TLSAddress string // host:port of its port 465; empty: nothing goes there
	Hello      string // what clients that mean it say in EHLO; empty: "storm.example"
	// Message makes message i of the working client, from 0 on. Slow sessions take the envelope of message 0.
	Message func(i int) client.Message

	Garbage int      // sessions that say what Corpus has
	Corpus  [][]byte // raw sessions
	Idle    int      // sessions that are opened and left alone
	Slow    int      // sessions that say an octet every Drip

	AtOnce  int           // garbage sessions at once, and idle ones that are being opened; 0: 64
	Sources []netip.Addr  // the clients' addresses, in turn; empty: the system's choice
	Drip    time.Duration // 0: 1 s
	Every   time.Duration // from one message of the working client to the next; 0: 10 ms
	Wait    time.Duration // bounds each wait for the relay; 0: 20 s
	Seed    uint64        // of all that is random
	// Held is called once all that is to be held is held and the garbage is through, before it ends. nil: nobody looks.
	Held func()
}

func (o *Options) setDefaults() {
	if o.Hello == "" {
		o.Hello = "storm.example"
	}
	if o.AtOnce == 0 {
		o.AtOnce = 64
	}
	if o.Drip == 0 {
		o.Drip = time.Second
	}
	if o.Every == 0 {
		o.Every = 10 * time.Millisecond
	}
	if o.Wait == 0 {
		o.Wait = 20 * time.Second
	}
	if o.Held == nil {
		o.Held = func() {}
	}
}

func (o *Options) check() error {
	switch {
	case o.Address == "":
		return errors.New("storm: Options.Address is missing")
	case o.Message == nil:
		return errors.New("storm: Options.Message is missing: the working client has nothing to send")
	case o.Garbage > 0 && len(o.Corpus) == 0:
		return errors.New("storm: Options.Corpus is empty: garbage sessions have nothing to say; ReadCorpus gives one")
	}
	return nil
}

// Report is what came of a storm.
type Report struct {
	Working Working
	Garbage Garbage
	Idle    Held
	Slow    Held
	Took    time.Duration
}

// Held is what became of sessions that were held open.
type Held struct {
	Opened int
	Cut    int // that the relay ended before we did: it may, after its time limits
	Asked  int // that were asked at the end whether they are still served
	Served int // of those asked
}

// String gives r in a few lines for a person to read.
func (r *Report) String() string {
	return strings.Join([]string{
		"working client: " + r.Working.String(),
		"garbage: " + r.Garbage.String(),
		fmt.Sprintf("idle: %d held, %d of %d asked still served", r.Idle.Opened, r.Idle.Served, r.Idle.Asked),
		fmt.Sprintf("slow: %d held, %d cut by the relay", r.Slow.Opened, r.Slow.Cut),
		fmt.Sprintf("all of it took %.1f s", r.Took.Seconds()),
	}, "\n")
}

// Run lets a storm go over a relay and returns when every session has ended.
//
// Errors: a session that was to be held couldn't be opened; ctx's cause. What the working client met is no error but
// Report.Working.Err.
func Run(ctx context.Context, o Options) (Report, error) {
	if err := o.check(); err != nil {
		return Report{}, err
	}
	o.setDefaults()
	s := &storm{Options: o}
	started := time.Now()
	var r Report
	worked := s.work()
	err := s.rage(ctx, &r)
	r.Working = worked()
	r.Took = time.Since(started)
	return r, err
}

type storm struct{ Options }

// rage holds what is to be held, lets the garbage through beside it, and ends it all.
func (s *storm) rage(ctx context.Context, r *Report) error {
	idle, err := s.openIdle(ctx)
	defer closeAll(idle)
	if err != nil {
		return fmt.Errorf("open idle sessions: %w", err)
	}
	slow, err := s.openSlow(ctx)
	defer slow.close()
	if err != nil {
		return fmt.Errorf("open slow sessions: %w", err)
	}
	if r.Garbage = s.pelt(ctx); ctx.Err() != nil {
		return fmt.Errorf("storm: %w", context.Cause(ctx))
	}
	s.Held()
	r.Slow = slow.close()
	r.Idle = s.ask(idle)
	return nil
}

// dial connects from the next of the sources.
func (s *storm) dial(ctx context.Context, i int, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: s.Wait}
	if len(s.Sources) > 0 {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.Sources[i%len(s.Sources)], 0))
	}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(s.Wait))
}

// spread does n things, AtOnce at a time, until one fails or ctx ends.
func (s *storm) spread(ctx context.Context, n int, do func(ctx context.Context, worker, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	for worker := range min(s.AtOnce, n) {
		workers.Go(func() {
			for i := worker; i < n && ctx.Err() == nil; i += s.AtOnce {
				if err := do(ctx, worker, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}
