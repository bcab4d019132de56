package features

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
	"github.com/relayspec/relayspec/reports/transcript"
)

// trial is one scenario while it runs: what godog's hooks tell of it. One goroutine uses it.
type trial struct {
	*runner
	index    int // of Suite.Cases; -1: not a chosen case
	ctx      context.Context
	cancel   context.CancelFunc
	began    time.Time
	instance *instance // nil: none is held
	scenario *scenario // nil: it never began

	settled bool   // a verdict was given before the first step
	step    string // the step that decided
	err     error  // what it raised, nil: nothing

	steps     []reports.Step // of the case, with what came of those that ran
	ran       int            // of steps
	stepBegan time.Time
}

// before finds the case, and an instance of the target that can serve it. godog.ErrSkip keeps every step from running.
func (t *trial) before(ctx context.Context, pickle *godog.Scenario) (context.Context, error) {
	index, known := t.Suite.byPickle[fingerprint(pickle)]
	if _, walked := slices.BinarySearch(t.walked, index); !known || !walked {
		t.settled = true // a row of an outline of which another row was chosen
		return ctx, godog.ErrSkip
	}
	t.index, t.began = index, time.Now()
	c := &t.Suite.Cases[index]
	t.steps = slices.Clone(c.Steps)
	if t.Disable != nil && t.Disable(c) {
		t.settle(reports.Disabled, "user")
		return ctx, godog.ErrSkip
	}
	if verdict, missing := lacks(t.described, c); missing != "" {
		t.settle(verdict, t.lack(missing))
		return ctx, godog.ErrSkip
	}
	select {
	case t.instance = <-t.idle:
		t.check(t.instance)
	case <-ctx.Done():
	}
	switch {
	case ctx.Err() != nil:
		return ctx, t.leave("interrupted before it began")
	case t.instance.gone != "":
		return ctx, t.leave(t.instance.gone)
	}
	t.began = time.Now() // the wait for an instance isn't the scenario's
	return t.start(ctx, c), nil
}

// leave notes why the case isn't run.
func (t *trial) leave(reason string) error {
	t.settled = true
	t.drop(t.index, reason)
	return godog.ErrSkip
}

// start makes the scenario that the steps find in their context.
func (t *trial) start(ctx context.Context, c *Case) context.Context {
	t.ctx, t.cancel = ctx, func() {}
	if bound := t.bound(c); bound > 0 {
		t.ctx, t.cancel = context.WithTimeout(ctx, bound)
	}
	t.scenario = newScenario(judged{
		needs:      c.Needs,
		id:         c.ID,
		target:     t.instance.target,
		volume:     t.Volume,
		namespace:  t.namespace + strconv.FormatInt(int64(t.index), 36),
		transcript: &transcript.Transcript{},
		evidence:   reports.Full,
	})
	t.scenario.server.port = usualPort(t.instance.target)
	t.scenario.world.spends = c.Volume || slices.ContainsFunc(c.Rules, t.Suite.limits)
	return context.WithValue(t.ctx, scenarioKey{}, t.scenario)
}

// lack says what capability is missing, and why, where the target says that.
func (t *trial) lack(capability string) string {
	explainer, ok := t.instances[0].target.(target.Explainer)
	if !ok {
		return capability
	}
	if why := explainer.Explain(target.Capability(capability)); why != "" {
		return capability + ": " + why
	}
	return capability
}

// lacks tells what c needs that the target doesn't declare, "" when nothing, and the verdict that it makes.
// A verb that is missing is the driver's, a property the relay's.
func lacks(d target.Description, c *Case) (reports.Verdict, string) {
	for _, need := range c.Needs {
		if !declares(d, need) {
			return absent(need), string(need)
		}
	}
	return "", ""
}

func declares(d target.Description, c target.Capability) bool {
	return slices.Contains(d.Capabilities, c)
}

func absent(c target.Capability) reports.Verdict {
	verbs := []target.Capability{target.CanApply, target.CanReset, target.CanUsage, target.CanClock, target.CanDelivered}
	if slices.Contains(verbs, c) || strings.HasPrefix(string(c), rolePrefix) {
		return reports.Unprovisioned
	}
	return reports.Unsupported
}

// settle gives a case its verdict before the first step.
func (t *trial) settle(v reports.Verdict, reason string) {
	t.settled = true
	c := t.Suite.Cases[t.index].report()
	c.Verdict, c.Reason = v, reason
	t.ended(t.index, c)
}

func (t *trial) beforeStep(ctx context.Context, _ *godog.Step) (context.Context, error) {
	t.stepBegan = time.Now()
	return ctx, nil
}

// afterStep keeps what came of a step, and the first thing that one raised. What follows it is skipped by godog.
func (t *trial) afterStep(ctx context.Context, step *godog.Step, _ godog.StepResultStatus, err error) (context.Context, error) {
	if t.settled || t.err != nil {
		return ctx, nil
	}
	if t.ran < len(t.steps) {
		t.steps[t.ran].Result, t.steps[t.ran].Duration = resultOf(err), time.Since(t.stepBegan)
		t.ran++
	}
	if err != nil {
		t.step, t.err = keyword(step)+step.Text, err
	}
	return ctx, nil
}

func keyword(step *godog.Step) string {
	switch step.Type {
	case messages.PickleStepType_CONTEXT:
		return "Given "
	case messages.PickleStepType_ACTION:
		return "When "
	case messages.PickleStepType_OUTCOME:
		return "Then "
	}
	return ""
}

