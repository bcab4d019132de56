package features

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/fakes/client"
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
	want := documented{code, enhanced, sentence}
	return from(ctx).allRefused(want.String(), want.is)
}

func refuses(ctx context.Context, forNow string) error {
	if forNow != "" {
		return from(ctx).allRefused("a refusal, 4yz or 5yz", forGoodOrForNow)
	}
	return from(ctx).allRefused("a refusal for good, any 5yz", client.Reply.Permanent)
}

func acceptsOne(ctx context.Context, code int, enhanced, sentence string) error {
	s, want := from(ctx), documented{code, enhanced, sentence}
	if err := s.refusalsAre(want.String()+", for the one that is refused", want.is); err != nil {
		return err
	}
	if n := s.acceptedWhole(); n != 1 {
		return s.fail(s.last(), fmt.Sprintf("exactly one of %d to be accepted, not %d", len(s.outcomes), n))
	}
	return nil
}

func acceptsSome(ctx context.Context, bound, number string) error {
	s := from(ctx)
	n, err := count(number)
	if err != nil {
		return err
	}
	if err := s.refusalsAre("4yz or 5yz for the recipients that are refused", forGoodOrForNow); err != nil {
		return err
	}
	if took := s.taken(); bound == "most" && took > n || bound == "least" && took < n {
		return s.fail(s.last(), fmt.Sprintf("at %s %d recipients to be accepted, not %d", bound, n, took))
	}
	return nil
}

func acceptsFirst(ctx context.Context, first string) error {
	s := from(ctx)
	n, err := count(first)
	if err != nil {
		return err
	}
	for _, o := range s.outcomes {
		if want := o.missing(n); want != "" {
			return s.fail(o, want)
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
	for _, m := range copies {
		if sender != "" && !s.isOneOf(m.Sender, sender, or) {
			want := strings.TrimSuffix("the envelope sender "+sender+" or "+or, " or ")
			return &Failure{Want: want, Got: "<" + s.plain(m.Sender) + ">"}
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
	reached, err := s.reached(ctx, most)
	if err == nil && len(reached) > most {
		return &Failure{Want: who + " to receive the message", Got: "it reached " + s.plain(strings.Join(reached, ", "))}
	}
	return err
}

func fromField(ctx context.Context, want string) error {
	s := from(ctx)
	copies, err := s.delivered(ctx, "")
	if err != nil {
		return err
	}
	for _, m := range copies {
		if got := headerField(m.Data, "From"); got != s.text(want) {
			return &Failure{Want: "the field From: " + want, Got: "From: " + s.plain(got)}
		}
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
	switch o := s.last(); {
	case o.accepted:
		return nil
	case o.reply.Code != 421:
		return s.fail(o, "the session to be served, or 421")
	case !o.closed:
		return s.fail(o, "the relay to close the connection after 421")
	default:
		s.noteStage(o)
		return s.judgedSomething()
	}
}

// forGoodOrForNow takes any refusal.
func forGoodOrForNow(r client.Reply) bool { return r.Permanent() || r.Transient() }

// allRefused asks that every outcome is a refusal that is acceptable.
func (s *scenario) allRefused(want string, acceptable func(client.Reply) bool) error {
	for _, o := range s.outcomes {
		if _, refused := o.refusal(); !refused {
			return s.fail(o, want)
		}
	}
	return s.refusalsAre(want, acceptable)
}

// refusalsAre asks that what was refused is refused acceptably, and keeps where that was.
func (s *scenario) refusalsAre(want string, acceptable func(client.Reply) bool) error {
	for _, o := range s.outcomes {
		if reply, refused := o.refusal(); refused && !acceptable(reply) {
			return s.fail(o, want)
		}
		s.noteStage(o)
	}
	return s.judgedSomething()
}

// acceptedWhole counts the messages that were accepted for all of their recipients.
func (s *scenario) acceptedWhole() int {
	n := 0
	for _, o := range s.outcomes {
		if _, refused := o.refusal(); !refused {
			n++
		}
	}
	return n
}

// taken counts the recipients that the relay took messages for.
func (s *scenario) taken() int {
	n := 0
	for _, o := range s.outcomes {
		n += len(o.took())
	}
	return n
}

// isOneOf tells whether sender is one of two senders of the feature; the second may be empty.
func (s *scenario) isOneOf(sender, one, other string) bool {
	return strings.EqualFold(sender, s.sender(one)) || other != "" && strings.EqualFold(sender, s.sender(other))
}

// judgedSomething guards against a Then that has nothing to judge: the feature is wrong, not the relay.
func (s *scenario) judgedSomething() error {
	if len(s.outcomes) == 0 {
		return errors.New("no When came before: there is nothing to judge")
	}
	return nil
}
