package features

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/reports"
)

// Gating says what is in the way of a build. The zero value: a rule that must hold and doesn't, unless the baseline says so,
// an entry of the baseline that is true no more, and what nobody could tell.
type Gating struct {
	Strict     bool    // NONSTRICT and NOTE, where the baseline doesn't list them, and FLAKY, which none can, are in the way too
	MinRun     Minimum // fewer cases that ran are inconclusive
	DriftFails bool    // a DRIFT is in the way too
}

// Minimum is how many cases must have run. The zero value asks for none.
type Minimum struct {
	Cases   int
	Percent float64 // of the chosen cases
}

// ParseMinimum reads "120" cases, or "80%" of the chosen ones; "" is no minimum.
func ParseMinimum(s string) (Minimum, error) {
	if s == "" {
		return Minimum{}, nil
	}
	if number, ok := strings.CutSuffix(s, "%"); ok {
		percent, err := strconv.ParseFloat(number, 64)
		if err != nil || !(percent >= 0 && percent <= 100) {
			return Minimum{}, fmt.Errorf("%q is no part of the cases: write 80%%, from 0%% to 100%%", s)
		}
		return Minimum{Percent: percent}, nil
	}
	cases, err := strconv.Atoi(s)
	if err != nil || cases < 0 {
		return Minimum{}, fmt.Errorf("%q is no number of cases: write 120, or 80%% of the chosen ones", s)
	}
	return Minimum{Cases: cases}, nil
}

func (m Minimum) String() string {
	switch {
	case m.Percent > 0:
		return strconv.FormatFloat(m.Percent, 'f', -1, 64) + "%"
	case m.Cases > 0:
		return strconv.Itoa(m.Cases)
	}
	return ""
}

// of is how many of chosen cases m asks for.
func (m Minimum) of(chosen int) int {
	if m.Percent > 0 {
		return int(math.Ceil(m.Percent * float64(chosen) / 100))
	}
	return m.Cases
}

// Decide says what is made of run. The first of these that is so decides the code: an interruption, something that doesn't
// hold, nothing that ran, something that nobody could tell, an entry of the baseline that is true no more.
func (g Gating) Decide(run *reports.Run) *reports.Gate {
	gate := &reports.Gate{Word: reports.Satisfied, Reasons: []string{}, Strict: g.Strict, MinRun: g.MinRun.String()}
	if g.DriftFails {
		gate.Drift = "error"
	}
	for _, look := range []struct {
		code int
		word reports.GateWord
		at   func(*reports.Run) []string
	}{
		{ExitInterrupted, reports.CutShort, interruptions},
		{ExitNonConformant, reports.Unsatisfied, g.breaches},
		{ExitNothingRan, reports.NothingRan, nothing},
		{ExitInconclusive, reports.NobodyKnows, g.doubts},
		{ExitStale, reports.StaleEntries, stale},
	} {
		reasons := look.at(run)
		if len(reasons) > 0 && gate.Code == ExitSatisfied {
			gate.Code, gate.Word = look.code, look.word
		}
		gate.Reasons = append(gate.Reasons, reasons...)
	}
	return gate
}

// gatingOf is how strict a gate was; nil is the zero value.
func gatingOf(g *reports.Gate) Gating {
	if g == nil {
		return Gating{}
	}
	least, err := ParseMinimum(g.MinRun)
	if err != nil {
		least = Minimum{} // a report that is read has the right form
	}
	return Gating{Strict: g.Strict, MinRun: least, DriftFails: g.Drift == "error"}
}

func interruptions(run *reports.Run) []string {
	if !run.Interrupted {
		return nil
	}
	return []string{fmt.Sprintf("interrupted: %s not run", cases(run.Totals.NotRun))}
}

