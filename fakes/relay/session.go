package relay

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// session is one connection of a sender.
type session struct {
	relay  *Relay
	conn   net.Conn // socket, or TLS over it
	socket net.Conn
	chosen *Script       // nil: the relay's
	counts map[*Rule]int // of rules that count a session

	in      []byte // read and not yet taken
	reads   int    // segments so far
	ends    []int  // ends[i] is where, in in, segment first+i ends
	first   int    // segment of the octets at the beginning of in
	out     []byte // replies that wait until in has no whole line
	ending  Ending
	failure string

	record Session // under relay.mu

	greeted     bool
	transaction *transaction
}

// transaction is what MAIL opened.
type transaction struct {
	Message
	counts map[*Rule]int
	chunks []byte // what BDAT brought so far
}

// errEnd ends a session; its ending is set.
var errEnd = errors.New("the session has ended")

// serve hears a sender out.
func (s *session) serve() {
	s.relay.observe(s, Event{Opened: true})
	err := s.hear()
	if !errors.Is(err, errEnd) {
		s.ended(err)
	}
	s.flush()
	s.leave()
	s.relay.mu.Lock()
	s.record.Closed, s.record.End, s.record.Failure = s.relay.options.now()(), s.ending, s.failure
	end := s.ending
	delete(s.relay.conns, s.socket)
	s.relay.told()
	s.relay.mu.Unlock()
	s.relay.observe(s, Event{Closed: true, End: end})
}

// ended says how an error of the connection ended it.
func (s *session) ended(err error) {
	switch {
	case s.ending != "":
	case errors.Is(err, io.EOF):
		s.ending = ByEOF
	case errors.Is(err, net.ErrClosed):
		s.ending = ByServer
	default:
		s.ending, s.failure = ByError, err.Error()
		s.note("recv error: " + err.Error())
	}
}

// lingerTime bounds how long the relay waits for a client to close its side.
const lingerTime = time.Second

// leave closes the connection so that the client can read what was said last.
func (s *session) leave() {
	half, ok := s.conn.(interface{ CloseWrite() error })
	if ok && s.ending != ByError && half.CloseWrite() == nil && s.conn.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		io.Copy(io.Discard, s.conn) // until the client has closed, too: only that matters
	}
	s.conn.Close()
	s.socket.Close()
}

// hear answers until either side ends it.
func (s *session) hear() error {
	s.choose(Peer{})
	if s.relay.options.ImplicitTLS {
		if err := s.encrypt(); err != nil {
			return err
		}
	}
	err := s.answer(s.script().Greeting, "220 "+s.script().name()+" ESMTP sink ready", s.record.Remote.Addr().String())
	for err == nil {
		var line string
		var segment int
		if line, segment, err = s.line(); err == nil {
			err = s.command(line, segment)
		}
	}
	return err
}

// script is how this session is answered now.
func (s *session) script() *Script {
	if s.chosen != nil {
		return s.chosen
	}
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	return s.relay.script
}

// choose asks for the session's script.
func (s *session) choose(peer Peer) {
	if s.relay.options.Choose == nil {
		return
	}
	peer.Session, peer.Remote, peer.TLS = s.record.Number, s.record.Remote, s.conn != s.socket
	if chosen := s.relay.options.Choose(peer); chosen != nil {
		s.chosen = chosen
	}
}

func (s *Script) name() string {
	if s.Name == "" {
		return DefaultName
	}
	return s.Name
}

// longestLine is how long a command may be; AUTH's credentials need most.
const longestLine = 64 << 10

// line takes the next command, without its end, and tells the segment in which that end came.
func (s *session) line() (string, int, error) {
	searched := 0
	for {
		if end := bytes.IndexByte(s.in[searched:], '\n'); end >= 0 {
			taken, segment := s.take(searched + end + 1)
			return strings.TrimSuffix(strings.TrimSuffix(string(taken), "\n"), "\r"), segment, nil
		}
		if searched = len(s.in); searched > longestLine {
			s.say("500 5.5.2 Line too long")
			s.ending = ByServer
			return "", 0, errEnd
		}
		if err := s.more(); err != nil {
			return "", 0, err
		}
	}
}

