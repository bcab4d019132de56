package policyd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// Bounds of what is kept.
const (
	mostTransactions = 100_000
	mostRecipients   = 10_000 // of a transaction, as in wire
)

// transaction is what is known of a message delivery, from its first request to its last.
type transaction struct {
	facts   policy.Facts
	note    string // to be told with the next answer
	mailed  bool   // its sender was asked about, and not refused
	busy    bool   // a request about it is being answered
	touched time.Time
}

// decide answers a request: what Postfix is to do, and by which rule.
func (c *connection) decide(ctx context.Context, r *request) (Event, time.Duration) {
	switch r.state {
	case stateConnect, stateHelo, stateEhlo:
		return c.outside(ctx, r)
	case stateMail, stateRcpt, stateData, stateEnd:
	default:
		return Event{Action: unopposed}, 0
	}
	t, err := c.take(r)
	if err != nil {
		return c.server.failure(err, &policy.Facts{Session: printable(r.instance)}), 0
	}
	defer c.server.leave(t)
	t.learn(r)
	d, err := c.ask(ctx, r, t)
	if err != nil {
		return c.server.failure(err, &t.facts), 0
	}
	event := c.server.event(d, r, &t.facts)
	event.Note, t.note = cmp.Or(event.Note, t.note), ""
	if r.state == stateEnd && !d.Refused() {
		c.server.forget(r.instance, t)
		c.instance = ""
	}
	return event, d.Delay
}

// outside answers what is asked before a transaction.
func (c *connection) outside(ctx context.Context, r *request) (Event, time.Duration) {
	var f policy.Facts
	fill(&f, r)
	stage := policy.Connect
	if r.state != stateConnect {
		stage = policy.Helo
		c.greeted = r.greeting()
	}
	d, err := c.server.options.Engine.Decide(ctx, stage, &f)
	if err != nil {
		return c.server.failure(err, &f), 0
	}
	return c.server.event(d, r, &f), d.Delay
}

// ask puts a request to the Engine: what Postfix asks at this state, and what it should have asked before.
func (c *connection) ask(ctx context.Context, r *request, t *transaction) (policy.Decision, error) {
	engine := c.server.options.Engine
	if d, err := c.askSender(ctx, r, t); err != nil || d.Refused() || r.state == stateMail {
		return d, err
	}
	switch {
	case r.state == stateRcpt:
		return c.askRecipient(ctx, r, t)
	case r.state == stateEnd && t.facts.Hold != nil:
		return engine.Commit(ctx, &t.facts, strings.NewReader(""))
	}
	// DATA; or its end, where DATA wasn't asked about, or its hold has gone back.
	if err := t.reconcile(r); err != nil {
		return policy.Decision{}, err
	}
	d, err := engine.Decide(ctx, policy.Data, &t.facts)
	if err != nil || d.Refused() || r.state == stateData {
		return d, err
	}
	return engine.Commit(ctx, &t.facts, strings.NewReader(""))
}

// askSender asks about HELO and the sender, unless that has been done.
func (c *connection) askSender(ctx context.Context, r *request, t *transaction) (policy.Decision, error) {
	if t.mailed {
		return policy.Decision{}, nil
	}
	engine := c.server.options.Engine
	if c.greeted != r.greeting() { // at the latest now: Postfix delays its rejects, or has no list for HELO
		c.greeted = r.greeting()
		if d, err := engine.Decide(ctx, policy.Helo, &t.facts); err != nil || d.Refused() {
			c.greeted = ""
			return d, err
		}
	}
	d, err := engine.Decide(ctx, policy.Mail, &t.facts)
	t.mailed = err == nil && !d.Refused()
	return d, err
}

