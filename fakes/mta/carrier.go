package mta

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mta/queue"
	"github.com/relayspec/relayspec/fakes/mta/session"
)

// carrier is one connection, and the goroutine that sends what waits over it.
type carrier struct {
	server *Server
	stream *stream
	line   line
	since  time.Time // when it was opened
	sent   int       // messages over it
	own    []unit    // what goes over it before all else: the rest of a message, a bounce
	wake   chan unit // what comes while it waits
}

// carry opens the connection, and sends u and what follows over it.
func (c *carrier) carry(u unit) {
	s := c.server
	s.mu.Lock()
	s.counts.Connections++
	name := strconv.Itoa(s.counts.Connections)
	s.mu.Unlock()
	l, err := s.open(s.ctx, c.stream.lane.relay, name)
	if err != nil {
		c.refused(u, err)
		return
	}
	c.line, c.since = l, time.Now()
	for more := true; more; {
		u, more = c.send(u)
	}
}

// send sends u, and gives what is next over the connection; false: it has ended.
func (c *carrier) send(u unit) (unit, bool) {
	s := c.server
	content, err := s.queue.Content(u.attempt.item)
	if err != nil {
		s.trouble(err)
		return c.after(u, all(u, session.Fate{Verdict: session.Deferred, Err: err}), session.Nothing, true)
	}
	next := c.next()
	fates, again, err := c.line.Send(s.ctx, u.envelope(content), next)
	if errors.Is(err, session.ErrStale) || errors.Is(err, session.ErrOver) {
		return c.stale(u)
	}
	return c.after(u, fates, next, again)
}

// next says what follows on the connection.
func (c *carrier) next() session.Next {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.profile.Connections
	waits := c.stream.backlog() > 0
	switch {
	case len(c.own) > 0:
		return session.Another
	case !c.reusable(1):
		return session.Nothing
	case p.Reuse.Value == UnderBacklog && c.stream.done:
		return session.Perhaps
	case p.Reuse.Value == UnderBacklog:
		return session.Nothing
	case waits:
		return session.Another
	case p.Bounces.Value == SameConnection:
		return session.Perhaps
	}
	return session.Nothing
}

// reusable tells whether the connection may carry one message more than so many more. s.mu is held.
func (c *carrier) reusable(more int) bool {
	p := &c.server.profile.Connections
	switch {
	case p.Reuse.Value == NeverReused,
		p.Reuse.Value == AfterFirst && (!c.stream.run || c.stream.sent <= 1),
		p.Reuse.Value == WhileRetried && !c.stream.retries(),
		p.Messages.Value > 0 && c.sent+more >= p.Messages.Value,
		p.Lifetime.Value > 0 && time.Since(c.since) >= p.Lifetime.Value:
		return false
	}
	return p.ReuseTLS.Value || !c.line.TLS()
}

// after takes what became of u, and gives what is next; again: the connection can carry more.
func (c *carrier) after(u unit, fates []session.Fate, next session.Next, again bool) (unit, bool) {
	s := c.server
	c.sent++
	fates = c.tooMany(u, whole(u, fates))
	last := s.note(u, fates, peer(c.line))
	var follow []*queue.Item
	if last {
		follow = s.settle(u.attempt)
	}
	s.mu.Lock()
	st := c.stream
	st.busy--
	st.done = true
	if most := s.profile.Connections.Initial.Value; most > 0 {
		st.window = max(st.window, most) + 1
	}
	if again && s.profile.Connections.Bounces.Value == SameConnection && c.reusable(0) {
		follow = c.keep(follow)
	}
	u, more := c.another(again)
	waits := !more && again && next == session.Perhaps && s.profile.Connections.Reuse.Value == UnderBacklog
	if waits {
		st.idle = append(st.idle, c)
	}
	st.rested()
	s.launch(follow)
	if last {
		s.ended(1)
	}
	s.mu.Unlock()
	switch {
	case more:
		return u, true
	case waits:
		return c.await()
	}
	c.end(session.ByQuit)
	return unit{}, false
}

// keep takes what the server wrote itself and goes to the same relay, for the same connection; the others are left. s.mu is
// held.
func (c *carrier) keep(written []*queue.Item) (others []*queue.Item) {
	same, others := c.toTheSame(written)
	for _, i := range same {
		c.own = append(c.own, c.server.split(i, c.stream)...)
	}
	return others
}

// toTheSame parts what goes to the connection's relay from what goes to others.
func (c *carrier) toTheSame(items []*queue.Item) (same, others []*queue.Item) {
	for _, i := range items {
		if i.Relay() == c.stream.lane.relay {
			same = append(same, i)
		} else {
			others = append(others, i)
		}
	}
	return same, others
}

