package reports

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// DiffName names the form of a written comparison.
const DiffName = "relayspec-diff/1"

// Change says how a verdict moved.
type Change string

// The changes. New and Gone are of what stands in one report only.
const (
	Better Change = "better"
	Worse  Change = "worse"
	Other  Change = "other" // neither: from FAIL to not judged, say
	New    Change = "new"
	Gone   Change = "gone"
)

// Diff is what changed between two runs.
type Diff struct {
	Schema string      `json:"schema"` // DiffName
	Before DiffSide    `json:"before"`
	After  DiffSide    `json:"after"`
	Unlike []string    `json:"unlike,omitempty"` // what makes the two hard to compare
	Rules  []DiffEntry `json:"rules"`            // the worst first
	Cases  []DiffEntry `json:"cases"`
}

// DiffSide is one of the two runs.
type DiffSide struct {
	Target    Target  `json:"target"`
	Overall   Overall `json:"overall"`
	Volume    string  `json:"volume"`
	Selection string  `json:"selection,omitempty"`
}

// DiffEntry is a rule or a case whose verdict changed.
type DiffEntry struct {
	ID     string  `json:"id"`
	Change Change  `json:"change"`
	Before Verdict `json:"before,omitempty"` // empty: not judged, or not there
	After  Verdict `json:"after,omitempty"`
	Reason string  `json:"reason,omitempty"` // why it isn't judged now, or what came
}

// NewDiff compares two runs. Credentials and control characters are left out.
func NewDiff(before, after *Run) *Diff {
	before, after = shown(before), shown(after)
	d := &Diff{Schema: DiffName, Before: sideOf(before), After: sideOf(after)}
	d.unlike()
	d.Rules = changes(ruleVerdicts(before), ruleVerdicts(after))
	d.Cases = changes(caseVerdicts(before), caseVerdicts(after))
	return d
}

func sideOf(run *Run) DiffSide {
	return DiffSide{Target: run.Target, Overall: run.Overall, Volume: run.Volume, Selection: run.Selection}
}

func (d *Diff) unlike() {
	for _, part := range []struct{ what, before, after string }{
		{"target", d.Before.Target.Name, d.After.Target.Name},
		{"volume", d.Before.Volume, d.After.Volume},
		{"selection", cmp.Or(d.Before.Selection, "everything"), cmp.Or(d.After.Selection, "everything")},
	} {
		if part.before != part.after {
			d.Unlike = append(d.Unlike, fmt.Sprintf("%s: %s before, %s after", part.what, cmp.Or(part.before, "none"), cmp.Or(part.after, "none")))
		}
	}
}

// Worse tells whether something is worse, or new and fails.
func (d *Diff) Worse() bool {
	return slices.ContainsFunc(slices.Concat(d.Rules, d.Cases), func(e DiffEntry) bool {
		return e.Change == Worse || e.Change == New && (e.After == Fail || e.After == Error)
	})
}

// Same tells whether nothing changed.
func (d *Diff) Same() bool { return len(d.Rules)+len(d.Cases) == 0 }

// judgement is a verdict with what explains it.
type judgement struct {
	id      string
	verdict Verdict
	reason  string
}

func ruleVerdicts(run *Run) []judgement {
	var found []judgement
	for _, r := range run.Rules {
		found = append(found, judgement{r.ID, r.Verdict, r.Reason})
	}
	return found
}

func caseVerdicts(run *Run) []judgement {
	var found []judgement
	for _, c := range run.Cases {
		found = append(found, judgement{c.ID, c.Verdict, cmp.Or(c.Reason, headline(c.Got))})
	}
	for _, n := range run.NotRun {
		found = append(found, judgement{n.ID, "", "not run: " + n.Reason})
	}
	return found
}

// changes lists what isn't the same, the worst first.
func changes(before, after []judgement) []DiffEntry {
	found, was, is := []DiffEntry{}, map[string]judgement{}, map[string]bool{}
	for _, s := range before {
		was[s.id] = s
	}
	for _, s := range after {
		is[s.id] = true
		old, known := was[s.id]
		switch {
		case !known:
			found = append(found, DiffEntry{s.id, New, "", s.verdict, s.reason})
		case old.verdict != s.verdict:
			found = append(found, DiffEntry{s.id, moved(old.verdict, s.verdict), old.verdict, s.verdict, s.reason})
		}
	}
	for _, s := range before {
		if !is[s.id] {
			found = append(found, DiffEntry{s.id, Gone, s.verdict, "", ""})
		}
	}
	order := []Change{Worse, New, Other, Gone, Better}
	slices.SortStableFunc(found, func(a, b DiffEntry) int { return slices.Index(order, a.Change) - slices.Index(order, b.Change) })
	return found
}

