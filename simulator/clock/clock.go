// Package clock is a movable clock: it goes forward when it is advanced, and never back. New makes one that otherwise stands
// still, Running one that goes on with real time as well.
//
// It feeds decisions, retries and expiries of a relay, so that a window of 24 hours is judged in milliseconds. Socket
// deadlines never use it. Start with Advance.
package clock

import (
	"fmt"
	"sync"
	"time"
)

// Due is something that waits for its time. Both methods may be called from any goroutine.
type Due interface {
	// NextDue is when the next thing falls due; false: nothing waits.
	NextDue() (time.Time, bool)
	// RunDue does everything that is due at now, and returns when it has been done.
	RunDue(now time.Time)
}

// Waker is a Due with a loop of its own, which sleeps until something falls due and must look again when the clock has
// jumped.
type Waker interface{ Wake() }

// Clock is a movable clock. Its methods may be called from any goroutine.
type Clock struct {
	moving sync.Mutex // one Advance at a time
	base   func() time.Time

	mu      sync.Mutex
	ahead   time.Duration // of base
	waiting []Due
}

// New gives a clock that stands at start.
func New(start time.Time) *Clock { return Running(func() time.Time { return start }) }

// Running gives a clock that shows what base shows, and what it was advanced by. base must not go back: time.Now doesn't.
func Running(base func() time.Time) *Clock { return &Clock{base: base} }

// Now is where the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.ahead)
}

// Attach adds something that waits. It is asked at every Advance from then on.
func (c *Clock) Attach(d Due) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, d)
}

// Advance moves the clock by d, which must not be negative. What falls due on the way is run in the order of its time,
// with the clock standing at that time, or a little later where it runs. What becomes due again at the same time is run at
// most once a moment.
func (c *Clock) Advance(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("advance the clock by %s: it only goes forward", d)
	}
	c.moving.Lock()
	defer c.moving.Unlock()
	at, done := c.Now(), time.Time{}
	ahead, end := c.aheadBy()+d, at.Add(d)
	for {
		next, ok := c.nextDue(at, done, end)
		if !ok {
			break
		}
		c.reach(next, ahead)
		for _, due := range c.attached() {
			due.RunDue(next)
		}
		at, done = next, next
	}
	c.jump(ahead)
	return nil
}

// nextDue is the earliest time after done, and not after end, at which something falls due. What should have been done
// before at is due at it.
func (c *Clock) nextDue(at, done, end time.Time) (time.Time, bool) {
	earliest, found := time.Time{}, false
	for _, d := range c.attached() {
		due, ok := d.NextDue()
		if ok && due.Before(at) {
			due = at
		}
		if ok && due.After(done) && !due.After(end) && (!found || due.Before(earliest)) {
			earliest, found = due, true
		}
	}
	return earliest, found
}

func (c *Clock) attached() []Due {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting
}

func (c *Clock) aheadBy() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

// reach moves the clock to at least to, but not further ahead of base than most.
func (c *Clock) reach(to time.Time, most time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = min(max(c.ahead, to.Sub(c.base())), most)
}

// jump ends an Advance: from here on the clock is so far ahead of base.
func (c *Clock) jump(ahead time.Duration) {
	c.mu.Lock()
	c.ahead = ahead
	c.mu.Unlock()
	for _, due := range c.attached() {
		if w, ok := due.(Waker); ok {
			w.Wake()
		}
	}
}
