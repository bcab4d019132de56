package wire

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// How a message in chunks can end beside its last chunk.
var (
	errChunk     = errors.New("wire: BDAT with more than a size and LAST")
	errAbandoned = errors.New("wire: message abandoned")         // by a command, which is still to be obeyed
	errOver      = errors.New("wire: session over in a message") // and the client has been told, if it is still there
)

// chunk is what BDAT announces: RFC 3030 §2.
type chunk struct {
	size int64 // octets that follow the line
	last bool
}

// parseChunk reads the argument of BDAT. sized tells whether it is known where the chunk ends, whole whether there is
// nothing else to complain of.
func parseChunk(argument []byte) (c chunk, sized, whole bool) {
	digits, rest, _ := bytes.Cut(argument, []byte{' '})
	rest = bytes.TrimLeft(rest, " ")
	c.size, sized = parseSize(digits)
	c.last = isWord(rest, "LAST")
	return c, sized, sized && (c.last || len(rest) == 0)
}

// beginsChunk tells whether a line is meant as BDAT, also where it can't be read: octets follow that are no commands.
func beginsChunk(line []byte) bool {
	const verb = len("BDAT")
	return len(line) >= verb && isWord(line[:verb], "BDAT") && (len(line) == verb || !isLetterDigit(line[verb]))
}

// hidesChunk tells whether BDAT stands behind a bare CR or LF, which a client may take for the end of a line.
func hidesChunk(line []byte) bool {
	for piece := range bytes.FieldsFuncSeq(line, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if beginsChunk(piece) {
			return true
		}
	}
	return false
}

// lose ends the session at a BDAT that can't be read: where its octets end can't be told, and they are no commands.
func (s *session) lose() {
	s.stage, s.command = policy.Data.String(), ""
	s.bye(policy.ReplySyntax)
}

// bdat takes a chunk. Whatever the reply, it comes after the chunk's octets, which are never looked at as commands. A
// refusal ends the transaction: a message must not be taken without one of its chunks.
func (s *session) bdat(argument []byte) {
	c, sized, whole := parseChunk(argument)
	switch {
	case !sized: // nor is it known what is a command from here on
		s.bye(policy.ReplySyntax)
	case s.chunks != nil && whole:
		s.chunks.begin(c)
		if c.size > 0 {
			s.fruitless = 0
		}
	case s.chunks != nil:
		s.chunks.begin(c)
		s.chunks.spoil = errChunk
	default:
		s.firstBDAT(c, whole)
	}
}

// firstBDAT begins a message, or refuses to. Where DATA would be refused instead of 354, so is the first BDAT.
// Source: relay-rules 2.3.
func (s *session) firstBDAT(c chunk, whole bool) {
	if objection := s.objection(whole); objection != "" {
		if s.swallow(c) {
			s.object(objection)
		}
		s.release()
		return
	}
	s.fruitless = 0
	failure := s.inquire(policy.Data)
	if failure != nil || s.decision.Refused() {
		if s.swallow(c) {
			s.deny(failure, nil)
		}
		s.release()
		return
	}
	s.wait(s.decision.Delay)
	s.receiveChunks(c)
}

// objection names the reply where no message can begin. Empty: one can.
func (s *session) objection(whole bool) policy.ReplyName {
	switch missing := s.missing(); {
	case s.barred:
		return policy.ReplyBadSequence
	case !s.server.offers.chunking:
		return policy.ReplyUnknown
	case !whole:
		return policy.ReplySyntax
	case missing != "":
		return missing
	case len(s.facts.Recipients) == 0:
		return policy.ReplyNoRcpt
	}
	return ""
}

// object answers to a command that can't be understood, or that comes at the wrong time.
func (s *session) object(name policy.ReplyName) {
	if name == policy.ReplyUnknown || name == policy.ReplySyntax {
		s.fault(name)
		return
	}
	s.say(name)
}

// swallow takes a refused chunk off the stream: RFC 3030 §2. It tells whether there is still somebody to answer to.
func (s *session) swallow(c chunk) bool {
	m := s.newChunkReader(c)
	err := m.discard()
	if errors.Is(err, errFlood) {
		s.closing = true
		return true
	}
	if err != nil {
		s.deny(nil, err)
	}
	return err == nil
}

// receiveChunks takes the message and answers to its end, or to the chunk that it fails with.
func (s *session) receiveChunks(first chunk) {
	s.chunks = s.newChunkReader(first)
	m := s.chunks
	var failure error
	s.decision, failure = s.server.config.Engine.Commit(s.server.ctx, &s.facts, m)
	broken := m.drain(failure == nil && !s.decision.Refused())
	s.chunks = nil
	switch {
	case errors.Is(broken, errAbandoned):
		s.release()
		s.obey(m.command)
	case errors.Is(broken, errOver):
		s.release()
	case errors.Is(broken, errFlood):
		s.closing = true
		broken = m.spoil
		fallthrough
	default:
		s.stage = policy.Accept.String()
		s.finish(failure, broken)
	}
}

// endsMessage tells whether a command between two chunks ends the message: RFC 3030 §2 has RSET, RFC 5321 §4.1.1.10 and
// §4.1.4 have the others.
func endsMessage(verb, argument []byte) bool {
	switch string(verb) {
	case "RSET", "QUIT":
		return len(argument) == 0
	case "HELO", "EHLO":
		return true
	}
	return false
}

