package features

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cucumber/godog"
	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// sendersOf gives a suite that judges senders, of one feature file.
func sendersOf(t *testing.T, source string) *Suite {
	t.Helper()
	catalogue, err := ParseCatalogue("catalogue.tsv", strings.Join([]string{
		"DOS-A\t1.4\tL10\tmust\trelay@spine,sender@senders\twire,audit\trelay: several (must); sender: should",
		"ALL-B\t1.4\tL11\tmust\tsender@senders\tlint\t",
		"PF-C\t1.7\tL12\tmust\tsender:postfix@senders\tlint\t",
		"QM-D\t1.7\tL13\tmust\tsender:qmail@senders\taudit\t",
		"QM-E\t1.7\tL14\tinfo\tsender:qmail@senders\tnone\tmenu or restart step",
		"",
	}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	party := Party{Subjects: []string{"sender", "sender:*"}, Capabilities: []target.Capability{"swift"}}
	s, err := ParseSuiteOf(party, fstest.MapFS{"a.feature": {Data: []byte(source)}}, "features/sender", catalogue)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const sendersFeature = `
@documented
Feature: Senders

  @DOS-A @should
  Rule: A

    @PF-C
    Scenario: Of all, and of one
      When it is judged

    @needs.swift
    Scenario: Only swift ones
      When it is judged

  @PF-C @must
  Rule: C

    @ALL-B
    Scenario: Of one
      When it is judged

  @RFC5321-4.2.1/x @must @rfc
  Rule: RFC

    Scenario: Of everybody
      When it is judged
`

// rulesByCase gives the IDs of cases with their rules.
func rulesByCase(s *Suite) map[string][]string {
	found := map[string][]string{}
	for _, c := range s.Cases {
		found[c.ID] = c.Rules
	}
	return found
}

func TestSuiteForIsThePartAboutSomeSubjects(t *testing.T) {
	whole := sendersOf(t, sendersFeature)
	want := map[string][]string{
		"DOS-A/of-all-and-of-one": {"DOS-A"}, "DOS-A/only-swift-ones": {"DOS-A"}, "RFC5321-4.2.1/x/of-everybody": {"RFC5321-4.2.1/x"},
	}
	qmail := whole.For("sender", "sender:qmail")
	if diff := cmp.Diff(want, rulesByCase(qmail)); diff != "" {
		t.Errorf("qmail (-want +got):\n%s", diff)
	}
	want["DOS-A/of-all-and-of-one"] = []string{"DOS-A", "PF-C"}
	want["PF-C/of-one"] = []string{"PF-C", "ALL-B"}
	if diff := cmp.Diff(want, rulesByCase(whole.For("sender", "sender:postfix"))); diff != "" {
		t.Errorf("postfix (-want +got):\n%s", diff)
	}
	due := map[string]bool{}
	for i := range whole.Catalogue.Rules {
		r := &whole.Catalogue.Rules[i]
		due[r.ID] = qmail.party.due(r)
	}
	if diff := cmp.Diff(map[string]bool{"DOS-A": true, "ALL-B": true, "PF-C": false, "QM-D": true, "QM-E": false}, due); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
}

func TestTraceOfSeveralPartiesFaultsEach(t *testing.T) {
	whole := sendersOf(t, sendersFeature)
	relays, err := ParseSuite(fstest.MapFS{}, "features", whole.Catalogue)
	if err != nil {
		t.Fatal(err)
	}
	trace := relays.Trace(whole)
	want := []string{
		"DOS-A: no scenario judges it on relay, and its work is done",
		"QM-D: no scenario judges it on sender, sender:*, and its work is done",
	}
	if diff := cmp.Diff(want, trace.Faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if got := relays.Trace().Counts; got.Faults != 1 || got.Deferred != 3 || got.NotJudged != 1 {
		t.Errorf("relays alone: %+v", got)
	}
}

// explained is a target that says why it lacks what it lacks.
type explained struct{ target.Target }

func (explained) Describe() target.Description { return target.Description{Name: "it", Driver: "fake"} }

func (explained) Explain(target.Capability) string { return "it is slow" }

func TestJudgeTakesStepsOfAnotherPackage(t *testing.T) {
	suite := sendersOf(t, sendersFeature).For("sender")
	var ended []string
	steps := func(sc *godog.ScenarioContext) {
		sc.When(`^it is judged$`, func(ctx context.Context) error {
			trial := TrialOf(ctx)
			state := trial.State(func() any { return new(int) })
			if trial.State(func() any { return nil }) != state {
				return errors.New("the state isn't shared")
			}
			trial.Cleanup(func() { ended = append(ended, trial.ID()) })
			if strings.HasPrefix(trial.ID(), "RFC") {
				return &Failure{Want: "nothing", Got: "something"}
			}
			return nil
		})
	}
	run, err := Judge(t.Context(), Options{
		Suite: suite, Steps: steps, Workers: -1, SkipDrift: true,
		Open: func(context.Context) (target.Target, io.Closer, error) { return explained{&fakeTarget{}}, nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range run.Cases {
		got[c.ID] = string(c.Verdict) + " " + c.Reason
	}
	want := map[string]string{
		"DOS-A/of-all-and-of-one": "PASS ", "DOS-A/only-swift-ones": "UNSUPPORTED swift: it is slow", "RFC5321-4.2.1/x/of-everybody": "FAIL ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if len(ended) != 2 {
		t.Errorf("cleaned up after %q", ended)
	}
	if run.Rules[0].ID != "DOS-A" || run.Rules[0].Level != reports.Should {
		t.Errorf("the first rule is %s, %s; want DOS-A, should, as its note says of senders", run.Rules[0].ID, run.Rules[0].Level)
	}
}
