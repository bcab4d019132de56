package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target/static"
	"github.com/relayspec/relayspec/features/yamlfile"
	"github.com/relayspec/relayspec/reports"
)

// conform is the command that judges a relay.
type conform struct {
	Target          string `default:"embedded" placeholder:"FILE" help:"The relay to judge: the profile of any relay (see relayspec target --help), or embedded, the relay of this program."`
	IOwnThisTarget  bool   `name:"i-own-this-target" help:"Let volume go to a relay that isn't on this machine. Say so only of your own."`
	Select          string `placeholder:"EXPR" help:"Judge only by these cases: @tags, globs over rules and cases, and, or, not, parentheses."`
	JSON            bool   `name:"json" help:"Write the report to standard output as JSON instead of text."`
	Volume          string `default:"normal" enum:"light,normal,large" help:"What may really be sent: ${enum}. Light sets counters instead of sending 500 and more, where the relay can; large sends up to 4,600,000 recipients."`
	Workers         int    `default:"0" placeholder:"N" help:"Scenarios side by side, each with a relay of its own. Default: one a CPU, and one alone where there is one relay."`
	KeepTranscripts bool   `help:"Keep the transcripts of cases that pass, too."`
	judging
	gating
	annotations
	outputs
}

// Help teaches by example.
func (conform) Help() string {
	return `Judges a relay by the features and writes a report to standard output: the rules by chapter, what failed with the last
lines of its transcript, the counts, and the overall verdict in the last line.

  relayspec conform                                      the relay of this program, by every rule
  relayspec conform --select LIM-USER-MSGS               by one rule
  relayspec conform --select '@must and not @volume'     by the rules that must hold, without sending much
  relayspec conform --target relay.yaml                  another relay, that this profile describes
  relayspec conform --report report                      and keep the report in report/, in every format
  relayspec conform --junit junit.xml --html page.html   or only in some, for a CI
  relayspec conform --summary "$GITHUB_STEP_SUMMARY"     append it to the summary of a step on GitHub; there, what
                                                         doesn't hold is annotated at its line of the features
  relayspec conform --json | jq .overall                 for programs

Sending servers are judged by the document's rules for them. The fakes of this program are, each against a baseline that
lists what a faithful one breaks:

  relayspec conform --senders                            all of them; what was found, and a table of rules and senders
  relayspec conform --sender postfix --sender exim       two of them
  relayspec conform --senders --select NULL-MULTI-RCPT   by one rule
  relayspec conform --senders --report report            a report each in report/NAME, and report/matrix.html

A FILE that is - is standard output, in place of the text. relayspec report writes a kept report again in other formats.

What fails and is known to may be listed in a baseline, each with a reason; the relay stays non-conformant, and the gate is
satisfied as long as all of it fails as listed:

  relayspec conform --target relay.yaml --report report --baseline baseline.yaml
  relayspec baseline update --baseline baseline.yaml --report report     list what fails; then write the reasons

Exit codes: what is made of the run, in this order; a report is written in every case.
  130  interrupted
    2  a mistake in the command line, the configuration, the profile or the baseline
    1  a rule that must hold doesn't, or a listed failure CHANGED; with --strict, also NONSTRICT, NOTE and FLAKY; with
       --drift error, also a DRIFT
    4  nothing ran
    3  inconclusive: an ERROR, cases that weren't run, fewer than --min-run, no rule that must hold was judged, or a case
       that the baseline lists is FLAKY
    5  an entry of the baseline is true no more: its cases pass, it matches nothing that ran, or its last day is over
    0  the gate is satisfied`
}

// Run judges the relay and reports.
func (c *conform) Run(ctx context.Context, s *streams) error {
	if c.Workers < 0 {
		return &exit{exitUsage, &advice{fmt.Errorf("--workers %d is less than none", c.Workers), "Give 1 or more, or leave it out for one a CPU"}}
	}
	if c.judging.asked() {
		return c.senders(ctx, s)
	}
	suite, selection, err := loadSelected(c.Select)
	if err != nil {
		return err
	}
	open, workers, err := opener(c.Target, c.Workers, static.Options{Own: c.IOwnThisTarget})
	if err != nil {
		return err
	}
	standard, err := c.onStandardOutput(s)
	if err != nil {
		return err
	}
	options := features.Options{
		Suite:           suite,
		Open:            open,
		Workers:         workers,
		Select:          selection,
		Selection:       c.Select,
		Volume:          features.Volume(c.Volume),
		KeepTranscripts: c.KeepTranscripts,
		Progress:        progress(s.err),
		Tool:            tool(),
	}
	if err := c.gate(&options); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	run, judging := features.Judge(ctx, options)
	if terminal(s.err) {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
	if err := errors.Join(standard(s.out, run), c.write(run)); err != nil {
		return &exit{features.ExitInconclusive, &advice{err, "Name what can be written, and judge again"}}
	}
	return outcome(run, judging, c.Select)
}

// onStandardOutput gives the format that goes there, the one asked for or text, with annotations where they are asked for.
func (c *conform) onStandardOutput(s *streams) (reports.Writer, error) {
	var taken []string
	if c.JSON {
		taken = []string{"--json"}
	}
	standard, err := c.standard(taken...)
	switch {
	case err != nil:
		return nil, err
	case standard != nil:
		return c.beside(standard, false, s.err), nil
	case c.JSON:
		return c.beside(reports.WriteJSON, false, s.err), nil
	}
	return c.beside(textFor(s.out), true, s.err), nil
}

// outcome is the run's exit code, with a reason where the report alone doesn't say it.
func outcome(run *reports.Run, judging error, selection string) error {
	switch {
	case errors.Is(judging, features.ErrNothingSelected):
		return nothingSelected(selection)
	case errors.As(judging, new(yamlfile.Faults)):
		return &exit{exitUsage, &advice{judging, "Mend this file and judge again"}}
	case judging != nil && !run.Interrupted:
		const next = "The report says what was found before; mend this and judge again"
		return &exit{features.ExitCode(run), &advice{judging, next}}
	}
	if code := features.ExitCode(run); code != features.ExitSatisfied {
		return &exit{code: code}
	}
	return nil
}

// progress writes one line over and over, if w is a terminal; else it is nil.
func progress(w io.Writer) func(reports.Case, int, int) {
	if !terminal(w) {
		return nil
	}
	return func(ended reports.Case, count, chosen int) {
		fmt.Fprintf(w, "\r%.79s\x1b[K", fmt.Sprintf("%d/%d %s %s", count, chosen, ended.Verdict, ended.ID))
	}
}

// terminal tells whether w is one.
func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// colourful tells whether w wants colours: a terminal whose user didn't set NO_COLOR.
func colourful(w io.Writer) bool { return terminal(w) && os.Getenv("NO_COLOR") == "" }