// breaches says what doesn't hold though nobody expects it.
func (g Gating) breaches(run *reports.Run) []string {
	var reasons []string
	say := func(format string, ids []string) {
		if len(ids) > 0 {
			reasons = append(reasons, fmt.Sprintf(format, cases(len(ids)), some(ids)))
		}
	}
	changed := casesThat(run, func(c *reports.Case) bool { return c.Changed() })
	say("%s of the baseline CHANGED: %s", changed)
	failing := casesThat(run, func(c *reports.Case) bool { return c.Verdict == reports.Fail && !c.Changed() })
	say("%s FAIL: %s", failing)
	if len(failing)+len(changed) == 0 { // a rule may be broken by a case whose own verdict is less
		for _, r := range run.Rules {
			if r.Level == reports.Must && r.Verdict == reports.Fail && !r.Listed {
				reasons = append(reasons, "the rule "+r.ID+" must hold and doesn't")
			}
		}
	}
	if g.Strict {
		say("strict: %s NONSTRICT: %s", casesThat(run, verdictIs(reports.NonStrict)))
		say("strict: %s NOTE: %s", casesThat(run, verdictIs(reports.Noted)))
		say("strict: %s FLAKY: %s", casesThat(run, verdictIs(reports.Flaky)))
	}
	if g.DriftFails && len(run.Drift) > 0 {
		var names []string
		for _, d := range run.Drift {
			names = append(names, d.Capability)
		}
		reasons = append(reasons, "DRIFT: what is declared, announced and seen don't agree: "+some(names))
	}
	return reasons
}

// nothing tells that no case came to a verdict of its own, and that no trouble explains it.
func nothing(run *reports.Run) []string {
	if run.Totals.Ran == 0 && (run.Trouble == "" || run.Totals.Chosen == 0) {
		return []string{"no case ran"}
	}
	return nil
}

// doubts says what nobody could tell.
func (g Gating) doubts(run *reports.Run) []string {
	n := run.Totals
	var reasons []string
	if run.Trouble != "" {
		reasons = append(reasons, "the run couldn't be made, or not be ended: "+firstLine(run.Trouble))
	}
	if errors := casesThat(run, verdictIs(reports.Error)); len(errors) > 0 {
		reasons = append(reasons, fmt.Sprintf("%s came to an ERROR: %s", cases(len(errors)), some(errors)))
	}
	if flaky := casesThat(run, listedFlaky); len(flaky) > 0 {
		reasons = append(reasons, fmt.Sprintf("%s of the baseline FLAKY, neither as listed nor mended: %s", cases(len(flaky)), some(flaky)))
	}
	if n.NotRun > 0 && !run.Interrupted {
		reasons = append(reasons, fmt.Sprintf("%s not run: %s", cases(n.NotRun), run.NotRun[0].Reason))
	}
	if n.Must.Judged == 0 && n.Verdicts[reports.Error]+n.NotRun == 0 && run.Trouble == "" {
		reasons = append(reasons, "no rule that must hold was judged")
	}
	if least := g.MinRun.of(n.Chosen); n.Ran < least {
		reasons = append(reasons, fmt.Sprintf("%d of %d chosen cases ran, and %d must", n.Ran, n.Chosen, least))
	}
	return reasons
}

// stale says which entries of the baseline are true no more; each entry says why.
func stale(run *reports.Run) []string {
	if run.Baseline == nil {
		return nil
	}
	var places []string
	for _, e := range run.Baseline.Entries {
		if e.State == reports.Stale || e.State == reports.Expired {
			places = append(places, fmt.Sprintf("%s:%d %s", run.Baseline.File, e.Line, e.ID))
		}
	}
	switch len(places) {
	case 0:
		return nil
	case 1:
		return []string{"an entry of the baseline is true no more: " + places[0]}
	}
	return []string{fmt.Sprintf("%d entries of the baseline are true no more: %s", len(places), some(places))}
}

func verdictIs(v reports.Verdict) func(*reports.Case) bool {
	return func(c *reports.Case) bool { return c.Verdict == v && !c.Changed() }
}

// listedFlaky tells whether the baseline lists c, which held only when it was run again.
func listedFlaky(c *reports.Case) bool { return c.Verdict == reports.Flaky && c.Listed != nil }

// casesThat gives the IDs of the cases that are so.
func casesThat(run *reports.Run, so func(*reports.Case) bool) []string {
	var ids []string
	for i := range run.Cases {
		if so(&run.Cases[i]) {
			ids = append(ids, run.Cases[i].ID)
		}
	}
	return ids
}

func cases(n int) string {
	if n == 1 {
		return "1 case"
	}
	return fmt.Sprintf("%d cases", n)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
