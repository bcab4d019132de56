package features

import (
	"testing"
	"time"

	"github.com/relayspec/relayspec/features/target"
)

func TestNoFixedDayEndsInAScenario(t *testing.T) {
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 23, hour, minute, 0, 0, time.UTC) }
	fixed := []target.Capability{target.CanApply, target.CanClock}
	nextDay := at(24, 4).Add(30 * time.Second)
	for name, c := range map[string]struct {
		capabilities []target.Capability
		now, want    time.Time
	}{
		"in the first half":      {fixed, at(11, 59), at(11, 59)},
		"in the second half":     {fixed, at(12, 1), nextDay},
		"just before the end":    {fixed, at(23, 59), nextDay},
		"windows slide":          {target.Known(), at(23, 59), at(23, 59)},
		"the clock can't move":   {nil, at(23, 59), at(23, 59)},
		"at the day's very dawn": {fixed, at(0, 0), at(0, 0)},
	} {
		m := &movable{capabilities: c.capabilities, now: c.now}
		ctx, s := acme(t, m, VolumeNormal)
		for range 2 {
			if err := s.begin(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if !m.now.Equal(c.want) || !s.began.Equal(c.want) {
			t.Errorf("%s: the clock stands at %s, the scenario began at %s, want %s", name, m.now, s.began, c.want)
		}
	}
}
