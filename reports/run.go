package reports

import "time"

// SchemaName names the form of a written report. It changes when a reader of the old form would misread the new one.
const SchemaName = "relayspec-report/1"

// Overall is what a run says of its target as a whole.
type Overall string

// The overall verdicts. Only rules that must hold decide between them, and only those of work that is done.
const (
	Conformant    Overall = "conformant"                 // every must rule was judged and holds
	Deviating     Overall = "conformant with deviations" // so it is, and a should rule was missed
	Partial       Overall = "partial"                    // every judged must rule holds, some weren't judged
	NonConformant Overall = "non-conformant"             // a must rule doesn't hold
	Inconclusive  Overall = "inconclusive"               // an ERROR, an interruption, or no must rule was judged
)

// Run is one run of the judge against one target.
type Run struct {
	Schema      string        `json:"schema"` // SchemaName
	Tool        Tool          `json:"tool"`
	Target      Target        `json:"target"`
	Started     time.Time     `json:"started"`
	Duration    time.Duration `json:"-"` // written as seconds
	Volume      string        `json:"volume"`
	Selection   string        `json:"selection,omitempty"` // as it was asked for; empty: everything
	Disabled    string        `json:"disabled,omitempty"`  // what the user left out, as it was asked for
	Shard       *Shard        `json:"shard,omitempty"`     // nil: the run has all that was selected
	Overall     Overall       `json:"overall"`             // what the relay is
	Gate        *Gate         `json:"gate,omitempty"`      // what is made of it; nil: nobody asked
	Baseline    *Baseline     `json:"baseline,omitempty"`  // nil: it was compared with none
	Trouble     string        `json:"trouble,omitempty"`   // why the run could not be made, or not be ended
	Interrupted bool          `json:"interrupted,omitempty"`
	Totals      Totals        `json:"totals"`
	Rules       []Rule        `json:"rules"` // rules of work that is done, in the order of the document
	Drift       []Drift       `json:"drift,omitempty"`
	Cases       []Case        `json:"cases"`   // in the order of chapter, file and line
	NotRun      []NotRun      `json:"not_run"` // chosen, but never came to an end
}

// Tool is the program that judged.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Target is the relay under test, as it described itself.
type Target struct {
	Name         string   `json:"name"`
	Version      string   `json:"version,omitempty"`
	Driver       string   `json:"driver"`
	Capabilities []string `json:"capabilities"`
}

// Drift is a capability of which what the target declares, what it announces in reply to EHLO and what was seen of it
// don't agree.
type Drift struct {
	Capability string `json:"capability"`
	Declared   Seen   `json:"declared"`
	Advertised Seen   `json:"advertised"` // in reply to EHLO, on any port
	Probed     Seen   `json:"probed"`     // tried over the wire
	Text       string `json:"text"`       // what that means, and what to do
}

// Seen is what one look at a capability showed.
type Seen string

// What a look can show.
const (
	Present Seen = "yes"
	Absent  Seen = "no"
	Unseen  Seen = "" // nobody looked, or it can't be seen from there
)

// Rule is one rule and what its cases came to together.
type Rule struct {
	ID       string  `json:"id"`
	Chapter  string  `json:"chapter"`            // of the document; for an RFC's rule the RFC
	Line     string  `json:"line,omitempty"`     // of the document: "L19", "L54, L131"
	Level    Level   `json:"level"`              // as the catalogue gives it
	Sentence string  `json:"sentence,omitempty"` // the rule in the feature's words
	Verdict  Verdict `json:"verdict,omitempty"`  // PASS, NOTE, NONSTRICT, ERROR or FAIL; empty: not judged
	Reason   string  `json:"reason,omitempty"`   // why it wasn't judged
	// NotOffered: it is about an extension that the relay doesn't offer, and asks nothing of it. It counts in no total.
	NotOffered bool `json:"not_offered,omitempty"`
	Listed     bool `json:"listed,omitempty"` // each case that breaks it does so as the baseline says
	Flaky      bool `json:"flaky,omitempty"`  // a case of it held only when it was run again
	Cases      int  `json:"cases"`            // cases that were chosen
	Ran        int  `json:"ran"`              // of them, those that ran
}

// NotRun is a case that was chosen and never came to an end.
type NotRun struct {
	ID      string `json:"id"`
	Reason  string `json:"reason"`
	Name    string `json:"name,omitempty"`
	Feature string `json:"feature,omitempty"` // path of the feature file
	Line    int    `json:"line,omitempty"`
}

// Totals counts a run.
type Totals struct {
	Chosen   int              `json:"chosen"`    // cases that were selected: Ran, held back and NotRun together
	Ran      int              `json:"ran"`       // came to PASS, FAIL, NONSTRICT, NOTE, ERROR, XFAIL, XPASS or FLAKY
	HeldBack int              `json:"held_back"` // UNSUPPORTED, UNPROVISIONABLE or DISABLED
	NotRun   int              `json:"not_run"`
	Verdicts map[Verdict]int  `json:"verdicts"`
	Evidence map[Evidence]int `json:"evidence"` // of the cases that ran
	Must     RuleTotals       `json:"must"`     // rules that must hold
	Should   RuleTotals       `json:"should"`   // rules that should hold
}

// RuleTotals counts the rules of one level.
type RuleTotals struct {
	All        int `json:"all"`    // rules of work that is done, but for those of extensions that the relay doesn't offer
	Judged     int `json:"judged"` // of them, those that came to a verdict other than ERROR
	Passed     int `json:"passed"`
	NotOffered int `json:"not_offered"` // rules of extensions that the relay doesn't offer
}

// Percent is the part of the judged rules that passed, 0 to 100; ok is false when none was judged.
func (t RuleTotals) Percent() (percent float64, ok bool) {
	if t.Judged == 0 {
		return 0, false
	}
	return 100 * float64(t.Passed) / float64(t.Judged), true
}

// Ran tells whether a case with verdict v went through its steps.
func (v Verdict) Ran() bool {
	switch v {
	case Pass, Fail, NonStrict, Noted, Error, XFail, XPass, Flaky:
		return true
	}
	return false
}

// Count counts the cases, the rules and what was not run.
func Count(cases []Case, rules []Rule, notRun []NotRun) Totals {
	t := Totals{
		Chosen:   len(cases) + len(notRun),
		NotRun:   len(notRun),
		Verdicts: map[Verdict]int{},
		Evidence: map[Evidence]int{},
	}
	for _, c := range cases {
		t.Verdicts[c.Verdict]++
		if !c.Verdict.Ran() {
			t.HeldBack++
			continue
		}
		t.Ran++
		if c.Evidence != "" {
			t.Evidence[c.Evidence]++
		}
	}
	for _, r := range rules {
		switch r.Level {
		case Must:
			t.Must.add(r)
		case Should:
			t.Should.add(r)
		}
	}
	return t
}

func (t *RuleTotals) add(r Rule) {
	if r.NotOffered {
		t.NotOffered++
		return
	}
	t.All++
	if r.Verdict == "" || r.Verdict == Error {
		return
	}
	t.Judged++
	if r.Verdict == Pass {
		t.Passed++
	}
}
