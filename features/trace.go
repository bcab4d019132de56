package features

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/reports"
)

// Trace is which rule is judged by which scenarios, and the other way round.
type Trace struct {
	Rules  []TracedRule `json:"rules"` // every rule of the catalogue in its order, then the RFCs'
	Cases  []TracedCase `json:"cases"`
	Faults []string     `json:"faults"` // rules of work that is done, without a scenario
	Counts TraceCounts  `json:"counts"`
}

// TracedRule is a rule and what becomes of it.
type TracedRule struct {
	ID        string        `json:"id"`
	Chapter   string        `json:"chapter"`
	Line      string        `json:"line"`
	Level     reports.Level `json:"level"`
	Cases     []string      `json:"cases,omitempty"`      // the scenarios that judge it
	Deferred  []string      `json:"deferred,omitempty"`   // subject@work that comes later
	NotJudged string        `json:"not_judged,omitempty"` // why nothing judges it, now or later
	Fault     string        `json:"fault,omitempty"`
}

// TracedCase is a scenario and its rules.
type TracedCase struct {
	ID      string   `json:"id"`
	Rules   []string `json:"rules"`
	Feature string   `json:"feature"`
	Line    int      `json:"line"`
}

// TraceCounts counts rules. Each is in one of Judged, Deferred, NotJudged and Faults.
type TraceCounts struct {
	Rules     int `json:"rules"`
	Judged    int `json:"judged"`     // by scenarios; the rest of their subjects may be deferred
	Deferred  int `json:"deferred"`   // wholly
	NotJudged int `json:"not_judged"` // by nothing, for a reason
	Faults    int `json:"faults"`
	Cases     int `json:"cases"`
}

// Trace relates rules and scenarios: those of s, and of others that judge other parties by the same catalogue. A rule of
// work that is done is a fault where one of them is about its party and has no scenario for it.
// (A scenario without a rule is a fault of the suite, which ParseSuite reports.)
func (s *Suite) Trace(others ...*Suite) Trace {
	trace := Trace{Faults: []string{}}
	suites := append([]*Suite{s}, others...)
	for i := range s.Catalogue.Rules {
		trace.add(traceRule(&s.Catalogue.Rules[i], suites))
	}
	seen := map[string]bool{}
	for _, suite := range suites {
		for _, c := range suite.Cases {
			trace.Cases = append(trace.Cases, TracedCase{c.ID, c.Rules, c.Feature, c.Line})
			for _, id := range c.Rules {
				if s.Catalogue.Rule(id) == nil && !seen[id] {
					seen[id] = true
					trace.add(TracedRule{ID: id, Chapter: s.chapter(id), Line: s.line(id), Level: c.Level, Cases: judging(id, suites)})
				}
			}
		}
	}
	trace.Counts.Cases = len(trace.Cases)
	return trace
}

// judging gives the cases of suites that judge a rule.
func judging(id string, suites []*Suite) []string {
	var cases []string
	for _, suite := range suites {
		for i := range suite.Cases {
			if slices.Contains(suite.Cases[i].Rules, id) {
				cases = append(cases, suite.Cases[i].ID)
			}
		}
	}
	return cases
}

func traceRule(r *Rule, suites []*Suite) TracedRule {
	traced := TracedRule{ID: r.ID, Chapter: r.Chapter, Line: r.Line, Level: r.Level, Cases: judging(r.ID, suites)}
	var parties []Party
	for _, suite := range suites {
		parties = append(parties, suite.party)
		if suite.party.due(r) && len(judging(r.ID, []*Suite{suite})) == 0 {
			traced.Fault = "no scenario judges it" + suite.party.about(len(suites)) + ", and its work is done"
		}
	}
	switch deferred := r.deferred(parties); {
	case len(traced.Cases) > 0, traced.Fault != "":
		traced.Deferred = deferred
	case len(r.JudgedBy) == 0 || len(r.Subjects) == 0:
		traced.NotJudged = r.Note
		if r.Note == "" {
			traced.NotJudged = "information, nothing to observe"
		}
	default:
		traced.Deferred = deferred
	}
	return traced
}

func (t *Trace) add(r TracedRule) {
	t.Rules = append(t.Rules, r)
	t.Counts.Rules++
	switch {
	case r.Fault != "":
		t.Counts.Faults++
		t.Faults = append(t.Faults, r.ID+": "+r.Fault)
	case len(r.Cases) > 0:
		t.Counts.Judged++
	case r.NotJudged != "":
		t.Counts.NotJudged++
	default:
		t.Counts.Deferred++
	}
}

// WriteText writes t for a person to read: the rules by chapter, then the scenarios; the counts are the last line.
func (t *Trace) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	chapter := ""
	for _, r := range t.Rules {
		if r.Chapter != chapter {
			chapter = r.Chapter
			fmt.Fprintf(out, "\n%s\n", chapter)
		}
		fmt.Fprintf(out, "  %s (%s, %s)\n", r.ID, r.Line, r.Level)
		for _, line := range r.fate() {
			fmt.Fprintf(out, "      %s\n", line)
		}
	}
	fmt.Fprintf(out, "\nScenarios\n")
	for _, c := range t.Cases {
		fmt.Fprintf(out, "  %s (%s:%d)\n      %s\n", c.ID, c.Feature, c.Line, strings.Join(c.Rules, ", "))
	}
	n := t.Counts
	fmt.Fprintf(out, "\n%d rules: %d judged by %d scenarios, %d deferred, %d not judged for a reason, %d faults\n",
		n.Rules, n.Judged, n.Cases, n.Deferred, n.NotJudged, n.Faults)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the trace: %w", err)
	}
	return nil
}

// fate says what becomes of r, a line each.
func (r *TracedRule) fate() []string {
	lines := slices.Clone(r.Cases)
	if r.Fault != "" {
		lines = append(lines, "FAULT: "+r.Fault)
	}
	for _, part := range r.Deferred {
		lines = append(lines, "DEFERRED("+part+")")
	}
	if r.NotJudged != "" {
		lines = append(lines, "not judged: "+r.NotJudged)
	}
	return lines
}
