package features

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reports"
)

// Compare gives a run that was kept as it is against a baseline, whatever it was compared with before, with the gate as it
// was. The error is yamlfile.Faults when the baseline is another relay's.
func (s *Suite) Compare(run *reports.Run, b *Baseline) (*reports.Run, error) {
	if err := b.checkTarget(run.Target.Name); err != nil {
		return nil, err
	}
	out := unlisted(run)
	s.conclude(out, b, gatingOf(run.Gate))
	return out, nil
}

// compare says of each case of run what b expects of it, and of each entry what became of it. suite has all the cases
// that there are, now is the day that entries may be older than.
func (b *Baseline) compare(run *reports.Run, suite *Suite, now time.Time) {
	out := &reports.Baseline{File: b.file, Target: b.Target, Entries: []reports.Entry{}}
	found := b.gather(run, suite)
	for i := range b.Entries {
		e := &b.Entries[i]
		state, text := found[i].state(e, now)
		out.Entries = append(out.Entries, reports.Entry{
			ID: e.ID, Line: e.line, Verdict: reports.Verdict(e.Verdict), Step: e.Step, Reply: e.Reply,
			Reason: e.Reason, Issue: e.Issue, Until: e.Until, State: state, Cases: found[i].ran, Text: text,
		})
	}
	run.Baseline = out
}

// belonging is what came of the cases that belong to one entry.
type belonging struct {
	fits    int      // cases of the suite that its glob fits
	known   int      // those of fits that belong to no earlier entry
	chosen  int      // of known
	ran     int      // of chosen, to a verdict of the relay's
	passed  []string // of ran
	flaky   []string // of ran
	changed []string // of ran
	untold  bool     // a case came to an ERROR or a FLAKY, was not run, or was left out by the user
	held    []string // why cases were held back
}

// entryOf is the place of the entry that a case belongs to, -1 for none.
func (b *Baseline) entryOf(id string) int {
	return slices.IndexFunc(b.Entries, func(e Expectation) bool { return Glob(e.ID, id) })
}

// gather sorts the cases of run by their entries, and gives those that are listed their verdict.
func (b *Baseline) gather(run *reports.Run, suite *Suite) []belonging {
	found := make([]belonging, len(b.Entries))
	for i := range suite.Cases {
		id := suite.Cases[i].ID
		for at := range b.Entries {
			if Glob(b.Entries[at].ID, id) {
				found[at].fits++
			}
		}
		if at := b.entryOf(id); at >= 0 {
			found[at].known++
		}
	}
	for i := range run.Cases {
		if at := b.entryOf(run.Cases[i].ID); at >= 0 {
			found[at].add(&b.Entries[at], &run.Cases[i])
		}
	}
	for _, n := range run.NotRun {
		if at := b.entryOf(n.ID); at >= 0 {
			found[at].chosen++
			found[at].untold = true
		}
	}
	return found
}

// add counts a case that belongs to e, and says what e makes of it. An ERROR is never what was expected. A FLAKY stays one:
// what fails as e says isn't run again, so it failed otherwise, or came to an ERROR, and held the next time. That is neither
// what e says nor a failure that is mended.
func (g *belonging) add(e *Expectation, c *reports.Case) {
	g.chosen++
	switch c.Verdict {
	case reports.Error, reports.Disabled:
		g.untold = true
		return
	case reports.Unsupported, reports.Unprovisioned:
		g.held = append(g.held, fmt.Sprintf("%s(%s)", c.Verdict, c.Reason))
		return
	}
	g.ran++
	c.Listed = &reports.Listed{Entry: e.ID, Line: e.line, Wants: e.wants(), Reason: e.Reason, Issue: e.Issue, Until: e.Until}
	switch {
	case c.Verdict == reports.Flaky:
		g.flaky = append(g.flaky, c.ID)
		g.untold = true
	case c.Verdict == reports.Pass:
		g.passed = append(g.passed, c.ID)
		c.Found, c.Verdict = c.Verdict, reports.XPass
	case e.fits(c):
		c.Found, c.Verdict = c.Verdict, reports.XFail
	default:
		g.changed = append(g.changed, c.ID)
		c.Listed.Changed = true
	}
}

// state is what became of e, and what to do about it.
func (g *belonging) state(e *Expectation, now time.Time) (reports.EntryState, string) {
	const update = "; relayspec baseline update does"
	switch {
	case e.expired(now):
		return reports.Expired, "its last day was " + e.Until + ": see whether it is still so, then give it another day, or take it out"
	case len(g.changed) > 0:
		return reports.Different, someOf(g.changed, g.ran) + " in another way than it says: look at what changed, then write what is expected" + update
	case len(g.passed) > 0 && len(g.passed) == g.ran:
		return reports.Stale, "it holds now: take the entry out" + update
	case len(g.passed) > 0:
		return reports.Stale, fmt.Sprintf("%d of its %d cases hold now: name only the others", len(g.passed), g.ran) + ": not " + some(g.passed) + update
	case g.fits == 0:
		return reports.Stale, "no case is called so: correct the ID, or take the entry out"
	case g.known == 0:
		return reports.Stale, "every case that it fits belongs to an entry before it: put it before that, or take it out"
	case g.chosen == 0:
		return reports.Untold, "none of its cases was chosen"
	case len(g.flaky) > 0:
		return reports.Untold, "FLAKY, which is neither what it says nor mended: " + some(g.flaky) + ": judge again, and see why it isn't always the same"
	case g.ran > 0:
		return reports.Holds, ""
	case g.untold:
		return reports.Untold, "its cases weren't run to a verdict"
	}
	return reports.Stale, "none of its cases can be run, " + some(g.held) + ": take the entry out, or give the target what it lacks"
}

func someOf(ids []string, all int) string {
	if all == 1 {
		return "it fails"
	}
	return fmt.Sprintf("%d of its %d cases fail, %s,", len(ids), all, some(ids))
}

// some lists the first few words.
func some(words []string) string {
	const most = 3
	words = slices.Compact(slices.Clone(words))
	if len(words) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
	}
	return strings.Join(words, ", ")
}
