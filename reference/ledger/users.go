package ledger

import (
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// user is what a registered user has used; or the customer itself, under no name.
type user struct {
	name         string
	counters     [policy.Counters]*counter // nil: never used
	holds        int                       // parts of holds
	emptyAt      tick                      // when the last window has emptied
	older, newer *user                     // in order of last use
}

// counter gives a counter, made if there is none.
func (u *user) counter(which policy.Counter) *counter {
	c := u.counters[which]
	if c == nil {
		c = &counter{units: newTimeline()}
		u.counters[which] = c
	}
	return c
}

func (u *user) idle(now tick) bool { return u.holds == 0 && u.emptyAt <= now }

// users finds the users of an account, and lets go of those whose windows have emptied.
type users struct {
	byName map[string]*user
	ends   user // ends.newer is the one that wasn't used for longest, ends.older the one that was used last
}

func (us *users) init() {
	us.byName = map[string]*user{}
	us.ends.older, us.ends.newer = &us.ends, &us.ends
}

// use gives a user, made if there is none, as the one that was used last.
func (us *users) use(name string) *user {
	u := us.byName[name]
	if u == nil {
		u = &user{name: strings.Clone(name), emptyAt: never}
		us.byName[u.name] = u
	} else {
		us.unlink(u)
	}
	u.older, u.newer = us.ends.older, &us.ends
	u.older.newer, u.newer.older = u, u
	return u
}

func (us *users) unlink(u *user) { u.older.newer, u.newer.older = u.newer, u.older }

// drop lets go of up to most idle users, those first that weren't used for longest. It stops at one that isn't idle.
func (us *users) drop(now tick, most int) {
	for ; most > 0; most-- {
		u := us.ends.newer
		if u == &us.ends || !u.idle(now) {
			return
		}
		us.unlink(u)
		delete(us.byName, u.name)
	}
}

// clear forgets what every user has used. What is in holds stays held.
func (us *users) clear() {
	for name, u := range us.byName {
		if u.holds == 0 {
			us.unlink(u)
			delete(us.byName, name)
			continue
		}
		u.clear()
	}
}

func (u *user) clear() {
	u.emptyAt = never
	for _, c := range u.counters {
		if c != nil {
			c.clear()
		}
	}
}
