package features

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/yamlfile"
	"github.com/relayspec/relayspec/reports"
)

// Options says what Judge judges, and how. Suite and Open must be given.
type Options struct {
	Suite *Suite
	// Steps is the vocabulary of the suite's features; nil: that of the features of this package. See Trial.
	Steps func(*godog.ScenarioContext)
	// Open gives one more instance of the target. It is called once a worker, one call at a time.
	Open func(ctx context.Context) (target.Target, io.Closer, error)
	// Workers is how many scenarios run side by side, each with an instance of its own. 0: one a CPU, -1: one.
	Workers int
	// Select takes the cases; nil: all.
	Select Selection
	// Selection is how the user wrote Select, for the report.
	Selection string
	// Volume is what may really be sent; empty: VolumeNormal.
	Volume Volume
	// Bound is how long a scenario may take. 0: 2 min, and 15 min for @volume at VolumeLarge; -1: no bound.
	Bound time.Duration
	// KeepTranscripts keeps the transcript of cases that pass, too.
	KeepTranscripts bool
	// Disable leaves cases out: DISABLED(user); nil: none. Disabled is how the user wrote it, for the report.
	Disable  Selection
	Disabled string
	// Shard takes a part of the selected cases. The zero value takes all.
	Shard Shard
	// Reruns is how often a case that came to FAIL or ERROR is run again; 0: never.
	Reruns int
	// Baseline lists the failures that are expected; nil: none are.
	Baseline *Baseline
	// Gating says what is in the way of a build.
	Gating Gating
	// SkipDrift leaves out the look for drift, which opens a few sessions: for runs that are repeated often.
	SkipDrift bool
	// Progress is told of each case that ended, one call at a time; nil: nobody.
	Progress func(ended reports.Case, count, chosen int)
	// Tool is what the report says of the program.
	Tool reports.Tool
}

// Judge judges a target by the selected cases.
//
// The run is given in every case, with what was found so far. An error says why it could not be made or ended:
// ErrNothingSelected, an instance that could not be opened, or one that could not be closed. That ctx ends isn't an
// error: the scenario under way is left, the rest are not run, and the run says Interrupted.
func Judge(ctx context.Context, o Options) (*reports.Run, error) {
	if o.Steps != nil {
		return run(ctx, o, o.Steps)
	}
	return run(ctx, o, registerSteps)
}

// run is Judge with the steps of the features given, so that a test can bring its own.
func run(ctx context.Context, o Options, steps func(*godog.ScenarioContext)) (*reports.Run, error) {
	r := newRunner(ctx, o, steps)
	started := time.Now()
	err := r.judge()
	found := r.found(err)
	found.Started, found.Duration = started.UTC().Truncate(time.Millisecond), time.Since(started)
	r.Suite.conclude(found, r.Baseline, r.Gating)
	if errors.As(err, new(yamlfile.Faults)) {
		found.Gate.Code, found.Gate.Word = ExitMistaken, reports.Mistaken
	}
	return found, err
}

// newRunner prepares a run: what is chosen, but nothing is open.
func newRunner(ctx context.Context, o Options, steps func(*godog.ScenarioContext)) *runner {
	r := &runner{Options: o.withDefaults(), ctx: ctx, steps: steps, results: map[int]reports.Case{}, dropped: map[int]string{}}
	for i := range r.Suite.Cases {
		if r.Select(&r.Suite.Cases[i]) {
			r.chosen = append(r.chosen, i)
		}
	}
	r.chosen = r.Shard.of(r.Suite, r.chosen)
	return r
}

func (o Options) withDefaults() Options {
	if o.Select == nil {
		o.Select = func(*Case) bool { return true }
	}
	if o.Volume == "" {
		o.Volume = VolumeNormal
	}
	switch {
	case o.Workers == 0:
		o.Workers = runtime.GOMAXPROCS(0)
	case o.Workers < 0:
		o.Workers = 1
	}
	return o
}

// bound is how long c may take, 0 without a bound.
func (o Options) bound(c *Case) time.Duration {
	switch {
	case o.Bound < 0:
		return 0
	case o.Bound > 0:
		return o.Bound
	case c.Volume && o.Volume == VolumeLarge:
		return 15 * time.Minute
	}
	return 2 * time.Minute
}

