package features

import (
	"context"
	"fmt"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
	"github.com/relayspec/relayspec/reports/transcript"
)

// Volume is how much a run may really send.
type Volume string

// The cost classes of volume.
const (
	VolumeNormal Volume = "normal" // up to 10,000 of anything is really sent; the two ceilings are preloaded
	VolumeLarge  Volume = "large"  // the ceilings (4,600,000 and 319,444 recipients) are really sent too
)

// judged is what the runner knows of a scenario while and after it runs.
// The steps' own state is in scenario, which embeds it.
type judged struct {
	target     target.Target
	volume     Volume
	namespace  string // unlike any other scenario's: customers and domains carry it
	transcript *transcript.Transcript
	evidence   reports.Evidence // Full until a counter is preloaded
	stages     []string         // where refusals came
}

// Failure is an assertion that didn't hold. It alone makes a FAIL.
type Failure struct {
	Want string // what was acceptable
	Got  string // what came
}

func (f *Failure) Error() string { return fmt.Sprintf("wanted %s; got %s", f.Want, f.Got) }

// Missing is a verb or capability that a step found missing while it ran.
type Missing struct{ Capability target.Capability }

func (m *Missing) Error() string { return "the target lacks " + string(m.Capability) }

// scenarioKey finds the running scenario in a step's context.
type scenarioKey struct{}

// from gives the running scenario.
func from(ctx context.Context) *scenario { return ctx.Value(scenarioKey{}).(*scenario) }
