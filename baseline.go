package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/sender"
	"github.com/relayspec/relayspec/features/yamlfile"
	"github.com/relayspec/relayspec/reports"
)

// baseline is the command that keeps the list of failures that are expected of a relay.
type baseline struct {
	Check  baselineCheck  `cmd:"" help:"Say whether a baseline is well formed, and holds of a report."`
	Update baselineUpdate `cmd:"" help:"Bring a baseline up to date with a report."`
}

// Help teaches by example.
func (baseline) Help() string {
	return `A baseline lists the failures of a relay that somebody has looked at, each with a reason. The relay stays non-conformant; the
gate of conform is satisfied as long as all of it fails as listed, and nothing else does:

  baseline: relayspec-baseline/1
  edition: 1                          # of the features
  target: my relay                    # as the profile, or the driver, calls it
  entries:
    - id: RFC5321-4.1.1.4/nested-mail/* # case IDs as in the report; * stands for anything
      verdict: FAIL                   # or NONSTRICT, NOTE
      step: Then the relay answers 503 # left out: any step
      reply: 2xx                      # a class, a code, codes (550 5.7.1), none; left out: any
      reason: it takes a second MAIL for a new transaction, as its manual says
      issue: https://relay.example/issues/7
      until: 2027-01-31               # the last day on which this is expected

A case belongs to the first entry that fits its ID. One that fails as its entry says is XFAIL. One that holds is XPASS, and
the entry is stale: so is one that matches nothing that ran, and one whose last day is over. A case that fails in another
way is told as CHANGED. An ERROR is never what was expected, nor is a FLAKY, which --rerun-failed makes of what didn't fail
as listed and then held: it is neither as listed nor mended, and conform ends with 3. Entries of cases that weren't chosen are
let alone.

  relayspec conform --target relay.yaml --report report        judge the relay and keep the report
  relayspec baseline update --baseline baseline.yaml --report report
                                                               list what fails; a reason TODO is yours to write
  relayspec conform --target relay.yaml --baseline baseline.yaml
                                                               0 as long as it is as listed`
}

// baselineCheck is the command that checks a baseline.
type baselineCheck struct {
	Baseline place `required:"" placeholder:"FILE" help:"The baseline."`
	Report   place `placeholder:"DIR|FILE" help:"A report that it is to hold of: the directory of conform --report, or its report.json."`
}

// Help teaches by example.
func (baselineCheck) Help() string {
	return `  relayspec baseline check --baseline baseline.yaml                    its form: each fault with its line
  relayspec baseline check --baseline baseline.yaml --report report    and what became of each entry

Exit codes: 0 it is well formed, and holds; 1 something fails that it doesn't list, or otherwise; 2 it is at fault; 3 the report is
inconclusive; 5 an entry is true no more.`
}

// Run checks.
func (c *baselineCheck) Run(s *streams) error {
	b, err := loadBaseline(string(c.Baseline))
	if err != nil {
		return err
	}
	if c.Report == "" {
		_, err := fmt.Fprintf(s.out, "%s: %d entries for %s, edition %s: well formed\n", c.Baseline, len(b.Entries), b.Target, b.Edition)
		return err
	}
	suite, run, err := suiteAndReport(string(c.Report), s)
	if err != nil {
		return err
	}
	compared, err := suite.Compare(run, b)
	if err != nil {
		return atFault(err)
	}
	for _, e := range compared.Baseline.Entries {
		fmt.Fprintf(s.out, "%-8s %s:%d: %s", e.State, c.Baseline, e.Line, e.ID)
		if e.Text != "" {
			fmt.Fprintf(s.out, ": %s", e.Text)
		}
		fmt.Fprintln(s.out)
	}
	fmt.Fprintf(s.out, "Gate     %s\n", compared.Gate)
	if compared.Gate.Code != features.ExitSatisfied {
		return &exit{code: compared.Gate.Code}
	}
	return nil
}

// baselineUpdate is the command that brings a baseline up to date.
type baselineUpdate struct {
	Baseline place `required:"" placeholder:"FILE" help:"The baseline; it is begun when it isn't there."`
	Report   place `required:"" placeholder:"DIR|FILE" help:"What was found: the directory of conform --report, or its report.json; - is standard input."`
	Strict   bool  `help:"List what is NONSTRICT and NOTE, too, as conform --strict asks for."`
	DryRun   bool  `help:"Say what would change, and change nothing."`
}

// Help teaches by example.
func (baselineUpdate) Help() string {
	return `Takes out what holds now, and lists what fails and isn't listed, or otherwise, with the reason TODO: no baseline with such a
reason is read, so write why. All else stays as it is written, comments included. What the report doesn't tell of stays, too.

  relayspec baseline update --baseline baseline.yaml --report report
  relayspec baseline update --baseline baseline.yaml --report report --dry-run

Exit codes: 0 it is up to date; 2 the baseline or the report is at fault.`
}

// Run updates.
func (c *baselineUpdate) Run(s *streams) error {
	old, err := os.ReadFile(string(c.Baseline))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &exit{exitUsage, &advice{err, "Name a file that can be read and written with --baseline"}}
	}
	suite, run, err := suiteAndReport(string(c.Report), s)
	if err != nil {
		return err
	}
	update := features.BaselineUpdate{Suite: suite, Strict: c.Strict, Tool: tool()}
	content, changes, err := update.Update(string(c.Baseline), old, run)
	if err != nil {
		return atFault(err)
	}
	for _, change := range changes {
		fmt.Fprintln(s.out, change)
	}
	switch {
	case bytes.Equal(content, old):
		_, err = fmt.Fprintf(s.out, "%s is up to date\n", c.Baseline)
		return err
	case c.DryRun:
		return nil
	}
	if err := replaceFile(string(c.Baseline), content); err != nil {
		return &exit{exitUsage, &advice{err, "Name a file that can be written with --baseline"}}
	}
	return nil
}

// replaceFile writes a file beside the one that is replaced, and then renames it: it appears whole or not at all.
func replaceFile(name string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+"-*.tmp")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// suiteAndReport reads the features of this program and a report; an error ends with what to do next.
func suiteAndReport(from string, s *streams) (*features.Suite, *reports.Run, error) {
	run, err := readReport(from, s.in)
	if err != nil {
		return nil, nil, unreadable(from, err)
	}
	load := features.Load
	if slices.Contains(sender.Drivers(), run.Target.Driver) {
		load = sender.Load
	}
	suite, err := load()
	if err != nil {
		return nil, nil, &exit{exitUsage, fmt.Errorf("the features of this program are at fault: %w", err)}
	}
	return suite, run, nil
}

// unreadable is the error of a report that can't be read.
func unreadable(from string, err error) error {
	const next = "Name a report that conform --report, or conform --json, of this version has written"
	return &exit{exitUsage, &advice{fmt.Errorf("%s: %w", from, err), next}}
}

// atFault is the error of a file that people write.
func atFault(err error) error {
	if errors.As(err, new(yamlfile.Faults)) {
		return &exit{exitUsage, &advice{err, "Mend this file; relayspec baseline --help says what a baseline may say"}}
	}
	return &exit{exitUsage, err}
}
