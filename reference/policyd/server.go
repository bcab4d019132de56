package policyd

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// ErrClosed is what Serve returns after Close.
var ErrClosed = errors.New("policyd: server closed")

// Engine decides. *reference.Engine is one; see wire.Engine for what each method promises.
type Engine interface {
	Decide(ctx context.Context, stage policy.Stage, f *policy.Facts) (policy.Decision, error)
	Commit(ctx context.Context, f *policy.Facts, body io.Reader) (policy.Decision, error)
	Release(f *policy.Facts)
}

// Options are what a Server is made of. Engine is needed, everything else works as zero.
type Options struct {
	Engine Engine
	// Failure is answered where the Engine fails, or is asked what can't be answered. Zero: 451 4.3.0.
	Failure policy.Reply
	// Hold is how long, in real time, a transaction may hold its places that Postfix neither ends nor asks about. 0: 5 min, as
	// long as Postfix waits for a client by default.
	Hold time.Duration
	// Idle is how long a connection may be silent. 0: 20 min, longer than Postfix keeps one by default; -1: for ever.
	Idle time.Duration
	// MaxConnections bounds the connections at once; one more is closed. 0: 1,000. -1: no bound.
	MaxConnections int
	// Silent tells whether a decision isn't to be told: the connection is closed in the place of an answer, and Postfix asks
	// again over another one, or answers its client with smtpd_policy_service_default_action. nil: all are told.
	Silent func(policy.Decision) bool
	// Now is the time of events, and in replies. nil: time.Now.
	Now func() time.Time
	// Events is told of each answer, and of what is no request. It is called from many goroutines. nil: nobody wants to know.
	Events func(Event)
}

// Event is one answer to Postfix, or, without Action, a connection that was closed: for what it sent, or in the place of an
// answer.
type Event struct {
	Time       time.Time     `json:"time"`
	Instance   string        `json:"instance,omitempty"`
	Client     string        `json:"client,omitempty"` // the SMTP client
	State      string        `json:"state,omitempty"`
	Action     string        `json:"action,omitempty"`
	Rule       policy.RuleID `json:"rule,omitempty"`
	Sender     string        `json:"sender,omitempty"`
	Recipient  string        `json:"recipient,omitempty"`
	Recipients int           `json:"recipients,omitempty"` // gathered so far
	Note       string        `json:"note,omitempty"`       // what the service would have done and Postfix can't
	Cause      string        `json:"cause,omitempty"`      // of a failure, and of a closed connection
}

// The defaults of Options.
const (
	defaultHold        = 5 * time.Minute
	defaultIdle        = 20 * time.Minute
	defaultConnections = 1000

	requestTime = time.Minute // for a whole request, once it has begun, and to take an answer
)

// Server answers Postfix. Make it with New. Its methods may be called from several goroutines.
type Server struct {
	options Options
	ctx     context.Context // of the Engine's calls
	cancel  context.CancelFunc

	mu           sync.Mutex
	closed       bool
	listeners    map[net.Listener]struct{}
	connections  map[net.Conn]struct{}
	transactions map[string]*transaction // by instance
	swept        time.Time
	running      sync.WaitGroup
}

// New makes a server. Error: there is no Engine.
func New(o Options) (*Server, error) {
	if o.Engine == nil {
		return nil, errors.New("policyd: no Engine: reference.NewEngine gives one")
	}
	if o.Failure.Code == 0 {
		o.Failure = policy.Reply{Code: 451, Enhanced: "4.3.0", Lines: []string{"Temporary System Problem. Try again later."}}
	}
	o.Hold, o.Idle = cmp.Or(o.Hold, defaultHold), cmp.Or(o.Idle, defaultIdle)
	o.MaxConnections = cmp.Or(o.MaxConnections, defaultConnections)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Silent == nil {
		o.Silent = func(policy.Decision) bool { return false }
	}
	if o.Events == nil {
		o.Events = func(Event) {}
	}
	s := &Server{options: o, listeners: map[net.Listener]struct{}{}, connections: map[net.Conn]struct{}{}, transactions: map[string]*transaction{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Serve accepts connections on l until Close (then the error is ErrClosed) or an error of l, and closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.listen(l) {
		return ErrClosed
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			s.mu.Lock()
			closed := s.closed
			delete(s.listeners, l)
			s.mu.Unlock()
			if closed {
				return ErrClosed
			}
			return fmt.Errorf("policyd: accept on %v: %w", l.Addr(), err)
		}
		s.admit(conn)
	}
}

func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.listeners[l] = struct{}{}
	}
	return !s.closed
}

