package recorder

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reports/transcript"
)

// session hands on what one sender and the relay say to each other.
type session struct {
	*Recorder
	name string
	log  *transcript.Transcript
	read *reader

	mu       sync.Mutex
	sender   net.Conn
	relay    net.Conn
	answered chan bool // the relay has answered STARTTLS; true: both sides are in TLS now
	ended    string    // who ended it; "": nobody yet
	closed   bool
}

// handshakeTime bounds connecting and each TLS handshake.
const handshakeTime = 30 * time.Second

func (r *Recorder) idle() time.Duration {
	if r.options.Idle > 0 {
		return r.options.Idle
	}
	return 10 * time.Minute
}

// record hands on until either side ends it, and writes down what is said. The error says why that isn't whole.
func (r *Recorder) record(name string, sender net.Conn) error {
	w := r.writing(name)
	s := &session{Recorder: r, name: name, log: &transcript.Transcript{To: w.take}, sender: sender, answered: make(chan bool, 1)}
	s.read = &reader{session: s}
	s.handOn()
	return w.finish()
}

// handOn hands on until either side ends it.
func (s *session) handOn() {
	s.log.Call(s.name, "connect", struct {
		Port int `json:"port,omitempty"`
	}{s.options.port()})
	defer func() { s.end("by the client"); s.log.Closed(s.name, s.ended) }()
	if err := s.open(); err != nil {
		s.log.Note(s.name, err.Error())
		return
	}
	release := context.AfterFunc(s.ctx, func() { s.end("by the client: the recording ended") })
	defer release()
	var both sync.WaitGroup
	both.Go(func() { s.fromRelay(); s.end("by the relay"); s.resume(false) })
	both.Go(func() {
		if !s.fromSender() || !s.leave() {
			s.end("by the client")
		}
	})
	both.Wait()
	s.read.rest()
}

// open connects to the relay, with TLS on each side that begins with it.
func (s *session) open() error {
	ctx, cancel := context.WithTimeout(s.ctx, handshakeTime)
	defer cancel()
	var dialer net.Dialer
	relay, err := dialer.DialContext(ctx, "tcp", s.options.Upstream)
	if err != nil {
		s.log.Note(s.name, "not connected: "+err.Error())
		return fmt.Errorf("the relay: %w", err)
	}
	s.mu.Lock()
	s.relay = relay
	s.mu.Unlock()
	s.log.Note(s.name, "connected to "+s.options.Upstream)
	if s.options.UpstreamTLS {
		if err := s.towardsRelay(ctx); err != nil {
			return err
		}
	}
	if s.options.ListenTLS {
		return s.towardsSender(ctx)
	}
	return nil
}

// towardsRelay begins TLS with the relay.
func (s *session) towardsRelay(ctx context.Context) error {
	config := s.options.TLS
	if config == nil {
		host, _, _ := net.SplitHostPort(s.options.Upstream)
		config = &tls.Config{InsecureSkipVerify: true, ServerName: host}
	}
	encrypted := tls.Client(s.relay, config)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS handshake failed: with the relay: %w", err)
	}
	s.mu.Lock()
	s.relay = encrypted
	s.mu.Unlock()
	state := encrypted.ConnectionState()
	s.log.Note(s.name, fmt.Sprintf("TLS established: %s %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)))
	return nil
}

// towardsSender begins TLS with the sender.
func (s *session) towardsSender(ctx context.Context) error {
	encrypted := tls.Server(s.sender, &tls.Config{Certificates: []tls.Certificate{s.certificate}})
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("the sender's TLS handshake failed: %w", err)
	}
	s.mu.Lock()
	s.sender = encrypted
	s.mu.Unlock()
	return nil
}

// end closes both sides; who ended it first did.
func (s *session) end(by string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == "" {
		s.ended = by
	}
	if s.closed {
		return
	}
	s.closed = true
	s.sender.Close()
	if s.relay != nil {
		s.relay.Close()
	}
}

// leaveTime is how long the relay may still answer a sender that has said its last word.
const leaveTime = 5 * time.Second

// leave tells the relay that the sender has said its last word, as the sender did, and lets it answer; false: it can't be
// told.
func (s *session) leave() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	half, ok := s.relay.(interface{ CloseWrite() error })
	if !ok || s.closed {
		return false
	}
	if s.ended == "" {
		s.ended = "by the client"
	}
	return half.CloseWrite() == nil && s.relay.SetReadDeadline(time.Now().Add(leaveTime)) == nil
}

// patience is until when the relay may be silent.
func (s *session) patience() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != "" {
		return time.Now().Add(leaveTime)
	}
	return time.Now().Add(s.idle())
}

// resume lets the sender's side go on behind STARTTLS.
func (s *session) resume(encrypted bool) {
	select {
	case s.answered <- encrypted:
	default: // it doesn't wait
	}
}

// fromSender hands on what the sender says, and tells whether that came to an orderly end. Behind STARTTLS it waits for the
// relay's answer.
func (s *session) fromSender() bool {
	buffer := make([]byte, 32<<10)
	for {
		s.sender.SetReadDeadline(time.Now().Add(s.idle()))
		n, err := s.sender.Read(buffer)
		if n > 0 {
			begins := s.read.sent(buffer[:n])
			s.relay.SetWriteDeadline(time.Now().Add(s.idle()))
			if _, err := s.relay.Write(buffer[:n]); err != nil {
				return false
			}
			if begins {
				<-s.answered
			}
		}
		if err != nil {
			return err == io.EOF
		}
	}
}

// fromRelay hands on what the relay says, and begins TLS on both sides where it agrees to.
func (s *session) fromRelay() {
	buffer := make([]byte, 32<<10)
	for {
		s.relay.SetReadDeadline(s.patience())
		n, err := s.relay.Read(buffer)
		if n > 0 {
			agreed, refused := s.read.heard(buffer[:n])
			s.sender.SetWriteDeadline(time.Now().Add(s.idle()))
			if _, err := s.sender.Write(buffer[:n]); err != nil {
				return
			}
			if agreed && !s.encrypt() {
				return
			}
			if agreed || refused {
				s.resume(agreed)
			}
		}
		if err != nil {
			return
		}
	}
}

// encrypt begins TLS on both sides, the sender's first: it is waiting for it.
func (s *session) encrypt() bool {
	ctx, cancel := context.WithTimeout(s.ctx, handshakeTime)
	defer cancel()
	s.sender.SetDeadline(time.Time{})
	s.relay.SetDeadline(time.Time{})
	for _, begin := range []func(context.Context) error{s.towardsRelay, s.towardsSender} {
		if err := begin(ctx); err != nil {
			s.log.Note(s.name, err.Error())
			return false
		}
	}
	return true
}
