package features

import (
	"context"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features/target"
)

// clockSteps move the relay's own clock; nothing here waits in real time.
func clockSteps(sc *godog.ScenarioContext) {
	sc.Given(`^((?:\d+ (?:more )?(?:hour|minute|second)s?(?: and )?)+) have passed$`, timePasses)
	sc.When(`^((?:\d+ (?:more )?(?:hour|minute|second)s?(?: and )?)+) pass$`, timePasses)
}

func timePasses(ctx context.Context, words string) error {
	d, err := span(words)
	if err != nil {
		return err
	}
	return from(ctx).advance(ctx, d)
}

// advance moves the relay's clock forward by d.
func (s *scenario) advance(ctx context.Context, d time.Duration) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	clock, ok := s.target.(target.Clock)
	if !ok {
		return &Missing{target.CanClock}
	}
	s.transcript.Note("", "the clock moves on by "+d.String())
	return verb(target.CanClock, "move the clock", clock.Advance(ctx, d))
}
