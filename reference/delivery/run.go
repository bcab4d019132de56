package delivery

import (
	"context"
	"sync"
	"time"
)

// Run does what falls due until ctx ends, and returns when the attempts under way have been reported: the loop for real
// time, where now is time.Now. Each of the Workers goes on as soon as it is free, so a slow attempt holds up nobody else.
// A movable clock has a loop of its own, over NextDue and RunDue.
func (q *Queue) Run(ctx context.Context, now func() time.Time) {
	var work sync.WaitGroup
	defer work.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	ended := make(chan struct{}, q.config.Workers)
	free := q.config.Workers
	for ctx.Err() == nil {
		for ; free > 0; free-- {
			at := now()
			i := q.next(at)
			if i == nil {
				break
			}
			work.Go(func() {
				q.attempt(ctx, at, i)
				ended <- struct{}{}
			})
		}
		q.arm(timer, free > 0, now)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-q.changed:
		case <-ended:
			free++
		}
	}
}

// arm sets the timer of Run to when something falls due. Without a free worker there is nothing to wake for.
func (q *Queue) arm(timer *time.Timer, free bool, now func() time.Time) {
	timer.Stop()
	if due, ok := q.NextDue(); ok && free {
		timer.Reset(due.Sub(now()))
	}
}
