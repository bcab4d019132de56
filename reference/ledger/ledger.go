package ledger

import (
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// The bounds of Options.Tick. Source: relay-rules 2.42.
const (
	finestTick   = time.Millisecond
	coarsestTick = 250 * time.Millisecond
)

// Options are what a Ledger is made with. The zero value works.
type Options struct {
	// Key makes the hashes of recipients unpredictable. Zero is a key like any other: fit for tests, not for a relay
	// that strangers may send through.
	Key [16]byte
	// Tick is how finely times are kept: 1 ms to 250 ms, what is outside is brought inside. 0: 250 ms.
	// Windows longer than 2^30 ticks (12 days at 1 ms, 8 years at 250 ms) count as that long.
	Tick time.Duration
}

// Ledger keeps what every customer and user has used. It is safe for concurrent use; customers don't wait for each
// other. A now that is before the latest one that a customer's account saw is taken for that one; it must lie between
// 1678 and 2262.
//
// A counter's window is meant to stay as it is. Where it changes, what was used counts by the new one from then on; what
// the old one has let go of doesn't come back.
type Ledger struct {
	identity identity
	accounts accounts
}

// New makes an empty Ledger.
func New(options Options) *Ledger {
	length := options.Tick
	if length <= 0 {
		length = coarsestTick
	}
	l := &Ledger{identity: newIdentity(options.Key)}
	l.accounts.init(scale(min(max(length, finestTick), coarsestTick)))
	return l
}

// Reserve holds all items of a charge, or none.
//
// An item fits if its counter, with what is in holds, stands at or under Limit with it. It also fits with Limit -1, and,
// with AllowEmpty, if the counter stood at zero. A recipient that counts already, or stands in the charge twice, adds
// nothing to a Distinct item. If an item doesn't fit, nothing has changed: the first such item in the charge's order is
// returned, which lives as long as the charge, with a zero Hold.
//
// Source: relay-rules 2.4, 2.5, 2.26, 2.27, 2.29; LIM-USER-MSGS, LIM-USER-UNIQ, LIM-CUST-DAY, LIM-CUST-PEAK.
func (l *Ledger) Reserve(now time.Time, charge *policy.Charge) (Hold, *policy.Item) {
	a := l.accounts.open(charge.Account)
	r := a.take()
	a.lock.Unlock()
	r.identify(l.identity, charge) // outside of the lock: nobody else has r

	a.lock.Lock()
	defer a.lock.Unlock()
	a.see(now)
	if refused := a.reserve(charge, r); refused != nil {
		a.put(r)
		return Hold{}, refused
	}
	return Hold{of: r, number: r.number}, nil
}

// Commit turns a hold into use, at this instant. A hold that was committed or released before is left alone.
// Source: relay-rules 2.41.
func (l *Ledger) Commit(now time.Time, hold Hold) {
	r := hold.of
	if r == nil {
		return
	}
	a := r.account
	a.lock.Lock()
	defer a.lock.Unlock()
	if r.number != hold.number {
		return
	}
	a.see(now)
	a.commit(r)
	a.put(r)
}

// Release gives a hold back: a transaction that didn't end in 250 uses nothing. A hold that was committed or released
// before is left alone. Source: relay-rules 2.4.
func (l *Ledger) Release(hold Hold) {
	r := hold.of
	if r == nil {
		return
	}
	a := r.account
	a.lock.Lock()
	defer a.lock.Unlock()
	if r.number != hold.number {
		return
	}
	r.release()
	a.put(r)
}

// Used is where a counter stands, holds included. user is empty for the customer's own counters.
func (l *Ledger) Used(now time.Time, account string, counter policy.Counter, user string, window policy.Window) int {
	a := l.accounts.find(account)
	if a == nil {
		return 0
	}
	a.lock.Lock()
	defer a.lock.Unlock()
	a.see(now)
	return a.used(counter, user, window)
}

// Set makes a counter stand at amount, as if just used, and what is in holds. What it counted before is forgotten. For
// recipients that is amount recipients that nobody else has.
func (l *Ledger) Set(now time.Time, account string, counter policy.Counter, user string, amount int, window policy.Window) {
	a := l.accounts.open(account)
	defer a.lock.Unlock()
	a.see(now)
	a.set(counter, user, amount, window)
}

// Reset forgets what a customer and its users have used, and when; holds stay held and may still be committed. Time may
// start anew, before what the account has seen.
func (l *Ledger) Reset(account string) {
	a := l.accounts.find(account)
	if a == nil {
		return
	}
	a.lock.Lock()
	defer a.lock.Unlock()
	a.clear()
}

// Sweep lets go of every customer and user whose windows have emptied. Reserve does so for users of the customer that it
// serves; Sweep is for customers that have fallen silent: once an hour is enough.
func (l *Ledger) Sweep(now time.Time) {
	for i := range l.accounts.shards {
		s := &l.accounts.shards[i]
		for _, a := range s.all() {
			a.lock.Lock()
			a.see(now)
			idle := a.idle()
			a.lock.Unlock()
			if idle {
				s.drop(a)
			}
		}
	}
}
