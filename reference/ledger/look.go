package ledger

import (
	"slices"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// Standing is where a counter stands against one item of a charge.
type Standing struct {
	Item policy.Item
	Used int  // before the charge, what is in holds included
	Fits bool // what Reserve would say of this item
	// Free is when the item fits, if nothing more is used until then and what is held stays held: now where it fits
	// already, zero where it never will.
	Free time.Time
}

// Look tells how each item of a charge stands, in the charge's order, and changes nothing.
func (l *Ledger) Look(now time.Time, charge *policy.Charge) []Standing {
	a := l.accounts.open(charge.Account)
	r := a.take()
	a.lock.Unlock()
	r.identify(l.identity, charge) // outside of the lock: nobody else has r

	a.lock.Lock()
	defer a.lock.Unlock()
	a.see(now)
	items := charge.Items()
	standings := make([]Standing, len(items))
	emptied := make([]time.Time, len(items))
	for i := range items {
		s := &standings[i]
		s.Item, s.Used = items[i], a.used(items[i].Counter, items[i].User, items[i].Window)
		emptied[i] = a.emptied(&items[i])
		s.Fits = a.hold(&items[i], r)
	}
	for i := range standings { // while all of it is held: a recipient that counts already is no obstacle
		s := &standings[i]
		s.Free = time.Unix(0, a.latest).UTC()
		if !s.Fits {
			s.Free = earlier(a.free(r.parts[i].counter, &s.Item), emptied[i])
		}
	}
	r.release()
	a.put(r)
	return standings
}

// free is when item, which c holds and is too much, fits; zero: never.
func (a *account) free(c *counter, item *policy.Item) time.Time {
	excess := c.used() - item.Limit
	for _, u := range c.uses() {
		if excess -= u.count; excess <= 0 {
			return a.scale.gone(u.stamp, item.Window)
		}
	}
	return time.Time{}
}

// emptied is when item fits because its counter has emptied, where that is enough; zero: never.
func (a *account) emptied(item *policy.Item) time.Time {
	c := a.user(item.User).counter(item.Counter)
	uses := c.uses()
	if !item.AllowEmpty || len(uses) == 0 || c.held > 0 || c.seen != nil && c.seen.pinned > 0 {
		return time.Time{}
	}
	return a.scale.gone(uses[len(uses)-1].stamp, item.Window)
}

// gone is when what has this stamp doesn't count any more.
func (s scale) gone(stamp tick, w policy.Window) time.Time {
	return time.Unix(0, int64(stamp+s.span(w))*int64(s)).UTC()
}

// earlier is the earlier of two times, where zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// use is what was used under a stamp.
type use struct {
	stamp tick
	count int
}

// uses are what the counter counts and isn't held, oldest first.
func (c *counter) uses() []use {
	all := c.units.uses()
	if c.seen != nil {
		all = append(all, c.seen.times.uses()...)
	}
	slices.SortStableFunc(all, func(a, b use) int { return int(a.stamp - b.stamp) })
	return all
}

// uses are the marks that aren't gone, oldest first.
func (t *timeline) uses() []use {
	var all []use
	for _, c := range t.chunks {
		for _, m := range c.marks {
			if stamp := c.base + tick(m.after); stamp > t.floor && m.count > 0 {
				all = append(all, use{stamp, int(m.count)})
			}
		}
	}
	return all
}