// moved says how a verdict moved. A failure isn't mended by not being judged any more; what held is worse for it.
func moved(before, after Verdict) Change {
	switch b, a := standing(before), standing(after); {
	case b < 0 && a == 0:
		return Other
	case a > b:
		return Better
	case a < b:
		return Worse
	}
	return Other
}

// standing is how good a verdict is.
func standing(v Verdict) int {
	switch v {
	case Pass, XPass:
		return 4
	case Flaky:
		return 3
	case Noted:
		return 2
	case NonStrict:
		return 1
	case Fail, XFail:
		return -1
	}
	return 0 // ERROR and what wasn't judged: nobody knows
}

// WriteDiff writes d for a person to read: a line a change, the worst first, and the counts in the last line.
func WriteDiff(w io.Writer, d *Diff) error {
	var b strings.Builder
	fmt.Fprintf(&b, "before  %s\nafter   %s\n", d.Before, d.After)
	for _, unlike := range d.Unlike {
		fmt.Fprintf(&b, "unlike  %s\n", unlike)
	}
	for _, part := range d.parts() {
		if len(part.entries) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", part.title)
		for _, e := range part.entries {
			fmt.Fprintf(&b, "  %-6s  %-28s  %s%s\n", e.Change, e.arrow(), e.ID, behind(e.Reason))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", d.summary())
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	return nil
}

// WriteDiffMarkdown writes d for the step summary of a CI. No text can become markup, a mention or a link.
func WriteDiffMarkdown(w io.Writer, d *Diff) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## SMTP relay conformance compared\n\n- **Before:** %s\n- **After:** %s\n", span(d.Before.String()), span(d.After.String()))
	for _, unlike := range d.Unlike {
		fmt.Fprintf(&b, "- **Unlike:** %s\n", escaped(unlike))
	}
	fmt.Fprintf(&b, "- **Changed:** %s\n", d.summary())
	for _, part := range d.parts() {
		if len(part.entries) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n| Change | Before | After | ID | |\n| :-- | :-- | :-- | :-- | :-- |\n", part.title)
		for _, e := range part.entries {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", e.Change, escaped(word(e.Before)), escaped(word(e.After)), escaped(e.ID), escaped(clipped(e.Reason)))
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the comparison as Markdown: %w", err)
	}
	return nil
}

// WriteDiffJSON writes d as one JSON object.
func WriteDiffJSON(w io.Writer, d *Diff) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	return nil
}

// diffPart is the rules, or the cases.
type diffPart struct {
	title   string
	entries []DiffEntry
}

func (d *Diff) parts() []diffPart { return []diffPart{{"Rules", d.Rules}, {"Cases", d.Cases}} }

func (s DiffSide) String() string {
	return strings.TrimSpace(orUnknown(s.Target.Name)+" "+s.Target.Version) + ": " + string(s.Overall)
}

func (d *Diff) summary() string {
	if d.Same() {
		return "the same verdicts"
	}
	var parts []string
	for _, part := range d.parts() {
		counts := map[Change]int{}
		for _, e := range part.entries {
			counts[e.Change]++
		}
		parts = append(parts, fmt.Sprintf("%s: %d better, %d worse, %d other, %d new, %d gone",
			strings.ToLower(part.title), counts[Better], counts[Worse], counts[Other], counts[New], counts[Gone]))
	}
	return strings.Join(parts, "; ")
}

// arrow is the two verdicts in words.
func (e DiffEntry) arrow() string {
	switch e.Change {
	case New:
		return word(e.After)
	case Gone:
		return word(e.Before)
	}
	return word(e.Before) + " -> " + word(e.After)
}

func word(v Verdict) string { return string(cmp.Or(v, "not judged")) }

func behind(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + headline(reason)
}
