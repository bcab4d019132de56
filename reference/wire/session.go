package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// session is one connection. All of it belongs to the goroutine in run, but for raw and what interrupt does.
type session struct {
	stream
	server *Server
	raw    net.Conn // what was accepted
	base   net.Conn // what TLS goes over: raw, or what is left of it behind a PROXY header

	facts        policy.Facts
	decision     policy.Decision // the last one; a field since it is large and asked for at each command
	transaction  bool            // MAIL was accepted
	pending      bool            // something may be held for the transaction
	barred       bool            // the greeting was a refusal: nothing but QUIT goes on
	closing      bool            // close after what is gathered
	quitted      bool            // by QUIT: the client sends nothing more
	errors       int             // faults since the last accepted message, and guesses
	guesses      int             // refused credentials
	fruitless    int             // commands since the last that brought a message on
	transactions int
	counted      bool // among the sessions of its peer
	message      dotReader
	chunks       *chunkReader // the message, between its first BDAT and the reply to its last; else nil
	octets       int64        // {octets}: of the chunk that is answered

	named     string // {helo}: the argument of HELO or EHLO, fit for a reply also when it was refused
	path      string // {path}: what is no address, fit for a reply
	challenge []byte // {challenge}, base64
	positives positives

	stage   string // for Events
	command string // for Events; empty when there are none
}

func newSession(server *Server, conn net.Conn, role policy.Role) *session {
	s := &session{server: server, raw: conn, base: conn}
	s.stream = stream{
		conn:  conn,
		pools: &server.pools,
		lent:  server.pools.small.Get().(*[]byte),
		write: server.config.Deadlines.Write,
		idle:  s.unoccupied,
	}
	s.facts = policy.Facts{Session: server.config.NewID(), Peer: peerOf(conn), Port: role}
	s.positives = server.positives(s.facts.Session)
	if !server.trusted(s.facts.Peer) {
		s.stream.conn = server.config.Tap(conn) // otherwise behind the PROXY header
	}
	return s
}

func peerOf(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return plainAddr(tcp)
	}
	return netip.Addr{}
}

// peer is {peer}: the address of the client, without brackets.
func (s *session) peer() string {
	if !s.facts.Peer.IsValid() {
		return "unknown"
	}
	return s.facts.Peer.String()
}

// unoccupied tells that the server drains and nothing goes on here.
func (s *session) unoccupied() bool { return !s.transaction && s.server.draining.Load() }

// interrupt ends the wait of a read, so that the session sees that the server drains.
func (s *session) interrupt() { s.raw.SetReadDeadline(time.Unix(1, 0)) }

// run is the session's goroutine.
func (s *session) run() {
	defer s.server.leave(s)
	defer s.raw.Close()
	if !s.protect(s.dialogue) {
		s.protect(func() { s.sorry("panic") })
	}
	s.protect(s.release)
	s.hangUp()
	s.stream.release()
}

// protect is the session's one recover. A panic is a bug of ours: it is counted and told, and ends this session only.
func (s *session) protect(step func()) (fine bool) {
	defer func() {
		if v := recover(); v != nil {
			s.server.panics.Add(1)
			s.tell(fmt.Sprintf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	step()
	return true
}

// dialogue is the session from the greeting to its last reply.
func (s *session) dialogue() {
	if !s.introduce() || !s.enter() || s.facts.Port == policy.Port465 && !s.handshake() {
		return
	}
	for s.greet(); !s.closing && s.broken == nil; {
		s.stage, s.command = "", ""
		if s.unoccupied() {
			s.bye(policy.ReplyShutdown)
			return
		}
		s.shrink()
		s.await(s.server.config.Deadlines.Command)
		s.next()
	}
}

// next reads a command and obeys it.
func (s *session) next() {
	line, err := s.readLine(commandLimit)
	if err != nil {
		s.misread(line, err)
		return
	}
	s.obey(line)
}

// misread answers to a command line that couldn't be read. It is apart from next, whose frame lies on the stack of every
// idle session.
//
//go:noinline
func (s *session) misread(line []byte, err error) {
	if hidesChunk(line) {
		s.lose()
		return
	}
	s.excuse(err, policy.ReplySyntax)
}

// excuse answers to a line that couldn't be read, and ends the session where it can't go on.
func (s *session) excuse(err error, bad policy.ReplyName) {
	switch {
	case errors.Is(err, errBadLine):
		s.fault(bad)
	case errors.Is(err, errLongLine):
		s.fault(policy.ReplyLineTooLong)
	case errors.Is(err, errEndlessLine), errors.Is(err, errBrokenLine):
		s.bye(policy.ReplyLineTooLong)
	case errors.Is(err, errDraining):
		s.bye(policy.ReplyShutdown)
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.bye(policy.ReplyTimeout)
	default:
		s.closing = true // the client is gone
	}
}

// enter counts the session among those of its peer, or turns it away: on port 465 without a word, since a TLS handshake
// is what a flood would want of us.
func (s *session) enter() bool {
	if s.counted = s.server.peers.enter(s.facts.Peer); s.counted {
		return true
	}
	s.stage = policy.Connect.String()
	if s.facts.Port == policy.Port465 {
		s.tellRule(ruleProtect, "wire: too many sessions of one address")
		return false
	}
	s.bye(policy.ReplyPeerBusy)
	return false
}

// greet speaks first. RFC 5321 §3.1: after a refusal that doesn't close, all that is left is to wait for QUIT.
func (s *session) greet() {
	s.stage = policy.Connect.String()
	s.barred = !s.ask(policy.Connect)
	if !s.barred {
		s.agree(policy.ReplyGreeting)
	}
}

// release ends the transaction, if there is one, and gives back what is held for it.
func (s *session) release() {
	held := s.pending || s.facts.Hold != nil
	s.transaction, s.pending = false, false
	if held {
		s.server.config.Engine.Release(&s.facts)
	}
	s.forget()
}

// keptRecipients bounds the slice that a session keeps for its next transaction.
const keptRecipients = 1024

// forget clears the transaction's facts.
func (s *session) forget() {
	f := &s.facts
	clear(f.Recipients)
	f.Recipients = f.Recipients[:0]
	if cap(f.Recipients) > keptRecipients {
		f.Recipients = nil
	}
	f.Sender, f.Rcpt, f.Size, f.UTF8, f.DSN, f.Hold = policy.Address{}, policy.Address{}, 0, false, policy.DSN{}, nil
	s.transaction, s.pending = false, false
}

// hangUp writes what is left and closes. A client that may still be sending is given time to read it.
func (s *session) hangUp() {
	if s.flush() != nil {
		return
	}
	if !s.quitted || len(s.stream.pending()) > 0 {
		s.linger()
	}
	s.conn.Close() // under TLS this says so to the client
}

// turnAway answers a connection there is no room for. It runs in the accepting goroutine, so it waits for nothing.
func (s *session) turnAway() {
	defer s.raw.Close()
	if s.facts.Port != policy.Port465 {
		s.stream.write = time.Second
		s.say(policy.ReplyBusy)
		s.flush()
	}
	s.stream.release()
}
