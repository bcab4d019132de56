package features

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cucumber/godog"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// fakeTarget declares what it is told and serves nothing.
type fakeTarget struct {
	capabilities []target.Capability
	users        atomic.Int32 // scenarios on it now
}

func (f *fakeTarget) Describe() target.Description {
	return target.Description{Name: "fake", Version: "1", Driver: "test", Capabilities: f.capabilities}
}

func (f *fakeTarget) Address(target.Role) string { return "" }

// fakes opens fake targets and counts them.
type fakes struct {
	capabilities []target.Capability
	refuse       error // by the open that would be one too many
	limit        int   // 0: none
	opened       atomic.Int32
	closed       atomic.Int32
}

func (f *fakes) open(context.Context) (target.Target, io.Closer, error) {
	if f.limit > 0 && int(f.opened.Load()) == f.limit {
		return nil, nil, f.refuse
	}
	f.opened.Add(1)
	return &fakeTarget{capabilities: f.capabilities}, closer(func() error { f.closed.Add(1); return nil }), nil
}

type closer func() error

func (c closer) Close() error { return c() }

// fakeSteps are a vocabulary in which a scenario says what becomes of it.
func fakeSteps(sc *godog.ScenarioContext) {
	sc.Given(`^the fake relay$`, func() {})
	sc.Given(`^the fake relay:$`, func(*godog.Table) {})
	sc.Given(`^the fake relay says:$`, func(*godog.DocString) {})
	sc.When(`^nothing happens$`, func() {})
	sc.Then(`^it holds$`, func() {})
	sc.Then(`^it doesn't hold$`, func() error { return fmt.Errorf("then: %w", &Failure{Want: "250", Got: "550"}) })
	sc.Then(`^a dial is refused$`, func() error { return errors.New("dial tcp: connection refused") })
	sc.Then(`^the clock is missing$`, func() error { return &Missing{target.CanClock} })
	sc.Then(`^the suffix is missing$`, func() error { return &Missing{target.HeloSuffix} })
	sc.Then(`^it panics$`, func() { panic("no such thing") })
	sc.Then(`^it is pending$`, func() error { return godog.ErrPending })
	sc.Then(`^it is skipped$`, func() error { return godog.ErrSkip })
	sc.Then(`^it fits$`, func() {})
	sc.Then(`^it fi.s$`, func() {})
	sc.When(`^it takes for ever$`, func(ctx context.Context) error {
		<-ctx.Done()
		return &Failure{Want: "a reply", Got: ctx.Err().Error()}
	})
	sc.When(`^a counter is preloaded and "([^"]*)" speaks$`, func(ctx context.Context, stage string) {
		s := from(ctx)
		s.evidence = reports.Preloaded
		s.stages = append(s.stages, stage)
		s.transcript.Note("", "in "+s.judged.namespace)
	})
	sc.When(`^it stands alone on its instance$`, standsAlone)
}

// standsAlone fails when another scenario has the same instance at the same time.
func standsAlone(ctx context.Context) error {
	fake := from(ctx).target.(*fakeTarget)
	defer fake.users.Add(-1)
	if n := fake.users.Add(1); n != 1 {
		return &Failure{Want: "one scenario", Got: fmt.Sprint(n)}
	}
	return nil
}

const verdictsFeature = `
@documented
Feature: Verdicts

  Background:
    Given the fake relay

  @LIM-A @must
  Rule: Rule A

    Scenario: Holds
      When nothing happens
      Then it holds

    Scenario: Fails
      When nothing happens
      Then it doesn't hold
      And it panics

    Scenario: Refused dial
      Then a dial is refused

    @needs.clock @needs.world
    Scenario: Lacks a verb
      When these words are unknown

    @needs.helo-suffix
    Scenario: Lacks a property
      Then it holds

    Scenario: Finds a verb missing
      Then the clock is missing

    Scenario: Finds a property missing
      Then the suffix is missing

    Scenario: Undefined
      When these words are unknown
      Then it holds

    Scenario: Ambiguous
      Then it fits

    Scenario: Panics
      Then it panics

    Scenario: Pending
      Then it is pending

    Scenario: Skipped
      Then it is skipped
      And these words are unknown

    Scenario: Preloaded
      When a counter is preloaded and "data" speaks
      Then it holds

  @LIM-B @should
  Rule: Rule B

    @LIM-D
    Scenario: Misses a should
      Then it doesn't hold

  @LIM-C @may
  Rule: Rule C

    Scenario Outline: Misses a may <times> times
      Then it doesn't hold

      Examples:
        | times |
        | 1     |
        | 2     |
`

