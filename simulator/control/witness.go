package control

import (
	"context"
	"io"

	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/wire"
)

// witness stands around the relay's Engine and finds out why it refuses, at the moment when it does.
type witness struct {
	wire.Engine
	server *Server
}

func (w *witness) Decide(ctx context.Context, stage policy.Stage, f *policy.Facts) (policy.Decision, error) {
	d, err := w.Engine.Decide(ctx, stage, f)
	w.note(stage, f, &d)
	return d, err
}

func (w *witness) Commit(ctx context.Context, f *policy.Facts, body io.Reader) (policy.Decision, error) {
	d, err := w.Engine.Commit(ctx, f, body)
	w.note(policy.Accept, f, &d)
	return d, err
}

func (w *witness) note(stage policy.Stage, f *policy.Facts, d *policy.Decision) {
	var why *explanation
	if d.Refused() {
		why = &explanation{}
		if stage == policy.Rcpt {
			why.Recipient = f.Rcpt.String()
		}
		why.refuse(d.Rule, w.server.look(w.server.charge(stage, f)))
	}
	w.server.journal.know(f, why)
}

// charge is what the relay asked its ledger for at stage. At RCPT only the one recipient is new: those before it are held.
func (s *Server) charge(stage policy.Stage, f *policy.Facts) *policy.Charge {
	asked := *f
	switch {
	case stage < policy.Rcpt:
		return nil
	case stage == policy.Rcpt:
		asked.Recipients = []policy.Address{f.Rcpt}
	}
	return s.policy().Charge(&asked)
}

// policy is what the relay decides by.
func (s *Server) policy() *policy.Policy {
	return &policy.Policy{Service: s.options.Service, Directory: s.world.Load()}
}
