package features

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/cucumber/godog"
)

// spread is a load in portions, in words: "130 messages, 9 in every 10 minutes", "to 12,999 different recipients, 900 in
// every 10 minutes". Between two portions the relay's clock moves on.
const spread = `((?:to )?[\d,]+ (?:messages|different recipients), [\d,]+ in every \d+ minutes)`

var spreadWords = regexp.MustCompile(`^(to )?([\d,]+) (messages|different recipients), ([\d,]+) in every (\d+ minutes)$`)

// portionSteps relay more than a short window lets through. Who tries doesn't go on in a window in which it was refused.
func portionSteps(sc *godog.ScenarioContext) {
	sc.Given(`^"([^"]*)" has relayed `+spread+`$`, hasRelayedInPortions)
	sc.When(`^"([^"]*)" tries to relay `+spread+`$`, triesInPortions)
	sc.Given(`^"([^"]*)" has relayed `+spread+`, until it was refused$`, hasRelayedToTheLimit)
}

func hasRelayedInPortions(ctx context.Context, sender, what string) error {
	s := from(ctx)
	p, err := s.portions(s.sender(sender), what)
	if err != nil {
		return err
	}
	if preloaded, err := s.preload(ctx, p.all(), p.last()); preloaded || err != nil {
		return err
	}
	return s.given(s.relayPortions(ctx, p, func() bool { return true }))
}

func triesInPortions(ctx context.Context, sender, what string) error {
	s := from(ctx)
	p, err := s.portions(s.sender(sender), what)
	if err != nil {
		return err
	}
	return s.relayPortions(ctx, p, func() bool { return true })
}

// hasRelayedToTheLimit relays up to the first refusal, which must come.
func hasRelayedToTheLimit(ctx context.Context, sender, what string) error {
	s := from(ctx)
	p, err := s.portions(s.sender(sender), what)
	if err != nil {
		return err
	}
	if err := s.relayPortions(ctx, p, func() bool { return accepted(s.last()) }); err != nil {
		return unprepared(err)
	}
	if accepted(s.last()) {
		return fmt.Errorf("what should be given doesn't hold: nothing of %s was refused", what)
	}
	return nil
}

// portions is a load, cut into what goes between two moves of the clock.
type portions struct {
	mails [][]mail
	apart time.Duration
}

func (p portions) all() []mail {
	var all []mail
	for _, mails := range p.mails {
		all = append(all, mails...)
	}
	return all
}

func (p portions) last() []mail { return p.mails[len(p.mails)-1] }

// portions reads a spread load.
func (s *scenario) portions(sender, what string) (portions, error) {
	words := spreadWords.FindStringSubmatch(what)
	left, err := count(words[2])
	if err != nil {
		return portions{}, err
	}
	each, err := count(words[4])
	if err != nil || each == 0 || left == 0 {
		return portions{}, fmt.Errorf("%q has no portions", what)
	}
	apart, err := span(words[5])
	p := portions{apart: apart + tick}
	for ; err == nil && left > 0; left -= each {
		var mails []mail
		mails, err = s.mails(sender, fmt.Sprintf("%s%d %s", words[1], min(left, each), words[3]))
		p.mails = append(p.mails, mails)
	}
	return p, err
}

// relayPortions relays each portion up to its first refusal, as long as goOn says so after a portion, and keeps all outcomes.
func (s *scenario) relayPortions(ctx context.Context, p portions, goOn func() bool) error {
	var all []outcome
	for i, mails := range p.mails {
		if i > 0 {
			if err := s.advance(ctx, p.apart); err != nil {
				return err
			}
		}
		if err := s.relayWhile(ctx, mails, accepted); err != nil {
			return err
		}
		all = append(all, s.outcomes...)
		if !goOn() {
			break
		}
	}
	s.outcomes = all
	return nil
}