// judge runs the fake steps.
func judge(ctx context.Context, t *testing.T, o Options) (*reports.Run, error) {
	t.Helper()
	if o.Open == nil {
		o.Open = (&fakes{}).open
	}
	return run(ctx, o, fakeSteps)
}

// brief is what a test compares of a case.
type brief struct {
	ID       string
	Verdict  reports.Verdict
	Step     string
	Reason   string
	Evidence reports.Evidence
}

func briefs(run *reports.Run) []brief {
	var out []brief
	for _, c := range run.Cases {
		reason, _, _ := strings.Cut(c.Reason, "\n")
		out = append(out, brief{c.ID, c.Verdict, c.Step, reason, c.Evidence})
	}
	return out
}

func TestRunGivesEachCaseItsVerdict(t *testing.T) {
	found, err := judge(t.Context(), t, Options{Suite: aSuite(t, verdictsFeature), Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	want := []brief{
		{ID: "LIM-A/holds", Verdict: reports.Pass, Evidence: reports.Full},
		{ID: "LIM-A/fails", Verdict: reports.Fail, Step: "Then it doesn't hold", Evidence: reports.Full},
		{ID: "LIM-A/refused-dial", Verdict: reports.Error, Step: "Then a dial is refused", Reason: "dial tcp: connection refused", Evidence: reports.Full},
		{ID: "LIM-A/lacks-a-verb", Verdict: reports.Unprovisioned, Reason: "clock"},
		{ID: "LIM-A/lacks-a-property", Verdict: reports.Unsupported, Reason: "helo-suffix"},
		{ID: "LIM-A/finds-a-verb-missing", Verdict: reports.Unprovisioned, Step: "Then the clock is missing", Reason: "clock"},
		{ID: "LIM-A/finds-a-property-missing", Verdict: reports.Unsupported, Step: "Then the suffix is missing", Reason: "helo-suffix"},
		{ID: "LIM-A/undefined", Verdict: reports.Error, Step: "When these words are unknown", Reason: "no step is defined for these words", Evidence: reports.Full},
		{ID: "LIM-A/ambiguous", Verdict: reports.Error, Step: "Then it fits", Reason: "several steps fit these words: ambiguous step definition, step text: it fits", Evidence: reports.Full},
		{ID: "LIM-A/panics", Verdict: reports.Error, Step: "Then it panics", Reason: "the step panicked: no such thing", Evidence: reports.Full},
		{ID: "LIM-A/pending", Verdict: reports.Error, Step: "Then it is pending", Reason: "the step isn't made yet: step implementation is pending", Evidence: reports.Full},
		{ID: "LIM-A/skipped", Verdict: reports.Error, Step: "Then it is skipped", Reason: "the step isn't made yet: skipped", Evidence: reports.Full},
		{ID: "LIM-A/preloaded", Verdict: reports.Pass, Evidence: reports.Preloaded},
		{ID: "LIM-B/misses-a-should", Verdict: reports.NonStrict, Step: "Then it doesn't hold", Evidence: reports.Full},
		{ID: "LIM-C/misses-a-may-times/1", Verdict: reports.Noted, Step: "Then it doesn't hold", Evidence: reports.Full},
		{ID: "LIM-C/misses-a-may-times/2", Verdict: reports.Noted, Step: "Then it doesn't hold", Evidence: reports.Full},
	}
	if diff := cmp.Diff(want, briefs(found)); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
	if failed := found.Cases[1]; failed.Want != "250" || failed.Got != "550" {
		t.Errorf("wanted %q got %q, want 250 and 550", failed.Want, failed.Got)
	}
	if diff := cmp.Diff([]string{"data"}, found.Cases[12].Stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	checkRules(t, found)
	wantTarget := reports.Target{Name: "fake", Version: "1", Driver: "test", Capabilities: []string{}}
	if diff := cmp.Diff(wantTarget, found.Target); diff != "" {
		t.Errorf("target (-want +got):\n%s", diff)
	}
}

// checkRules checks what the cases of verdictsFeature come to together.
func checkRules(t *testing.T, found *reports.Run) {
	t.Helper()
	want := []reports.Rule{
		{ID: "LIM-A", Chapter: "1.2", Line: "L20", Level: reports.Must, Sentence: "Rule A", Verdict: reports.Fail, Cases: 13, Ran: 9},
		{ID: "LIM-B", Chapter: "1.2", Line: "L21", Level: reports.Should, Sentence: "Rule B", Verdict: reports.NonStrict, Cases: 1, Ran: 1},
		{ID: "LIM-C", Chapter: "1.2", Line: "L22", Level: reports.May, Sentence: "Rule C", Verdict: reports.Noted, Cases: 2, Ran: 2},
		// Its one case stands under a should rule, but this rule must hold.
		{ID: "LIM-D", Chapter: "1.10", Line: "L23", Level: reports.Must, Verdict: reports.Fail, Cases: 1, Ran: 1},
	}
	if diff := cmp.Diff(want, found.Rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	wantTotals := reports.Totals{
		Chosen: 16, Ran: 12, HeldBack: 4,
		Verdicts: map[reports.Verdict]int{
			reports.Pass: 2, reports.Fail: 1, reports.NonStrict: 1, reports.Noted: 2, reports.Error: 6, reports.Unsupported: 2, reports.Unprovisioned: 2,
		},
		Evidence: map[reports.Evidence]int{reports.Full: 11, reports.Preloaded: 1},
		Must:     reports.RuleTotals{All: 2, Judged: 2},
		Should:   reports.RuleTotals{All: 1, Judged: 1},
	}
	if diff := cmp.Diff(wantTotals, found.Totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	if found.Overall != reports.NonConformant || ExitCode(found) != ExitNonConformant {
		t.Errorf("overall %q, exit %d", found.Overall, ExitCode(found))
	}
}

// What is only observed or assumed shows neither that a rule holds nor that it doesn't.
func TestRunJudgesRulesByBindingCases(t *testing.T) {
	for name, c := range map[string]struct {
		cases   string
		verdict reports.Verdict
		reason  string
	}{
		"an assumed case holds":       {"@assumed\nScenario: One\nThen it holds", "", "only assumed cases ran"},
		"an assumed case fails":       {"@assumed\nScenario: One\nThen it doesn't hold", "", "only assumed cases ran"},
		"an observed case holds":      {"@observed\nScenario: One\nThen it holds", "", "only assumed cases ran"},
		"the binding one lacks":       {"@assumed\nScenario: One\nThen it holds\n@needs.clock\nScenario: Two\nThen it holds", "", "only assumed cases ran, UNPROVISIONABLE(clock)"},
		"a binding one holds, too":    {"@assumed\nScenario: One\nThen it doesn't hold\nScenario: Two\nThen it holds", reports.Pass, ""},
		"an assumed case is an error": {"@assumed\nScenario: One\nThen a dial is refused", reports.Error, ""},
	} {
		t.Run(name, func(t *testing.T) {
			suite := aSuite(t, "@documented\nFeature: Binding\n@LIM-A @must\nRule: A\n"+c.cases+"\n")
			found, err := judge(t.Context(), t, Options{Suite: suite})
			if err != nil {
				t.Fatal(err)
			}
			if got := found.Rules[0]; got.ID != "LIM-A" || got.Verdict != c.verdict || got.Reason != c.reason {
				t.Errorf("%s: %q, %q; want %q, %q", got.ID, got.Verdict, got.Reason, c.verdict, c.reason)
			}
			if judged := found.Totals.Must.Judged == 1; judged != (c.verdict == reports.Pass) {
				t.Errorf("counted as judged: %v", judged)
			}
		})
	}
}

func TestRunKeepsTranscriptsOnRequest(t *testing.T) {
	suite := aSuite(t, verdictsFeature)
	for _, keep := range []bool{false, true} {
		o := Options{Suite: suite, KeepTranscripts: keep, Select: func(c *Case) bool { return c.ID == "LIM-A/preloaded" }}
		found, err := judge(t.Context(), t, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(found.Cases[0].Transcript) > 0; got != keep {
			t.Errorf("keep %v: transcript kept %v", keep, got)
		}
	}
}

func TestRunTakesWhatIsSelected(t *testing.T) {
	suite := aSuite(t, verdictsFeature)
	for expression, want := range map[string]struct {
		ids     []string
		overall reports.Overall
		exit    int
	}{
		"LIM-A/holds":   {[]string{"LIM-A/holds"}, reports.Partial, ExitSatisfied},
		"*times/2":      {[]string{"LIM-C/misses-a-may-times/2"}, reports.Inconclusive, ExitInconclusive},
		"*refused*":     {[]string{"LIM-A/refused-dial"}, reports.Inconclusive, ExitInconclusive},
		"*/lacks-*":     {[]string{"LIM-A/lacks-a-verb", "LIM-A/lacks-a-property"}, reports.Inconclusive, ExitNothingRan},
		"LIM-B and @x":  {nil, reports.Inconclusive, ExitNothingRan},
		"LIM-A/fails":   {[]string{"LIM-A/fails"}, reports.NonConformant, ExitNonConformant},
		"*fails or *rs": {[]string{"LIM-A/fails"}, reports.NonConformant, ExitNonConformant},
	} {
		t.Run(expression, func(t *testing.T) {
			selection, err := ParseSelection(expression)
			if err != nil {
				t.Fatal(err)
			}
			opened := &fakes{}
			found, err := judge(t.Context(), t, Options{Suite: suite, Select: selection, Open: opened.open, Workers: 4})
			if want.ids == nil != errors.Is(err, ErrNothingSelected) {
				t.Fatalf("error %v", err)
			}
			var ids []string
			for _, c := range found.Cases {
				ids = append(ids, c.ID)
			}
			if diff := cmp.Diff(want.ids, ids); diff != "" {
				t.Errorf("cases (-want +got):\n%s", diff)
			}
			if found.Overall != want.overall || ExitCode(found) != want.exit {
				t.Errorf("overall %q, exit %d; want %q, %d", found.Overall, ExitCode(found), want.overall, want.exit)
			}
			if got := int(opened.opened.Load()); got > len(want.ids) || got != int(opened.closed.Load()) {
				t.Errorf("%d instances opened, %d closed, for %d cases", got, opened.closed.Load(), len(want.ids))
			}
		})
	}
}

func TestRunLosesNoLineNumber(t *testing.T) {
	suite := aSuite(t, verdictsFeature)
	text := suite.files[0].only(map[string]bool{"LIM-B/misses-a-should": true})
	original := strings.Split(verdictsFeature, "\n")
	for i, line := range strings.Split(text, "\n") {
		if line != "" && line != original[i] {
			t.Errorf("line %d is %q, was %q", i+1, line, original[i])
		}
	}
	if !strings.Contains(text, "Misses a should") || !strings.Contains(text, "Background:") || strings.Contains(text, "Undefined") {
		t.Errorf("want the chosen scenario and the background, no other scenario:\n%s", text)
	}
}

func TestRunConformant(t *testing.T) {
	const source = `
@documented
Feature: Good

  @LIM-A @LIM-D @must
  Rule: Musts

    Scenario: Holds
      Then it holds

  @LIM-B @should
  Rule: Should

    Scenario: Holds too
      Then %s

  @LIM-C @may
  Rule: May

    Scenario: Maybe
      Then it doesn't hold
`
	for step, want := range map[string]reports.Overall{"it holds": reports.Conformant, "it doesn't hold": reports.Deviating} {
		found, err := judge(t.Context(), t, Options{Suite: aSuite(t, fmt.Sprintf(source, step))})
		if err != nil {
			t.Fatal(err)
		}
		if found.Overall != want || ExitCode(found) != ExitSatisfied {
			t.Errorf("%s: overall %q, exit %d; want %q, 0", step, found.Overall, ExitCode(found), want)
		}
	}
}

func TestRunTimeBound(t *testing.T) {
	const source = `
@documented
Feature: Slow

  @LIM-A @must
  Rule: A

    Scenario: Hangs
      When it takes for ever
`
	found, err := judge(t.Context(), t, Options{Suite: aSuite(t, source), Bound: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	want := []brief{{
		ID: "LIM-A/hangs", Verdict: reports.Error, Step: "When it takes for ever", Evidence: reports.Full,
		Reason: "it took longer than 1ms: wanted a reply; got context deadline exceeded",
	}}
	if diff := cmp.Diff(want, briefs(found)); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
}

func TestRunInterrupted(t *testing.T) {
	const source = `
@documented
Feature: Interrupted

  @LIM-A @must
  Rule: A

    Scenario: First
      Then it holds

    Scenario: Hangs
      When it takes for ever

    Scenario: Last
      Then it holds
`
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := func(reports.Case, int, int) { cancel() } // as soon as the first has ended
	found, err := judge(ctx, t, Options{Suite: aSuite(t, source), Workers: -1, Progress: stop})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]brief{{ID: "LIM-A/first", Verdict: reports.Pass, Evidence: reports.Full}}, briefs(found)); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
	wantNotRun := []reports.NotRun{
		{ID: "LIM-A/hangs", Reason: "interrupted before it began", Name: "Hangs", Feature: "features/relay/a.feature", Line: 11},
		{ID: "LIM-A/last", Reason: "interrupted before it began", Name: "Last", Feature: "features/relay/a.feature", Line: 14},
	}
	if diff := cmp.Diff(wantNotRun, found.NotRun); diff != "" {
		t.Errorf("not run (-want +got):\n%s", diff)
	}
	if !found.Interrupted || found.Overall != reports.Inconclusive || ExitCode(found) != ExitInterrupted {
		t.Errorf("interrupted %v, overall %q, exit %d", found.Interrupted, found.Overall, ExitCode(found))
	}
}

func TestRunInterruptedWithinAScenario(t *testing.T) {
	const source = `
@documented
Feature: Interrupted

  @LIM-A @must
  Rule: A

    Scenario: Hangs
      When it takes for ever
`
	ctx, cancel := context.WithCancel(t.Context())
	steps := func(sc *godog.ScenarioContext) {
		sc.When(`^it takes for ever$`, func(ctx context.Context) error {
			cancel()
			<-ctx.Done()
			return &Failure{Want: "a reply", Got: "nothing"}
		})
	}
	found, err := run(ctx, Options{Suite: aSuite(t, source), Open: (&fakes{}).open}, steps)
	if err != nil {
		t.Fatal(err)
	}
	want := []reports.NotRun{{
		ID: "LIM-A/hangs", Reason: "interrupted while it ran", Name: "Hangs", Feature: "features/relay/a.feature", Line: 8,
	}}
	if diff := cmp.Diff(want, found.NotRun); diff != "" {
		t.Errorf("not run (-want +got):\n%s", diff)
	}
}

func TestRunWithoutATarget(t *testing.T) {
	refused := errors.New("no more ports")
	opened := &fakes{limit: 1, refuse: refused}
	found, err := judge(t.Context(), t, Options{Suite: aSuite(t, verdictsFeature), Open: opened.open, Workers: 2})
	if !errors.Is(err, refused) || !strings.Contains(err.Error(), "instance 2 of 2") {
		t.Errorf("error %v", err)
	}
	if opened.closed.Load() != 1 {
		t.Error("the first instance was left open")
	}
	if len(found.NotRun) != 16 || ExitCode(found) != ExitInconclusive || found.Trouble == "" {
		t.Errorf("%d not run, exit %d, trouble %q", len(found.NotRun), ExitCode(found), found.Trouble)
	}
}

func TestRunRefusesAnUnknownCapability(t *testing.T) {
	opened := &fakes{capabilities: []target.Capability{"wings"}}
	_, err := judge(t.Context(), t, Options{Suite: aSuite(t, verdictsFeature), Open: opened.open})
	if err == nil || !strings.Contains(err.Error(), `declares the capability "wings", which nobody knows`) {
		t.Errorf("error %v", err)
	}
}

// TestRunSideBySide is for the race detector, too: many cases, several workers, several runs of one suite at once.
func TestRunSideBySide(t *testing.T) {
	var source strings.Builder
	source.WriteString("@documented\nFeature: Many\n\n  @LIM-A @must\n  Rule: A\n")
	const cases = 60
	for i := range cases {
		fmt.Fprintf(&source, "\n    Scenario: Number %d\n      When it stands alone on its instance\n      And a counter is preloaded and \"s%d\" speaks\n", i, i)
	}
	suite := aSuite(t, source.String())
	var runs sync.WaitGroup
	for range 3 {
		runs.Go(func() {
			last := 0
			o := Options{Suite: suite, Workers: 8, KeepTranscripts: true, Progress: func(_ reports.Case, count, _ int) { last = count }}
			found, err := judge(t.Context(), t, o)
			if err != nil {
				t.Error(err)
				return
			}
			checkMany(t, found, cases)
			if last != cases {
				t.Errorf("progress ended with %d", last)
			}
		})
	}
	runs.Wait()
}

// checkMany checks that every case passed, stands in the order of the file, and had its own state.
func checkMany(t *testing.T, found *reports.Run, cases int) {
	t.Helper()
	namespaces := map[string]bool{}
	for i, c := range found.Cases {
		want := reports.Case{ID: fmt.Sprintf("LIM-A/number-%d", i), Verdict: reports.Pass, Stages: []string{fmt.Sprintf("s%d", i)}}
		if diff := cmp.Diff(want, reports.Case{ID: c.ID, Verdict: c.Verdict, Stages: c.Stages}, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("case (-want +got):\n%s", diff)
		}
		namespaces[c.Transcript[0].Text] = true
	}
	if len(found.Cases) != cases || len(namespaces) != cases {
		t.Errorf("%d cases in %d namespaces, want %d", len(found.Cases), len(namespaces), cases)
	}
}
