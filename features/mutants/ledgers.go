package mutants

import (
	"sync"
	"time"

	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
)

// chargingRefused charges what it refuses, for the counters that still have room.
type chargingRefused struct{ reference.Ledger }

func (l *chargingRefused) Reserve(now time.Time, c *policy.Charge) (ledger.Hold, *policy.Item) {
	hold, refused := l.Ledger.Reserve(now, c)
	if refused != nil {
		l.charge(now, c)
	}
	return hold, refused
}

// charge commits c without its limits.
func (l *chargingRefused) charge(now time.Time, c *policy.Charge) {
	l.Commit(now, unlimited(l.Ledger, now, c))
}

// unlimited holds c without its limits.
func unlimited(l reference.Ledger, now time.Time, c *policy.Charge) ledger.Hold {
	free := policy.Charge{Account: c.Account, Recipients: c.Recipients}
	for _, item := range c.Items() {
		item.Limit = -1
		free.Add(item)
	}
	hold, _ := l.Reserve(now, &free)
	return hold
}

// unheld asks whether there is room and holds nothing: what is accepted is charged at the end, whatever came between.
type unheld struct {
	reference.Ledger
	mu    sync.Mutex
	asked map[ledger.Hold]policy.Charge
}

func newUnheld(next reference.Ledger) reference.Ledger {
	return &unheld{Ledger: next, asked: map[ledger.Hold]policy.Charge{}}
}

func (l *unheld) Reserve(now time.Time, c *policy.Charge) (ledger.Hold, *policy.Item) {
	hold, refused := l.Ledger.Reserve(now, c)
	if refused == nil {
		l.Ledger.Release(hold)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.asked[hold] = *c
	}
	return hold, refused
}

func (l *unheld) Commit(now time.Time, h ledger.Hold) {
	if c, ok := l.take(h); ok {
		l.Ledger.Commit(now, unlimited(l.Ledger, now, &c))
	}
}

func (l *unheld) Release(h ledger.Hold) { l.take(h) }

func (l *unheld) take(h ledger.Hold) (policy.Charge, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.asked[h]
	delete(l.asked, h)
	return c, ok
}

// unfinished charges a transaction that held places and wasn't accepted, in one counter.
func unfinished(of policy.Counter) embedded.Options {
	return embedded.Options{Ledger: func(next reference.Ledger) reference.Ledger {
		return &chargingUnfinished{Ledger: next, of: of, held: map[ledger.Hold]reservation{}}
	}}
}

type chargingUnfinished struct {
	reference.Ledger
	of   policy.Counter
	mu   sync.Mutex
	held map[ledger.Hold]reservation
}

// reservation is what a hold was asked for, and when.
type reservation struct {
	at     time.Time
	charge policy.Charge
}

func (l *chargingUnfinished) Reserve(now time.Time, c *policy.Charge) (ledger.Hold, *policy.Item) {
	hold, refused := l.Ledger.Reserve(now, c)
	if refused == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.held[hold] = reservation{now, l.part(c)}
	}
	return hold, refused
}

// part is c's item of the counter that is charged.
func (l *chargingUnfinished) part(c *policy.Charge) policy.Charge {
	part := policy.Charge{Account: c.Account, Recipients: append([]policy.Address(nil), c.Recipients...)}
	for _, item := range c.Items() {
		if item.Counter == l.of {
			part.Add(item)
		}
	}
	return part
}

func (l *chargingUnfinished) Commit(now time.Time, h ledger.Hold) {
	l.take(h)
	l.Ledger.Commit(now, h)
}

func (l *chargingUnfinished) Release(h ledger.Hold) {
	r, ok := l.take(h)
	l.Ledger.Release(h)
	if ok && len(r.charge.Items()) > 0 {
		l.Ledger.Commit(r.at, unlimited(l.Ledger, r.at, &r.charge))
	}
}

func (l *chargingUnfinished) take(h ledger.Hold) (reservation, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.held[h]
	delete(l.held, h)
	return r, ok
}
