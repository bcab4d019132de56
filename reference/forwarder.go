package reference

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reference/delivery"
)

// Forwarder hands accepted mail to the next hop, and again while it is deferred. It runs a delivery.Queue: at once when
// something comes, and when something falls due by Now.
type Forwarder struct {
	queue     *delivery.Queue
	transport *delivery.Transport
	now       func() time.Time

	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// NewForwarder starts one. report is told of each attempt, and of each message that Close loses. now may be a movable
// clock, which then runs what falls due itself (NextDue, RunDue). The error says what is wrong with hop.
func NewForwarder(hop delivery.NextHop, now func() time.Time, report func(delivery.Attempt)) (*Forwarder, error) {
	transport, err := delivery.NewTransport(hop)
	if err != nil {
		return nil, fmt.Errorf("forward to the next hop: %w", err)
	}
	queue, err := delivery.NewQueue(delivery.Config{Deliverer: transport, Report: report, Messages: 1_000_000})
	if err != nil {
		return nil, fmt.Errorf("forward to the next hop: %w", err)
	}
	f := &Forwarder{queue: queue, transport: transport, now: now}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.done.Go(func() { queue.Run(f.ctx, now) })
	return f, nil
}

// Add queues m for delivery now. Its recipients are copied.
func (f *Forwarder) Add(m delivery.Message) error { return f.queue.Add(f.now(), m) }

// NextDue is when the next attempt is due; false: nothing waits.
func (f *Forwarder) NextDue() (time.Time, bool) { return f.queue.NextDue() }

// RunDue makes every attempt that is due at now, and returns when they have been made.
func (f *Forwarder) RunDue(now time.Time) { f.queue.RunDue(f.ctx, now) }

// Wake makes the forwarder look again at what is due: now has jumped.
func (f *Forwarder) Wake() { f.queue.Wake() }

// Drain waits until nothing is under way and nothing is left to be tried at once, or ctx ends. What was deferred may still wait for its time.
func (f *Forwarder) Drain(ctx context.Context) {
	for ctx.Err() == nil {
		f.queue.RunDue(ctx, f.now()) // first: what is under way isn't in NextDue
		at, ok := f.queue.NextDue()
		if !ok || at.After(f.now()) {
			return
		}
	}
}

// Close ends it: an attempt under way is cut short, and what still waits is reported as failed.
func (f *Forwarder) Close() error {
	f.cancel()
	f.done.Wait()
	f.queue.Close(f.now())
	return f.transport.Close()
}
