package mta

import (
	"encoding/json"
	"fmt"
	"net"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/queue"
	"github.com/relayspec/relayspec/fakes/mta/session"
)

// earlier gives the failures of earlier attempts that the sender wasn't told of yet.
func (s *Server) earlier(o *outcome) (failures []mail.Failure) {
	if len(o.message.Failures) > 0 {
		s.trouble(json.Unmarshal(o.message.Failures, &failures))
	}
	return failures
}

// failures is what a bounce, or a warning, says of recipients.
func (s *Server) failures(o *outcome, of []fate, delayed bool) []mail.Failure {
	remote, _, _ := net.SplitHostPort(o.message.Relay)
	failures := make([]mail.Failure, len(of))
	for i, f := range of {
		failures[i] = mail.Failure{
			Recipient: f.Recipient, Reply: f.Reply, Stage: f.Stage, Remote: remote, Address: f.address,
			Arrived: o.message.Born, Tried: o.now, Delayed: delayed,
			ToData: f.ToData,
		}
		if f.Err != nil {
			failures[i].Reason = f.Err.Error()
		}
	}
	return failures
}

// report tells the sender of failures: it writes the bounce and queues it. A message without a sender has nobody to be told:
// then bounce is nil, and o says whether the message is frozen.
func (s *Server) report(o *outcome, failures []mail.Failure) (bounce *queue.Item, err error) {
	if o.message.Sender == "" {
		o.frozen = s.profile.Connections.DoubleBounce.Value == Kept
		return nil, nil
	}
	return s.write(o, failures)
}

// warns tells whether the sender is to be told of a delay now.
func (s *Server) warns(born time.Time, state *queue.State) bool {
	at, ever := s.rule.WarnAt(born)
	return ever && !state.Warned && !state.Last.Before(at)
}

// warning tells the sender that the message is delayed, once, where the server does that; nil: there is none.
func (s *Server) warning(o *outcome) *queue.Item {
	if !s.warns(o.message.Born, &o.state) {
		return nil
	}
	o.state.Warned = true
	if o.message.Sender == "" {
		return nil
	}
	warning, err := s.write(o, s.failures(o, o.deferred, true))
	if err != nil {
		s.trouble(fmt.Errorf("the sender of message %s isn't told of its delay: %w", o.message.ID, err))
		return nil
	}
	if warning != nil {
		for _, f := range o.deferred {
			s.tell(o, f, Warned)
		}
	}
	return warning
}

// write writes a bounce or a warning, and queues it; it is under way then.
func (s *Server) write(o *outcome, failures []mail.Failure) (*queue.Item, error) {
	original, err := s.queue.Content(o.item)
	if err != nil {
		return nil, err
	}
	content, err := s.profile.Bounce.Write(s.host, original, o.message.Sender, failures, s.ids, o.now)
	if err != nil {
		return nil, fmt.Errorf("write the bounce: %w", err)
	}
	if len(content) == 0 {
		return nil, nil // the server writes none
	}
	i, err := s.queue.Add(queue.Message{
		ID: string(s.name(content)), Sender: "", Recipients: []string{o.message.Sender}, Relay: s.relayOf(o.message.Sender),
		Born: o.now, Bounce: true,
	}, content)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Bounces++
	s.counts.UnderWay++
	return i, nil
}

// launch sends what the server wrote itself on its way. s.mu is held.
func (s *Server) launch(items []*queue.Item) {
	for _, i := range items {
		l := s.lane(i.Relay())
		l.stream(false).items.push(i)
		s.pump(l)
	}
}

// tell counts what became of a recipient, and tells whoever listens.
func (s *Server) tell(o *outcome, f fate, verdict session.Verdict) {
	s.mu.Lock()
	s.count(o.message.Bounce, verdict)
	s.mu.Unlock()
	e := Event{
		At: o.now, ID: ID(o.message.ID), Sender: o.message.Sender, Recipient: f.Recipient, Bounce: o.message.Bounce,
		Verdict: verdict, Stage: f.Stage, Reply: f.Reply, Err: f.Err, Attempts: o.state.Attempts,
	}
	if verdict == session.Deferred {
		e.Next = o.next
	}
	s.event(e)
}

// count counts a recipient. s.mu is held.
func (s *Server) count(bounce bool, verdict session.Verdict) {
	c := &s.counts
	switch {
	case verdict == Warned:
	case verdict == session.Deferred:
		c.Deferred++
	case bounce && verdict == session.Delivered:
		c.BouncesDelivered++
	case bounce:
		c.BouncesLost++
	case verdict == Frozen:
		c.Frozen++
	case verdict == session.Delivered:
		c.Delivered++
	case verdict == Expired:
		c.Expired++
	default:
		c.Bounced++
	}
}