// chunkReader reads the message that comes with BDAT: nothing is un-stuffed, and a chunk may end anywhere, between CR and
// LF too. When a chunk has been delivered and more is asked for it sends the 250 and obeys what comes until the next BDAT,
// so that the session stays one goroutine and no more of a message is held than fits into the stream's buffer.
// As in DATA, only CRLF ends a line, since BINARYMIME isn't offered: RFC 3030 §3.
type chunkReader struct {
	session *session
	in      *stream
	until   time.Time // when the whole message must have come; zero: whenever

	chunk   chunk // the one that is being read
	left    int64 // octets of it that haven't come
	good    int   // so many pending octets are checked and not delivered
	hops    hopCounter
	cr      bool   // the octet before those that haven't come is a CR
	total   int64  // octets of all chunks so far
	waiting bool   // for the next BDAT
	spoil   error  // ErrMalformed, ErrTooBig, ErrLoop or errChunk: nothing more is delivered
	done    error  // nil until the end; then io.EOF or what broke the message off
	command []byte // what abandoned it
}

func (s *session) newChunkReader(first chunk) *chunkReader {
	m := &chunkReader{session: s, in: &s.stream, hops: hopCounter{over: s.server.config.MaxHops <= 0}}
	if d := s.server.config.Deadlines.Message; d > 0 {
		m.until = time.Now().Add(d)
	}
	m.begin(first)
	return m
}

// begin is the next BDAT.
func (m *chunkReader) begin(c chunk) {
	config := &m.session.server.config
	m.chunk, m.left, m.waiting = c, c.size, false
	m.in.awaitUntil(-1, m.until)
	m.in.patience = config.Deadlines.Data
	if limit := config.MaxSize; limit > 0 && c.size > limit-m.total {
		m.spoil = ErrTooBig
	} else if limit > 0 {
		m.total += c.size
	}
}

// Read delivers the message.
func (m *chunkReader) Read(p []byte) (int, error) { return readPiece(m, p) }

// WriteTo delivers the message from where it lies.
func (m *chunkReader) WriteTo(w io.Writer) (int64, error) { return writePieces(m, w) }

func (m *chunkReader) piece() []byte { return m.in.pending()[:m.good] }

func (m *chunkReader) use(n int) {
	m.in.r += n
	m.good -= n
}

func (m *chunkReader) find() error {
	for m.good == 0 {
		switch {
		case m.spoil != nil:
			return m.spoil
		case m.done != nil:
			return m.done
		case m.left > 0:
			m.scan()
		case m.chunk.last:
			m.end()
		default:
			m.next()
		}
	}
	return nil
}

// scan looks at what is pending, or fills.
func (m *chunkReader) scan() {
	data := m.in.pending()
	if len(data) == 0 {
		m.done = m.in.fillMessage()
		return
	}
	data = data[:min(int64(len(data)), m.left)]
	m.left -= int64(len(data))
	m.good = len(data)
	m.check(data)
	if most := m.session.server.config.MaxHops; most > 0 && m.hops.count > most && m.spoil == nil {
		m.spoil = ErrLoop
	}
	if m.spoil != nil {
		m.use(m.good)
	}
}

// check looks for a CR, an LF or a NUL that stands alone, and counts the hops in the header.
func (m *chunkReader) check(data []byte) {
	lines := 0
	for rest := data; ; lines++ {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			if !m.hops.over && len(rest) > 0 {
				m.hops.look(rest)
			}
			break
		}
		if !m.hops.over {
			m.hops.look(rest[:end+1])
		}
		at := len(data) - len(rest) + end
		if at == 0 && !m.cr || at > 0 && data[at-1] != '\r' {
			m.spoil = ErrMalformed
		}
		rest = rest[end+1:]
	}
	crs := bytes.Count(data, []byte{'\r'})
	if m.cr {
		crs++
	}
	m.cr = data[len(data)-1] == '\r'
	if m.cr {
		crs--
	}
	if crs != lines || bytes.IndexByte(data, 0) >= 0 {
		m.spoil = ErrMalformed
	}
}

// end is where the last chunk ends.
func (m *chunkReader) end() {
	if m.cr {
		m.spoil = ErrMalformed
		return
	}
	m.done = io.EOF
}

// next answers to a chunk that has been taken, and obeys what comes until the one that follows it.
func (m *chunkReader) next() {
	s := m.session
	s.octets = m.chunk.size
	s.say(policy.ReplyChunk)
	for m.waiting = true; m.waiting && m.done == nil; {
		m.in.awaitUntil(s.server.config.Deadlines.Command, m.until)
		s.next()
		if s.closing || s.broken != nil {
			m.done = errOver
		}
	}
}

// abandon ends the message for the sake of a command.
func (m *chunkReader) abandon(line []byte) {
	m.command = bytes.Clone(line)
	m.done = errAbandoned
}

// drain takes what wasn't delivered off the stream: the rest of this chunk or, where the Engine has agreed without
// reading to the end, all that is to come. It tells what is wrong with the message, or what broke it off.
func (m *chunkReader) drain(all bool) error {
	for all && m.find() == nil {
		m.use(m.good)
	}
	m.use(m.good)
	if m.done == nil {
		m.done = m.discard()
	}
	if m.done != nil && m.done != io.EOF {
		return m.done
	}
	return m.spoil
}

// discard takes the rest of a chunk off the stream, but no more than maxDrain of it: then it is an errFlood.
func (m *chunkReader) discard() error {
	for spilt := int64(0); m.left > 0; {
		n := min(int64(len(m.in.pending())), m.left)
		m.in.r += int(n)
		m.left -= n
		m.in.most = false // what is thrown away needs no big buffer
		if spilt += n; spilt > maxDrain {
			return errFlood
		}
		if n == 0 {
			if err := m.in.fillMessage(); err != nil {
				return err
			}
		}
	}
	return nil
}