func (c *connection) askRecipient(ctx context.Context, r *request, t *transaction) (policy.Decision, error) {
	if len(t.facts.Recipients) >= mostRecipients {
		return policy.Decision{}, fmt.Errorf("more than %d recipients in transaction %s", mostRecipients, r.instance)
	}
	t.facts.Rcpt = r.recipient
	d, err := c.server.options.Engine.Decide(ctx, policy.Rcpt, &t.facts)
	t.facts.Rcpt = policy.Address{}
	if err == nil && !d.Refused() {
		t.facts.Recipients = append(t.facts.Recipients, r.recipient)
	}
	return d, err
}

// reconcile compares the recipients that were gathered with how many Postfix has accepted, so that as many are charged. Fewer:
// what else refused one is known to Postfix alone, and the last ones are left out. More: <postmaster> is always accepted
// without asking, so that is who they are.
func (t *transaction) reconcile(r *request) error {
	gathered := t.facts.Recipients
	switch {
	case r.recipients == 1 && r.recipient != (policy.Address{}):
		t.facts.Recipients = append(gathered[:0], r.recipient)
	case r.recipients > mostRecipients:
		return fmt.Errorf("more than %d recipients in transaction %s", mostRecipients, r.instance)
	case r.recipients > len(gathered):
		t.note = fmt.Sprintf("recipients that Postfix has accepted: %d, and asked about: %d; the others count as <postmaster>, about whom it never asks", r.recipients, len(gathered))
		for len(t.facts.Recipients) < r.recipients {
			t.facts.Recipients = append(t.facts.Recipients, policy.Address{Local: "postmaster"})
		}
	case r.recipients > 0 && r.recipients < len(gathered):
		t.note = fmt.Sprintf("recipients that Postfix has asked about: %d, and accepted: %d; the last ones don't count. Ask once a recipient, and behind what refuses one", len(gathered), r.recipients)
		t.facts.Recipients = gathered[:r.recipients]
	}
	if len(t.facts.Recipients) == 0 {
		return errors.New("no recipient was asked about: smtpd_relay_restrictions lacks check_policy_service")
	}
	return nil
}

// learn fills in what r says.
func (t *transaction) learn(r *request) { fill(&t.facts, r) }

// fill makes facts of a request, as wire does of commands.
func fill(f *policy.Facts, r *request) {
	f.Session = printable(r.instance)
	f.Peer, f.Port, f.TLS = r.client, roleOf(r.serverPort), r.tls
	f.Helo, f.Extended, f.User = printable(r.helo), r.extended, r.user
	f.Sender, f.Size = r.sender, r.size
	f.UTF8 = f.UTF8 || !r.sender.ASCII() || !r.recipient.ASCII()
}

// roleOf gives the documented purpose of a port. Another number has that of port 25.
func roleOf(port string) policy.Role {
	switch port {
	case "465":
		return policy.Port465
	case "587":
		return policy.Port587
	}
	return policy.Port25
}

// greeting is what one HELO is told from the next by.
func (r *request) greeting() string {
	return strings.Join([]string{r.client.String(), r.clientPort, r.helo}, " ")
}

// take gives the transaction of r, and begins it. It belongs to the caller until leave. What this connection asked about
// before has ended: Postfix asks about one after the other, and about each on one connection (SMTPD_POLICY_README).
func (c *connection) take(r *request) (*transaction, error) {
	s := c.server
	s.sweep()
	if c.instance != "" && c.instance != r.instance {
		s.abandon(c.instance)
	}
	c.instance = r.instance
	t, err := s.open(r.instance)
	if err != nil {
		return nil, err
	}
	if r.state == stateMail || t.mailed && t.facts.Sender != r.sender { // another MAIL
		s.options.Engine.Release(&t.facts)
		t.facts, t.mailed = policy.Facts{}, false
	}
	return t, nil
}

// open gives the transaction of an instance.
func (s *Server) open(instance string) (*transaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.transactions[instance]
	switch {
	case t != nil && t.busy:
		return nil, fmt.Errorf("two requests about transaction %s at once", instance)
	case t == nil && len(s.transactions) >= mostTransactions:
		return nil, fmt.Errorf("more than %d transactions at once", mostTransactions)
	case t == nil:
		t = &transaction{}
		s.transactions[instance] = t
	}
	t.busy, t.touched = true, time.Now()
	return t, nil
}

