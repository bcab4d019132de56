package reports

import (
	"time"

	"github.com/relayspec/relayspec/reports/transcript"
)

// everything is aRun with a case of each other verdict, and with steps.
func everything() *Run {
	run := aRun()
	base := Case{
		Feature: "features/relay/b.feature", Source: "documented", FeatureName: "More", FeatureLine: 2, Evidence: Full,
		Duration: 20 * time.Millisecond,
	}
	add := func(id, rule string, line int, level Level, verdict Verdict, fill func(*Case)) {
		c := base
		c.ID, c.Rules, c.Name, c.Line, c.Level, c.Verdict = id, []string{rule}, "The case "+id, line, level, verdict
		c.Rule, c.Tags = "The rule of "+id, []string{"@" + rule, "@" + string(level)}
		fill(&c)
		run.Cases = append(run.Cases, c)
	}
	missed := func(c *Case) {
		c.Step, c.Want, c.Got = "Then it should", "452 4.5.3\nor 250", "550 5.5.3 <b>|`@here`|</b>"
	}
	add("LIM-B/misses", "LIM-B", 30, Should, NonStrict, missed)
	add("LIM-E/notes", "LIM-E", 35, May, Noted, missed)
	add("LIM-C/lacks-a-suffix", "LIM-C", 40, Must, Unsupported, func(c *Case) { c.Reason, c.Evidence = "helo-suffix", "" })
	add("LIM-C/unwanted", "LIM-C", 45, Must, Disabled, func(c *Case) { c.Reason, c.Evidence = "by the user", "" })
	for i := range run.Cases {
		run.Cases[i].Steps = stepsFor(&run.Cases[i])
	}
	run.Cases[1].FeatureName, run.Cases[1].FeatureLine = "Limits", 3
	run.Cases[1].Transcript = append(run.Cases[1].Transcript, transcript.Entry{
		At: 2 * time.Second, Session: "two", Kind: transcript.Raw, Text: "MAIL FROM:<a@b>\n",
	})
	run.Rules = append(run.Rules, Rule{ID: "LIM-E", Chapter: "1.3", Line: "L23", Level: May, Sentence: "Six", Verdict: Noted, Cases: 1, Ran: 1})
	run.NotRun[0].Name, run.NotRun[0].Feature, run.NotRun[0].Line = "Late", "features/relay/b.feature", 50
	run.Totals = Count(run.Cases, run.Rules, run.NotRun)
	return run
}

// stepsFor gives c three steps, of which the second has a table.
func stepsFor(c *Case) []Step {
	steps := []Step{
		{Keyword: "Given", Text: "the relay", Line: c.Line + 1, Result: StepPassed, Duration: time.Millisecond},
		{Keyword: "And", Text: "a setting:", Line: c.Line + 2, Table: [][]string{{"name", "value"}, {"tls", "on"}}, Result: StepPassed},
		{Keyword: "Then", Text: "it holds", Line: c.Line + 3, Doc: "two\nlines", Result: StepPassed, Duration: 3 * time.Millisecond},
	}
	switch {
	case !c.Verdict.Ran():
		steps[0].Result, steps[1].Result, steps[2].Result = StepSkipped, StepSkipped, StepSkipped
	case c.Verdict != Pass:
		steps[1].Result, steps[2].Result = StepFailed, StepSkipped
	}
	return steps
}
