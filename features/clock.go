package features

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features/target"
)

// tick is how late a relay may give a place back. Source: relay-rules 2.42 wants 250 ms or finer; a second is in the steps.
const tick = time.Second

// spans are the words that span reads.
const spans = `((?:\d+ (?:hour|minute|second)s?(?:, | and )?)+)`

// clockSteps move the relay's own clock; nothing here waits in real time.
func clockSteps(sc *godog.ScenarioContext) {
	sc.Given(`^`+spans+` have passed$`, timePasses)
	sc.When(`^`+spans+` pass$`, timePasses)
	sc.When(`^`+spans+` have passed since (?:the first message|the limit was reached)$`, timeHasPassedSince)
}

func timePasses(ctx context.Context, words string) error {
	d, err := span(words)
	if err != nil {
		return err
	}
	return from(ctx).advance(ctx, d)
}

// timeHasPassedSince moves the clock to d after the first thing that was charged in the scenario.
func timeHasPassedSince(ctx context.Context, words string) error {
	s := from(ctx)
	d, err := span(words)
	if err != nil {
		return err
	}
	clock, ok := s.target.(target.Clock)
	if !ok {
		return &Missing{target.CanClock}
	}
	now, err := clock.Now(ctx)
	if err != nil {
		return verb(target.CanClock, "read the clock", err)
	}
	left := s.began.Add(d).Sub(now)
	if s.began.IsZero() || left <= 0 {
		return fmt.Errorf("the clock can't be moved to %s after the beginning at %s: it is %s", d, s.began, now)
	}
	return s.advance(ctx, left)
}

// A fixed window of a day is one of 24 hours since 1970. No scenario fills a day for longer than half of one.
const (
	day     = 24 * time.Hour
	halfDay = day / 2
	morning = 4*time.Minute + 30*time.Second // of the day, and of every window of 10 minutes
)

// begin keeps the relay's time of the first thing that is charged. Where windows are fixed that is in the first half of a
// day, so that no day ends while a scenario fills it.
func (s *scenario) begin(ctx context.Context) error {
	if s.charged {
		return nil
	}
	s.charged = true
	if _, ok := s.target.(target.Clock); !ok {
		return nil
	}
	now, err := s.time(ctx)
	if err != nil {
		return err
	}
	if left := now.Truncate(day).Add(day).Sub(now); left < halfDay && s.declares(target.CanClock) && !s.declares(target.Sliding) {
		if err := s.advance(ctx, left+morning); err != nil {
			return err
		}
		if now, err = s.time(ctx); err != nil {
			return err
		}
	}
	s.began = now
	return nil
}

// time is the relay's, or where it has no clock that can be read, that of this machine.
func (s *scenario) time(ctx context.Context) (time.Time, error) {
	clock, ok := s.target.(target.Clock)
	if !ok {
		return time.Now(), nil
	}
	now, err := clock.Now(ctx)
	if errors.Is(err, target.ErrUnsupported) {
		return time.Now(), nil
	}
	return now, verb(target.CanClock, "read the clock", err)
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
	s.call("", clockCall, clockNote{d.Seconds()})
	s.transcript.Note("", "the clock moves on by "+d.String())
	return verb(target.CanClock, "move the clock", clock.Advance(ctx, d))
}