// leave gives a transaction back that open gave.
func (s *Server) leave(t *transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.busy, t.touched = false, time.Now()
}

// forget ends a transaction that holds nothing.
func (s *Server) forget(instance string, t *transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.transactions[instance] == t {
		delete(s.transactions, instance)
	}
}

// abandon ends a transaction that is known to have ended, and gives back what it holds.
func (s *Server) abandon(instance string) {
	s.mu.Lock()
	t := s.transactions[instance]
	if t == nil || t.busy {
		s.mu.Unlock()
		return
	}
	delete(s.transactions, instance)
	s.mu.Unlock()
	s.options.Engine.Release(&t.facts)
}

// hangUp gives back what a transaction holds whose connection has ended. What was gathered stays for a while: Postfix may
// ask on over another connection.
func (s *Server) hangUp(instance string) {
	t, err := s.open(instance)
	if err != nil {
		return // somebody else asks about it, and gives it back
	}
	s.options.Engine.Release(&t.facts)
	empty := !t.mailed && len(t.facts.Recipients) == 0
	s.leave(t)
	if empty {
		s.forget(instance, t)
	}
}

// sweepEvery is how often at most transactions are looked through for those that nobody ends.
const sweepEvery = time.Second

// gatheredFor is how long recipients are kept of a transaction that is left alone: longer than Postfix waits for its client.
const gatheredFor = time.Hour

// sweep gives back what transactions hold that have been left alone for longer than Options.Hold, and forgets those that
// have been for much longer.
func (s *Server) sweep() {
	idle := s.idle()
	for _, t := range idle {
		s.options.Engine.Release(&t.facts)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range idle {
		t.busy = false
	}
}

// idle takes the transactions whose holds are to go back.
func (s *Server) idle() (idle []*transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.swept) < min(sweepEvery, s.options.Hold) {
		return nil
	}
	s.swept = now
	for instance, t := range s.transactions {
		alone := now.Sub(t.touched)
		if t.busy || alone < s.options.Hold {
			continue
		}
		if t.facts.Hold != nil {
			t.busy = true
			idle = append(idle, t)
		}
		if alone >= max(gatheredFor, s.options.Hold) {
			delete(s.transactions, instance)
		}
	}
	return idle
}

// event tells what a decision makes Postfix do.
func (s *Server) event(d policy.Decision, r *request, f *policy.Facts) Event {
	e := Event{Action: unopposed, Rule: d.Rule, Sender: f.Sender.String(), Recipients: len(f.Recipients)}
	if s.options.Silent(d) {
		e.Action, e.Cause = "", "closed the connection without an answer"
		return e
	}
	switch {
	case d.Refused():
		e.Action = refusal(s.expand(d.Reply, f))
	case r.state == stateRcpt:
		e.Action = permit
	case r.state == stateData && d.Sender != f.Sender:
		e.Note = fmt.Sprintf("Postfix can't be told to go on as <%s>: the sender stays <%s>", d.Sender, f.Sender)
	}
	if d.Refused() && d.Close && !slices.Contains([]int{421, 521}, d.Reply.Code) {
		e.Note = "Postfix can't be told to close after this reply"
	}
	return e
}

// expand fills in what wire fills in where it speaks itself.
func (s *Server) expand(r policy.Reply, f *policy.Facts) policy.Reply {
	return r.Expand("id", f.Session, "unix", fmt.Sprint(s.options.Now().Unix()), "peer", f.Peer.String(), "helo", f.Helo)
}

// failure is the answer where we have failed: a temporary one. The cause goes to the event.
func (s *Server) failure(err error, f *policy.Facts) Event {
	return Event{Action: refusal(s.expand(s.options.Failure, f)), Cause: err.Error()}
}
