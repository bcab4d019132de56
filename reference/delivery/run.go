package delivery

import (
	"context"
	"time"
)

// Run does what falls due until ctx ends: the loop for real time, where now is time.Now. A movable clock has a loop of
// its own, over NextDue and RunDue.
func (q *Queue) Run(ctx context.Context, now func() time.Time) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			q.RunDue(ctx, now())
		case <-q.changed:
		}
		if due, ok := q.NextDue(); ok {
			timer.Reset(due.Sub(now()))
		}
	}
}
