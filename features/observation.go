package features

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// observationSteps judge what the last When brought. They alone return a *Failure.
func observationSteps(sc *godog.ScenarioContext) {
	sc.Then(`^the relay accepts (?:it|them all)( in one session)?$`, accepts)
	sc.Then(`^the relay refuses (?:it |them all )?with (\d{3}) (\d\.\d+\.\d+) "([^"]*)"$`, refusesWith)
	sc.Then(`^the relay refuses (?:it|them all)(, for good or for now)?$`, refuses)
	sc.Then(`^the relay accepts one and refuses the other with (\d{3}) (\d\.\d+\.\d+) "([^"]*)"$`, acceptsOne)
	sc.Then(`^the relay accepts at (least|most) ([\d,]+) of the recipients$`, acceptsSome)
	sc.Then(`^the relay accepts the first ([\d,]+) recipients, and each other one or refuses it with 452$`, acceptsFirst)
	sc.Then(`^"([^"]*)" receives it(?: from "([^"]*)"(?: or "([^"]*)")?)?$`, receives)
	sc.Then(`^its From field is still "([^"]*)"$`, fromField)
	sc.Then(`^(nobody|no more than one of them) receives it$`, atMostReceive)
	sc.Then(`^the relay (offers|doesn't offer) AUTH$`, offersAuth)
	sc.Then(`^the relay serves the session, or answers 421 and closes it$`, servesOrCloses)
}

func accepts(ctx context.Context, inOneSession string) error {
	s := from(ctx)
	for _, o := range s.outcomes {
		if _, refused := o.refusal(); refused {
			return s.fail(o, "acceptance")
		}
		if first := s.outcomes[0].session; inOneSession != "" && o.session != first {
			return &Failure{Want: "all messages to go through one session", Got: "the relay ended session " + first}
		}
	}
	return s.judgedSomething()
}

func refusesWith(ctx context.Context, code int, enhanced, sentence string) error {
	return from(ctx).allRefused(documented{code, enhanced, sentence}.String(), documented{code, enhanced, sentence}.is)
}

func refuses(ctx context.Context, forNow string) error {
	if forNow != "" {
		return from(ctx).allRefused("a refusal, 4yz or 5yz", func(r client.Reply) bool { return r.Permanent() || r.Transient() })
	}
	return from(ctx).allRefused("a refusal for good, any 5yz", client.Reply.Permanent)
}

func acceptsOne(ctx context.Context, code int, enhanced, sentence string) error {
	s, want := from(ctx), documented{code, enhanced, sentence}
	accepted := 0
	for _, o := range s.outcomes {
		reply, refused := o.refusal()
		if !refused {
			accepted++
		} else if !want.is(reply) {
			return s.fail(o, want.String()+" for the one that is refused")
		}
		s.noteStage(o)
	}
	if accepted != 1 {
		return s.fail(s.last(), fmt.Sprintf("exactly one of %d to be accepted, not %d", len(s.outcomes), accepted))
	}
	return nil
}

func acceptsSome(ctx context.Context, bound, number string) error {
	s := from(ctx)
	n, err := count(number)
	if err != nil {
		return err
	}
	took := 0
	for _, o := range s.outcomes {
		took += len(o.took())
		if reply, refused := o.refusal(); refused && !reply.Permanent() && !reply.Transient() {
			return s.fail(o, "4yz or 5yz for the recipients that are refused")
		}
		s.noteStage(o)
	}
	if bound == "most" && took > n || bound == "least" && took < n {
		return s.fail(s.last(), fmt.Sprintf("at %s %d recipients to be accepted, not %d", bound, n, took))
	}
	return s.judgedSomething()
}

func acceptsFirst(ctx context.Context, first string) error {
	s := from(ctx)
	n, err := count(first)
	if err != nil {
		return err
	}
	for _, o := range s.outcomes {
		for i, r := range o.recipients {
			if !r.reply.Positive() && (i < n || r.reply.Code != 452) {
				o.stage, o.reply = "RCPT", r.reply
				return s.fail(o, fmt.Sprintf("recipient %d to be accepted%s", i+1, map[bool]string{true: "", false: " or refused with 452"}[i < n]))
			}
		}
		if !o.accepted {
			return s.fail(o, "the message to be accepted for the recipients that were")
		}
	}
	return s.judgedSomething()
}

func receives(ctx context.Context, recipient, sender, or string) error {
	s := from(ctx)
	copies, err := s.delivered(ctx, s.text(recipient))
	if err != nil {
		return err
	}
	if len(copies) == 0 {
		return &Failure{Want: "the message to reach " + recipient, Got: "it did not leave the relay for there within " + deliveryWait.String()}
	}
	for _, m := range copies {
		if sender != "" && !strings.EqualFold(m.Sender, s.sender(sender)) && (or == "" || !strings.EqualFold(m.Sender, s.sender(or))) {
			return &Failure{Want: strings.TrimSuffix("the envelope sender "+sender+" or "+or, " or "), Got: "<" + s.plain(m.Sender) + ">"}
		}
	}
	return nil
}

