// Package reports holds what a run of the judge found, and writes it for people and programs.
//
// Run is one run against one target, Case one scenario in it. Verdicts are decided by the judge (package features);
// this package only counts and prints. Every format is a Writer and goes through one door (written.go), where credentials
// stay out, and those for people through a second, where control characters do. ReadJSON reads a kept report back.
//
// Start with Run, then WriteDir for the formats.
package reports

import (
	"time"

	"github.com/relayspec/relayspec/reports/transcript"
)

// Verdict is what the judge says of a case or a rule.
type Verdict string

// The verdicts. A failure is Fail only if an assertion raised it; what the harness or the network could not tell is Error.
const (
	Pass          Verdict = "PASS"
	Fail          Verdict = "FAIL"
	NonStrict     Verdict = "NONSTRICT"       // a SHOULD was missed
	Noted         Verdict = "NOTE"            // information only
	Unsupported   Verdict = "UNSUPPORTED"     // the target declares a capability as absent
	Unprovisioned Verdict = "UNPROVISIONABLE" // the driver lacks a verb
	Disabled      Verdict = "DISABLED"        // the user said so
	Error         Verdict = "ERROR"
	XFail         Verdict = "XFAIL" // it doesn't hold, just as the baseline says
	XPass         Verdict = "XPASS" // the baseline says that it doesn't hold, but it does
	Flaky         Verdict = "FLAKY" // it didn't hold, and did when it was run again
)

// Evidence says how a case was shown.
type Evidence string

// The grades of evidence, never silently mixed.
const (
	Full      Evidence = "full"      // really sent
	Preloaded Evidence = "preloaded" // a counter was set
)

// Level is the strength of a rule, as the catalogue gives it.
type Level string

// The levels.
const (
	Must   Level = "must"
	Should Level = "should"
	May    Level = "may"
	Info   Level = "info"
)

// Case is one scenario of a run.
type Case struct {
	ID       string        `json:"id"`    // RULE-ID/name-of-the-scenario, for ever
	Rules    []string      `json:"rules"` // rule IDs, the first is the one it stands under
	Name     string        `json:"name"`
	Feature  string        `json:"feature"` // path of the feature file
	Line     int           `json:"line"`
	Level    Level         `json:"level"`
	Source   string        `json:"source"` // documented, observed, assumed, rfc
	Rule     string        `json:"rule"`   // the rule's sentence
	Verdict  Verdict       `json:"verdict"`
	Found    Verdict       `json:"found,omitempty"`  // what it came to by itself, where Verdict is XFAIL, XPASS or FLAKY
	Runs     int           `json:"runs,omitempty"`   // how often it was run, where that is more than once
	Reason   string        `json:"reason,omitempty"` // why not judged: the capability, the verb, the error
	Step     string        `json:"step,omitempty"`   // the step that decided
	Want     string        `json:"want,omitempty"`
	Got      string        `json:"got,omitempty"`
	Reply    string        `json:"reply,omitempty"`  // the offending reply's codes, "550 5.7.1"; empty: no reply is at fault
	Listed   *Listed       `json:"listed,omitempty"` // nil: the baseline, if there is one, doesn't list it
	Stages   []string      `json:"stages,omitempty"` // where refusals came: information
	Evidence Evidence      `json:"evidence,omitempty"`
	Duration time.Duration `json:"-"`
	// FeatureName and FeatureLine are of the Feature: that the case stands in.
	FeatureName string   `json:"feature_name,omitempty"`
	FeatureLine int      `json:"feature_line,omitempty"`
	Tags        []string `json:"tags,omitempty"` // each with its @
	Steps       []Step   `json:"steps,omitempty"`
	// Transcript is the timeline, secrets left out; kept for every case that isn't PASS, and on request for all.
	Transcript []transcript.Entry `json:"transcript,omitempty"`
}

// Own is what the case came to by itself, whatever a baseline says of it.
func (c *Case) Own() Verdict {
	if c.Found != "" {
		return c.Found
	}
	return c.Verdict
}

// Changed tells whether the case is listed in the baseline, and doesn't hold in another way than it says.
func (c *Case) Changed() bool { return c.Listed != nil && c.Listed.Changed }

// Step is one step of a case as it stands in its feature, and what came of it.
type Step struct {
	Keyword  string        `json:"keyword"` // Given, When, Then, And, But or *
	Text     string        `json:"text"`
	Line     int           `json:"line"`
	Table    [][]string    `json:"table,omitempty"` // rows of cells
	Doc      string        `json:"doc,omitempty"`
	Result   StepResult    `json:"result"`
	Duration time.Duration `json:"-"` // written as seconds
}

// StepResult is what came of a step.
type StepResult string

// The results of steps. The first that didn't pass decides its case, and those behind it are skipped.
const (
	StepPassed    StepResult = "passed"
	StepFailed    StepResult = "failed" // an assertion didn't hold, or the judge could not tell
	StepSkipped   StepResult = "skipped"
	StepUndefined StepResult = "undefined" // no step is defined for these words
)
