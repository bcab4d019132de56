// Package clock is a movable clock: it stands still until it is advanced, and only goes forward.
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

// Clock is a movable clock. Its methods may be called from any goroutine.
type Clock struct {
	moving sync.Mutex // one Advance at a time

	mu      sync.Mutex
	now     time.Time
	waiting []Due
}

// New gives a clock that stands at start.
func New(start time.Time) *Clock { return &Clock{now: start} }

// Now is where the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Attach adds something that waits. It is asked at every Advance from then on.
func (c *Clock) Attach(d Due) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, d)
}

// Advance moves the clock by d, which must not be negative. What falls due on the way is run in the order of its time,
// with the clock standing at that time. What becomes due again at the same time is run at most once a moment.
func (c *Clock) Advance(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("advance the clock by %s: it only goes forward", d)
	}
	c.moving.Lock()
	defer c.moving.Unlock()
	end := c.Now().Add(d)
	done := time.Time{}
	for {
		next, ok := c.nextDue(done, end)
		if !ok {
			break
		}
		c.set(next)
		for _, due := range c.attached() {
			due.RunDue(next)
		}
		done = next
	}
	c.set(end)
	return nil
}

// nextDue is the earliest time after done, and not after end, at which something falls due.
func (c *Clock) nextDue(done, end time.Time) (time.Time, bool) {
	now := c.Now()
	earliest, found := time.Time{}, false
	for _, d := range c.attached() {
		at, ok := d.NextDue()
		if ok && at.Before(now) {
			at = now
		}
		if ok && at.After(done) && !at.After(end) && (!found || at.Before(earliest)) {
			earliest, found = at, true
		}
	}
	return earliest, found
}

func (c *Clock) attached() []Due {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting
}

func (c *Clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.After(c.now) {
		c.now = now
	}
}