// another takes what is next over the connection, where there is something. s.mu is held.
func (c *carrier) another(again bool) (unit, bool) {
	st := c.stream
	if again && len(c.own) > 0 {
		u := c.own[0]
		c.own = c.own[1:]
		st.busy++
		return u, true
	}
	if again && st.backlog() > 0 && c.reusable(0) {
		st.busy++
		return st.take(c), true
	}
	c.disown()
	return unit{}, false
}

// disown leaves what would have gone over the connection to others. s.mu is held.
func (c *carrier) disown() {
	for _, u := range slices.Backward(c.own) {
		c.stream.units.first(u)
	}
	if len(c.own) > 0 {
		c.stream.lane.enlisted(c.stream)
	}
	c.own = nil
}

// await waits for another message as long as the server keeps a connection.
func (c *carrier) await() (unit, bool) {
	after, how := c.line.Idle()
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case u := <-c.wake:
		return u, true
	case <-timer.C:
	case <-c.server.ctx.Done():
	}
	s := c.server
	s.mu.Lock()
	c.stream.idle = slices.DeleteFunc(c.stream.idle, func(other *carrier) bool { return other == c })
	s.mu.Unlock()
	select {
	case u := <-c.wake: // it came in time
		return u, true
	default:
	}
	c.end(how)
	return unit{}, false
}

// end ends the connection.
func (c *carrier) end(how session.Ending) {
	if c.server.ctx.Err() != nil {
		how = session.ByEOF
	}
	c.line.End(how)
	c.gone()
}

// gone makes room for other connections.
func (c *carrier) gone() {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	c.stream.lane.open--
	s.opened--
	s.pumpAll()
}

// stale puts u back: the connection had ended before anything of it was said. A new one is opened at once.
func (c *carrier) stale(u unit) (unit, bool) {
	s := c.server
	c.line.End(session.ByEOF)
	s.mu.Lock()
	st := c.stream
	st.busy--
	c.own = slices.Insert(c.own, 0, u)
	c.disown()
	s.mu.Unlock()
	c.gone()
	return unit{}, false
}

// refused takes it that no connection came about.
func (c *carrier) refused(u unit, err error) {
	s := c.server
	f := session.Fate{Verdict: session.Deferred, Stage: client.Connect, Err: err}
	var r *session.Refused
	if errors.As(err, &r) {
		f = session.Fate{Verdict: r.Verdict, Stage: r.Stage, Reply: r.Reply, Err: r.Err}
	}
	shared := s.profile.Connections.SharedTrouble.Value
	units, items := c.concerned(u, shared && f.Verdict == session.Deferred)
	var follow []*queue.Item
	ended := len(items)
	for _, u := range units {
		if s.note(u, all(u, f), "") {
			follow = append(follow, s.settle(u.attempt)...)
			ended++
		}
	}
	follow = append(follow, s.putOff(items, f)...)
	if f.Verdict != session.Deferred {
		others, barred := c.barred(follow, f)
		follow, ended = others, ended+barred
	}
	s.mu.Lock()
	c.stream.busy--
	c.stream.rested()
	s.launch(follow)
	s.ended(ended)
	s.mu.Unlock()
	c.gone()
}

// concerned takes what a connection that didn't come about was for: u, the rest of its message, and with shared trouble all
// that waits in the stream.
func (c *carrier) concerned(u unit, shared bool) (units []unit, items []*queue.Item) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	units = append([]unit{u}, c.own...)
	c.own = nil
	if shared {
		units = append(units, c.stream.units.all()...)
		items = c.stream.items.all()
	}
	return units, items
}

// barred takes bounces that would go to the relay that has just refused to speak, which f is about, where the profile doesn't
// have them try; others go their way.
func (c *carrier) barred(written []*queue.Item, f session.Fate) (others []*queue.Item, ended int) {
	s := c.server
	way := s.profile.Connections.Unwelcome.Value
	if way != PutOff && way != Alike {
		return written, 0
	}
	same, others := c.toTheSame(written)
	if way == PutOff {
		f.Verdict = session.Deferred
		return append(others, s.putOff(same, f)...), len(same)
	}
	for _, i := range same {
		a := &attempt{item: i, message: i.Message()}
		for _, recipient := range a.message.Recipients {
			f.Recipient = recipient
			a.fates = append(a.fates, fate{Fate: f})
		}
		others = append(others, s.settle(a)...)
	}
	return others, len(same)
}

// peer is the relay's address, where the connection knows it.
func peer(l line) string {
	with, ok := l.(interface{ Peer() net.Addr })
	if !ok || with.Peer() == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(with.Peer().String())
	if err != nil {
		return with.Peer().String()
	}
	return host
}
