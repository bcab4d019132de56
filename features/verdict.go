package features

import (
	"fmt"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// The exit codes of a run. 2 is for usage, configuration, profile and baseline.
const (
	ExitSatisfied     = 0   // every judged must rule holds, or the baseline lists what breaks it
	ExitNonConformant = 1   // a must rule doesn't hold, and no baseline says so
	ExitMistaken      = 2   // a file that says how to judge is wrong
	ExitInconclusive  = 3   // an ERROR, no must rule was judged, fewer cases ran than must, or a listed case is FLAKY
	ExitNothingRan    = 4   // no case came to a verdict of its own
	ExitStale         = 5   // an entry of the baseline is true no more
	ExitInterrupted   = 130 // 128 and SIGINT
)

// ExitCode says what a process ends with that made run: the code of its gate.
func ExitCode(run *reports.Run) int {
	if run.Gate != nil {
		return run.Gate.Code
	}
	return Gating{}.Decide(run).Code
}

// overall is what a run says as a whole. The worst speaks first: a failure is a failure, also beside what nobody could
// tell, and whether or not a baseline lists it. What held only when it was asked again is a deviation.
func overall(run *reports.Run) reports.Overall {
	n := run.Totals
	missed := false
	for _, r := range run.Rules {
		if r.Level == reports.Must && r.Verdict == reports.Fail {
			return reports.NonConformant
		}
		missed = missed || r.Verdict == reports.NonStrict || r.Level == reports.Must && r.Flaky
	}
	switch {
	case n.Verdicts[reports.Error] > 0, n.NotRun > 0, run.Trouble != "", n.Must.Judged == 0:
		return reports.Inconclusive
	case n.Must.Judged < n.Must.All:
		return reports.Partial
	case missed:
		return reports.Deviating
	}
	return reports.Conformant
}

// judgeRules gives every rule that scenarios judge now, with what its cases came to together.
func (s *Suite) judgeRules(cases []reports.Case, notRun []reports.NotRun) []reports.Rule {
	tallies := map[string]*tally{}
	of := func(id string) *tally {
		if tallies[id] == nil {
			tallies[id] = &tally{}
		}
		return tallies[id]
	}
	for _, c := range cases {
		for _, id := range c.Rules {
			of(id).add(c)
		}
	}
	dropped := map[string]string{}
	for _, n := range notRun {
		dropped[n.ID] = n.Reason
	}
	for i := range s.Cases {
		for _, id := range s.Cases[i].Rules {
			t := of(id)
			t.known = append(t.known, &s.Cases[i])
			if reason, ok := dropped[s.Cases[i].ID]; ok {
				t.cases++
				t.hold(reason)
			}
		}
	}
	var rules []reports.Rule
	for _, rule := range s.dueRules(tallies) {
		t := of(rule.ID)
		rule.Cases, rule.Ran = t.cases, t.ran
		rule.Verdict = t.verdict(rule.Level)
		rule.Listed, rule.Flaky = t.failed && !t.unlisted, t.flaky
		if rule.Verdict == "" {
			rule.Reason, rule.NotOffered = t.reason(), t.notOffered()
		}
		rules = append(rules, rule)
	}
	return rules
}

// dueRules gives the rules of the catalogue that are due or have a scenario, then the RFCs' rules in the suite's order.
func (s *Suite) dueRules(tallies map[string]*tally) []reports.Rule {
	var rules []reports.Rule
	for i := range s.Catalogue.Rules {
		r := &s.Catalogue.Rules[i]
		if s.party.due(r) || tallies[r.ID] != nil {
			rules = append(rules, s.rule(r.ID, s.party.level(r)))
		}
	}
	seen := map[string]bool{}
	for i := range s.Cases {
		for at, id := range s.Cases[i].Rules {
			if at == 0 && s.Catalogue.Rule(id) == nil && !seen[id] {
				seen[id] = true
				rules = append(rules, s.rule(id, s.Cases[i].Level))
			}
		}
	}
	return rules
}

func (s *Suite) rule(id string, level reports.Level) reports.Rule {
	return reports.Rule{ID: id, Chapter: s.chapter(id), Line: s.line(id), Level: level, Sentence: s.sentences[id]}
}

// tally gathers the cases of one rule.
type tally struct {
	known  []*Case // all that the suite has
	cases  int     // chosen
	ran    int
	bound  int  // those of ran that bind
	failed bool // an assertion didn't hold, whatever the level of its case: each rule has a level of its own
	erred  bool
	// unlisted: a case that breaks the rule isn't in the baseline, or in another way.
	unlisted bool
	flaky    bool     // a case held only when it was run again
	absent   []string // why cases didn't run
}

// add counts c.
func (t *tally) add(c reports.Case) {
	t.cases++
	if !c.Verdict.Ran() {
		t.hold(fmt.Sprintf("%s(%s)", c.Verdict, c.Reason))
		return
	}
	t.ran++
	if binding(&c) {
		t.bound++
	}
	switch c.Own() {
	case reports.Fail, reports.NonStrict, reports.Noted:
		t.failed = t.failed || binding(&c)
		t.unlisted = t.unlisted || binding(&c) && c.Verdict != reports.XFail
	case reports.Error:
		t.erred = true
	}
	t.flaky = t.flaky || c.Verdict == reports.Flaky || c.Found == reports.Flaky
}

func (t *tally) hold(reason string) {
	if !slices.Contains(t.absent, reason) {
		t.absent = append(t.absent, reason)
	}
}

// verdict is the rule's, by its own level, the worst first; empty when no binding case ran and none came to an ERROR: what
// is only observed or assumed neither breaks a rule nor shows that it holds.
func (t *tally) verdict(level reports.Level) reports.Verdict {
	switch {
	case t.failed && failed(level) == reports.Fail:
		return reports.Fail
	case t.erred:
		return reports.Error
	case t.failed:
		return failed(level)
	case t.bound > 0:
		return reports.Pass
	}
	return ""
}

// notOffered tells whether the rule is about an extension that the relay doesn't offer: then it asks nothing of the relay.
func (t *tally) notOffered() bool {
	offers := func(reason string) bool {
		return !slices.ContainsFunc(target.Extensions(), func(c target.Capability) bool {
			return reason == fmt.Sprintf("%s(%s)", reports.Unsupported, c)
		})
	}
	return t.ran == 0 && len(t.absent) > 0 && !slices.ContainsFunc(t.absent, offers)
}

// reason says why the rule wasn't judged.
func (t *tally) reason() string {
	switch {
	case t.ran > 0:
		return strings.Join(slices.Insert(slices.Clone(t.absent), 0, "only assumed cases ran"), ", ")
	case len(t.absent) > 0:
		return strings.Join(t.absent, ", ")
	case len(t.known) == 0:
		return "no scenario"
	}
	return "not selected"
}
