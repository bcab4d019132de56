package features

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/features/yamlfile"
	"github.com/relayspec/relayspec/reports"
)

// updated gives what an update of old makes of these cases, and the changes that it tells of.
func updated(t *testing.T, old string, o BaselineUpdate, found ...reports.Case) (string, []string) {
	t.Helper()
	o.Suite, o.Tool = gatedSuite(), reports.Tool{Name: "relayspec", Version: "2"}
	content, changes, err := o.Update("b.yaml", []byte(old), &reports.Run{Cases: found, Target: reports.Target{Name: "fake"}})
	if err != nil {
		t.Fatal(err)
	}
	again, none, err := o.Update("b.yaml", content, &reports.Run{Cases: found, Target: reports.Target{Name: "fake"}})
	if err != nil || len(none) > 0 || string(again) != string(content) {
		t.Errorf("a second update changes %q, %v", none, err)
	}
	return string(content), changes
}

const kept = `# Ours.
baseline: relayspec-baseline/1
edition: 1 # of the features
target: fake
tool: relayspec 1
entries:
  # About one.
  - id: A/one
    verdict: FAIL
    step: Then it holds # the last
    reason: >
      It is so,
      for long.

  # About two.
  - {id: A/two, verdict: FAIL, reason: short} # in brackets

  - id: "B/*"
    verdict: FAIL
    reply: 2xx
    reason: also so
# The end.
`

func TestAnUpdateKeepsWhatHolds(t *testing.T) {
	content, changes := updated(t, kept, BaselineUpdate{}, ended("A/one", reports.Fail), ended("A/two", reports.Fail), ended("B/one", reports.Fail))
	if content != kept || len(changes) > 0 {
		t.Errorf("changes %q (-want +got):\n%s", changes, cmp.Diff(kept, content))
	}
	content, changes = updated(t, kept, BaselineUpdate{}, ended("A/one", reports.Flaky), ended("A/two", reports.Fail), ended("B/one", reports.Fail))
	if content != kept || len(changes) > 0 {
		t.Errorf("a FLAKY isn't mended: changes %q (-want +got):\n%s", changes, cmp.Diff(kept, content))
	}
	content, changes = updated(t, kept, BaselineUpdate{}, ended("A/one", reports.Error)) // nothing is known of the others
	if content != kept || len(changes) > 0 {
		t.Errorf("changes %q (-want +got):\n%s", changes, cmp.Diff(kept, content))
	}
}

func TestAnUpdateTakesOutWhatHoldsNow(t *testing.T) {
	content, changes := updated(t, kept, BaselineUpdate{}, ended("A/one", reports.Pass), ended("A/two", reports.Fail), ended("B/one", reports.Pass))
	want := strings.Replace(kept, kept[strings.Index(kept, "  # About one"):strings.Index(kept, "  # About two")], "", 1)
	want = strings.Replace(want, "  - id: \"B/*\"\n    verdict: FAIL\n    reply: 2xx\n    reason: also so\n", "", 1)
	want = strings.Replace(want, "relayspec 1", "relayspec 2", 1)
	if diff := cmp.Diff(want, content); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"removed A/one: it holds now", "removed B/*: it holds now"}, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	content, _ = updated(t, content, BaselineUpdate{}, ended("A/two", reports.Pass))
	if !strings.Contains(content, "\nentries: []\n") || !strings.HasSuffix(content, "# The end.\n") {
		t.Errorf("an empty one:\n%s", content)
	}
}

// Hyphens count for nothing: they stand in comments, too, and not always before a blank.
func TestAnUpdateKnowsWhetherAnEntryIsLeft(t *testing.T) {
	content, _ := updated(t, head+"entries:\n  # Known - see the wiki.\n\n  - id: A/one\n    verdict: FAIL\n    reason: so\n", BaselineUpdate{}, ended("A/one", reports.Pass))
	if want := head + "entries: []\n  # Known - see the wiki.\n\n"; content != want {
		t.Errorf("content (-want +got):\n%s", cmp.Diff(want, content))
	}
	left := "entries:\n  -\n    id: A/two\n    verdict: FAIL\n    reason: so\n"
	content, _ = updated(t, head+left+"  -\n    id: A/one\n    verdict: FAIL\n    reason: so\n", BaselineUpdate{}, ended("A/one", reports.Pass), ended("A/two", reports.Fail))
	if want := head + left; content != want {
		t.Errorf("content (-want +got):\n%s", cmp.Diff(want, content))
	}
}

func TestAnUpdateListsWhatFailsOtherwise(t *testing.T) {
	other := ended("A/one", reports.Fail)
	other.Step = "Then it: stays"
	content, changes := updated(t, kept, BaselineUpdate{Strict: true},
		other, ended("A/two", reports.Fail), ended("A/three", reports.NonStrict), ended("B/one", reports.Fail))
	for _, want := range []string{
		"  # About one.\n  - id: A/one\n    verdict: FAIL\n    step: \"Then it: stays\"\n    reply: 2xx\n    reason: \"TODO, it was: It is so, for long.\\n\"\n",
		"  # About two.\n  - {id: A/two, verdict: FAIL, reason: short} # in brackets\n\n",
		"    reason: also so\n  - id: A/three\n    verdict: NONSTRICT\n    step: Then it holds\n    reply: 2xx\n    reason: TODO\n# The end.\n",
	} {
		if !strings.Contains(strings.ReplaceAll(content, "'", `"`), want) {
			t.Errorf("missing\n%s\nin\n%s", want, content)
		}
	}
	if len(changes) != 2 {
		t.Errorf("changes %q", changes)
	}
	if _, err := ParseBaseline("b.yaml", []byte(content)); err == nil || !strings.Contains(err.Error(), "entries[0].reason is missing") || !strings.Contains(err.Error(), "entries[3].reason") {
		t.Errorf("a baseline without reasons is read: %v", err)
	}
}

