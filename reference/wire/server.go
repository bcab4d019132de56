package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// ErrClosed is what Serve returns after Shutdown or Close.
var ErrClosed = errors.New("wire: server closed")

// Server serves sessions. Make it with New. Its methods may be called from several goroutines.
type Server struct {
	config  Config
	replies map[policy.ReplyName]reply
	ehlo    [2]reply // in the clear, with TLS on
	offers  offers
	pools   pools

	ctx    context.Context // of the Engine's calls
	cancel context.CancelFunc

	draining atomic.Bool
	panics   atomic.Int64

	peers peers

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	sessions  map[*session]struct{}
	running   sync.WaitGroup // sessions
}

// New makes a server. Error: something in c is missing or can't be served.
func New(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.setDefaults()
	s := &Server{
		config:    c,
		replies:   make(map[policy.ReplyName]reply, len(c.Replies)),
		ehlo:      [2]reply{render(c.ehlo(false)), render(c.ehlo(true))},
		offers:    c.offers(),
		peers:     peers{most: c.MaxPeerSessions},
		pools:     newPools(),
		listeners: map[net.Listener]struct{}{},
		sessions:  map[*session]struct{}{},
	}
	for i := range s.ehlo {
		s.ehlo[i].rule = ruleOf(policy.ReplyEhlo)
	}
	for name, r := range c.Replies {
		rendered := render(r)
		rendered.rule = ruleOf(name)
		s.replies[name] = rendered
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Serve accepts connections on l until Shutdown, Close (then the error is ErrClosed) or an error of l, and closes l. It
// tries again, less and less often, while the system is short of something or a connection ended before it was accepted.
// Role is the documented purpose of the port, whatever its number; policy.Port465 begins with the TLS handshake.
// The sessions go on after Serve: Shutdown and Close wait for them.
func (s *Server) Serve(l net.Listener, role policy.Role) error {
	defer l.Close()
	if role == policy.Port465 && s.config.TLS == nil {
		return errors.New("wire: port 465 needs a TLS configuration")
	}
	if !s.listen(l) {
		return ErrClosed
	}
	defer s.forget(l)
	backOff := shortestPause
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			backOff = shortestPause
			s.admit(conn, role)
		case s.draining.Load():
			return ErrClosed
		case passes(err):
			s.pause(backOff)
			backOff = min(2*backOff, longestPause)
		default:
			return fmt.Errorf("wire: accept on %v: %w", l.Addr(), err)
		}
	}
}

// How long Serve waits after an error that passes.
const (
	shortestPause = 5 * time.Millisecond
	longestPause  = time.Second
)

// passes tells whether Accept may succeed later: descriptors and memory come back when sessions end.
func passes(err error) bool {
	for _, passing := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}

func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) forget(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.ctx.Done():
	}
}

// admit starts a session, if there is still room for one.
func (s *Server) admit(conn net.Conn, role policy.Role) {
	session := newSession(s, conn, role)
	s.mu.Lock()
	full := s.config.MaxSessions > 0 && len(s.sessions) >= s.config.MaxSessions
	closed := s.draining.Load()
	if !full && !closed {
		s.sessions[session] = struct{}{}
		s.running.Add(1)
	}
	s.mu.Unlock()
	switch {
	case closed:
		conn.Close()
	case full:
		session.turnAway()
	default:
		go session.run()
	}
}

// leave is the end of a session that admit started.
func (s *Server) leave(session *session) {
	if session.counted {
		s.peers.leave(session.facts.Peer)
	}
	s.mu.Lock()
	delete(s.sessions, session)
	s.mu.Unlock()
	s.running.Done()
}

// Sessions is how many there are now.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Panics is how many panics sessions have recovered from: each is a bug, in the Engine or here.
func (s *Server) Panics() int64 { return s.panics.Load() }

// Shutdown drains the server: no more connections, and each session is closed with ReplyShutdown (421) as soon as it is
// in no transaction. What is left when ctx ends is closed as by Close, and then the error is that of ctx.
// It returns when no session is left.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, session := range s.stop() {
		session.interrupt()
	}
	idle := make(chan struct{})
	go func() {
		s.running.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		s.cancel()
		return nil
	case <-ctx.Done():
		s.drop()
		<-idle
		return fmt.Errorf("wire: drain: %w", ctx.Err())
	}
}

// Close closes every listener and connection, ends the Engine's context, and returns when no session is left.
// It must not be called from the Engine.
func (s *Server) Close() error {
	s.stop()
	s.drop()
	s.running.Wait()
	return nil
}

// stop lets nobody in any more, and gives the sessions that there are.
func (s *Server) stop() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining.Store(true)
	for l := range s.listeners {
		l.Close()
	}
	return s.snapshot()
}

func (s *Server) drop() {
	s.cancel()
	s.mu.Lock()
	all := s.snapshot()
	s.mu.Unlock()
	for _, session := range all {
		session.raw.Close()
	}
}

func (s *Server) snapshot() []*session {
	all := make([]*session, 0, len(s.sessions))
	for session := range s.sessions {
		all = append(all, session)
	}
	return all
}
