package mta

import (
	"context"
	"fmt"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/queue"
)

// NextDue is when a message that waits is tried again; false: none waits. A movable clock asks for it.
func (s *Server) NextDue() (time.Time, bool) { return s.queue.NextDue() }

// RunDue tries what is due at now, a run of the queue, and returns when nothing is under way any more.
func (s *Server) RunDue(now time.Time) {
	s.begin(s.queue.Due(now), true)
	s.wait(s.ctx)
}

// Wake has the server look again at what is due: its clock has jumped.
func (s *Server) Wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Flush tries all that waits, whenever it is due: a run of the queue. It doesn't wait for the outcome; Wait does.
func (s *Server) Flush(context.Context) { s.begin(s.queue.All(), true) }

// Wait waits until nothing is under way: all that was submitted is delivered, returned, or waits for its next try.
//
// Error: ctx ended before.
func (s *Server) Wait(ctx context.Context) error {
	if !s.wait(ctx) {
		return fmt.Errorf("wait for %d messages under way: %w", s.Counts().UnderWay, context.Cause(ctx))
	}
	return nil
}

// wait tells whether nothing was under way before ctx or the server ended.
func (s *Server) wait(ctx context.Context) bool {
	wake := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settled.Broadcast()
	}
	defer context.AfterFunc(ctx, wake)()
	defer context.AfterFunc(s.ctx, wake)()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.counts.UnderWay > 0 && ctx.Err() == nil && s.ctx.Err() == nil {
		s.settled.Wait()
	}
	return s.counts.UnderWay == 0
}

// begin puts messages that were taken out of the queue on their way.
func (s *Server) begin(items []*queue.Item, run bool) {
	if len(items) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.UnderWay += len(items)
	var l *lane
	for _, i := range items {
		if relay := i.Relay(); l == nil || relay != l.relay {
			l = s.lane(relay)
		}
		l.stream(run).items.push(i)
	}
	for _, l := range s.lanes {
		l.gathered()
		s.pump(l)
	}
}

// ended says that messages are no more under way. s.mu is held.
func (s *Server) ended(messages int) {
	if s.counts.UnderWay -= messages; s.counts.UnderWay == 0 {
		s.settled.Broadcast()
	}
}

// longestSleep bounds how long the loop sleeps at one time.
const longestSleep = time.Hour

// loop looks at the queue whenever something in it is due, by the real clock, until the server ends.
func (s *Server) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-timer.C:
		case <-s.changed:
		}
		s.begin(s.queue.Due(s.clock.Now()), true)
		sleep := longestSleep
		if next, ok := s.queue.NextDue(); ok {
			sleep = min(sleep, max(0, next.Sub(s.clock.Now())))
		}
		timer.Reset(sleep)
	}
}
