package wire

import (
	"bytes"
	"errors"
	"os"

	"github.com/relayspec/relayspec/reference/policy"
)

// mail begins a transaction: RFC 5321 §4.1.1.2. A refused MAIL leaves none.
func (s *session) mail(argument []byte) {
	switch {
	case s.facts.Helo == "":
		s.say(policy.ReplyNoHelo)
		return
	case s.transaction: // RFC 5321 §4.1.4: a nested MAIL is out of sequence
		s.say(policy.ReplyBadSequence)
		return
	}
	sender, rest, ok := cutPath(argument, "FROM:", reversePath)
	parameters, understood := parseMail(rest)
	if !ok || !understood {
		s.fault(policy.ReplySyntax)
		return
	}
	if limit := s.server.config.MaxSize; limit > 0 && parameters.size > limit { // RFC 1870 §6.1
		s.say(policy.ReplyTooBig)
		return
	}
	s.facts.Sender, s.facts.Size = sender, parameters.size
	if !s.ask(policy.Mail) {
		s.release()
		return
	}
	s.transaction = true
	s.agreeWith(s.positives.mail)
}

// rcpt adds a recipient: RFC 5321 §4.1.1.3. A refused one leaves the transaction as it was.
func (s *session) rcpt(argument []byte) {
	if !s.expectTransaction() {
		return
	}
	if s.chunks != nil { // the envelope ended with the first BDAT
		s.say(policy.ReplyBadSequence)
		return
	}
	recipient, rest, ok := cutPath(argument, "TO:", forwardPath)
	if !ok || len(rest) > 0 { // no extension that is offered has a parameter for RCPT
		s.fault(policy.ReplySyntax)
		return
	}
	s.facts.Rcpt = recipient
	ok = s.ask(policy.Rcpt)
	s.facts.Rcpt = policy.Address{}
	if !ok {
		return
	}
	s.facts.Recipients = append(s.facts.Recipients, recipient)
	s.agreeWith(s.positives.rcpt)
}

// expectTransaction answers where MAIL should have come first.
func (s *session) expectTransaction() bool {
	missing := s.missing()
	if missing != "" {
		s.say(missing)
	}
	return missing == ""
}

// missing names the reply where MAIL, or HELO before it, should have come first. Empty: nothing is missing.
func (s *session) missing() policy.ReplyName {
	switch {
	case s.facts.Helo == "":
		return policy.ReplyNoHelo
	case !s.transaction:
		return policy.ReplyNoMail
	}
	return ""
}

// data ends the envelope: RFC 5321 §4.1.1.4. A refusal comes instead of 354 and ends the transaction.
// Source: relay-rules 2.3, observed.
func (s *session) data(argument []byte) {
	switch {
	case len(argument) > 0:
		s.fault(policy.ReplySyntax)
		return
	case !s.expectTransaction():
		return
	case s.chunks != nil: // RFC 3030 §2
		s.say(policy.ReplyNoData)
		return
	case len(s.facts.Recipients) == 0:
		s.say(policy.ReplyNoRcpt)
		return
	}
	if !s.ask(policy.Data) {
		s.release()
		return
	}
	s.agreeWith(s.positives.data)
	if s.flush() != nil { // RFC 2920 §3.2: nothing waits behind a Commit
		s.closing = true // what is pending is message, not commands
		return
	}
	s.receive()
}

// receive takes the message and answers to its end.
func (s *session) receive() {
	c := &s.server.config
	s.message.begin(&s.stream, c.MaxSize, c.Deadlines.Data, c.Deadlines.Message)
	var failure error
	s.decision, failure = c.Engine.Commit(s.server.ctx, &s.facts, &s.message)
	broken := s.message.drain()
	s.stage, s.command = policy.Accept.String(), ""
	if errors.Is(broken, errFlood) {
		broken, s.closing = s.message.spoil, true
	}
	s.finish(failure, broken)
}

// finish ends the transaction with the answer to its message.
func (s *session) finish(failure, broken error) {
	if broken == nil && failure == nil && !s.decision.Refused() {
		s.agreeWith(s.positives.accepted)
		s.errors = s.guesses
		s.forget()
		return
	}
	s.deny(failure, broken)
	s.release()
}

// deny answers to a message that wasn't accepted. What is wrong with the message comes before what the Engine said.
func (s *session) deny(failure, broken error) {
	switch {
	case errors.Is(broken, ErrMalformed):
		s.say(policy.ReplyMalformed)
	case errors.Is(broken, ErrTooBig):
		s.say(policy.ReplyTooBig)
	case errors.Is(broken, errChunk):
		s.fault(policy.ReplySyntax)
	case errors.Is(broken, os.ErrDeadlineExceeded):
		s.bye(policy.ReplyTimeout) // what the client sends after that is message, not commands
	case broken != nil:
		s.closing = true // the client is gone
	case failure != nil:
		s.sorry(failure.Error())
	default:
		s.answer()
	}
}

// mailParameters are what is kept of the parameters of MAIL.
type mailParameters struct{ size int64 }

// parseMail reads the parameters of MAIL. Each may stand once: RFC 5321 §4.1.1.11. Not understood: ok is false.
func parseMail(rest []byte) (p mailParameters, ok bool) {
	const (
		size = 1 << iota
		body
		auth
	)
	seen := 0
	for len(rest) > 0 {
		var word []byte
		word, rest, _ = bytes.Cut(rest, []byte{' '})
		rest = bytes.TrimLeft(rest, " ")
		keyword, value, _ := bytes.Cut(word, []byte{'='})
		this := 0
		switch {
		case bytes.EqualFold(keyword, []byte("SIZE")): // RFC 1870 §3
			this = size
			p.size, ok = parseSize(value)
		case bytes.EqualFold(keyword, []byte("BODY")): // RFC 6152 §3
			this = body
			ok = bytes.EqualFold(value, []byte("7BIT")) || bytes.EqualFold(value, []byte("8BITMIME"))
		case bytes.EqualFold(keyword, []byte("AUTH")): // RFC 4954 §5: we trust nobody's, so it is read and ignored
			this = auth
			ok = isXtext(value)
		}
		if this == 0 || !ok || seen&this != 0 {
			return p, false
		}
		seen |= this
	}
	return p, true
}

// parseSize reads 1*20DIGIT. What doesn't fit into 63 bits is as large as can be.
func parseSize(digits []byte) (size int64, ok bool) {
	const most = 1<<63 - 1
	if len(digits) == 0 || len(digits) > 20 {
		return 0, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		if size > (most-9)/10 {
			size = most
			continue
		}
		size = size*10 + int64(d-'0')
	}
	return size, true
}

// isXtext tells whether value is the xtext of RFC 3461 §4.
func isXtext(value []byte) bool {
	for i, c := range value {
		switch {
		case c <= ' ' || c > '~' || c == '=':
			return false
		case c == '+' && (len(value) < i+3 || !isUpperHex(value[i+1]) || !isUpperHex(value[i+2])):
			return false
		}
	}
	return len(value) > 0
}

func isUpperHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }
