package mta

import (
	"time"

	"github.com/relayspec/relayspec/fakes/mta/queue"
	"github.com/relayspec/relayspec/fakes/mta/session"
)

// lane is all that goes to one relay. The server's mu guards it and its streams.
type lane struct {
	server  *Server
	relay   string
	whole   *stream   // of what isn't apart; nil: there is none yet
	filling *stream   // of the queue run that is being put together
	waiting []*stream // those that may have something to send, in the order in which they came
	open    int       // connections, those that wait for a message included
}

// lane gives the lane to a relay. s.mu is held.
func (s *Server) lane(relay string) *lane {
	l := s.lanes[relay]
	if l == nil {
		l = &lane{server: s, relay: relay}
		s.lanes[relay] = l
	}
	return l
}

// stream gives the stream that one more message belongs to: one of its own, that of the run, or that of all.
func (l *lane) stream(run bool) *stream {
	if !l.server.profile.Connections.Apart.Value {
		if l.whole == nil {
			l.whole = &stream{lane: l}
		}
		return l.enlisted(l.whole)
	}
	if !run {
		return l.enlisted(&stream{lane: l})
	}
	if l.filling == nil {
		l.filling = &stream{lane: l, most: l.server.profile.Connections.RunAtOnce.Value, run: true}
	}
	return l.enlisted(l.filling)
}

// gathered ends the putting together of a run.
func (l *lane) gathered() { l.filling = nil }

// enlisted makes st one of those that wait.
func (l *lane) enlisted(st *stream) *stream {
	if !st.listed {
		st.listed = true
		l.waiting = append(l.waiting, st)
	}
	return st
}

// stream is what shares connections: see Connections.
type stream struct {
	lane   *lane
	run    bool // it is a run of the queue
	most   int  // connections at one time; 0: no bound of its own
	listed bool // it is in lane.waiting

	items fifo[*queue.Item] // messages that weren't begun
	units fifo[unit]        // transactions of messages that were

	busy   int        // connections that carry a message, or are being opened for one
	idle   []*carrier // those that wait for one
	window int        // how many connections there may be, where that grows; 0: not yet known
	begun  time.Time  // when the first of the connections was opened after the stream had been idle
	done   bool       // a message was sent since then
	sent   int        // transactions begun since then
	timer  bool       // it will be looked at again when Stagger is over
}

// backlog tells how many transactions wait, those of a message that wasn't begun counted as one.
func (st *stream) backlog() int { return st.items.len() + st.units.len() }

// rested forgets what a stream knows of the relay: nothing of it is under way. Connections that wait are left to end.
func (st *stream) rested() {
	if st.busy == 0 && st.backlog() == 0 {
		st.begun, st.done, st.window, st.sent, st.idle = time.Time{}, false, 0, 0, nil
	}
}

// pump opens connections for what waits, as many as the profile admits. s.mu is held.
func (s *Server) pump(l *lane) {
	seen, kept := 0, 0
	for _, st := range l.waiting {
		if !s.room(l) && len(st.idle) == 0 {
			break
		}
		s.pumpStream(st)
		seen++
	}
	for at := seen - 1; at >= 0; at-- { // those that still wait move up to the ones that weren't looked at
		st := l.waiting[at]
		if st.listed = st.backlog() > 0; st.listed {
			kept++
			l.waiting[seen-kept] = st
		}
	}
	clear(l.waiting[:seen-kept])
	l.waiting = l.waiting[seen-kept:]
}

// pumpAll is pump for every relay: a connection has ended. s.mu is held.
func (s *Server) pumpAll() {
	for _, l := range s.lanes {
		s.pump(l)
	}
}

// room tells whether one more connection may be opened to a relay.
func (s *Server) room(l *lane) bool {
	most := l.server.profile.Connections.AtOnce.Value
	return s.ctx.Err() == nil && s.opened < s.options.AtOnce && (most == 0 || l.open < most)
}

// pumpStream is pump for one stream.
func (s *Server) pumpStream(st *stream) {
	for st.backlog() > 0 {
		if len(st.idle) > 0 {
			c := st.idle[0]
			st.idle = st.idle[1:]
			st.busy++
			c.wake <- st.take(c)
			continue
		}
		if !s.room(st.lane) || !st.mayOpen(&s.profile.Connections) {
			return
		}
		s.connect(st)
	}
}

// mayOpen tells whether the stream may have one more connection now.
func (st *stream) mayOpen(c *Connections) bool {
	if st.window == 0 {
		st.window = c.Initial.Value
	}
	switch {
	case st.busy == 0:
		return true
	case st.most > 0 && st.busy >= st.most, st.window > 0 && st.busy >= st.window:
		return false
	case st.backlog() < c.Spread.Value*st.busy && c.Spread.Value > 1:
		return false
	case c.Reuse.Value == AfterFirst && st.run:
		return false // the first alone, and then one connection
	case c.Stagger.Value > 0 && !st.done && time.Since(st.begun) < c.Stagger.Value:
		st.lookAgain(c.Stagger.Value)
		return false
	}
	return true
}

// lookAgain has the stream looked at when its first connection has been alone for long enough.
func (st *stream) lookAgain(after time.Duration) {
	if st.timer {
		return
	}
	st.timer = true
	s := st.lane.server
	time.AfterFunc(after, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		st.timer = false
		if s.ctx.Err() == nil {
			s.pump(st.lane)
		}
	})
}

// connect opens a connection for what waits first. s.mu is held.
func (s *Server) connect(st *stream) {
	if st.busy == 0 && !st.done {
		st.begun = time.Now()
	}
	st.busy++
	st.lane.open++
	s.opened++
	c := &carrier{server: s, stream: st, wake: make(chan unit, 1)}
	u := st.take(c)
	s.work.Go(func() { c.carry(u) })
}

// take gives the transaction that is next; where the rest of its message goes over the same connection that is left to c.
// Something waits.
func (st *stream) take(c *carrier) unit {
	st.sent++
	if st.units.len() > 0 {
		return st.units.pop()
	}
	units := st.lane.server.split(st.items.pop(), st)
	if st.lane.server.profile.Session.Splits.Rest.Value == session.Same {
		c.own = append(c.own, units[1:]...)
	} else {
		for _, u := range units[1:] {
			st.units.push(u)
		}
	}
	return units[0]
}

// retries tells whether what is next was tried before.
func (st *stream) retries() bool {
	switch {
	case st.units.len() > 0:
		return st.units.next().attempt.message.Attempts > 0
	case st.items.len() > 0:
		return st.items.next().State().Attempts > 0
	}
	return false
}

// fifo is a queue of values.
type fifo[T any] struct {
	values []T
	from   int
}

func (f *fifo[T]) len() int { return len(f.values) - f.from }

func (f *fifo[T]) push(v T) { f.values = append(f.values, v) }

// next gives the oldest; there is one.
func (f *fifo[T]) next() T { return f.values[f.from] }

// pop takes the oldest; there is one.
func (f *fifo[T]) pop() T {
	v := f.values[f.from]
	var none T
	f.values[f.from] = none
	if f.from++; f.from == len(f.values) {
		f.values, f.from = nil, 0
	}
	return v
}

// first puts a value before all others.
func (f *fifo[T]) first(v T) {
	f.values = append([]T{v}, f.values[f.from:]...)
	f.from = 0
}

// all takes all of them.
func (f *fifo[T]) all() []T {
	all := f.values[f.from:]
	f.values, f.from = nil, 0
	return all
}
