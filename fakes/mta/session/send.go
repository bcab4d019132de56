package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/fakes/client"
)

// ErrOver is what Send gives for a session that has ended.
var ErrOver = errors.New("the session has ended")

// ErrStale is what Send gives, beside fates that are all Deferred, when the connection was of no use any more before the
// message was begun: nothing of it was said. A server would take another connection at once.
var ErrStale = errors.New("the connection was of no use any more before the message was begun")

// Send sends one message and tells what became of each recipient, in the order of e.Recipients; again: the session may
// carry another message. After a message that Nothing follows it has ended, with QUIT.
//
// Errors: ErrOver, without fates; ErrStale. All that the relay does is told by fates.
func (s *Session) Send(ctx context.Context, e Envelope, next Next) (fates []Fate, again bool, err error) {
	if s.over {
		return nil, false, ErrOver
	}
	defer s.conn.Until(ctx)()
	t := s.transaction(e, next)
	content, unfit := s.fit(e.Content)
	switch {
	case unfit != nil:
		t.unfit(unfit)
	default:
		t.e.Content = content
		err = t.send()
	}
	s.begun++
	return t.fates, !s.over, err
}

// fit makes a content fit for the relay.
func (s *Session) fit(content []byte) ([]byte, error) {
	if s.o.Convert == nil {
		return content, nil
	}
	return s.o.Convert(content, s.Offers("8BITMIME"))
}

// mail is the MAIL command of e.
func (s *Session) mail(e *Envelope) string {
	spelling := &s.m.Envelope
	line := spelling.Mail.Value + "<" + e.Sender + ">"
	if s.Offers("SIZE") {
		count := spelling.Size.Value
		switch {
		case e.Queued:
			count = spelling.SizeQueued.Value
		case e.Bounce:
			count = spelling.SizeBounce.Value
		}
		if octets, ok := count.of(e.Content, e.Received); ok {
			line += " SIZE=" + strconv.FormatInt(octets, 10)
		}
	}
	if s.Offers("8BITMIME") && s.marked(e) {
		line += " BODY=8BITMIME"
	}
	return line
}

// marked tells whether BODY=8BITMIME is said of e.
func (s *Session) marked(e *Envelope) bool {
	kinds := s.m.Envelope.Body8bit.Value
	return e.Bounce && slices.Contains(kinds, Bounces) ||
		slices.Contains(kinds, EightBit) && bytes.ContainsFunc(e.Content, func(r rune) bool { return r > 127 })
}

// together tells whether b is put into the write of a, which stands before it.
func (m *Manner) together(a, b word) bool {
	for _, group := range m.Grouping.Together.Value {
		words := strings.Fields(group)
		for i, w := range words {
			if w != string(a) {
				continue
			}
			if a == b && a == sayRcpt || i+1 < len(words) && words[i+1] == string(b) {
				return true
			}
		}
	}
	return false
}

// chunked tells whether contents go as chunks.
func (s *Session) chunked() bool {
	switch s.m.Grouping.Chunking.Value {
	case AlwaysChunked:
		return s.Offers("CHUNKING")
	case PipelinedChunked:
		return s.Offers("CHUNKING") && s.Offers("PIPELINING")
	}
	return false
}

// reset says RSET before another message, where the server does.
func (s *Session) reset() error {
	between := s.m.Resets.Between.Value
	if s.begun == 0 || between == NeverReset || between == RefusedReset && !s.undone {
		return nil
	}
	reply, err := s.said("RSET")
	switch {
	case err != nil:
		s.cut()
		return fmt.Errorf("%w: %w", ErrStale, err)
	case reply.Code == 421:
		s.cut()
		return fmt.Errorf("%w: %s", ErrStale, reply)
	}
	return nil
}

// said says RSET alone and waits for the reply.
func (s *Session) said(line string) (client.Reply, error) {
	s.conn.SetTimeout(s.within(s.m.Timeouts.Reset.Value))
	return s.conn.Cmd(line)
}
