package features

import (
	"context"
	"slices"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports/transcript"
)

// Trial is a scenario under way, for the steps that Options.Steps brings. Such a step returns a *Failure for an assertion
// that doesn't hold, a *Missing for what the target turns out to lack, and any other error where the judge can't tell.
type Trial struct{ s *scenario }

// TrialOf gives the scenario in whose step ctx is.
func TrialOf(ctx context.Context) Trial { return Trial{from(ctx)} }

// ID is that of the case.
func (t Trial) ID() string { return t.s.id }

// Target is what is judged.
func (t Trial) Target() target.Target { return t.s.target }

// Needs tells whether the case asks for a capability by its tags.
func (t Trial) Needs(c target.Capability) bool { return slices.Contains(t.s.needs, c) }

// Transcript is where what is said goes; the report shows it where the case doesn't hold.
func (t Trial) Transcript() *transcript.Transcript { return t.s.transcript }

// State gives what the scenario's steps share, which create makes when it is first asked for.
func (t Trial) State(create func() any) any {
	if t.s.state == nil {
		t.s.state = create()
	}
	return t.s.state
}

// Cleanup has f called when the scenario has ended; what was given last comes first.
func (t Trial) Cleanup(f func()) { t.s.cleanups = append(t.s.cleanups, f) }
