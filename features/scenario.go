package features

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
	"github.com/relayspec/relayspec/reports/transcript"
)

// Volume is how much a run may really send.
type Volume string

// The cost classes of volume.
const (
	VolumeLight  Volume = "light"  // a Given that would send 500 and more preloads counters where the target can: for runs that are repeated often
	VolumeNormal Volume = "normal" // all is really sent, up to some 10,000 of anything, but the two ceilings, which are preloaded
	VolumeLarge  Volume = "large"  // the ceilings (4,600,000 and 319,444 recipients) are really sent too
)

// judged is what the runner knows of a scenario while and after it runs.
// The steps' own state is in scenario, which embeds it.
type judged struct {
	id         string // of the case; empty: nobody's
	target     target.Target
	needs      []target.Capability // that its tags ask for
	volume     Volume
	oneByOne   bool   // the relay keeps no input that comes together with a message
	namespace  string // unlike any other scenario's: customers and domains carry it
	transcript *transcript.Transcript
	evidence   reports.Evidence // Full until a counter is preloaded
	stages     []string         // where refusals came
}

// scenario is one scenario as its steps share it: the world it asked for, the sending server, and what its last When brought.
//
// Steps run one after another; only a step that opens several sessions itself uses goroutines, and waits for them.
type scenario struct {
	judged
	names
	world   world
	server  server
	session *session // nil: none is open
	talk    dialogue // of the protocol's scenarios

	charged bool      // something was sent or preloaded
	began   time.Time // by the relay's clock, when the first thing was charged
	serial  int       // numbers recipients and tokens
	// told and rolesTold: the transcript has the call that begins it, and that of the roles.
	told, rolesTold bool
	outcomes        []outcome // of the last When, in the order sent

	state    any      // what steps share that another package brings
	cleanups []func() // theirs
}

// newScenario gives a scenario that has asked for nothing yet.
func newScenario(j judged) *scenario {
	s := &scenario{judged: j, names: names{j.namespace}}
	s.server = server{port: target.Port587, helo: s.text("mta.elsewhere.example")}
	return s
}

// close ends the scenario's sessions, and what steps of another package have begun.
func (s *scenario) close() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
	s.hangUp()
	s.silence()
}

// declares tells whether the target says that it can do or be c.
func (s *scenario) declares(c target.Capability) bool {
	return slices.Contains(s.target.Describe().Capabilities, c)
}

// next numbers what must be new in this scenario.
func (s *scenario) next() int {
	s.serial++
	return s.serial
}

// registerSteps binds the vocabulary of every chapter.
func registerSteps(sc *godog.ScenarioContext) {
	worldSteps(sc)
	sessionSteps(sc)
	transactionSteps(sc)
	portionSteps(sc)
	clockSteps(sc)
	observationSteps(sc)
	dialogueSteps(sc)
	answerSteps(sc)
}

// Failure is an assertion that didn't hold. It alone makes a FAIL.
type Failure struct {
	Want  string // what was acceptable
	Got   string // what came
	Reply string // codes of the offending reply: "550 5.7.1", "250"; empty: no reply is at fault
}

func (f *Failure) Error() string { return fmt.Sprintf("wanted %s; got %s", f.Want, f.Got) }

// Missing is a verb or capability that a step found missing while it ran.
type Missing struct{ Capability target.Capability }

func (m *Missing) Error() string { return "the target lacks " + string(m.Capability) }

// verb wraps what a verb of the target answered: ErrUnsupported is a missing capability, anything else an error.
func verb(c target.Capability, attempt string, err error) error {
	if errors.Is(err, target.ErrUnsupported) {
		return &Missing{c}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", attempt, err)
	}
	return nil
}

// scenarioKey finds the running scenario in a step's context.
type scenarioKey struct{}

// from gives the running scenario.
func from(ctx context.Context) *scenario { return ctx.Value(scenarioKey{}).(*scenario) }
