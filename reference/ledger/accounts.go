package ledger

import (
	"hash/maphash"
	"strings"
	"sync"
)

// shards is how many locks accounts are found under. Customers don't wait for each other.
const shards = 64

// accounts finds accounts by name. A shard's lock is never taken while an account's is held.
type accounts struct {
	seed   maphash.Seed
	scale  scale
	shards [shards]shard
}

type shard struct {
	lock   sync.RWMutex
	byName map[string]*account
}

func (as *accounts) init(s scale) {
	as.seed, as.scale = maphash.MakeSeed(), s
	for i := range as.shards {
		as.shards[i].byName = map[string]*account{}
	}
}

func (as *accounts) shard(name string) *shard {
	return &as.shards[maphash.String(as.seed, name)%shards]
}

// open gives an account, locked, made if there is none.
func (as *accounts) open(name string) *account {
	for {
		a := as.find(name)
		if a == nil {
			a = as.create(name)
		}
		a.lock.Lock()
		if !a.gone {
			return a
		}
		a.lock.Unlock()
	}
}

// find gives an account, not locked, or nil.
func (as *accounts) find(name string) *account {
	s := as.shard(name)
	s.lock.RLock()
	defer s.lock.RUnlock()
	return s.byName[name]
}

func (as *accounts) create(name string) *account {
	s := as.shard(name)
	s.lock.Lock()
	defer s.lock.Unlock()
	a := s.byName[name]
	if a == nil {
		a = newAccount(strings.Clone(name), as.scale)
		s.byName[a.name] = a
	}
	return a
}

// all gives the accounts of a shard.
func (s *shard) all() []*account {
	s.lock.RLock()
	defer s.lock.RUnlock()
	all := make([]*account, 0, len(s.byName))
	for _, a := range s.byName {
		all = append(all, a)
	}
	return all
}

// drop lets go of an account if it is idle.
func (s *shard) drop(a *account) {
	s.lock.Lock()
	defer s.lock.Unlock()
	a.lock.Lock()
	defer a.lock.Unlock()
	if !a.gone && a.idle() {
		a.gone = true
		delete(s.byName, a.name)
	}
}
