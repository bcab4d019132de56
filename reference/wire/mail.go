package wire

import (
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
	sender, rest, ok := s.cutPath(argument, "FROM:", reversePath)
	if !ok {
		s.noPath(argument, "FROM:", policy.ReplyBadSender)
		return
	}
	parameters, objection := s.server.offers.parseMail(rest)
	if objection != "" {
		s.fault(objection)
		return
	}
	if limit := s.server.config.MaxSize; limit > 0 && parameters.size > limit { // RFC 1870 §6.1
		s.say(policy.ReplyTooBig)
		return
	}
	if !parameters.utf8 && !sender.ASCII() {
		s.say(policy.ReplyNonASCII)
		return
	}
	if most := s.server.config.MaxTransactions; most > 0 && s.transactions >= most {
		s.bye(policy.ReplyExpired)
		return
	}
	s.transactions++
	s.facts.Sender, s.facts.Size, s.facts.UTF8 = sender, parameters.size, parameters.utf8
	s.facts.DSN.Return, s.facts.DSN.EnvelopeID = parameters.ret, parameters.envelopeID
	if !s.ask(policy.Mail) {
		s.release()
		return
	}
	s.transaction = true
	s.fruitless-- // a refused MAIL brings nothing on
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
	var notice policy.Notice
	recipient, ok := s.readRecipient(argument, &notice)
	if !ok {
		return
	}
	if most := s.server.config.MaxRecipients; most > 0 && len(s.facts.Recipients) >= most { // RFC 5321 §4.5.3.1.10
		s.say(policy.ReplyRecipients)
		return
	}
	s.facts.Rcpt = recipient
	ok = s.ask(policy.Rcpt)
	s.facts.Rcpt = policy.Address{}
	if !ok {
		return
	}
	s.facts.DSN.Add(len(s.facts.Recipients), notice)
	s.facts.Recipients = append(s.facts.Recipients, recipient)
	s.fruitless--
	s.agreeWith(s.positives.rcpt)
}

// readRecipient reads the argument of RCPT. Where it can't be taken it has answered.
func (s *session) readRecipient(argument []byte, notice *policy.Notice) (recipient policy.Address, ok bool) {
	recipient, rest, ok := s.cutPath(argument, "TO:", forwardPath)
	if !ok {
		s.noPath(argument, "TO:", policy.ReplyBadRecipient)
		return recipient, false
	}
	if len(rest) > 0 {
		var objection policy.ReplyName
		if *notice, objection = s.server.offers.parseRcpt(rest, s.facts.UTF8); objection != "" {
			s.fault(objection)
			return recipient, false
		}
	}
	if !s.facts.UTF8 && !recipient.ASCII() {
		s.say(policy.ReplyNonASCII)
		return recipient, false
	}
	return recipient, true
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
	s.fruitless = 0
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
	s.message.begin(&s.stream, c)
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
	case errors.Is(broken, ErrLoop):
		s.say(policy.ReplyLoop)
	case errors.Is(broken, errChunk):
		s.fault(policy.ReplySyntax)
	case errors.Is(broken, os.ErrDeadlineExceeded):
		s.bye(policy.ReplyTimeout) // what the client sends after that is message, not commands
	case errors.Is(broken, errDraining): // while a refused chunk was taken outside a transaction
		s.bye(policy.ReplyShutdown)
	case broken != nil:
		s.closing = true // the client is gone
	case failure != nil:
		s.sorry(failure.Error())
	default:
		s.answer()
	}
}
