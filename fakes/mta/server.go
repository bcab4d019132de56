package mta

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/queue"
	"github.com/relayspec/relayspec/fakes/mta/schedule"
	"github.com/relayspec/relayspec/fakes/mta/session"
)

// line is a connection over which messages are sent. *session.Session is one.
type line interface {
	Send(ctx context.Context, e session.Envelope, next session.Next) (fates []session.Fate, again bool, err error)
	Idle() (time.Duration, session.Ending)
	End(how session.Ending)
	TLS() bool
}

// opener opens a connection to where dial leads. name is that of its record.
type opener func(ctx context.Context, relay, name string) (line, error)

// Server is a fake of one sending server. Its methods may be called by several goroutines.
type Server struct {
	options Options
	profile *Profile
	rule    schedule.Rule
	host    mail.Host
	ids     *mail.IDs
	clock   Clock
	queue   *queue.Queue
	open    opener
	started time.Time
	named   atomic.Uint64 // messages

	ctx     context.Context // ends with the server
	stop    context.CancelFunc
	work    sync.WaitGroup
	changed chan struct{} // something may be due sooner; for the loop

	mu      sync.Mutex
	settled *sync.Cond // underWay went down to 0
	lanes   map[string]*lane
	opened  int // connections now
	counts  Counts
	closed  bool
}

// New starts a server. Messages that its queue folder holds from before are tried at once.
//
// Errors: options that make no sense; the queue folder can't be used.
func New(o Options) (*Server, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	s.open = s.openSession
	s.run()
	return s, nil
}

// newServer makes a server that doesn't run yet.
func newServer(o Options) (*Server, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	p := o.Profile
	s := &Server{
		options: o, profile: p, clock: o.Clock,
		rule:    p.Retry.Choose(o.Retry == DocumentedRetry),
		host:    mail.Host{Name: o.Host},
		lanes:   map[string]*lane{},
		changed: make(chan struct{}, 1),
	}
	if s.clock == nil {
		s.clock = realTime{}
	}
	seed := o.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	s.ids = mail.NewIDs(seed)
	if s.queue, err = queue.Open(o.Queue); err != nil {
		return nil, err
	}
	s.started = s.clock.Now()
	s.settled = sync.NewCond(&s.mu)
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// run begins to look at the queue, where nobody else has the clock.
func (s *Server) run() {
	if s.options.Clock == nil {
		s.work.Go(s.loop)
	}
}

// openSession connects to a relay and greets it.
func (s *Server) openSession(ctx context.Context, relay, name string) (line, error) {
	return session.Open(ctx, s.sessionOptions(relay, name))
}

// ErrClosed is what Submit gives after Close.
var ErrClosed = errors.New("the sending server is closed")

// Close ends the server: connections are dropped, and what isn't delivered stays in the queue, whose folder keeps it.
func (s *Server) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.stop() // with mu held: no connection is opened from here on
	s.mu.Unlock()
	if again {
		return nil
	}
	s.work.Wait()
	s.abandon()
	return s.queue.Close()
}

// Counts tells what the server has done so far.
func (s *Server) Counts() Counts {
	queued := s.queue.Len()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	c.Queued = queued
	return c
}

// Queue lists the messages in the queue in the order in which they came.
func (s *Server) Queue() []queue.Listed { return s.queue.List() }

// Profile is what the server goes by: its kind's profile and what its configuration changes.
func (s *Server) Profile() *Profile { return s.profile }

// trouble tells whoever listens.
func (s *Server) trouble(err error) {
	if err != nil && s.options.Trouble != nil {
		s.options.Trouble(err)
	}
}

// event tells whoever listens.
func (s *Server) event(e Event) {
	if s.options.Observe != nil {
		s.options.Observe(e)
	}
}
