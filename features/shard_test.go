package features

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/relayspec/relayspec/reports"
)

func TestShardsHaveEachCaseOnceAndAreBalanced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		suite := &Suite{}
		var chosen []int
		volumes := rapid.SliceOfN(rapid.Bool(), 0, 60).Draw(t, "volumes")
		for i, volume := range volumes {
			suite.Cases = append(suite.Cases, Case{ID: fmt.Sprint(i), Volume: volume})
			chosen = append(chosen, i)
		}
		of := rapid.IntRange(1, 9).Draw(t, "of")
		var all []int
		for n := 1; n <= of; n++ {
			mine := Shard{n, of}.of(suite, chosen)
			if !slices.IsSorted(mine) || len(mine) < len(chosen)/of || len(mine) > len(chosen)/of+1 {
				t.Fatalf("shard %d/%d of %d has %v", n, of, len(chosen), mine)
			}
			all = append(all, mine...)
		}
		if slices.Sort(all); !slices.Equal(all, chosen) {
			t.Fatalf("together %v", all)
		}
	})
}

func TestParseShard(t *testing.T) {
	for text, want := range map[string]Shard{"": {}, "1/1": {1, 1}, "2/3": {2, 3}} {
		if got, err := ParseShard(text); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0/3", "4/3", "1", "1/", "/3", "-1/3", "1/2/3", "a/b", "1/99999"} {
		if got, err := ParseShard(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// kept is a run as its report is read back.
func keptRun(t *testing.T, run *reports.Run) *reports.Run {
	t.Helper()
	var out bytes.Buffer
	if err := reports.WriteJSON(&out, run); err != nil {
		t.Fatal(err)
	}
	read, err := reports.ReadJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// shards judges the fake verdicts in so many parts; 0 is one whole run.
func shards(t *testing.T, suite *Suite, b *Baseline, of int) []Part {
	t.Helper()
	var parts []Part
	for n := min(1, of); n <= of; n++ {
		found, err := judge(t.Context(), t, Options{Suite: suite, Shard: Shard{n, of}, Baseline: b, Gating: Gating{MinRun: Minimum{Cases: 2}}})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, Part{fmt.Sprintf("report-%d", n), keptRun(t, found)})
	}
	return parts
}

func TestMergedShardsSayWhatOneRunSays(t *testing.T) {
	suite := aSuite(t, verdictsFeature)
	const entry = "  - {id: LIM-A/%s, verdict: FAIL, reason: so}\n"
	for name, entries := range map[string]string{
		"no baseline": "", "as listed": fmt.Sprintf(entry, "fails"), "a stale entry": fmt.Sprintf(entry, "holds"), "both in one": fmt.Sprintf(entry, "*"),
	} {
		t.Run(name, func(t *testing.T) {
			var b *Baseline
			if entries != "" {
				b = mustParse(t, head+"entries:\n"+entries)
			}
			whole := shards(t, suite, b, 0)[0].Run
			for _, of := range []int{1, 3} {
				parts := shards(t, suite, b, of)
				slices.Reverse(parts)
				merged, err := suite.Merge(parts)
				if err != nil {
					t.Fatal(err)
				}
				unlike := cmp.Options{
					cmpopts.IgnoreFields(reports.Run{}, "Started", "Duration"), cmpopts.IgnoreFields(reports.Case{}, "Duration", "Reason", "Transcript"),
					cmpopts.IgnoreFields(reports.Step{}, "Duration"), cmpopts.EquateEmpty(),
				}
				if diff := cmp.Diff(whole, merged, unlike); diff != "" {
					t.Errorf("%d shards (-one run +merged):\n%s", of, diff)
				}
				keptRun(t, merged)
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	suite := aSuite(t, verdictsFeature)
	parts := shards(t, suite, nil, 3)
	change := func(i int, f func(*reports.Run)) []Part {
		changed := slices.Clone(parts)
		run := *changed[i].Run
		f(&run)
		changed[i].Run = &run
		return changed
	}
	for want, given := range map[string][]Part{
		"no report is given":                                  nil,
		"the report of shard 2/3 is missing":                  {parts[0], parts[2]},
		"report-1 and report-1 are both shard 1/3":            {parts[0], parts[0], parts[1], parts[2]},
		"report-2 is no shard but a whole run":                change(1, func(r *reports.Run) { r.Shard = nil }),
		"report-2 is shard 2/4, and report-1 one of 3":        change(1, func(r *reports.Run) { r.Shard = &reports.Shard{Number: 2, Of: 4} }),
		"its target is another: {Name:other":                  change(1, func(r *reports.Run) { r.Target.Name = "other" }),
		"its tool is another: {Name: Version:2}":              change(1, func(r *reports.Run) { r.Tool.Version = "2" }),
		"its volume is another: large, not normal":            change(1, func(r *reports.Run) { r.Volume = "large" }),
		"its selection is another: LIM-*, not none":           change(1, func(r *reports.Run) { r.Selection = "LIM-*" }),
		"its gate is another":                                 change(1, func(r *reports.Run) { r.Gate = nil }),
		"its baseline is another":                             change(1, func(r *reports.Run) { r.Baseline = &reports.Baseline{Entries: []reports.Entry{{ID: "A/*"}}} }),
		"several shards have LIM-A/holds":                     change(1, func(r *reports.Run) { r.Cases = append(slices.Clone(r.Cases), parts[0].Run.Cases[0]) }),
		"no shard has LIM-A/":                                 change(1, func(r *reports.Run) { r.Cases = r.Cases[1:] }),
		"the features of this program, or the selection, don": change(1, func(r *reports.Run) { r.Cases = append(slices.Clone(r.Cases), reports.Case{ID: "Z/a"}) }),
	} {
		if _, err := suite.Merge(given); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

func TestMergeTakesAShardWhoseTargetCouldNotBeOpened(t *testing.T) {
	suite := aSuite(t, verdictsFeature)
	parts := shards(t, suite, nil, 2)
	failed, err := judge(t.Context(), t, Options{
		Suite: suite, Shard: Shard{1, 2}, Open: (&fakes{limit: 1, refuse: fmt.Errorf("no more ports")}).open, Workers: 2, Gating: Gating{MinRun: Minimum{Cases: 2}},
	})
	if err == nil {
		t.Fatal("a target that refuses was judged")
	}
	failed.Target = reports.Target{Capabilities: []string{}}
	parts[0].Run = keptRun(t, failed)
	merged, err := suite.Merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	if merged.Target.Name != "fake" || !strings.HasPrefix(merged.Trouble, "shard 1/2: open the target") || merged.Totals.NotRun == 0 {
		t.Errorf("target %+v, trouble %q, %d not run", merged.Target, merged.Trouble, merged.Totals.NotRun)
	}
}
