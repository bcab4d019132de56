package features

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reports"
)

// walked gives the steps of the case id as "14 Then it holds: passed".
func walked(t *testing.T, found *reports.Run, id string) []string {
	t.Helper()
	var lines []string
	for _, c := range found.Cases {
		if c.ID != id {
			continue
		}
		for _, s := range c.Steps {
			lines = append(lines, fmt.Sprintf("%d %s %s: %s", s.Line, s.Keyword, s.Text, s.Result))
		}
	}
	return lines
}

func TestRunKeepsWhatCameOfEachStep(t *testing.T) {
	found, err := judge(t.Context(), t, Options{Suite: aSuite(t, verdictsFeature), Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	const background = "6 Given the fake relay: "
	for id, want := range map[string][]string{
		"LIM-A/holds":                {background + "passed", "12 When nothing happens: passed", "13 Then it holds: passed"},
		"LIM-A/fails":                {background + "passed", "16 When nothing happens: passed", "17 Then it doesn't hold: failed", "18 And it panics: skipped"},
		"LIM-A/undefined":            {background + "passed", "38 When these words are unknown: undefined", "39 Then it holds: skipped"},
		"LIM-A/finds-a-verb-missing": {background + "passed", "32 Then the clock is missing: skipped"},
		"LIM-A/lacks-a-verb":         {background + "skipped", "25 When these words are unknown: skipped"},
		"LIM-A/panics":               {background + "passed", "45 Then it panics: failed"},
		// An outline's step stands where its words stand.
		"LIM-C/misses-a-may-times/2": {background + "passed", "69 Then it doesn't hold: failed"},
	} {
		if diff := cmp.Diff(want, walked(t, found, id)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	first := found.Cases[0]
	if first.FeatureName != "Verdicts" || first.FeatureLine != 3 || !strings.Contains(strings.Join(first.Tags, " "), "@must") {
		t.Errorf("feature %q at line %d, tags %v", first.FeatureName, first.FeatureLine, first.Tags)
	}
}

func TestRunKeepsTheTimeAndTheArgumentOfAStep(t *testing.T) {
	const source = `
@documented
Feature: Steps

  @LIM-A @must
  Rule: A

    Scenario: Runs out of time
      Given the fake relay:
        | one | two |
        | a b | c   |
      And the fake relay says:
        """
        250 fine
        """
      When it takes for ever
`
	found, err := judge(t.Context(), t, Options{Suite: aSuite(t, source), Bound: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	steps := found.Cases[0].Steps
	if len(steps) != 3 {
		t.Fatalf("%d steps, want 3", len(steps))
	}
	if diff := cmp.Diff([][]string{{"one", "two"}, {"a b", "c"}}, steps[0].Table); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if steps[1].Doc != "250 fine" || steps[1].Keyword != "And" {
		t.Errorf("%+v", steps[1])
	}
	if steps[2].Result != reports.StepFailed || steps[2].Duration < 50*time.Millisecond {
		t.Errorf("the step that took for ever: %+v", steps[2])
	}
}