// admit answers on conn, if there is still room for it.
func (s *Server) admit(conn net.Conn) {
	s.mu.Lock()
	full := s.options.MaxConnections > 0 && len(s.connections) >= s.options.MaxConnections
	admitted := !full && !s.closed
	if admitted {
		s.connections[conn] = struct{}{}
		s.running.Add(1)
	}
	s.mu.Unlock()
	if full {
		s.tell(Event{Cause: fmt.Sprintf("more than %d connections at once", s.options.MaxConnections)})
	}
	if !admitted {
		conn.Close()
		return
	}
	go func() {
		defer s.running.Done()
		defer s.drop(conn)
		(&connection{server: s, name: rand.Text(), conn: conn, in: bufio.NewReaderSize(conn, longestLine)}).run()
	}()
}

func (s *Server) drop(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, conn)
}

// Close lets nobody in any more, lets the answers out that are being made, closes all connections and returns when none is
// left. Postfix defers what it can't ask about.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for l := range s.listeners {
		l.Close()
	}
	for conn := range s.connections {
		conn.SetReadDeadline(time.Unix(1, 0))
	}
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
	return nil
}

func (s *Server) ending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Server) tell(e Event) {
	e.Time = s.options.Now()
	s.options.Events(e)
}

// connection is one of Postfix's. It belongs to the goroutine in run.
type connection struct {
	server   *Server
	name     string // no other has the same
	conn     net.Conn
	in       *bufio.Reader
	instance string // the transaction that was last asked about; empty: none that goes on
	greeted  string // the HELO that was last asked about
}

// run answers one request after the other.
func (c *connection) run() {
	defer c.leave()
	for {
		r, err := c.read()
		if err != nil {
			if errors.Is(err, errNoRequest) {
				c.server.tell(Event{Cause: fmt.Sprintf("closed the connection of %s: %v", c.conn.RemoteAddr(), err)})
			}
			return
		}
		if err := c.answer(&r); err != nil {
			return
		}
	}
}

// leave ends what this connection has begun.
func (c *connection) leave() {
	switch c.instance {
	case "":
	case c.name:
		c.server.abandon(c.name)
	default:
		c.server.hangUp(c.instance)
	}
}

// read waits for a request. Only its first octet may take long.
func (c *connection) read() (request, error) {
	if c.in.Buffered() == 0 {
		if err := c.await(c.server.options.Idle); err != nil {
			return request{}, err
		}
		if _, err := c.in.Peek(1); err != nil {
			return request{}, err
		}
	}
	if err := c.await(requestTime); err != nil {
		return request{}, err
	}
	return readRequest(c.in)
}

// await gives the next reads so long, and asks after that whether the server has ended, so that its Close can't be missed.
func (c *connection) await(d time.Duration) error {
	deadline := time.Time{}
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	if err := c.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	if c.server.ending() {
		return ErrClosed
	}
	return nil
}

// errSilent is why a connection is closed in the place of an answer.
var errSilent = errors.New("policyd: no answer is to be given")

// answer decides and says so.
func (c *connection) answer(r *request) error {
	if r.instance == "" { // a client that isn't Postfix: it has one transaction at a time
		r.instance = c.name
	}
	e, delay := c.decide(c.server.ctx, r)
	e.Instance, e.Client, e.State, e.Recipient = r.instance, r.client.String(), r.state, r.recipient.String()
	c.server.tell(e)
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-c.server.ctx.Done():
		}
	}
	if e.Action == "" {
		return errSilent
	}
	if err := c.conn.SetWriteDeadline(time.Now().Add(requestTime)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.conn, "action=%s\n\n", e.Action)
	return err
}
