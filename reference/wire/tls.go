package wire

import (
	"crypto/tls"
	"fmt"
	"slices"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// startTLS does STARTTLS: RFC 3207 §4. After it the session begins anew, and a failed handshake ends it: it never goes
// on in the clear. What came behind the command in the clear is never looked at as if it had come under TLS.
func (s *session) startTLS(argument []byte) {
	c := &s.server.config
	switch {
	case s.facts.TLS:
		s.say(policy.ReplyTLSTwice)
		return
	case c.TLS == nil || !slices.Contains(c.Capabilities, startTLS):
		s.fault(policy.ReplyUnknown)
		return
	case len(argument) > 0:
		s.fault(policy.ReplyNoParameters)
		return
	case s.facts.Helo == "":
		s.say(policy.ReplyNoHelo)
		return
	case s.transaction:
		s.say(policy.ReplyBadSequence)
		return
	case len(s.stream.pending()) > 0:
		s.bye(policy.ReplyTLSPipelined)
		return
	}
	s.release()
	s.say(policy.ReplyStartTLS)
	if s.flush() != nil || !s.handshake() {
		s.closing = true
		return
	}
	// RFC 3207 §4.2: nothing that was learnt before counts.
	s.facts.Helo, s.facts.Extended, s.facts.User, s.named = "", false, "", ""
}

// handshake puts TLS between us and the client. If it fails there is nobody to talk to.
func (s *session) handshake() bool {
	secured := tls.Server(s.base, s.server.config.TLS)
	if d := s.server.config.Deadlines.Handshake; d > 0 {
		s.base.SetDeadline(time.Now().Add(d))
	} else {
		s.base.SetDeadline(time.Time{})
	}
	err := errDraining
	if !s.unoccupied() {
		err = secured.Handshake()
	}
	if err != nil {
		err = fmt.Errorf("wire: TLS handshake: %w", err)
		s.tell(err.Error())
		s.closing, s.broken = true, err
		return false
	}
	s.base.SetDeadline(time.Time{})
	s.stream.conn = s.server.config.Tap(secured)
	s.facts.TLS = true
	return true
}
