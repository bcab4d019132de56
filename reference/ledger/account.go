package ledger

import (
	"math"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// account is what a customer and its users have used. One lock guards all of it, reservations included.
type account struct {
	name  string
	scale scale

	lock   sync.Mutex
	gone   bool  // not in the ledger any more: look the name up again
	latest int64 // the latest now that was seen, in nanoseconds since 1970: time never goes back
	own    user  // the customer's own counters
	users  users
	spare  []*reservation
	taken  int // reservations that aren't spare
}

func newAccount(name string, s scale) *account {
	a := &account{name: name, scale: s, latest: math.MinInt64, own: user{emptyAt: never}}
	a.users.init()
	return a
}

func (a *account) see(now time.Time) { a.latest = max(a.latest, now.UnixNano()) }

func (a *account) user(name string) *user {
	if name == "" {
		return &a.own
	}
	return a.users.use(name)
}

// take gives an empty reservation.
func (a *account) take() *reservation {
	a.taken++
	last := len(a.spare) - 1
	if last < 0 {
		return &reservation{account: a}
	}
	r := a.spare[last]
	a.spare = a.spare[:last]
	return r
}

// put takes a reservation back, which makes its Hold void.
func (a *account) put(r *reservation) {
	a.taken--
	r.number++
	r.parts, r.count = [policy.Counters]part{}, 0
	if len(a.spare) < spareReservations && cap(r.hashes) <= spareHashes {
		a.spare = append(a.spare, r)
	}
}

// reserve holds all items, or none and gives the first that doesn't fit.
func (a *account) reserve(charge *policy.Charge, r *reservation) *policy.Item {
	a.users.drop(a.scale.at(a.latest), 2) // more than one reservation can bring
	items := charge.Items()
	for i := range items {
		if !a.hold(&items[i], r) {
			r.release()
			return &items[i]
		}
	}
	return nil
}

// hold adds a part for item to r and tells whether the counter stands within its limit with it.
func (a *account) hold(item *policy.Item, r *reservation) bool {
	u := a.user(item.User)
	c := u.counter(item.Counter)
	floor := a.scale.floor(a.latest, item.Window)
	c.expire(floor)
	before := c.used()

	p := &r.parts[r.count]
	r.count++
	*p = part{user: u, counter: c, kind: item.Kind, amount: item.Amount, window: item.Window}
	u.holds++
	p.hold(r.hashes, floor)
	return item.Limit < 0 || c.used() <= item.Limit || item.AllowEmpty && before == 0
}

// commit turns what r holds into what was used now.
func (a *account) commit(r *reservation) {
	for i := range r.parts[:r.count] {
		p := &r.parts[i]
		p.counter.expire(a.scale.floor(a.latest, p.window))
		stamp := p.commit(r.hashes, a.scale.stamp(a.latest, p.window))
		p.user.holds--
		p.user.emptyAt = max(p.user.emptyAt, stamp+a.scale.span(p.window))
	}
}

// used is where a counter stands.
func (a *account) used(which policy.Counter, name string, w policy.Window) int {
	u := &a.own
	if name != "" {
		u = a.users.byName[name]
	}
	if u == nil || u.counters[which] == nil {
		return 0
	}
	c := u.counters[which]
	c.expire(a.scale.floor(a.latest, w))
	return c.used()
}

// set makes a counter stand at amount, used now, and what is in holds.
func (a *account) set(which policy.Counter, name string, amount int, w policy.Window) {
	u := a.user(name)
	c := u.counter(which)
	c.clear()
	c.expire(a.scale.floor(a.latest, w))
	stamp := c.units.add(a.scale.stamp(a.latest, w), amount)
	u.emptyAt = max(u.emptyAt, stamp+a.scale.span(w))
}

// clear forgets what was used, and the time. What is in holds stays held.
func (a *account) clear() {
	a.latest = math.MinInt64
	a.users.clear()
	a.own.clear()
}

// idle tells whether nothing of the account counts any more. It drops users to find out.
func (a *account) idle() bool {
	now := a.scale.at(a.latest)
	a.users.drop(now, math.MaxInt)
	return a.taken == 0 && len(a.users.byName) == 0 && a.own.idle(now)
}