func atMostReceive(ctx context.Context, who string) error {
	s := from(ctx)
	most := 1
	if who == "nobody" {
		most = 0
	}
	token := s.last().mail.token
	if token == "" {
		return errors.New("the last When relayed no message that can be looked for")
	}
	for deadline := time.Now().Add(silence); time.Now().Before(deadline); {
		messages, err := s.deliveries(ctx, token, pollEvery)
		if err != nil {
			return err
		}
		if reached := recipientsOf(messages); len(reached) > most {
			return &Failure{Want: who + " to receive the message", Got: "it reached " + s.plain(strings.Join(reached, ", "))}
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// recipientsOf gives everybody that messages reached.
func recipientsOf(messages []target.Message) []string {
	var reached []string
	for _, m := range messages {
		reached = append(reached, m.Recipients...)
	}
	return reached
}

func fromField(ctx context.Context, want string) error {
	s := from(ctx)
	o := s.last()
	copies, err := s.delivered(ctx, o.mail.recipients[0])
	if err != nil {
		return err
	}
	for _, m := range copies {
		if got := headerField(m.Data, "From"); got != s.text(want) {
			return &Failure{Want: "the field From: " + want, Got: "From: " + s.plain(got)}
		}
	}
	if len(copies) == 0 {
		return &Failure{Want: "the message to leave the relay", Got: "it did not within " + deliveryWait.String()}
	}
	return nil
}

func offersAuth(ctx context.Context, verb string) error {
	s := from(ctx)
	if s.session == nil {
		return s.fail(s.last(), "a session")
	}
	if offered := s.session.Capabilities().Has("AUTH"); offered != (verb == "offers") {
		return &Failure{Want: "a relay that " + verb + " AUTH here", Got: fmt.Sprintf("AUTH among the keywords of its EHLO reply: %t", offered)}
	}
	return nil
}

func servesOrCloses(ctx context.Context) error {
	s := from(ctx)
	o := s.last()
	switch {
	case o.accepted:
		return nil
	case o.reply.Code != 421:
		return s.fail(o, "the session to be served, or 421")
	case !o.closed:
		return s.fail(o, "the relay to close the connection after 421")
	}
	s.noteStage(o)
	return nil
}

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

// allRefused asks that every outcome is a refusal that is acceptable.
func (s *scenario) allRefused(want string, acceptable func(client.Reply) bool) error {
	for _, o := range s.outcomes {
		if reply, refused := o.refusal(); !refused || !acceptable(reply) {
			return s.fail(o, want)
		}
		s.noteStage(o)
	}
	return s.judgedSomething()
}

// last is the outcome of the last thing that was tried.
func (s *scenario) last() outcome {
	if len(s.outcomes) == 0 {
		return outcome{}
	}
	return s.outcomes[len(s.outcomes)-1]
}

// judgedSomething guards against a Then that has nothing to judge: the feature is wrong, not the relay.
func (s *scenario) judgedSomething() error {
	if len(s.outcomes) == 0 {
		return errors.New("no When came before: there is nothing to judge")
	}
	return nil
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
	return &Failure{Want: want, Got: s.plain(fmt.Sprintf("%s: %s", o.what(refused), reply))}
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

// Waiting for what leaves the relay, in real time.
const (
	deliveryWait = 5 * time.Second        // for a delivery that should come
	silence      = 200 * time.Millisecond // for one that should not
	pollEvery    = 10 * time.Millisecond
)

// delivered waits for the copies of the last mail that reached recipient; none in time is no error.
func (s *scenario) delivered(ctx context.Context, recipient string) ([]target.Message, error) {
	token := s.last().mail.token
	if token == "" {
		return nil, errors.New("the last When relayed no message that can be looked for")
	}
	for deadline := time.Now().Add(deliveryWait); ; {
		messages, err := s.deliveries(ctx, token, time.Until(deadline))
		if err != nil {
			return nil, err
		}
		copies := slices.DeleteFunc(messages, func(m target.Message) bool { return !containsFold(m.Recipients, recipient) })
		if len(copies) > 0 || time.Now().After(deadline) {
			return copies, nil
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// deliveries asks the target what left the relay.
func (s *scenario) deliveries(ctx context.Context, token string, wait time.Duration) ([]target.Message, error) {
	sink, ok := s.target.(target.Deliveries)
	if !ok {
		return nil, &Missing{target.CanDelivered}
	}
	messages, err := sink.Delivered(ctx, token, wait)
	return messages, verb(target.CanDelivered, "look for what was delivered", err)
}

// pause lets a poll breathe.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pollEvery):
		return nil
	}
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(item string) bool { return strings.EqualFold(item, s) })
}
