package mta

import (
	"context"
	"sync"
	"time"
)

// Movable is a Clock that stands until it is moved, and then only goes forward: a day of retries takes no day. Its methods
// may be called from any goroutine.
type Movable struct {
	mu  sync.Mutex
	now time.Time
}

// NewMovable gives a clock that stands at now.
func NewMovable(now time.Time) *Movable { return &Movable{now: now} }

// Now is where the clock stands.
func (m *Movable) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Set moves the clock to t; where that is past already it stays.
func (m *Movable) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.After(m.now) {
		m.now = t
	}
}

// Advance moves the clock by d. What falls due of s on the way is done in its order, each at its time. The error is ctx's.
func (m *Movable) Advance(ctx context.Context, s *Server, d time.Duration) error {
	until := m.Now().Add(d)
	for ctx.Err() == nil {
		due, waits := s.NextDue()
		if !waits || due.After(until) {
			break
		}
		m.Set(due)
		s.RunDue(m.Now())
	}
	m.Set(until)
	return ctx.Err()
}
