package features

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// movable is a target that makes worlds, moves its clock and keeps what was preloaded. It serves no port: sending is
// an error.
type movable struct {
	bareTarget
	capabilities []target.Capability
	now          time.Time
	usage        []target.Usage
}

func (m *movable) Describe() target.Description {
	return target.Description{Capabilities: m.capabilities}
}

func (m *movable) Apply(context.Context, target.World) error { return nil }

func (m *movable) SetUsage(_ context.Context, u target.Usage) error {
	m.usage = append(m.usage, u)
	return nil
}

func (m *movable) Now(context.Context) (time.Time, error) { return m.now, nil }

func (m *movable) Advance(_ context.Context, d time.Duration) error {
	m.now = m.now.Add(d)
	return nil
}

// acme is a scenario in which the customer acme with the user anna exists.
func acme(t *testing.T, m *movable, v Volume) (context.Context, *scenario) {
	t.Helper()
	ctx, s := stepping(m)
	s.volume, s.evidence = v, reports.Full
	if err := aCustomerWith(ctx, "acme", "2,000", twoColumns("users", "anna@acme.example")); err != nil {
		t.Fatal(err)
	}
	return ctx, s
}

// tried tells whether a step tried to send: movable serves no port.
func tried(err error) bool { return err != nil && strings.Contains(err.Error(), "no such port") }

func TestALightGivenPreloadsWhatItWouldHaveUsed(t *testing.T) {
	of := func(counter, user string, amount int) target.Usage {
		return target.Usage{Customer: "acme-t1", Counter: counter, User: user, Amount: amount}
	}
	const anna = "anna@acme-t1.example"
	for name, c := range map[string]struct {
		given func(context.Context) error
		want  []target.Usage
	}{
		"messages of a user": {
			func(ctx context.Context) error { return hasRelayed(ctx, "anna@acme.example", "9,999 messages") },
			[]target.Usage{of(counterDay, "", 9999), of(counterPeak, "", 9999), of(counterMessages, anna, 9999), of(counterRecipients, anna, 1)},
		},
		"different recipients of a user": {
			func(ctx context.Context) error {
				return hasRelayed(ctx, "anna@acme.example", "to 9,999 different recipients")
			},
			[]target.Usage{of(counterDay, "", 9999), of(counterPeak, "", 9999), of(counterMessages, anna, 100), of(counterRecipients, anna, 9999)},
		},
		"messages of nobody registered": {
			func(ctx context.Context) error { return hasRelayed(ctx, "app@ACME.example", "500 messages") },
			[]target.Usage{of(counterDay, "", 500), of(counterPeak, "", 500)},
		},
		"portions": {
			func(ctx context.Context) error {
				return hasRelayedInPortions(ctx, "anna@acme.example", "1,000 messages, 300 in every 10 minutes")
			},
			[]target.Usage{of(counterDay, "", 1000), of(counterPeak, "", 100), of(counterMessages, anna, 1000), of(counterRecipients, anna, 1)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
			m := &movable{capabilities: target.Known(), now: began}
			ctx, s := acme(t, m, VolumeLight)
			if err := c.given(ctx); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, m.usage); diff != "" {
				t.Errorf("preloaded (-want +got):\n%s", diff)
			}
			if s.evidence != reports.Preloaded || !m.now.Equal(began) || !s.began.Equal(began) {
				t.Errorf("evidence %s, the clock stands at %s, it began at %s", s.evidence, m.now, s.began)
			}
		})
	}
}

func TestWhatIsSentAllTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		volume Volume
		lacks  bool
		step   func(context.Context) error
	}{
		"normal volume":    {VolumeNormal, false, func(ctx context.Context) error { return hasRelayed(ctx, "anna@acme.example", "500 messages") }},
		"few":              {VolumeLight, false, func(ctx context.Context) error { return hasRelayed(ctx, "anna@acme.example", "499 messages") }},
		"a When":           {VolumeLight, false, func(ctx context.Context) error { return relays(ctx, "anna@acme.example", "500 messages") }},
		"an outsider":      {VolumeLight, false, func(ctx context.Context) error { return hasRelayed(ctx, "eve@yahoo.example", "500 messages") }},
		"the null sender":  {VolumeLight, false, func(ctx context.Context) error { return hasRelayed(ctx, "<>", "500 messages") }},
		"without the verb": {VolumeLight, true, func(ctx context.Context) error { return hasRelayed(ctx, "anna@acme.example", "500 messages") }},
		"a ceiling, large": {VolumeLarge, false, func(ctx context.Context) error { return hasUsed(ctx, "acme", "319,443", "10 minutes") }},
		"a day's, large":   {VolumeLarge, false, func(ctx context.Context) error { return hasUsed(ctx, "acme", "4,599,999", "day") }},
		"who tries to send": {VolumeLight, false, func(ctx context.Context) error {
			return triesInPortions(ctx, "anna@acme.example", "500 messages, 500 in every 10 minutes")
		}},
		"after something else was charged": {VolumeLight, false, func(ctx context.Context) error {
			from(ctx).charged = true
			return hasRelayed(ctx, "anna@acme.example", "500 messages")
		}},
	} {
		m := &movable{capabilities: target.Known()}
		if c.lacks {
			m.capabilities = []target.Capability{target.CanApply, target.CanClock}
		}
		ctx, s := acme(t, m, c.volume)
		if err := c.step(ctx); !tried(err) || len(m.usage) > 0 || s.evidence != reports.Full {
			t.Errorf("%s: error %v, preloaded %v, evidence %s", name, err, m.usage, s.evidence)
		}
	}
}

func TestTheCeilingsArePreloaded(t *testing.T) {
	for window, counter := range map[string]string{"day": counterDay, "10 minutes": counterPeak} {
		for _, v := range []Volume{VolumeLight, VolumeNormal} {
			m := &movable{capabilities: target.Known()}
			ctx, s := acme(t, m, v)
			if err := hasUsed(ctx, "acme", "319,443", window); err != nil {
				t.Fatal(err)
			}
			want := []target.Usage{{Customer: "acme-t1", Counter: counter, Amount: 319_443}}
			if diff := cmp.Diff(want, m.usage); diff != "" || s.evidence != reports.Preloaded {
				t.Errorf("%s, %s: evidence %s, (-want +got):\n%s", window, v, s.evidence, diff)
			}
		}
	}
}

func TestACeilingWithoutTheVerbIsMissing(t *testing.T) {
	ctx, s := stepping(bareTarget{})
	s.world.applied = true
	missing := new(Missing)
	if err := hasUsed(ctx, "acme", "319,443", "day"); !errors.As(err, &missing) || missing.Capability != target.CanUsage {
		t.Errorf("got %v, want the capability %s missing", err, target.CanUsage)
	}
}
