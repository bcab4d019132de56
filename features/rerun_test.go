package features

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/cucumber/godog"
	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reports"
)

const tryFeature = `
@documented
Feature: Tries

  @LIM-A @must
  Rule: Rule A

    Scenario: Holds at once
      Then it comes to "PASS"

    Scenario: Holds at last
      Then it comes to "FAIL FAIL PASS"

    Scenario: Fails always
      Then it comes to "FAIL FAIL FAIL FAIL"

    Scenario: Errs at first
      Then it comes to "ERROR PASS"

    Scenario: Errs in between
      Then it comes to "FAIL ERROR ERROR"

    Scenario: Errs, then fails
      Then it comes to "ERROR FAIL FAIL"
`

// tries are steps that come to something else each time; the namespaces that they saw are kept.
func tries() (steps func(*godog.ScenarioContext), namespaces func() map[string]int) {
	var mu sync.Mutex
	times, seen := map[string]int{}, map[string]int{}
	return func(sc *godog.ScenarioContext) {
			sc.Then(`^it comes to "([^"]*)"$`, func(ctx context.Context, verdicts string) error {
				mu.Lock()
				defer mu.Unlock()
				s := from(ctx)
				seen[s.namespace]++
				words := strings.Fields(verdicts)
				word := words[min(times[verdicts], len(words)-1)]
				times[verdicts]++
				switch word {
				case "FAIL":
					return &Failure{Want: "250", Got: "550", Reply: "550 5.7.1"}
				case "ERROR":
					return errors.New("connection refused")
				}
				return nil
			})
		}, func() map[string]int {
			return seen
		}
}

func TestWhatFailsIsRunAgain(t *testing.T) {
	type result struct {
		Verdict, Found reports.Verdict
		Runs           int
		Reply          string
	}
	suite := aSuite(t, tryFeature)
	for name, test := range map[string]struct {
		reruns  int
		entries string
		want    map[string]result
		runs    int
	}{
		"never": {0, "", map[string]result{
			"holds-at-once": {Verdict: reports.Pass}, "holds-at-last": {Verdict: reports.Fail, Reply: "550 5.7.1"},
			"fails-always": {Verdict: reports.Fail, Reply: "550 5.7.1"}, "errs-at-first": {Verdict: reports.Error},
			"errs-in-between": {Verdict: reports.Fail, Reply: "550 5.7.1"}, "errs-then-fails": {Verdict: reports.Error},
		}, 6},
		"twice": {2, "", map[string]result{
			"holds-at-once": {Verdict: reports.Pass}, "holds-at-last": {reports.Flaky, reports.Pass, 3, "550 5.7.1"},
			"fails-always": {reports.Fail, "", 3, "550 5.7.1"}, "errs-at-first": {reports.Flaky, reports.Pass, 2, ""},
			"errs-in-between": {reports.Fail, "", 3, "550 5.7.1"}, "errs-then-fails": {reports.Fail, "", 3, "550 5.7.1"},
		}, 15},
		"but not what is expected": {2, "  - {id: LIM-A/fails-always, verdict: FAIL, reason: so}\n  - {id: LIM-A/holds-at-last, verdict: FAIL, reply: 4xx, reason: so}\n", map[string]result{
			"holds-at-once": {Verdict: reports.Pass}, "holds-at-last": {reports.Flaky, reports.Pass, 3, "550 5.7.1"},
			"fails-always": {reports.XFail, reports.Fail, 0, "550 5.7.1"}, "errs-at-first": {reports.Flaky, reports.Pass, 2, ""},
			"errs-in-between": {reports.Fail, "", 3, "550 5.7.1"}, "errs-then-fails": {reports.Fail, "", 3, "550 5.7.1"},
		}, 13},
	} {
		t.Run(name, func(t *testing.T) {
			var b *Baseline
			if test.entries != "" {
				b = mustParse(t, head+"entries:\n"+test.entries)
			}
			steps, namespaces := tries()
			found, err := run(t.Context(), Options{Suite: suite, Open: (&fakes{}).open, Reruns: test.reruns, Baseline: b, Workers: 2}, steps)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]result{}
			for _, c := range found.Cases {
				got[strings.TrimPrefix(c.ID, "LIM-A/")] = result{c.Verdict, c.Found, c.Runs, c.Reply}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			runs := 0
			for namespace, n := range namespaces() {
				if runs += n; n > 1 {
					t.Errorf("the namespace %s was used %d times", namespace, n)
				}
			}
			if runs != test.runs {
				t.Errorf("%d scenarios ran, want %d", runs, test.runs)
			}
			keptRun(t, found) // it has the form of a report
		})
	}
}

func TestAnInterruptedRerunLeavesWhatWasFound(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	count := 0
	found, err := run(ctx, Options{
		Suite: aSuite(t, tryFeature), Open: (&fakes{}).open, Reruns: 3, Workers: -1,
		Progress: func(reports.Case, int, int) {
			if count++; count == 7 { // the first of the second round
				cancel()
			}
		},
	}, func(sc *godog.ScenarioContext) {
		sc.Then(`^it comes to "([^"]*)"$`, func() error { return &Failure{Want: "250", Got: "550"} })
	})
	if err != nil || found.Totals.Verdicts[reports.Fail] != 6 || found.Totals.NotRun != 0 || found.Gate.Code != ExitNonConformant {
		t.Errorf("%v: %+v, %s", err, found.Totals, found.Gate)
	}
}

func TestWhatTheUserLeavesOutIsDisabled(t *testing.T) {
	out, err := ParseSelection("*/holds-* or */errs-*")
	if err != nil {
		t.Fatal(err)
	}
	steps, _ := tries()
	found, err := run(t.Context(), Options{Suite: aSuite(t, tryFeature), Open: (&fakes{}).open, Disable: out, Disabled: "these"}, steps)
	if err != nil {
		t.Fatal(err)
	}
	if found.Totals.Verdicts[reports.Disabled] != 5 || found.Totals.Verdicts[reports.Fail] != 1 || found.Disabled != "these" {
		t.Errorf("%+v, without %q", found.Totals, found.Disabled)
	}
}
