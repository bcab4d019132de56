package mta

import (
	"errors"
	"slices"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mta/queue"
	"github.com/relayspec/relayspec/fakes/mta/session"
)

// attempt is one try of a message: all its transactions. The server's mu guards what changes.
type attempt struct {
	item    *queue.Item
	message queue.Message // as it was at the beginning
	queued  bool          // it was read back from the queue
	left    int           // transactions that aren't done
	fates   []fate
}

// fate is what became of a recipient, and at which of the relay's addresses.
type fate struct {
	session.Fate
	address string
}

// unit is one transaction of an attempt.
type unit struct {
	attempt    *attempt
	recipients []string
}

// split begins an attempt: it gives its transactions in the order in which they are begun. One at least.
func (s *Server) split(i *queue.Item, st *stream) []unit {
	m := i.Message()
	a := &attempt{item: i, message: m, queued: st.run || m.Attempts > 0}
	most := s.profile.Session.Splits.Most.Value
	if s.profile.Session.Splits.Rest.Value == session.Each {
		most = 1
	}
	if most == 0 {
		most = len(m.Recipients)
	}
	var units []unit
	for part := range slices.Chunk(m.Recipients, most) {
		units = append(units, unit{a, part})
	}
	if s.profile.Connections.Batches.Value == RestFirst {
		slices.Reverse(units)
	}
	a.left = len(units)
	return units
}

// envelope is u as a session sends it.
func (u unit) envelope(content []byte) session.Envelope {
	m := &u.attempt.message
	return session.Envelope{
		Sender: m.Sender, Recipients: u.recipients, Content: content, Received: m.Received, Bounce: m.Bounce, Queued: u.attempt.queued,
	}
}

// all gives all recipients of u one fate.
func all(u unit, f session.Fate) []session.Fate {
	fates := make([]session.Fate, len(u.recipients))
	for i, recipient := range u.recipients {
		fates[i] = f
		fates[i].Recipient = recipient
	}
	return fates
}

// errSilent is why a recipient is deferred of whom a session said nothing.
var errSilent = errors.New("the session says nothing of this recipient")

// whole gives one fate for each recipient of u, in their order: whoever has none is deferred, and a second one doesn't count.
func whole(u unit, fates []session.Fate) []session.Fate {
	one := all(u, session.Fate{Verdict: session.Deferred, Err: errSilent})
	for i := range one {
		at := slices.IndexFunc(fates, func(f session.Fate) bool { return f.Recipient == one[i].Recipient })
		if i < len(fates) && fates[i].Recipient == one[i].Recipient {
			at = i // as it should be
		}
		if at >= 0 {
			one[i] = fates[at]
		}
	}
	return one
}

// note takes what became of u; last: it was the last transaction of its attempt.
func (s *Server) note(u unit, fates []session.Fate, address string) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := u.attempt
	for _, f := range fates {
		a.fates = append(a.fates, fate{f, address})
	}
	s.counts.Attempts++
	a.left--
	return a.left == 0
}

// tooMany takes the recipients that were too many for the relay out of fates, where another transaction follows for them at
// once. There are fewer each time: the others were taken.
func (c *carrier) tooMany(u unit, fates []session.Fate) []session.Fate {
	s := c.server
	taken := slices.ContainsFunc(fates, func(f session.Fate) bool { return f.Verdict == session.Delivered })
	if !taken || s.profile.Session.Splits.TooMany.Value != session.Again {
		return fates
	}
	var rest []string
	decided := slices.DeleteFunc(slices.Clone(fates), func(f session.Fate) bool {
		over := f.Stage == client.Rcpt && f.Reply.Code == 452
		if over {
			rest = append(rest, f.Recipient)
		}
		return over
	})
	if len(rest) > 0 {
		s.mu.Lock()
		u.attempt.left++
		s.mu.Unlock()
		c.own = slices.Insert(c.own, 0, unit{u.attempt, rest})
	}
	return decided
}
