package features

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/features/yamlfile"
	"github.com/relayspec/relayspec/reports"
)

// head begins the baselines of these tests.
const head = "baseline: relayspec-baseline/1\nedition: 1\ntarget: fake\n"

// aBaseline reads head and entries.
func aBaseline(t *testing.T, entries string) *Baseline {
	t.Helper()
	b, err := ParseBaseline("b.yaml", []byte(head+"entries:\n"+entries))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestABaselineIsReadStrictly(t *testing.T) {
	const entry = "entries:\n  - {id: A/b, verdict: FAIL, reason: it is so"
	for text, want := range map[string]string{
		"":               "b.yaml:1:1: the file is empty; relayspec baseline update writes one",
		"stats: {}":      `b.yaml:1:1: a baseline has no key "stats"`,
		"entries: []":    "b.yaml:1:1: baseline is missing or empty; write baseline: relayspec-baseline/1",
		head:             "b.yaml:1:1: entries is missing",
		head + "entries": "this isn't YAML",
		strings.Replace(head, "/1", "/2", 1) + entry + "}":                                          `b.yaml:1:11: the baseline is in the form "relayspec-baseline/2"; this program reads "relayspec-baseline/1"`,
		strings.Replace(head, "edition: 1", "edition: 0", 1) + "tool: relayspec 0.1\nfuture: key\n": "b.yaml:2:10: the baseline is for edition 0 of the features, and these are edition 1: judge with the relayspec that wrote it (relayspec 0.1)",
		head + entry + ", verdikt: NOTE}":                                                           `entries[0] has no key "verdikt"; did you mean verdict?`,
		head + entry + ", reply: 999}":                                                              `entries[0].reply is "999"; write a class`,
		head + entry + ", issue: here}":                                                             `entries[0].issue is "here"; write a URL`,
		head + entry + ", until: tomorrow}":                                                         `entries[0].until is "tomorrow"; write a day`,
		head + "entries: [{id: A/b, verdict: ERROR, reason: so}]":                                   "an ERROR can't be expected",
		head + "entries: [{id: A/b, verdict: PASS, reason: so}]":                                    `entries[0].verdict is "PASS"; write FAIL, NONSTRICT or NOTE`,
		head + "entries: [{id: A, verdict: FAIL, reason: so}]":                                      `entries[0].id is "A"; write a case's ID`,
		head + "entries:\n  - id: A/b\n    verdict: FAIL\n":                                         "b.yaml:5:5: entries[0].reason is missing; write why",
		head + "entries:\n  - id: A/b\n    verdict: FAIL\n    reason: TODO later\n":                 "b.yaml:7:13: entries[0].reason is missing; write why",
		head + entry + "}\n  - {id: A/b, verdict: NOTE, reason: so}\n":                              "b.yaml:6:10: A/b stands already at line 5",
		head + "entries:\n  - {id: A/b, verdict: FAIL, reason: so}\nentries: []":                    "entries stands already at line",
	} {
		_, err := ParseBaseline("b.yaml", []byte(text))
		if !errors.As(err, new(yamlfile.Faults)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestReplyFits(t *testing.T) {
	for _, test := range []struct {
		pattern, codes string
		want           bool
	}{
		{"", "", true}, {"", "550 5.7.1", true}, {"none", "", true}, {"none", "550", false},
		{"5xx", "550 5.7.1", true}, {"5yz", "501", true}, {"5xx", "450", false}, {"5xx", "", false},
		{"550", "550 5.7.1", true}, {"550", "551", false}, {"550 5.7.1", "550 5.7.1", true},
		{"550 5.7.1", "550", false}, {"550 5.7.1", "550 5.7.0", false}, {"55z", "554", true}, {"55z", "501", false},
	} {
		if got := replyFits(test.pattern, test.codes); got != test.want {
			t.Errorf("%q takes %q: %t", test.pattern, test.codes, got)
		}
	}
}

// gatedSuite has cases of two must rules.
func gatedSuite() *Suite {
	s := &Suite{Catalogue: &Catalogue{}, sentences: map[string]string{}}
	for _, id := range []string{"A/one", "A/two", "A/three", "B/one"} {
		rule, _, _ := strings.Cut(id, "/")
		s.Cases = append(s.Cases, Case{ID: id, Rules: []string{rule}, Level: reports.Must, Source: "rfc"})
	}
	return s
}

// ended is a case that came to a verdict. One that failed did so at the step Then it holds, on "250".
func ended(id string, v reports.Verdict) reports.Case {
	rule, _, _ := strings.Cut(id, "/")
	c := reports.Case{ID: id, Rules: []string{rule}, Level: reports.Must, Source: "rfc", Verdict: v}
	switch v {
	case reports.Fail, reports.NonStrict, reports.Noted:
		c.Step, c.Want, c.Got, c.Reply = "Then it holds", "550", "250", "250"
	case reports.Pass:
	case reports.Flaky:
		c.Found, c.Runs, c.Reason = reports.Pass, 2, "it failed first"
	default:
		c.Reason = "so"
	}
	return c
}

// concluded gives a run of these cases, compared with a baseline.
func concluded(b *Baseline, g Gating, found ...reports.Case) *reports.Run {
	run := &reports.Run{Cases: found, Started: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Target: reports.Target{Name: "fake"}}
	gatedSuite().conclude(run, b, g)
	return run
}

// gatedRun is a run, and what a baseline and a gate are to make of it.
type gatedRun struct {
	entries  string
	gating   Gating
	found    map[string]reports.Verdict
	code     int
	overall  reports.Overall
	verdicts string // of the cases, in order
	states   []reports.EntryState
	reason   string
}

func gatedRuns() map[string]gatedRun {
	const must = "verdict: FAIL, reason: so"
	one, all := "  - {id: A/one, "+must+"}\n", "  - {id: A/*, "+must+"}\n"
	pass, fail := reports.Pass, reports.Fail
	return map[string]gatedRun{
		"no baseline, no failure": {found: map[string]reports.Verdict{"A/one": pass}, overall: reports.Partial, verdicts: "PASS"},
		"no baseline, a failure": {found: map[string]reports.Verdict{"A/one": fail}, code: 1, overall: reports.NonConformant,
			verdicts: "FAIL", reason: "1 case FAIL: A/one"},
		"listed": {entries: one, found: map[string]reports.Verdict{"A/one": fail, "A/two": pass},
			overall: reports.NonConformant, verdicts: "XFAIL PASS", states: []reports.EntryState{reports.Holds}},
		"its line taken out": {entries: "  - {id: B/*, " + must + "}\n", found: map[string]reports.Verdict{"A/one": fail, "B/one": fail}, code: 1,
			overall: reports.NonConformant, verdicts: "FAIL XFAIL", states: []reports.EntryState{reports.Holds}, reason: "1 case FAIL: A/one"},
		"listed, but it passes": {entries: one, found: map[string]reports.Verdict{"A/one": pass}, code: 5, overall: reports.Partial,
			verdicts: "XPASS", states: []reports.EntryState{reports.Stale}, reason: "b.yaml:5: A/one: it holds now"},
		"listed, and flaky": {entries: one, found: map[string]reports.Verdict{"A/one": reports.Flaky, "A/two": pass}, code: 3, overall: reports.Partial,
			verdicts: "FLAKY PASS", states: []reports.EntryState{reports.Untold}, reason: "1 case of the baseline FLAKY, neither as listed nor mended: A/one"},
		"listed, and flaky, of a strict gate": {entries: one, gating: Gating{Strict: true}, found: map[string]reports.Verdict{"A/one": reports.Flaky}, code: 1,
			overall: reports.Partial, verdicts: "FLAKY", states: []reports.EntryState{reports.Untold}, reason: "strict: 1 case FLAKY: A/one"},
		"a glob of which one is flaky": {entries: all, found: map[string]reports.Verdict{"A/one": fail, "A/two": reports.Flaky}, code: 3,
			overall: reports.NonConformant, verdicts: "XFAIL FLAKY", states: []reports.EntryState{reports.Untold}, reason: "FLAKY, which is neither what it says nor mended: A/two"},
		"a glob of which one is flaky and one passes": {entries: all, found: map[string]reports.Verdict{"A/one": pass, "A/two": reports.Flaky}, code: 3,
			overall: reports.Partial, verdicts: "XPASS FLAKY", states: []reports.EntryState{reports.Stale}, reason: "1 of its 2 cases hold now: name only the others: not A/one"},
		"listed, and an error": {entries: one, found: map[string]reports.Verdict{"A/one": reports.Error, "A/two": pass}, code: 3,
			overall: reports.Inconclusive, verdicts: "ERROR PASS", states: []reports.EntryState{reports.Untold}, reason: "1 case came to an ERROR: A/one"},
		"listed with another reply": {entries: "  - {id: A/one, reply: 5xx, " + must + "}\n", found: map[string]reports.Verdict{"A/one": fail}, code: 1,
			overall: reports.NonConformant, verdicts: "FAIL", states: []reports.EntryState{reports.Different}, reason: "1 case of the baseline CHANGED: A/one"},
		"listed with another step": {entries: "  - {id: A/one, step: Then it doesn't, " + must + "}\n", found: map[string]reports.Verdict{"A/one": fail}, code: 1,
			overall: reports.NonConformant, verdicts: "FAIL", states: []reports.EntryState{reports.Different}},
		"listed with its step and reply": {entries: "  - {id: A/one, step: Then it holds, reply: 2xx, " + must + "}\n",
			found: map[string]reports.Verdict{"A/one": fail}, overall: reports.NonConformant, verdicts: "XFAIL", states: []reports.EntryState{reports.Holds}},
		"matches nothing": {entries: "  - {id: C/one, " + must + "}\n", found: map[string]reports.Verdict{"A/one": pass}, code: 5,
			overall: reports.Partial, verdicts: "PASS", states: []reports.EntryState{reports.Stale}, reason: "no case is called so"},
		"not chosen": {entries: "  - {id: B/one, " + must + "}\n", found: map[string]reports.Verdict{"A/one": pass},
			overall: reports.Partial, verdicts: "PASS", states: []reports.EntryState{reports.Untold}},
		"can't be run": {entries: one, found: map[string]reports.Verdict{"A/one": reports.Unsupported, "A/two": pass}, code: 5,
			overall: reports.Partial, verdicts: "UNSUPPORTED PASS", states: []reports.EntryState{reports.Stale}, reason: "none of its cases can be run, UNSUPPORTED(so)"},
		"left out by the user": {entries: one, found: map[string]reports.Verdict{"A/one": reports.Disabled, "A/two": pass},
			overall: reports.Partial, verdicts: "DISABLED PASS", states: []reports.EntryState{reports.Untold}},
		"expired": {entries: "  - {id: A/one, until: 2026-11-23, " + must + "}\n", found: map[string]reports.Verdict{"A/one": fail}, code: 5,
			overall: reports.NonConformant, verdicts: "XFAIL", states: []reports.EntryState{reports.Expired}, reason: "its last day was 2026-11-23"},
		"on its last day": {entries: "  - {id: A/one, until: 2026-11-24, " + must + "}\n", found: map[string]reports.Verdict{"A/one": fail},
			overall: reports.NonConformant, verdicts: "XFAIL", states: []reports.EntryState{reports.Holds}},
		"a glob": {entries: all, found: map[string]reports.Verdict{"A/one": fail, "A/two": fail, "B/one": pass},
			overall: reports.NonConformant, verdicts: "XFAIL XFAIL PASS", states: []reports.EntryState{reports.Holds}},
		"a glob of which one passes": {entries: all, found: map[string]reports.Verdict{"A/one": fail, "A/two": pass}, code: 5,
			overall: reports.NonConformant, verdicts: "XFAIL XPASS", states: []reports.EntryState{reports.Stale}, reason: "1 of its 2 cases hold now: name only the others: not A/two"},
		"the first entry has it": {entries: one + all, found: map[string]reports.Verdict{"A/one": fail, "A/two": fail},
			overall: reports.NonConformant, verdicts: "XFAIL XFAIL", states: []reports.EntryState{reports.Holds, reports.Holds}},
		"an entry behind one that has all": {entries: all + one, found: map[string]reports.Verdict{"A/one": fail}, code: 5,
			overall: reports.NonConformant, verdicts: "XFAIL", states: []reports.EntryState{reports.Holds, reports.Stale}, reason: "belongs to an entry before it"},
		"an unlisted NONSTRICT": {found: map[string]reports.Verdict{"A/one": pass, "B/one": reports.NonStrict}, code: 1, // the rule must hold
			overall: reports.NonConformant, verdicts: "PASS NONSTRICT", reason: "the rule B must hold and doesn't"},
		"a failure beside a stale entry": {entries: one, found: map[string]reports.Verdict{"A/one": pass, "B/one": fail}, code: 1,
			overall: reports.NonConformant, verdicts: "XPASS FAIL", states: []reports.EntryState{reports.Stale}},
		"flaky":        {found: map[string]reports.Verdict{"A/one": reports.Flaky}, overall: reports.Partial, verdicts: "FLAKY"},
		"strict flaky": {gating: Gating{Strict: true}, found: map[string]reports.Verdict{"A/one": reports.Flaky}, code: 1, overall: reports.Partial, verdicts: "FLAKY", reason: "strict: 1 case FLAKY: A/one"},
		"too few ran": {gating: Gating{MinRun: Minimum{Percent: 80}}, found: map[string]reports.Verdict{"A/one": pass, "A/two": reports.Disabled}, code: 3,
			overall: reports.Partial, verdicts: "PASS DISABLED", reason: "1 of 2 chosen cases ran, and 2 must"},
		"just enough ran": {gating: Gating{MinRun: Minimum{Percent: 50}}, found: map[string]reports.Verdict{"A/one": pass, "A/two": reports.Disabled},
			overall: reports.Partial, verdicts: "PASS DISABLED"},
		"nothing ran": {entries: one, found: map[string]reports.Verdict{"A/one": reports.Unsupported}, code: 4, overall: reports.Inconclusive,
			verdicts: "UNSUPPORTED", states: []reports.EntryState{reports.Stale}, reason: "no case ran"},
	}
}

func TestWhatABaselineMakesOfARun(t *testing.T) {
	for name, test := range gatedRuns() {
		t.Run(name, test.check)
	}
}

func (test gatedRun) check(t *testing.T) {
	var b *Baseline
	if test.entries != "" {
		b = aBaseline(t, test.entries)
	}
	var found []reports.Case
	for _, id := range []string{"A/one", "A/two", "A/three", "B/one"} {
		if v := test.found[id]; v != "" {
			found = append(found, ended(id, v))
		}
	}
	run := concluded(b, test.gating, found...)
	var verdicts []string
	for _, c := range run.Cases {
		verdicts = append(verdicts, string(c.Verdict))
	}
	var states []reports.EntryState
	said := strings.Join(run.Gate.Reasons, "\n")
	if run.Baseline != nil {
		for _, e := range run.Baseline.Entries {
			states = append(states, e.State)
			said += fmt.Sprintf("\nb.yaml:%d: %s: %s", e.Line, e.ID, e.Text)
		}
	}
	if diff := cmp.Diff(test.states, states); diff != "" || strings.Join(verdicts, " ") != test.verdicts {
		t.Errorf("verdicts %v, states (-want +got):\n%s", verdicts, diff)
	}
	if run.Gate.Code != test.code || run.Overall != test.overall || ExitCode(run) != test.code {
		t.Errorf("exit %d and %s, want %d and %s; %s", run.Gate.Code, run.Overall, test.code, test.overall, run.Gate)
	}
	if !strings.Contains(said, test.reason) || test.code == 0 && len(run.Gate.Reasons) > 0 {
		t.Errorf("reasons %q, want %q", said, test.reason)
	}
}

func TestAListedRuleStillDoesNotHold(t *testing.T) {
	b := aBaseline(t, "  - {id: A/one, verdict: FAIL, reason: so}\n")
	run := concluded(b, Gating{}, ended("A/one", reports.Fail), ended("A/two", reports.Pass), ended("B/one", reports.Pass))
	if a := run.Rules[0]; a.Verdict != reports.Fail || !a.Listed {
		t.Errorf("rule %+v", a)
	}
	if must := run.Totals.Must; must.Passed != 1 || must.Judged != 2 {
		t.Errorf("must %+v", must)
	}
	run = concluded(b, Gating{}, ended("A/one", reports.Fail), ended("A/two", reports.Fail))
	if a := run.Rules[0]; a.Listed || run.Gate.Code != ExitNonConformant {
		t.Errorf("a rule that an unlisted case breaks too: %+v, %s", a, run.Gate)
	}
}

func TestWhatIsFlakyIsToldOf(t *testing.T) {
	run := concluded(nil, Gating{}, ended("A/one", reports.Flaky), ended("B/one", reports.Pass))
	if a := run.Rules[0]; a.Verdict != reports.Pass || !a.Flaky || run.Overall != reports.Deviating || run.Gate.Code != ExitSatisfied {
		t.Errorf("rule %+v, %s, %s", a, run.Overall, run.Gate)
	}
}

func TestADriftIsInTheWayWhereTheUserSaysSo(t *testing.T) {
	run := concluded(nil, Gating{}, ended("A/one", reports.Pass))
	run.Drift = []reports.Drift{{Capability: "dsn"}}
	for drift, want := range map[bool]int{false: ExitSatisfied, true: ExitNonConformant} {
		if got := (Gating{DriftFails: drift}).Decide(run); got.Code != want {
			t.Errorf("drift fails %t: %s", drift, got)
		}
	}
}

func TestParseMinimum(t *testing.T) {
	for text, want := range map[string]Minimum{"": {}, "120": {Cases: 120}, "80%": {Percent: 80}, "0": {}, "12.5%": {Percent: 12.5}} {
		if got, err := ParseMinimum(text); err != nil || got != want {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"-1", "many", "101%", "-1%", "%", "NaN%", "1.5"} {
		if got, err := ParseMinimum(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
	if (Minimum{Percent: 80}).of(11) != 9 || (Minimum{Cases: 7}).of(3) != 7 {
		t.Error("a minimum is of another number")
	}
}
