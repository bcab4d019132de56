package features

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/fakes/client"
)

// outcome is what came of one thing that the sending server tried.
type outcome struct {
	mail       mail
	session    string // in the transcript
	accepted   bool   // the final reply was 2yz
	stage      string // where it was decided
	reply      client.Reply
	recipients []recipient // in the order of the mail's
	closed     bool        // the relay closed the connection after a 421
}

// recipient is what the relay said to one RCPT.
type recipient struct {
	address string
	reply   client.Reply
}

// took gives the recipients that the relay has taken the message for.
func (o outcome) took() []string {
	var took []string
	for _, r := range o.recipients {
		if o.accepted && r.reply.Positive() {
			took = append(took, r.address)
		}
	}
	return took
}

// refusal gives the reply that refused the mail, or a part of its recipients.
func (o outcome) refusal() (client.Reply, bool) {
	if !o.accepted {
		return o.reply, true
	}
	for _, r := range o.recipients {
		if !r.reply.Positive() {
			return r.reply, true
		}
	}
	return client.Reply{}, false
}

// documented is a refusal as the document words it.
type documented struct {
	code     int
	enhanced string
	sentence string
}

// is asks for the code, the enhanced code, and the sentence at the beginning; what follows, and where lines are wrapped, is free.
func (d documented) is(r client.Reply) bool {
	return r.Code == d.code && r.Enhanced() == d.enhanced && strings.HasPrefix(r.Text(), d.sentence)
}

func (d documented) String() string {
	return fmt.Sprintf("a refusal with %d %s %q, at any stage up to the final reply", d.code, d.enhanced, d.sentence)
}

// missing says what is missing for o to have its first n recipients accepted, and each other one accepted or refused with
// 452; "" when nothing is.
func (o *outcome) missing(n int) string {
	for i, r := range o.recipients {
		switch {
		case i < n && !r.reply.Positive():
			o.stage, o.reply, o.accepted = "rcpt", r.reply, false
			return fmt.Sprintf("recipient %d to be accepted", i+1)
		case !r.reply.Positive() && r.reply.Code != 452:
			o.stage, o.reply, o.accepted = "rcpt", r.reply, false
			return fmt.Sprintf("recipient %d to be accepted, or refused with 452", i+1)
		}
	}
	if !o.accepted {
		return "the message to be accepted for the recipients that were"
	}
	return ""
}

// last is the outcome of the last thing that was tried.
func (s *scenario) last() outcome {
	if len(s.outcomes) == 0 {
		return outcome{}
	}
	return s.outcomes[len(s.outcomes)-1]
}

// turnedAway tells whether the relay answered what was tried last with 421: it says so also when it serves nobody.
func (s *scenario) turnedAway() bool {
	return slices.ContainsFunc(s.outcomes, func(o outcome) bool {
		reply, refused := o.refusal()
		return refused && reply.Code == 421
	})
}

// noteStage keeps where a refusal came.
func (s *scenario) noteStage(o outcome) {
	if _, refused := o.refusal(); refused && !slices.Contains(s.stages, o.stage) {
		s.stages = append(s.stages, o.stage)
	}
}

// fail marks the reply of o as the offending one and says what was wanted in its place.
func (s *scenario) fail(o outcome, want string) *Failure {
	reply, refused := o.refusal()
	if !refused {
		reply = o.reply
	}
	if reply.Code != 0 {
		s.transcript.Mark(o.session, strconv.Itoa(reply.Code))
	}
	return &Failure{Want: want, Got: s.plain(fmt.Sprintf("%s: %s", o.what(refused), reply)), Reply: codesOf(reply)}
}

// codesOf gives the codes of a reply, "" when there is none.
func codesOf(r client.Reply) string {
	if r.Code == 0 {
		return ""
	}
	return strings.TrimSpace(strconv.Itoa(r.Code) + " " + r.Enhanced())
}

// what names in words what came.
func (o outcome) what(refused bool) string {
	word := "accepted"
	if refused {
		word = "refused"
	}
	if len(o.mail.recipients) == 0 {
		return fmt.Sprintf("%s at %s", word, o.stage)
	}
	return fmt.Sprintf("the message from <%s> %s at %s", o.mail.sender, word, o.stage)
}
