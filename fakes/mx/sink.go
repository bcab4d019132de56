package mx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/relayspec/relayspec/reports/transcript"
)

// Bounds of what a Sink takes.
const (
	DefaultKeep = 10_000            // messages
	maxMessage  = 256 << 20         // octets, more than any documented size limit
	maxLine     = 64 << 10          // octets; the relay may have taken longer lines than RFC 5321 §4.5.3.1.6 allows
	idleTimeout = 10 * time.Minute  // RFC 5321 §4.5.3.2.7 wants at least 5
	domain      = "mx.sink.invalid" // who the sink says it is
)

// Options of a Sink. The zero value keeps messages and refuses none.
type Options struct {
	// Listen is where it listens, host:port; empty: a port of 127.0.0.1 that the system chooses.
	Listen string
	// Keep is how many messages stay; the oldest go first. 0: DefaultKeep; -1: no bound.
	Keep int
	// Discard reads messages and keeps none: they are only counted.
	Discard bool
	// Refuse is asked at each RCPT; what it gives is the reply (4yz defers, 5yz refuses), nil accepts. It is called from
	// many sessions at once. nil: all are accepted.
	Refuse func(sender, recipient string) *smtp.SMTPError
	// Transcript gets a note for each message; nil: none.
	Transcript *transcript.Transcript
}

// Message is a message as it arrived.
type Message struct {
	Sender     string   // reverse-path, "" for <>
	Recipients []string // forward-paths that were accepted, in order
	Data       []byte   // header and body, dots as they were before they were stuffed
	Received   time.Time
}

// Sink is a server, on a loopback address unless Options.Listen says another. Its methods may be called from several goroutines.
type Sink struct {
	options  Options
	server   *smtp.Server
	listener *listener
	served   chan error

	mu       sync.Mutex
	messages []Message
	count    int
	arrived  chan struct{} // closed and replaced at each arrival
	closed   bool
}

// Start listens where options say and serves until Close.
func Start(options Options) (*Sink, error) {
	socket, err := listen(options.Listen)
	if err != nil {
		return nil, fmt.Errorf("start the sink: %w", err)
	}
	s := &Sink{
		options:  options,
		listener: &listener{Listener: socket, conns: map[*conn]struct{}{}},
		served:   make(chan error, 1),
		arrived:  make(chan struct{}),
	}
	s.server = newServer(s)
	go func() { s.served <- s.server.Serve(s.listener) }()
	return s, nil
}

func listen(address string) (net.Listener, error) {
	if address == "" {
		return net.Listen("tcp4", "127.0.0.1:0")
	}
	return net.Listen("tcp", address)
}

func newServer(s *Sink) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{sink: s}, nil }))
	server.Domain = domain
	server.MaxMessageBytes = maxMessage
	server.MaxLineLength = maxLine
	server.ReadTimeout = idleTimeout
	server.WriteTimeout = idleTimeout
	server.EnableSMTPUTF8 = true
	server.ErrorLog = log.New(io.Discard, "", 0) // a relay that drops its connection is no news here
	return server
}

// Address is where the sink listens, host:port.
func (s *Sink) Address() string { return s.listener.Addr().String() }

// Close ends the server and its sessions and waits for them. What was kept stays; Wait returns. A message that was
// arriving isn't kept.
func (s *Sink) Close() error {
	if !s.end() {
		return nil
	}
	err := s.listener.Close()
	if served := <-s.served; err == nil && !errors.Is(served, net.ErrClosed) {
		err = served
	}
	s.server.Shutdown(context.Background()) // waits for the sessions, which have lost their connections
	if err != nil {
		return fmt.Errorf("close the sink: %w", err)
	}
	return nil
}

// end makes Wait return; false: it was closed before.
func (s *Sink) end() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.closed = true
	close(s.arrived)
	return true
}

// All gives the messages that are kept, in the order of their arrival. Their Data isn't to be changed.
func (s *Sink) All() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Count is how many messages have arrived, kept or not.
func (s *Sink) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// ErrClosed is what Wait gives when the sink was closed before enough had arrived.
var ErrClosed = errors.New("the sink is closed")

// Wait gives the messages whose Data holds token, in the order of their arrival, as soon as there are n of them. When
// ctx or the sink ends first it gives those that there are, and an error: ctx's cause, or ErrClosed.
func (s *Sink) Wait(ctx context.Context, token string, n int) ([]Message, error) {
	var found []Message
	seen := 0
	for {
		fresh, arrived, closed := s.since(&seen)
		for _, m := range fresh { // without the lock: the data may be large
			if bytes.Contains(m.Data, []byte(token)) {
				found = append(found, m)
			}
		}
		if len(found) >= n {
			return found, nil
		}
		if closed {
			return found, fmt.Errorf("wait for %d messages with %q, have %d: %w", n, token, len(found), ErrClosed)
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return found, fmt.Errorf("wait for %d messages with %q, have %d: %w", n, token, len(found), context.Cause(ctx))
		}
	}
}

// since gives the kept messages from the seen-th arrival on and sets seen behind them. arrived tells of the next one.
func (s *Sink) since(seen *int) (fresh []Message, arrived <-chan struct{}, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := s.count - len(s.messages)
	fresh = append(fresh, s.messages[min(max(0, *seen-gone), len(s.messages)):]...)
	*seen = s.count
	return fresh, s.arrived, s.closed
}

// take keeps a message that arrived; octets is the size of its data.
func (s *Sink) take(m Message, octets int64) {
	s.options.Transcript.Note("mx", fmt.Sprintf("got a message from <%s> to %d recipients, %d octets", m.Sender, len(m.Recipients), octets))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if s.options.Discard {
		return
	}
	s.messages = append(s.messages, m)
	if keep := s.keep(); keep >= 0 && len(s.messages) > keep {
		s.messages[0] = Message{} // let go of its data
		s.messages = s.messages[1:]
	}
	if !s.closed {
		close(s.arrived)
		s.arrived = make(chan struct{})
	}
}

func (s *Sink) keep() int {
	if s.options.Keep == 0 {
		return DefaultKeep
	}
	return s.options.Keep
}
