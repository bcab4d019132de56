package clock_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/simulator/clock"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// retries falls due at each of its times, and notes when it was run.
type retries struct {
	clock *clock.Clock
	times []time.Duration
	ran   []time.Duration
}

func (r *retries) NextDue() (time.Time, bool) {
	if len(r.times) == 0 {
		return time.Time{}, false
	}
	return noon.Add(r.times[0]), true
}

func (r *retries) RunDue(now time.Time) {
	for len(r.times) > 0 && !noon.Add(r.times[0]).After(now) {
		r.ran = append(r.ran, r.clock.Now().Sub(noon))
		r.times = r.times[1:]
	}
}

func TestAdvanceRunsWhatFallsDueInOrder(t *testing.T) {
	c := clock.New(noon)
	a := &retries{clock: c, times: []time.Duration{time.Minute, 3 * time.Minute, time.Hour}}
	b := &retries{clock: c, times: []time.Duration{2 * time.Minute}}
	c.Attach(a)
	c.Attach(b)
	if err := c.Advance(10 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]time.Duration{time.Minute, 3 * time.Minute}, a.ran); diff != "" {
		t.Errorf("a ran at other times (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{2 * time.Minute}, b.ran); diff != "" {
		t.Errorf("b ran at other times (-want +got):\n%s", diff)
	}
	if got := c.Now(); !got.Equal(noon.Add(10 * time.Minute)) {
		t.Errorf("the clock stands at %s", got)
	}
}

func TestAdvanceNeverGoesBack(t *testing.T) {
	c := clock.New(noon)
	if err := c.Advance(-time.Second); err == nil {
		t.Error("a negative step was accepted")
	}
	if !c.Now().Equal(noon) {
		t.Errorf("the clock moved to %s", c.Now())
	}
}

// stuck is due for ever.
type stuck struct{ runs int }

func (s *stuck) NextDue() (time.Time, bool) { return noon, true }
func (s *stuck) RunDue(time.Time)           { s.runs++ }

func TestAdvanceEndsThoughSomethingStaysDue(t *testing.T) {
	c, s := clock.New(noon), &stuck{}
	c.Attach(s)
	if err := c.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	if s.runs != 1 || !c.Now().Equal(noon.Add(time.Hour)) {
		t.Errorf("ran %d times, clock at %s", s.runs, c.Now())
	}
}

// asleep has a loop of its own that must be woken.
type asleep struct {
	retries
	woken int
}

func (a *asleep) Wake() { a.woken++ }

func TestRunningClockGoesOnWithItsBase(t *testing.T) {
	real := noon
	c := clock.Running(func() time.Time { return real })
	real = real.Add(time.Minute)
	if got := c.Now(); !got.Equal(noon.Add(time.Minute)) {
		t.Errorf("after a minute it shows %s", got)
	}
	r := &asleep{retries: retries{clock: c, times: []time.Duration{time.Hour, 24 * time.Hour}}}
	c.Attach(r)
	if err := c.Advance(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	real = real.Add(time.Minute)
	if got := c.Now(); !got.Equal(noon.Add(2*time.Hour + 2*time.Minute)) {
		t.Errorf("it shows %s", got)
	}
	if diff := cmp.Diff([]time.Duration{time.Hour}, r.ran); diff != "" {
		t.Errorf("what fell due ran at other times (-want +got):\n%s", diff)
	}
	if r.woken != 1 {
		t.Errorf("what has a loop of its own was woken %d times", r.woken)
	}
}

// slow takes real time to do what is due, so that more of it passes than the clock was advanced by.
type slow struct {
	stuck
	pass func()
}

func (s *slow) RunDue(now time.Time) {
	s.pass()
	s.stuck.RunDue(now)
}

func TestRunningClockAdvancesByWhatWasAskedHoweverLongItTakes(t *testing.T) {
	real := noon
	c := clock.Running(func() time.Time { return real })
	s := &slow{pass: func() { real = real.Add(time.Hour) }}
	c.Attach(s)
	if err := c.Advance(10 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if s.runs != 1 {
		t.Errorf("what stays due ran %d times", s.runs)
	}
	if got := c.Now(); !got.Equal(noon.Add(time.Hour + 10*time.Minute)) {
		t.Errorf("it shows %s", got)
	}
}