// runner is one run. godog walks the scenarios; what they come to is kept here, for godog counts a skip as passed.
type runner struct {
	Options
	ctx       context.Context // of the run: its end is an interruption, not a verdict
	steps     func(*godog.ScenarioContext)
	chosen    []int // indexes of Suite.Cases, ascending
	walked    []int // those of chosen that godog is given now
	namespace string
	instances []*instance
	idle      chan *instance // instances that no scenario uses
	described target.Description
	drift     []reports.Drift

	mu      sync.Mutex
	results map[int]reports.Case // by index
	dropped map[int]string       // not run, and why, by index
	gone    int                  // instances that serve nobody any more
}

// instance is one relay under test. A relay has one clock, so it serves one scenario at a time.
type instance struct {
	target target.Target
	closer io.Closer
	sick   bool   // it had no pulse after its last scenario
	gone   string // it had none before the next one either: why; empty: it serves
}

// judge opens the instances, walks the scenarios, and closes the instances.
func (r *runner) judge() (err error) {
	if len(r.chosen) == 0 {
		return ErrNothingSelected
	}
	if r.namespace, err = newNamespace(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.open(); err != nil {
		return err
	}
	if !r.SkipDrift {
		r.drift = Drift(r.ctx, r.instances[0].target)
	}
	if err := r.walk(r.chosen); err != nil {
		return err
	}
	err = r.rerun()
	r.doubt()
	return err
}

// doubt adds what was seen of verbs while cases were run to the drift that was found before.
func (r *runner) doubt() {
	if r.SkipDrift {
		return
	}
	for _, in := range r.instances {
		for _, row := range doubted(in.target) {
			if !slices.ContainsFunc(r.drift, func(d reports.Drift) bool { return d.Capability == row.Capability }) {
				r.drift = append(r.drift, row)
			}
		}
	}
}

// newNamespace gives what the names of this run's customers begin with: another run against the same relay must not meet them.
func newNamespace() (string, error) {
	var random [2]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", fmt.Errorf("draw a namespace for the run: %w", err)
	}
	return "t" + hex.EncodeToString(random[:]), nil
}

