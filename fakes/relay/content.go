package relay

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

func (s *session) data() error {
	if s.transaction == nil || len(s.transaction.Recipients) == 0 {
		return s.outOfPlace("503 5.5.1 RCPT first")
	}
	said, err := s.decide(s.applies(s.script().Data, s.transaction.Recipients...), "354 Go ahead")
	if err != nil || !strings.HasPrefix(said, "354") {
		return err
	}
	wire, segment, err := s.dotted(s.untilOctets())
	if err != nil {
		return err
	}
	return s.complete(unstuffed(wire), Step{Kind: Content, Verb: EndOfData, Segment: segment})
}

// dotted reads a content and the dot that ends it; at octets, where such rules are, it does what they say.
func (s *session) dotted(cut *Rule) ([]byte, int, error) {
	end, seen := []byte("\r\n.\r\n"), 0
	for {
		if bytes.HasPrefix(s.in, end[2:]) {
			_, segment := s.take(3)
			return nil, segment, nil
		}
		from := max(0, seen-len(end))
		if at := bytes.Index(s.in[from:], end); at >= 0 && (cut == nil || from+at < cut.Octets) {
			taken, segment := s.take(from + at + len(end))
			return taken[:len(taken)-3], segment, nil
		}
		if seen = len(s.in); cut != nil && seen >= cut.Octets {
			if _, err := s.decide(cut, ""); err != nil {
				return nil, 0, err
			}
			cut = nil
			continue
		}
		if seen > s.relay.options.largest() {
			return nil, 0, s.tooLarge()
		}
		if err := s.more(); err != nil {
			return nil, 0, err
		}
	}
}

func (s *session) tooLarge() error {
	s.say("552 5.3.4 Message too large")
	s.ending = ByServer
	s.failure = fmt.Sprintf("a content of more than %d octets", s.relay.options.largest())
	return errEnd
}

// untilOctets is the rule that speaks in the middle of this content; nil: none does.
func (s *session) untilOctets() *Rule {
	rules := s.script().Content
	for i := range rules {
		rule := &rules[i]
		if rule.Octets > 0 && rule.met(s.transaction.Recipients) && s.counted(rule) {
			return rule
		}
	}
	return nil
}

// unstuffed takes away what the sender put before lines that begin with a dot (RFC 5321 §4.5.2).
func unstuffed(wire []byte) []byte {
	content := bytes.ReplaceAll(wire, []byte("\r\n."), []byte("\r\n"))
	return bytes.TrimPrefix(content, []byte("."))
}

// bdat takes a chunk, whatever it then answers: its octets come in any case (RFC 3030 §2).
func (s *session) bdat(argument string) error {
	fields := strings.Fields(argument)
	size, err := 0, error(nil)
	if len(fields) > 0 {
		size, err = strconv.Atoi(fields[0])
	}
	if len(fields) == 0 || err != nil || size < 0 {
		return s.outOfPlace("501 5.5.4 BDAT needs a size")
	}
	if size > s.relay.options.largest() {
		return s.tooLarge()
	}
	last := len(fields) > 1 && strings.EqualFold(fields[1], "LAST")
	if err := s.whole(size); err != nil {
		return err
	}
	chunk, segment := s.take(size)
	if s.transaction == nil || len(s.transaction.Recipients) == 0 {
		s.update(func(r *Session) {}) // who waits may want to look
		return s.swallowed(chunk, segment)
	}
	t := s.transaction
	if t.chunks = append(t.chunks, chunk...); len(t.chunks) > s.relay.options.largest() {
		return s.tooLarge()
	}
	t.Chunked, t.Chunks = true, t.Chunks+1
	if !last {
		return s.answer(nil, fmt.Sprintf("250 2.0.0 %d octets taken", size))
	}
	return s.complete(t.chunks, Step{Kind: Content, Segment: segment})
}

// whole reads a chunk to its end; in the middle of it it does what rules say.
func (s *session) whole(size int) error {
	var cut *Rule
	if s.transaction != nil && len(s.transaction.Recipients) > 0 {
		cut = s.untilOctets()
	}
	for {
		if cut != nil && len(s.in) >= cut.Octets {
			if _, err := s.decide(cut, ""); err != nil {
				return err
			}
			cut = nil
		}
		if len(s.in) >= size {
			return nil
		}
		if err := s.more(); err != nil {
			return err
		}
	}
}

// swallowed records a chunk that belongs to nothing, and refuses it.
func (s *session) swallowed(chunk []byte, segment int) error {
	const reply = "503 5.5.1 RCPT first. sink - gsmtp"
	lost := Message{
		At: s.relay.options.now()(), Session: s.record.Number, Content: bytes.Clone(chunk), Chunked: true, Chunks: 1, Reply: reply,
	}
	if s.transaction != nil {
		lost.Sender, lost.Refused = s.transaction.Sender, s.transaction.Refused
	}
	s.store(lost, Step{Kind: Content, Segment: segment})
	return s.outOfPlace(reply)
}

// complete answers the end of a content, and keeps the message.
func (s *session) complete(content []byte, step Step) error {
	t := s.transaction
	s.relay.mu.Lock()
	id := s.relay.ended
	s.relay.ended++
	s.relay.mu.Unlock()
	t.At, t.Content = s.relay.options.now()(), content
	index := s.store(t.Message, step)
	said, err := s.decide(s.applies(s.script().End, t.Recipients...), fmt.Sprintf("250 2.0.0 OK 1700000000 sink%06d", id))
	s.transaction = nil
	t.Reply = said
	s.update(func(r *Session) { r.Messages[index].Reply = said })
	s.relay.observe(s, Event{Step: Step{Kind: Content, At: t.At, Message: index, Text: said}, Message: &t.Message})
	return err
}

// store keeps a message and the step at which it ended, and gives its index.
func (s *session) store(m Message, step Step) int {
	step.At = m.At
	s.update(func(r *Session) {
		step.Message = len(r.Messages)
		r.Messages = append(r.Messages, m)
		r.Steps = append(r.Steps, step)
	})
	return step.Message
}