// after judges the case and gives the instance back. godog doesn't catch a panic here, so it is caught.
func (t *trial) after(ctx context.Context, _ *godog.Scenario, _ error) (context.Context, error) {
	if t.instance != nil {
		defer func() { t.giveBack(t.instance) }()
	}
	if t.settled {
		return ctx, nil
	}
	outOfTime := t.ctx != nil && t.ctx.Err() != nil
	if fault := t.end(); fault != nil && t.err == nil {
		t.err = fault
	}
	if t.err != nil && t.runner.ctx.Err() != nil {
		t.drop(t.index, "interrupted while it ran")
		return ctx, nil
	}
	c := t.verdict(outOfTime)
	if dead := t.feel(); dead != nil {
		t.instance.sick = true
		unjudged(&c, dead)
		c.Transcript = t.scenario.transcript.Entries()
	}
	t.ended(t.index, c)
	return ctx, nil
}

// feel tells why the relay serves nobody, where that can be why the scenario came to what it did; nil: it serves.
func (t *trial) feel() error {
	if t.instance == nil {
		return nil
	}
	pulse, ok := t.instance.target.(target.Pulse)
	missing := new(Missing)
	if !ok || errors.As(t.err, &missing) || t.err == nil && !t.scenario.turnedAway() {
		return nil
	}
	return pulse.Alive(t.runner.ctx)
}

// unjudged makes an ERROR of what came of a relay that serves nobody: neither what it did nor what it didn't can be held
// against it.
func unjudged(c *reports.Case, dead error) {
	reason := dead.Error()
	switch {
	case c.Want != "":
		reason += fmt.Sprintf("\nthe scenario wanted %s; got %s", c.Want, c.Got)
	case c.Reason != "":
		reason += "\n" + c.Reason
	}
	c.Verdict, c.Reason, c.Want, c.Got, c.Reply = reports.Error, reason, "", "", ""
}

// end closes the scenario.
func (t *trial) end() (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("close the scenario: panic: %v", panicked)
		}
	}()
	if t.scenario != nil {
		t.scenario.close()
	}
	if t.cancel != nil {
		t.cancel()
	}
	return nil
}

// verdict says what the scenario came to. Only a Failure is a FAIL; whatever else a step raised, the judge could not tell.
func (t *trial) verdict(outOfTime bool) reports.Case {
	described := &t.Suite.Cases[t.index]
	c := described.report()
	c.Duration, c.Steps = time.Since(t.began), t.steps
	if t.scenario != nil {
		c.Evidence, c.Stages = t.scenario.evidence, t.scenario.stages
	}
	var failure *Failure
	var missing *Missing
	switch {
	case t.err == nil:
		c.Verdict = reports.Pass
	case outOfTime:
		c.Verdict, c.Step = reports.Error, t.step
		c.Reason = fmt.Sprintf("it took longer than %s: %v", t.bound(described), t.err)
	case errors.As(t.err, &failure):
		c.Verdict, c.Step = failedCase(&c), t.step
		c.Want, c.Got, c.Reply = failure.Want, failure.Got, failure.Reply
	case errors.As(t.err, &missing):
		c.Verdict, c.Step, c.Reason = absent(missing.Capability), t.step, lack(t.err, missing)
		c.Evidence, c.Stages = "", nil // nothing was shown
	default:
		c.Verdict, c.Step, c.Reason = reports.Error, t.step, cause(t.err)
	}
	if t.scenario != nil && (c.Verdict != reports.Pass || t.KeepTranscripts) {
		c.Transcript = t.scenario.transcript.Entries()
	}
	return c
}

// lack says what a step found missing.
func lack(err error, missing *Missing) string {
	if l := new(lacking); errors.As(err, &l) {
		return string(missing.Capability) + ": " + l.what
	}
	return string(missing.Capability)
}

// failedCase is the verdict of a case with an assertion that didn't hold. What is only observed or assumed binds nobody:
// a relay that does otherwise is told so, and its rule stands by what is documented.
func failedCase(c *reports.Case) reports.Verdict {
	if !binding(c) {
		return reports.Noted
	}
	return failed(c.Level)
}

// binding tells whether the document or an RFC says what c asks for.
func binding(c *reports.Case) bool { return c.Source == "documented" || c.Source == "rfc" }

// failed is the verdict of a binding assertion that didn't hold.
func failed(level reports.Level) reports.Verdict {
	switch level {
	case reports.Should:
		return reports.NonStrict
	case reports.May, reports.Info:
		return reports.Noted
	}
	return reports.Fail
}

// cause says why the judge could not tell.
func cause(err error) string {
	switch {
	case errors.Is(err, godog.ErrUndefined):
		return "no step is defined for these words"
	case errors.Is(err, godog.ErrAmbiguous):
		return "several steps fit these words: " + err.Error()
	case errors.Is(err, godog.ErrPending), errors.Is(err, godog.ErrSkip):
		return "the step isn't made yet: " + err.Error()
	case fmt.Sprintf("%T", err) == panicType:
		return fmt.Sprintf("the step panicked: %+v", err) // with the stack
	}
	return client.Explain(err)
}

// panicType is the type in which godog hands on a step's panic; it is not exported.
const panicType = "*godog.traceError"

// report begins a report of c.
func (c *Case) report() reports.Case {
	return reports.Case{
		ID: c.ID, Rules: c.Rules, Name: c.Name, Feature: c.Feature, Line: c.Line,
		Level: c.Level, Source: c.Source, Rule: c.Sentence,
		FeatureName: c.FeatureName, FeatureLine: c.FeatureLine, Tags: c.Tags, Steps: c.Steps,
	}
}
