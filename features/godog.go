package features

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
	"github.com/relayspec/relayspec/reports/transcript"
)

// FS holds the features of this package, a folder a chapter: for whoever runs them with godog alone.
func FS() fs.FS { return embedded }

// InitializeScenario gives godog the vocabulary of the features, and relay as what it is about: for whoever runs these
// features, or their own in the same words, with godog alone. One scenario runs at a time; the target stays open.
//
//	godog.TestSuite{
//		ScenarioInitializer: features.InitializeScenario(relay),
//		Options:             &godog.Options{FS: features.FS(), Paths: []string{"relay"}, Format: "pretty", Strict: true},
//	}.Run()
//
// A scenario whose needs the target doesn't declare, by its tags or when a step finds out, is skipped with
// godog.ErrSkip, which godog counts as passed. An assertion that doesn't hold is a *Failure, any other error of a step
// means that the judge could not tell; godog makes no difference, nor between the levels of rules. The transcript is
// attached to the step that failed. Run and Judge have verdicts.
func InitializeScenario(relay target.Target) func(*godog.ScenarioContext) {
	s := &stage{relay: relay}
	return func(sc *godog.ScenarioContext) {
		p := &performance{stage: s}
		sc.Before(p.before)
		sc.StepContext().After(p.afterStep)
		sc.After(p.after)
		registerSteps(sc)
	}
}

// Is makes what a target lacks a reason for godog to skip the scenario.
func (m *Missing) Is(other error) bool { return other == godog.ErrSkip }

// stage is what scenarios that godog runs share. The mutex is held while one runs.
type stage struct {
	relay     target.Target
	running   sync.Mutex
	once      sync.Once
	err       error // of once
	namespace string
	suite     *Suite

	mu    sync.Mutex
	count int
}

// prepare reads what the tags are checked against.
func (s *stage) prepare() error {
	s.once.Do(func() {
		if s.namespace, s.err = newNamespace(); s.err == nil {
			s.suite, s.err = Load()
		}
	})
	return s.err
}

// next numbers the scenarios.
func (s *stage) next() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	return strconv.FormatInt(int64(s.count), 36)
}

// performance is one scenario that godog runs.
type performance struct {
	*stage
	scenario *scenario // nil: it never began
}

// before makes the scenario that the steps find in their context.
func (p *performance) before(ctx context.Context, pickle *godog.Scenario) (context.Context, error) {
	if err := p.prepare(); err != nil {
		return ctx, err
	}
	spends := false
	for _, tag := range pickle.Tags {
		name := strings.TrimPrefix(tag.Name, "@")
		need, needs := strings.CutPrefix(name, needsTag)
		if name == volumeTag {
			need, needs = string(target.Volume), true
		}
		if needs && !declares(p.relay.Describe(), target.Capability(need)) {
			return ctx, fmt.Errorf("%w: the target lacks %s", godog.ErrSkip, need)
		}
		spends = spends || name == volumeTag || p.suite.limits(name)
	}
	p.running.Lock()
	p.scenario = newScenario(judged{
		target: p.relay, volume: VolumeNormal, namespace: p.namespace + p.next(),
		transcript: &transcript.Transcript{}, evidence: reports.Full,
	})
	p.scenario.server.port = usualPort(p.relay)
	p.scenario.world.spends = spends
	return context.WithValue(ctx, scenarioKey{}, p.scenario), nil
}

// afterStep attaches the transcript where a step failed.
func (p *performance) afterStep(ctx context.Context, _ *godog.Step, status godog.StepResultStatus, err error) (context.Context, error) {
	if err == nil || status != godog.StepFailed || p.scenario == nil {
		return ctx, nil
	}
	var lines strings.Builder
	for _, e := range p.scenario.transcript.Entries() {
		fmt.Fprintln(&lines, e)
	}
	return godog.Attach(ctx, godog.Attachment{Body: []byte(lines.String()), FileName: "transcript.txt", MediaType: "text/plain"}), nil
}

// after ends the scenario's session and lets the next one begin.
func (p *performance) after(ctx context.Context, _ *godog.Scenario, _ error) (context.Context, error) {
	if p.scenario != nil {
		defer p.running.Unlock()
		p.scenario.close()
		p.scenario = nil
	}
	return ctx, nil
}
