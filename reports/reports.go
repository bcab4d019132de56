// Package reports holds what a run of the judge found, and writes it for people and programs.
//
// Run is one run against one target, Case one scenario in it. Verdicts are decided by the judge (package features);
// this package only counts and prints. Start with Run.
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
	Reason   string        `json:"reason,omitempty"` // why not judged: the capability, the verb, the error
	Step     string        `json:"step,omitempty"`   // the step that decided
	Want     string        `json:"want,omitempty"`
	Got      string        `json:"got,omitempty"`
	Stages   []string      `json:"stages,omitempty"` // where refusals came: information
	Evidence Evidence      `json:"evidence,omitempty"`
	Duration time.Duration `json:"-"`
	// Transcript is the timeline, secrets left out; kept for every case that isn't PASS, and on request for all.
	Transcript []transcript.Entry `json:"transcript,omitempty"`
}
