package reports

import (
	"fmt"
	"slices"
	"strings"
)

// Gate is what is made of a run: whether a build may go on. It isn't what the relay is, which Overall says: a relay whose
// every failure is listed in a baseline is non-conformant, and satisfies the gate.
type Gate struct {
	Code    int      `json:"code"`    // the exit code
	Word    GateWord `json:"word"`    // what Code means
	Reasons []string `json:"reasons"` // why, a line each; empty: nothing is in the way
	// Strict, MinRun and Drift are how strict it is, as the user said.
	Strict bool   `json:"strict,omitempty"`  // NONSTRICT, NOTE and FLAKY are in the way too
	MinRun string `json:"min_run,omitempty"` // how many cases must have run: "100", or of the chosen ones "80%"
	Drift  string `json:"drift,omitempty"`   // "error": a DRIFT is in the way
}

// GateWord says in words what a gate's exit code means.
type GateWord string

// What a gate can say.
const (
	Satisfied    GateWord = "satisfied"
	Unsatisfied  GateWord = "not satisfied" // something doesn't hold and isn't in the baseline
	NobodyKnows  GateWord = "inconclusive"  // nobody could tell
	Mistaken     GateWord = "mistaken"      // a file that says how to judge is wrong
	NothingRan   GateWord = "nothing ran"
	StaleEntries GateWord = "baseline stale" // an entry of the baseline is true no more
	CutShort     GateWord = "interrupted"
)

func (g *Gate) String() string {
	said := fmt.Sprintf("%s (exit %d)", g.Word, g.Code)
	if len(g.Reasons) > 0 {
		said += ": " + strings.Join(g.Reasons, "; ")
	}
	return said
}

// Shard is a part of what was selected: one of several runs that together have all of it.
type Shard struct {
	Number int `json:"number"` // from 1
	Of     int `json:"of"`
}

func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Number, s.Of) }

// Baseline is the list of expected failures that a run was compared with.
type Baseline struct {
	File    string  `json:"file"`
	Target  string  `json:"target"`
	Entries []Entry `json:"entries"` // in the file's order
}

// Entry is an entry of a baseline, and what became of it.
type Entry struct {
	ID      string     `json:"id"`   // glob over case IDs
	Line    int        `json:"line"` // of the baseline's file
	Verdict Verdict    `json:"verdict"`
	Step    string     `json:"step,omitempty"`
	Reply   string     `json:"reply,omitempty"`
	Reason  string     `json:"reason"`
	Issue   string     `json:"issue,omitempty"`
	Until   string     `json:"until,omitempty"` // the last day on which it is true, 2027-01-31
	State   EntryState `json:"state"`
	Cases   int        `json:"cases"`          // how many of the cases that it is about ran
	Text    string     `json:"text,omitempty"` // why it is in that state, and what to do
}

// EntryState is what became of an entry of a baseline.
type EntryState string

// The states of entries.
const (
	Holds     EntryState = "holds"   // all its cases that ran fail as it says
	Stale     EntryState = "stale"   // a case of it passes, or it matches nothing that ran
	Expired   EntryState = "expired" // its last day is over
	Different EntryState = "changed" // a case of it fails in another way
	Untold    EntryState = "untold"  // its cases weren't chosen, weren't run, or came to an ERROR or a FLAKY
)

// Listed is what the baseline says of a case.
type Listed struct {
	Entry   string `json:"entry"`             // its glob
	Line    int    `json:"line"`              // of the baseline's file
	Wants   string `json:"wants"`             // what is expected: "FAIL with 2xx at Then the relay refuses it"
	Reason  string `json:"reason"`            //
	Issue   string `json:"issue,omitempty"`   //
	Until   string `json:"until,omitempty"`   //
	Changed bool   `json:"changed,omitempty"` // the case doesn't hold in another way than that: CHANGED
}

// states counts the entries by state: "10 hold", "1 stale" ...
func (b *Baseline) states() []string {
	var parts []string
	for _, s := range []struct {
		state EntryState
		word  string
	}{{Holds, "as expected"}, {Different, "changed"}, {Stale, "stale"}, {Expired, "expired"}, {Untold, "not told of"}} {
		n := 0
		for _, e := range b.Entries {
			if e.State == s.state {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s.word))
		}
	}
	return parts
}

// astray gives the entries of a run's baseline with which something has to be done.
func astray(run *Run) []Entry {
	if run.Baseline == nil {
		return nil
	}
	var found []Entry
	for _, e := range run.Baseline.Entries {
		if e.State == Stale || e.State == Expired || e.State == Different {
			found = append(found, e)
		}
	}
	return found
}

// untoldEntries gives those of astray that no case tells of: one that passes or differs does.
func untoldEntries(run *Run) []Entry {
	return slices.DeleteFunc(astray(run), func(e Entry) bool {
		return slices.ContainsFunc(run.Cases, func(c Case) bool {
			return c.Listed != nil && c.Listed.Line == e.Line && (c.Verdict == XPass || c.Changed())
		})
	})
}

// place is where an entry stands.
func (b *Baseline) place(e Entry) string { return fmt.Sprintf("%s:%d", b.File, e.Line) }

// said is a case's verdict in words: CHANGED stands beside it where the baseline says otherwise.
func said(c Case) string {
	if c.Changed() {
		return string(c.Verdict) + ", CHANGED"
	}
	return string(c.Verdict)
}

// expectation is what a baseline says of c, in lines; "" where it says nothing.
func expectation(c Case) string {
	l := c.Listed
	if l == nil {
		return ""
	}
	lines := []string{l.Wants + ": " + l.Reason}
	if l.Issue != "" {
		lines = append(lines, l.Issue)
	}
	if l.Until != "" {
		lines = append(lines, "until "+l.Until)
	}
	return strings.Join(lines, "\n")
}