// open opens an instance a worker, but no more than there are cases.
func (r *runner) open() error {
	r.Workers = min(r.Workers, len(r.chosen))
	r.idle = make(chan *instance, r.Workers)
	for i := range r.Workers {
		opened, closer, err := r.Open(r.ctx)
		if err != nil {
			return fmt.Errorf("open the target, instance %d of %d: %w", i+1, r.Workers, err)
		}
		r.instances = append(r.instances, &instance{target: opened, closer: closer})
		r.idle <- r.instances[i]
		description := opened.Describe()
		for _, c := range description.Capabilities {
			if !r.Suite.party.knows(c) {
				return fmt.Errorf("the target %s declares the capability %q, which nobody knows", description.Name, c)
			}
		}
		if i == 0 {
			r.described = description
		}
		if r.Baseline != nil {
			if err := r.Baseline.checkTarget(description.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// close closes all instances at once: each may take its time to end.
func (r *runner) close() error {
	faults := make([]error, len(r.instances))
	var closing sync.WaitGroup
	for i, in := range r.instances {
		if in.closer == nil {
			continue
		}
		closing.Go(func() {
			if err := in.closer.Close(); err != nil {
				faults[i] = fmt.Errorf("close the target: %w", err)
			}
		})
	}
	closing.Wait()
	return errors.Join(faults...)
}

// walk has godog run the scenarios of these cases.
//
// godog gets the sources, never a path: its paths and its contents number their scenarios alike. It is Strict, so that
// an undefined step fails, gets no Tags, which it misreads, and registers everything a scenario anew: shared
// registrations are a data race. Its own verdict isn't asked.
func (r *runner) walk(cases []int) error {
	r.walked = cases
	status := godog.TestSuite{
		Name:                "relayspec",
		ScenarioInitializer: r.initialise,
		Options: &godog.Options{
			Strict:          true,
			Format:          "progress",
			NoColors:        true,
			Output:          io.Discard,
			Concurrency:     r.Workers,
			DefaultContext:  r.ctx,
			FeatureContents: r.sources(cases),
		},
	}.Run()
	const misused = 2
	if status == misused && len(r.results) == 0 && len(r.dropped) == 0 {
		return errors.New("godog refused the features")
	}
	return nil
}

// sources gives the feature files of these cases. The other scenarios' lines are empty: they cost nothing, and
// what is left keeps its line number.
func (r *runner) sources(cases []int) []godog.Feature {
	chosen := map[string]bool{}
	for _, i := range cases {
		chosen[r.Suite.Cases[i].ID] = true
	}
	var sources []godog.Feature
	for _, f := range r.Suite.files {
		if text := f.only(chosen); text != "" {
			sources = append(sources, godog.Feature{Name: f.path, Contents: []byte(text)})
		}
	}
	return sources
}

// only gives f without the scenarios of which no case is chosen, "" when nothing is left.
func (f *file) only(chosen map[string]bool) string {
	lines := slices.Clone(f.lines)
	left := false
	for _, s := range f.stretch {
		if slices.ContainsFunc(s.cases, func(id string) bool { return chosen[id] }) {
			left = true
			continue
		}
		clear(lines[s.first-1 : s.last])
	}
	if !left {
		return ""
	}
	return strings.Join(lines, "\n")
}

// initialise is called once a scenario.
func (r *runner) initialise(sc *godog.ScenarioContext) {
	t := &trial{runner: r, index: -1}
	sc.Before(t.before)
	sc.StepContext().Before(t.beforeStep)
	sc.StepContext().After(t.afterStep)
	sc.After(t.after)
	r.steps(sc)
}

// giveBack lets another scenario have in. One that is gone is withheld as long as there are others: when none is left,
// the rest of the cases learn from it why they can't be run.
func (r *runner) giveBack(in *instance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if in.gone == "" || r.gone == len(r.instances) {
		r.idle <- in // it has room for all
	}
}

// check feels an instance that was sick, and notes when it is gone.
func (r *runner) check(in *instance) {
	pulse, ok := in.target.(target.Pulse)
	if !ok || !in.sick || in.gone != "" {
		return
	}
	err := pulse.Alive(r.ctx)
	if in.sick = err != nil; !in.sick {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	in.gone = "the relay serves nobody any more: " + err.Error()
	r.gone++
}

// ended keeps what a case came to.
func (r *runner) ended(index int, c reports.Case) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[index] = c
	if r.Progress != nil {
		r.Progress(c, len(r.results), len(r.chosen))
	}
}

// drop notes that a chosen case was not run.
func (r *runner) drop(index int, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped[index] = reason
}

// found puts the run together, in the suite's order.
func (r *runner) found(err error) *reports.Run {
	out := &reports.Run{
		Schema:    reports.SchemaName,
		Tool:      r.Tool,
		Target:    describe(r.described),
		Volume:    string(r.Volume),
		Selection: r.Selection,
		Disabled:  r.Disabled,
		Shard:     r.Shard.report(),
		Drift:     r.drift,
	}
	if err != nil {
		out.Trouble = err.Error()
	}
	for _, i := range r.chosen {
		if c, ok := r.results[i]; ok {
			out.Cases = append(out.Cases, c)
			continue
		}
		reason, ok := r.dropped[i]
		if !ok {
			reason = "the run ended before it"
		}
		c := &r.Suite.Cases[i]
		out.NotRun = append(out.NotRun, reports.NotRun{ID: c.ID, Reason: reason, Name: c.Name, Feature: c.Feature, Line: c.Line})
	}
	out.Interrupted = r.ctx.Err() != nil && len(out.NotRun) > 0
	return out
}

// conclude says what the cases of run come to: against the baseline, if there is one, by rule, as a whole, and at the gate.
func (s *Suite) conclude(run *reports.Run, baseline *Baseline, gating Gating) {
	if baseline != nil {
		baseline.compare(run, s, run.Started)
	}
	run.Rules = s.judgeRules(run.Cases, run.NotRun)
	run.Totals = reports.Count(run.Cases, run.Rules, run.NotRun)
	run.Overall = overall(run)
	run.Gate = gating.Decide(run)
}

func describe(d target.Description) reports.Target {
	t := reports.Target{Name: d.Name, Version: d.Version, Driver: d.Driver, Capabilities: []string{}}
	for _, c := range d.Capabilities {
		t.Capabilities = append(t.Capabilities, string(c))
	}
	return t
}