func TestAnUpdateNamesTheCasesOfAGlobThatStillFail(t *testing.T) {
	old := head + "entries:\n- {id: A/*, verdict: FAIL, reason: so, issue: https://relay.example/1, until: 2027-01-31}\n"
	content, changes := updated(t, old, BaselineUpdate{}, ended("A/one", reports.Fail), ended("A/two", reports.Pass), ended("A/three", reports.Fail))
	b, err := ParseBaseline("b.yaml", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range b.Entries {
		ids = append(ids, e.ID)
		if e.Reason != "so" || e.Issue != "https://relay.example/1" || e.Until != "2027-01-31" {
			t.Errorf("entry %+v", e)
		}
	}
	if diff := cmp.Diff([]string{"A/one", "A/three"}, ids); diff != "" || len(changes) != 1 {
		t.Errorf("changes %q, entries (-want +got):\n%s", changes, diff)
	}
	content, changes = updated(t, old, BaselineUpdate{}, ended("A/one", reports.Fail), ended("A/two", reports.Pass))
	if content != old || changes != nil {
		t.Errorf("a run that hasn't all cases of a glob changes it: %q", changes)
	}
}

func TestAnUpdateBeginsABaseline(t *testing.T) {
	content, changes := updated(t, "", BaselineUpdate{}, ended("A/one", reports.Fail), ended("A/two", reports.Pass), ended("A/three", reports.Flaky), ended("B/one", reports.Error))
	if len(changes) != 2 || !strings.Contains(content, "\ntarget: fake\ntool: relayspec 2\nentries:\n  - id: A/one\n    verdict: FAIL\n    step: Then it holds\n    reply: 2xx\n    reason: TODO\n") {
		t.Errorf("changes %q in\n%s", changes, content)
	}
	whole := strings.Replace(content, "TODO", "so", 1)
	run := concluded(mustParse(t, whole), Gating{}, ended("A/one", reports.Fail), ended("A/two", reports.Pass))
	if run.Gate.Code != ExitSatisfied {
		t.Errorf("its own run: %s", run.Gate)
	}
	again, none := updated(t, whole, BaselineUpdate{}, run.Cases...) // the report of a run with a baseline will do
	if again != whole || none != nil {
		t.Errorf("changes %q", none)
	}
}

func mustParse(t *testing.T, content string) *Baseline {
	t.Helper()
	b, err := ParseBaseline("b.yaml", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAnUpdateRefuses(t *testing.T) {
	o := BaselineUpdate{Suite: gatedSuite()}
	run := &reports.Run{Cases: []reports.Case{ended("A/one", reports.Fail)}, Target: reports.Target{Name: "fake"}}
	for text, want := range map[string]string{
		strings.Replace(head, "fake", "other", 1) + "entries: []":  `b.yaml:3:9: the baseline is that of "other", and the relay under test is called "fake"`,
		strings.Replace(head, ": 1", ": 7", 1):                     "b.yaml:2:10: the baseline is for edition 7",
		head + "entries: [{id: A/one, verdict: FAIL, reason: so}]": "b.yaml:4:1: entries stand in brackets here",
		head + "{": "this isn't YAML",
	} {
		if _, _, err := o.Update("b.yaml", []byte(text), run); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// FuzzBaselineUpdate: whatever a file holds, it is a baseline or Faults with places in it; what an update makes of it reads
// back, and a second one finds nothing to do.
func FuzzBaselineUpdate(f *testing.F) {
	for _, seed := range []string{"", kept, head + "entries: []", head + "entries:\n- id: A/one\n  verdict: FAIL\n  reason: so", strings.Replace(kept, "\n", "\r\n", -1),
		head + "entries:\n  -\n    id: A/one\n    verdict: FAIL\n    reason: |\n      - so\n  - id: B/*\n    verdict: NOTE\n    reason: so\nentries2: x",
		"entries:\n- {id: A/*, verdict: FAIL, reason: so}\n# between\n" + head, head + `"entries": [{id: A/one, verdict: FAIL, reason: so}]`} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, fails bool) {
		one := ended("A/one", reports.Pass)
		if fails {
			one = ended("A/one", reports.Fail)
		}
		run := &reports.Run{Cases: []reports.Case{one, ended("A/two", reports.Fail), ended("A/three", reports.NonStrict), ended("B/one", reports.Pass)}, Target: reports.Target{Name: "fake"}}
		if _, err := ParseBaseline("b.yaml", []byte(text)); err != nil {
			var faults yamlfile.Faults
			if !errors.As(err, &faults) || faults[0].Line < 1 {
				t.Fatalf("error %#v", err)
			}
		}
		o := BaselineUpdate{Suite: gatedSuite()}
		content, changes, err := o.Update("b.yaml", []byte(text), run)
		if err != nil {
			return
		}
		again, more, err := o.Update("b.yaml", content, run)
		if err != nil || len(more) > 0 || string(again) != string(content) {
			t.Fatalf("changes %q, then %q, %v:\n%q", changes, more, err, content)
		}
	})
}
