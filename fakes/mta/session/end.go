package session

import (
	"net"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
)

// Idle tells how long the session may wait for another message, and how it ends then; 0: it isn't kept.
func (s *Session) Idle() (time.Duration, Ending) {
	after := s.m.Idle.After.Value
	if s.o.Scale > 0 {
		after = time.Duration(float64(after) * s.o.Scale)
	}
	return after, s.m.Idle.By.Value
}

// End ends the session, with QUIT or without a word. The second time it does nothing.
func (s *Session) End(how Ending) {
	if how == ByEOF {
		s.cut()
		return
	}
	s.leave()
}

// TLS tells whether the session is encrypted.
func (s *Session) TLS() bool { return s.conn.TLS() }

// Begun is how many transactions were begun.
func (s *Session) Begun() int { return s.begun }

// Peer is the relay's address.
func (s *Session) Peer() net.Addr { return s.peer }

// Offers tells whether the relay announced an extension.
func (s *Session) Offers(keyword string) bool { return s.conn.Capabilities().Has(keyword) }

// leave says QUIT.
func (s *Session) leave() {
	if s.over {
		return
	}
	s.conn.Put(s.within(s.m.Timeouts.Quit.Value), client.Part{Line: "QUIT"})
	s.left()
}

// left ends the connection behind a QUIT.
func (s *Session) left() {
	if s.over {
		return
	}
	s.over = true
	if !s.m.Quit.Waits.Value {
		s.conn.Drop() // nothing depends on how it ends
		return
	}
	s.conn.SetTimeout(s.within(s.m.Timeouts.Quit.Value))
	s.conn.Await("QUIT") // nor on what the relay says
	s.conn.Settle()
	s.conn.Close()
}

// cut ends the connection without a word.
func (s *Session) cut() {
	if s.over {
		return
	}
	s.over = true
	s.conn.GiveUp()
	s.conn.Drop()
}