// more reads a segment. What waits to be said is said first.
func (s *session) more() error {
	if err := s.flush(); err != nil {
		return err
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(s.relay.options.idle())); err != nil {
		return err
	}
	buffer := make([]byte, 64<<10)
	n, err := s.conn.Read(buffer)
	if n > 0 {
		s.reads++
		if len(s.in) == 0 {
			s.first, s.ends = s.reads, s.ends[:0]
		}
		s.in = append(s.in, buffer[:n]...)
		s.ends = append(s.ends, len(s.in))
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("nothing came for %s", s.relay.options.idle())
	}
	return err
}

// take takes n octets of what was read, and tells the segment in which the last of them came.
func (s *session) take(n int) ([]byte, int) {
	taken := s.in[:n:n]
	s.in = s.in[n:]
	if n == 0 {
		return nil, s.reads
	}
	i := 0
	for s.ends[i] < n {
		i++
	}
	segment := s.first + i
	if s.ends[i] == n {
		i++
	}
	s.ends = s.ends[i:]
	s.first += i
	for i := range s.ends {
		s.ends[i] -= n
	}
	return taken, segment
}

// encrypt begins TLS.
func (s *session) encrypt() error {
	s.in, s.ends = nil, nil // what was sent in clear behind STARTTLS counts for nothing (RFC 3207 §4.2)
	config, err := s.relay.encryption(s.script())
	if err != nil {
		return err
	}
	encrypted := tls.Server(s.socket, config)
	if err := s.socket.SetDeadline(time.Now().Add(s.relay.options.idle())); err != nil {
		return err
	}
	if err := encrypted.Handshake(); err != nil {
		s.note("TLS handshake failed: " + err.Error())
		s.ending, s.failure = ByEOF, err.Error()
		return errEnd
	}
	if err := s.socket.SetDeadline(time.Time{}); err != nil {
		return err
	}
	s.conn = encrypted
	state := encrypted.ConnectionState()
	text := strings.ReplaceAll(tls.VersionName(state.Version), " ", "v") + " " + tls.CipherSuiteName(state.CipherSuite)
	s.update(func(r *Session) { r.TLS, r.SNI, r.Verb, r.Hello = text, state.ServerName, "", "" })
	sni := state.ServerName
	if sni == "" {
		sni = "None"
	}
	s.note("TLS established " + text + " sni=" + sni)
	s.greeted, s.transaction = false, nil
	return nil
}

// update changes what is recorded of s.
func (s *session) update(change func(*Session)) {
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	change(&s.record)
	s.relay.told()
}

// keep records a step, and tells of it.
func (s *session) keep(step Step, message *Message) {
	step.At = s.relay.options.now()()
	s.update(func(r *Session) { r.Steps = append(r.Steps, step) })
	s.relay.observe(s, Event{Step: step, Message: message})
}

func (s *session) note(text string) { s.keep(Step{Kind: Note, Text: text}, nil) }

// observe tells who watches.
func (r *Relay) observe(s *session, e Event) {
	if r.options.Observe == nil {
		return
	}
	e.Session, e.Remote, e.Hello = s.record.Number, s.record.Remote, s.record.Hello // set by this goroutine only
	r.options.Observe(e)
}

// say has a reply sent once nothing more is to be read at once; its lines are separated by \n.
func (s *session) say(reply string) {
	s.keep(Step{Kind: Reply, Text: reply}, nil)
	for line := range strings.SplitSeq(reply, "\n") {
		s.out = append(append(s.out, line...), "\r\n"...)
	}
}

// flush sends what waits to be said.
func (s *session) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	out := s.out
	s.out = nil
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.relay.options.idle())); err != nil {
		return err
	}
	if _, err := s.conn.Write(out); err != nil {
		return fmt.Errorf("the client doesn't take what is said: %w", err)
	}
	return nil
}

func sortByTime(messages []Message) {
	slices.SortStableFunc(messages, func(a, b Message) int { return a.At.Compare(b.At) })
}
