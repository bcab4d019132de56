package features

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/reports"
)

// Part is the report of one shard.
type Part struct {
	From string // where it was read, for errors
	Run  *reports.Run
}

// Merge puts the reports of all shards of one run together: rules, totals, the baseline's entries, the whole and the gate
// are told anew, as one run would have told them. An error names every part that doesn't belong: of another target, version,
// volume, selection, baseline or gate than the first, a shard that is there twice or not at all, cases that aren't s's.
func (s *Suite) Merge(parts []Part) (*reports.Run, error) {
	if len(parts) == 0 {
		return nil, errors.New("no report is given")
	}
	if err := errors.Join(append(strangers(parts), incomplete(parts)...)...); err != nil {
		return nil, err
	}
	first := parts[0].Run
	merged := &reports.Run{
		Schema: first.Schema, Tool: first.Tool, Target: described(parts), Volume: first.Volume,
		Selection: first.Selection, Disabled: first.Disabled, Started: first.Started,
	}
	for _, p := range parts {
		gather(merged, p)
	}
	if err := s.order(merged); err != nil {
		return nil, err
	}
	s.conclude(merged, baselineOf(first.Baseline), gatingOf(first.Gate))
	return merged, nil
}

// described is the first target that described itself: one that couldn't be opened didn't.
func described(parts []Part) reports.Target {
	for _, p := range parts {
		if p.Run.Target.Name != "" {
			return p.Run.Target
		}
	}
	return parts[0].Run.Target
}

// strangers says which parts aren't of the same run as the first.
func strangers(parts []Part) []error {
	var faults []error
	for _, p := range parts[1:] {
		a, b := parts[0].Run, p.Run
		for _, same := range []struct {
			what string
			a, b any
		}{
			{"form", a.Schema, b.Schema}, {"tool", a.Tool, b.Tool}, {"target", described(parts), described(append([]Part{p}, parts...))}, {"volume", a.Volume, b.Volume},
			{"selection", a.Selection, b.Selection}, {"cases left out", a.Disabled, b.Disabled},
			{"baseline", entriesOf(a.Baseline), entriesOf(b.Baseline)}, {"gate", gatingOf(a.Gate), gatingOf(b.Gate)},
		} {
			if !reflect.DeepEqual(same.a, same.b) {
				faults = append(faults, fmt.Errorf("%s is of another run than %s, its %s is another: %v, not %v", p.From, parts[0].From, same.what, inBrief(same.b), inBrief(same.a)))
			}
		}
	}
	return faults
}

// inBrief cuts a value down to what fits a line.
func inBrief(v any) string {
	const most = 200
	said := fmt.Sprintf("%+v", v)
	if said == "" {
		return "none"
	}
	if len(said) > most {
		said = said[:most] + " ..."
	}
	return said
}

// incomplete says which shards are there twice, or not at all.
func incomplete(parts []Part) []error {
	var faults []error
	from := map[int]string{}
	of := 0
	for _, p := range parts {
		shard := p.Run.Shard
		switch {
		case shard == nil:
			faults = append(faults, fmt.Errorf("%s is no shard but a whole run: give the reports of conform --shard 1/N to N/N", p.From))
			continue
		case of == 0:
			of = shard.Of
		case of != shard.Of:
			faults = append(faults, fmt.Errorf("%s is shard %s, and %s one of %d", p.From, shard, parts[0].From, of))
			continue
		}
		if twin, taken := from[shard.Number]; taken {
			faults = append(faults, fmt.Errorf("%s and %s are both shard %s", twin, p.From, shard))
			continue
		}
		from[shard.Number] = p.From
	}
	var missing []string
	for i := 1; i <= of; i++ {
		if from[i] == "" {
			missing = append(missing, fmt.Sprintf("%d/%d", i, of))
		}
	}
	if len(missing) > 0 {
		faults = append(faults, fmt.Errorf("the report of shard %s is missing", some(missing)))
	}
	return faults
}

// gather adds what a shard found. Shards run side by side, so the longest says how long it took.
func gather(merged *reports.Run, p Part) {
	run := unlisted(p.Run)
	merged.Cases = append(merged.Cases, run.Cases...)
	merged.NotRun = append(merged.NotRun, run.NotRun...)
	merged.Duration = max(merged.Duration, run.Duration)
	merged.Interrupted = merged.Interrupted || run.Interrupted
	if run.Started.Before(merged.Started) {
		merged.Started = run.Started
	}
	if run.Trouble != "" {
		trouble := fmt.Sprintf("shard %s: %s", run.Shard, run.Trouble)
		merged.Trouble = strings.TrimPrefix(merged.Trouble+"\n"+trouble, "\n")
	}
	for _, d := range run.Drift {
		if !slices.Contains(merged.Drift, d) {
			merged.Drift = append(merged.Drift, d)
		}
	}
}

// order puts the cases of a merged run into the order of the suite, and sees that they are those that were selected, each once.
func (s *Suite) order(merged *reports.Run) error {
	selection, err := ParseSelection(merged.Selection)
	if err != nil {
		return err
	}
	at, chosen := map[string]int{}, map[string]bool{}
	for i := range s.Cases {
		at[s.Cases[i].ID] = i
		chosen[s.Cases[i].ID] = selection(&s.Cases[i])
	}
	seen := map[string]int{}
	for _, c := range merged.Cases {
		seen[c.ID]++
	}
	for _, n := range merged.NotRun {
		seen[n.ID]++
	}
	var lost, twice, strange []string
	for i := range s.Cases {
		if id := s.Cases[i].ID; chosen[id] && seen[id] == 0 {
			lost = append(lost, id)
		}
	}
	for id, n := range seen {
		switch {
		case !chosen[id]:
			strange = append(strange, id)
		case n > 1:
			twice = append(twice, id)
		}
	}
	var faults []error
	for _, fault := range []struct {
		ids  []string
		said string
	}{{lost, "no shard has"}, {twice, "several shards have"}, {strange, "the features of this program, or the selection, don't have"}} {
		if slices.Sort(fault.ids); len(fault.ids) > 0 {
			faults = append(faults, fmt.Errorf("%s %s: the shards aren't those of one run, or are another version's", fault.said, some(fault.ids)))
		}
	}
	slices.SortFunc(merged.Cases, func(a, b reports.Case) int { return at[a.ID] - at[b.ID] })
	slices.SortFunc(merged.NotRun, func(a, b reports.NotRun) int { return at[a.ID] - at[b.ID] })
	return errors.Join(faults...)
}

// entriesOf gives what a run's baseline says, without what became of it.
func entriesOf(b *reports.Baseline) []reports.Entry {
	if b == nil {
		return nil
	}
	entries := slices.Clone(b.Entries)
	for i := range entries {
		entries[i].State, entries[i].Cases, entries[i].Text = "", 0, ""
	}
	return entries
}

// baselineOf is the baseline that a run was compared with; nil: it was compared with none.
func baselineOf(r *reports.Baseline) *Baseline {
	if r == nil {
		return nil
	}
	b := &Baseline{Form: BaselineForm, Edition: Edition, Target: r.Target, file: r.File}
	for _, e := range r.Entries {
		b.Entries = append(b.Entries, Expectation{e.ID, string(e.Verdict), e.Step, e.Reply, e.Reason, e.Issue, e.Until, e.Line})
	}
	return b
}
