package faults

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/wire"
)

// rulePrefix begins the rule by which a struck reply goes in events: fault/f1.
const rulePrefix = "fault/"

// errStruck is how a message's reader ends where a fault refuses the message.
var errStruck = errors.New("faults: the message is refused by a fault")

// Engine wraps an Engine: faults strike at each stage before it is asked, at Accept before it takes a message, and at
// Accepted when it has. What closes without a word needs Tap around the same relay, or a server that asks Drops.
func (s *Set) Engine(e wire.Engine) wire.Engine { return &engine{Engine: e, set: s} }

func (s *Set) engineAround(wrap func(wire.Engine) wire.Engine) func(wire.Engine) wire.Engine {
	return func(e wire.Engine) wire.Engine { return s.Engine(wrap(e)) }
}

type engine struct {
	wire.Engine
	set *Set
}

// stageOf gives the stage of a fault.
func stageOf(stage policy.Stage) Stage { return Stage(stage.String()) }

// Decide strikes, and asks the relay unless that has answered. wire does the waiting: what it gathered goes out first.
func (e *engine) Decide(ctx context.Context, stage policy.Stage, f *policy.Facts) (policy.Decision, error) {
	h := e.set.strike(occasion{stage: stageOf(stage), peer: f.Peer, facts: f})
	if h.reply.Refuses() || h.drop && h.reply == nil {
		return e.set.refuse(h), nil
	}
	d, err := e.Engine.Decide(ctx, stage, f)
	if err != nil {
		return d, err
	}
	return e.set.alter(d, h), nil
}

// alter makes a decision of the relay what h makes of it.
func (s *Set) alter(d policy.Decision, h harm) policy.Decision {
	d.Delay += h.delay
	d.Close = d.Close || h.drop
	if h.reply != nil && !d.Refused() {
		d.Reply, d.Rule = h.say(), h.rule()
	}
	return d
}

// refuse is the decision where the relay isn't asked: a refusal, or a drop without a word.
func (s *Set) refuse(h harm) policy.Decision {
	if h.reply == nil {
		const closing = 421
		return s.vanish(h, closing)
	}
	return policy.Decision{Reply: h.say(), Rule: h.rule(), Delay: h.delay, Close: h.drop}
}

// vanish is the decision that closes without a word, which Tap knows by its mark. Events show it with code.
func (s *Set) vanish(h harm, code int) policy.Decision {
	reply := policy.Reply{Code: code, Lines: []string{"dropped without a word by fault " + h.id, s.mark}}
	return policy.Decision{Reply: reply, Rule: h.rule(), Delay: h.delay, Close: true}
}

// Drops tells whether d closes without a word. It is for a server that asks Engine and has no use for Tap: it speaks
// another protocol than SMTP.
func (s *Set) Drops(d policy.Decision) bool { return slices.Contains(d.Reply.Lines, s.mark) }

func (h *harm) rule() policy.RuleID { return policy.RuleID(rulePrefix + h.id) }

func (h *harm) say() policy.Reply {
	lines := h.reply.Lines
	if len(lines) == 0 {
		lines = []string{"fault " + h.id}
	}
	return policy.Reply{Code: h.reply.Code, Enhanced: h.reply.Enhanced, Lines: lines}
}

// Commit strikes when the whole message has come and once more when it has been taken.
func (e *engine) Commit(ctx context.Context, f *policy.Facts, body io.Reader) (policy.Decision, error) {
	var struck *lastOctet
	if e.set.watches(Accept) {
		struck = &lastOctet{Reader: body, strike: func() (harm, error) { return e.atAccept(ctx, f) }}
		body = struck
	}
	d, err := e.Engine.Commit(ctx, f, body)
	if struck != nil && struck.refused {
		return e.set.refuse(harm{id: struck.harm.id, reply: struck.harm.reply, drop: struck.harm.drop}), nil
	}
	if err != nil || d.Refused() {
		return d, err
	}
	if struck != nil {
		d = e.set.alter(d, harm{id: struck.harm.id, reply: struck.harm.reply, drop: struck.harm.drop})
	}
	return e.atAccepted(f, d), nil
}

// atAccept strikes before a message is taken, and waits here: what comes after is to come later.
func (e *engine) atAccept(ctx context.Context, f *policy.Facts) (harm, error) {
	h := e.set.strike(occasion{stage: Accept, peer: f.Peer, facts: f})
	if err := pause(ctx, h.delay); err != nil {
		return h, err
	}
	if h.reply.Refuses() || h.drop && h.reply == nil {
		return h, errStruck
	}
	return h, nil
}

// atAccepted strikes when a message has been taken, and loses or delays its 250.
func (e *engine) atAccepted(f *policy.Facts, d policy.Decision) policy.Decision {
	h := e.set.strike(occasion{stage: Accepted, peer: f.Peer, facts: f})
	if h.drop {
		const taken = 250
		h.delay += d.Delay
		return e.set.vanish(h, taken)
	}
	d.Delay += h.delay
	return d
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lastOctet is a message that strikes at its end, once.
type lastOctet struct {
	io.Reader
	strike  func() (harm, error)
	harm    harm
	end     error // what it ended with
	refused bool
}

func (r *lastOctet) Read(p []byte) (int, error) {
	if r.end != nil {
		return 0, r.end
	}
	n, err := r.Reader.Read(p)
	if err != io.EOF {
		return n, err
	}
	var refusal error
	r.harm, refusal = r.strike()
	r.refused = refusal == errStruck
	r.end = io.EOF
	if refusal != nil {
		r.end = refusal
	}
	return n, r.end
}
