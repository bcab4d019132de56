package mta

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/queue"
	"github.com/relayspec/relayspec/fakes/mta/schedule"
	"github.com/relayspec/relayspec/fakes/mta/session"
)

// outcome is what an attempt came to.
type outcome struct {
	now      time.Time
	item     *queue.Item
	message  *queue.Message
	state    queue.State
	deferred []fate
	refused  []fate
	expired  bool      // the deferred ones are given up
	next     time.Time // when the deferred ones are tried again
	frozen   bool
}

// settle ends an attempt: its message leaves the queue or waits for the next one, and who sent it is told. follow is what
// the server wrote itself; it is under way then.
func (s *Server) settle(a *attempt) (follow []*queue.Item) {
	o := outcome{now: s.clock.Now(), item: a.item, message: &a.message, state: a.message.State}
	for _, f := range a.fates {
		switch f.Verdict {
		case session.Delivered:
			s.tell(&o, f, session.Delivered)
		case session.Deferred:
			o.deferred = append(o.deferred, f)
		default:
			o.refused = append(o.refused, f)
		}
	}
	if len(o.deferred) > 0 && s.ctx.Err() != nil {
		s.interrupted(&o)
		return nil
	}
	o.state.Attempts++
	o.state.Last = o.now
	if len(o.deferred) > 0 {
		o.next, o.expired = s.again(a.item.Born(), &o.state, class(o.deferred))
	}
	return s.conclude(&o)
}

// again says when a message is tried again.
func (s *Server) again(born time.Time, state *queue.State, class schedule.Class) (next time.Time, expired bool) {
	return s.rule.NextFrom(s.started, born, state.Last, state.Attempts, class)
}

// class is what went wrong for all of those.
func class(deferred []fate) schedule.Class {
	for _, f := range deferred {
		if slices.Contains([]client.Stage{client.Mail, client.Rcpt, client.Data, client.EndOfData}, f.Stage) {
			return schedule.Message
		}
	}
	return schedule.Connection
}

// interrupted puts back what was being tried when the server was closed: as if those who aren't decided hadn't been tried.
func (s *Server) interrupted(o *outcome) {
	recipients := make([]string, 0, len(o.deferred)+len(o.refused))
	for _, f := range slices.Concat(o.deferred, o.refused) {
		recipients = append(recipients, f.Recipient) // who was refused will be once more, and then told of
	}
	s.trouble(s.queue.PutBack(o.item, recipients, o.state, o.now))
}

// conclude tells of an attempt, and puts its message back or ends it.
func (s *Server) conclude(o *outcome) (follow []*queue.Item) {
	failures := s.earlier(o)
	if o.expired {
		o.refused = append(o.refused, o.deferred...)
	}
	failures = append(failures, s.failures(o, o.refused, false)...)
	waits := len(o.deferred) > 0 && !o.expired
	if len(failures) > 0 && (!waits || s.profile.Connections.BouncesWhen.Value == AtAttempt) {
		bounce, err := s.report(o, failures)
		if err != nil {
			return s.unreported(o, err)
		}
		if bounce != nil {
			follow = append(follow, bounce)
		}
		failures = nil
	}
	if o.frozen { // the message as a whole
		o.refused, o.deferred, waits = append(o.refused, o.deferred...), nil, false
	}
	if waits {
		if warning := s.warning(o); warning != nil {
			follow = append(follow, warning)
		}
	}
	s.tellAll(o, waits)
	s.put(o, waits, failures)
	return follow
}

// tellAll tells what became of those who weren't taken.
func (s *Server) tellAll(o *outcome, waits bool) {
	for _, f := range o.refused {
		switch {
		case o.frozen:
			s.tell(o, f, Frozen)
		case f.Verdict == session.Deferred:
			s.tell(o, f, Expired)
		default:
			s.tell(o, f, session.Bounced)
		}
	}
	if waits {
		for _, f := range o.deferred {
			s.tell(o, f, session.Deferred)
		}
	}
}

// put puts the message back for those who wait, or ends it.
func (s *Server) put(o *outcome, waits bool, failures []mail.Failure) {
	if !waits && !o.frozen {
		s.trouble(s.queue.Remove(o.item))
		return
	}
	those := o.deferred
	if o.frozen {
		those, o.state.Frozen = o.refused, true
	}
	recipients := make([]string, len(those))
	for n, f := range those {
		recipients[n] = f.Recipient
	}
	if slices.Equal(recipients, o.message.Recipients) {
		recipients = nil
	}
	o.state.Failures = nil
	if len(failures) > 0 {
		kept, err := json.Marshal(failures)
		s.trouble(err)
		o.state.Failures = kept
	}
	s.trouble(s.queue.PutBack(o.item, recipients, o.state, o.next))
	s.Wake()
}

// unreported defers refused recipients whom the sender can't be told of now: they are tried again, and then told of.
func (s *Server) unreported(o *outcome, err error) []*queue.Item {
	s.trouble(fmt.Errorf("message %s can't be returned now: %w", o.message.ID, err))
	for n := range o.refused {
		o.refused[n].Verdict = session.Deferred
	}
	if !o.expired {
		o.deferred = append(o.deferred, o.refused...)
	}
	o.refused, o.expired = nil, false
	o.next, _ = s.again(o.now, &o.state, schedule.Message)
	s.tellAll(o, true)
	s.put(o, true, s.earlier(o))
	return nil
}

// putOff defers messages that weren't begun: their relay can't be spoken to. It is what settle would do, for very many.
func (s *Server) putOff(items []*queue.Item, f session.Fate) (follow []*queue.Item) {
	now := s.clock.Now()
	var plain, others []*queue.Item
	recipients := 0
	for _, i := range items {
		if s.isPlain(i, now) {
			plain = append(plain, i)
			recipients += i.Waiting()
		} else {
			others = append(others, i)
		}
	}
	s.mu.Lock()
	s.counts.Deferred += recipients
	s.mu.Unlock()
	s.trouble(s.queue.Defer(plain, s.deferrals(now)))
	s.Wake()
	for _, i := range others {
		a := &attempt{item: i, message: i.Message()}
		for _, recipient := range a.message.Recipients {
			f.Recipient = recipient
			a.fates = append(a.fates, fate{Fate: f})
		}
		follow = append(follow, s.settle(a)...)
	}
	return follow
}

// isPlain tells whether nothing but a later try comes of a deferral at now: nobody is told of it, and it isn't the last.
func (s *Server) isPlain(i *queue.Item, now time.Time) bool {
	state := i.State()
	state.Last = now
	life := s.rule.Expire.Value
	return s.ctx.Err() == nil && s.options.Observe == nil && !s.warns(i.Born(), &state) && (life == 0 || now.Sub(i.Born()) < life)
}

// deferrals says when messages are tried again. Those that came together are tried together: it is counted out once.
func (s *Server) deferrals(now time.Time) func(born time.Time, state *queue.State) time.Time {
	var birth, next time.Time
	attempts := 0
	return func(born time.Time, state *queue.State) time.Time {
		state.Attempts++
		state.Last = now
		if attempts != state.Attempts || !birth.Equal(born) {
			birth, attempts = born, state.Attempts
			next, _ = s.again(born, state, schedule.Connection)
		}
		return next
	}
}

// abandon puts back what was waiting when the server was closed.
func (s *Server) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		for _, st := range l.waiting {
			st.items.all()
			st.units.all()
		}
		l.waiting = nil
	}
}
