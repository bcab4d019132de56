package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/sender"
	"github.com/relayspec/relayspec/features/yamlfile"
	"github.com/relayspec/relayspec/reports"
)

// judging are the flags of conform that judge sending servers in a relay's place.
type judging struct {
	Senders bool     `help:"Judge the fakes of sending servers instead of a relay: all of them, or those that --sender names."`
	Sender  []string `placeholder:"NAME" help:"Judge this fake, with --senders or without: postfix, sendmail, qmail, exim, exchange-hub, exchange-edge, exchange-2003, domino, groupwise, osx; or a real server, by the file of its profile. May be given several times."`
}

// asked tells whether sending servers are to be judged.
func (j *judging) asked() bool { return j.Senders || len(j.Sender) > 0 }

// names are those of the fakes that are to be judged, in the order of the profiles.
func (j *judging) names() ([]string, error) {
	all := sender.Fakes()
	if len(j.Sender) == 0 {
		return all, nil
	}
	for _, name := range j.Sender {
		if !isProfile(name) && !slices.Contains(all, name) {
			return nil, &exit{exitUsage, &advice{fmt.Errorf("--sender %s: %s", name, yamlfile.Instead(name, all)), "Name one of " + strings.Join(all, ", ")}}
		}
	}
	fakes := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !slices.Contains(j.Sender, name) })
	return append(fakes, j.profiles()...), nil
}

// senders judges fakes, writes what was found of each, and ends with the table of all.
func (c *conform) senders(ctx context.Context, s *streams) error {
	names, err := c.judging.names()
	if err != nil {
		return err
	}
	if err := c.onlyOfRelays(names); err != nil {
		return err
	}
	suite, selection, err := loadSenders(c.Select)
	if err != nil {
		return err
	}
	var columns []sender.Column
	for _, name := range names {
		run, err := c.judgeSender(ctx, s, suite, selection, name)
		if errors.Is(err, features.ErrNothingSelected) {
			continue // of this one's cases
		}
		if err != nil {
			return err
		}
		columns = append(columns, sender.Column{Name: shortOf(name), Run: run})
		if run.Interrupted {
			break
		}
	}
	if len(columns) == 0 {
		return nothingSelected(c.Select)
	}
	return c.tellSenders(s, columns)
}

// onlyOfRelays says which flags don't go with sending servers.
func (c *conform) onlyOfRelays(names []string) error {
	for flag, given := range map[string]bool{
		"--target": c.Target != embeddedTarget, "--html": c.HTML != "", "--junit": c.JUnit != "", "--summary": c.Summary != "",
		"--badge": c.Badge != "", "--cucumber": c.Cucumber != "", "--baseline with several senders": c.Baseline != "" && len(names) > 1,
	} {
		if given {
			err := fmt.Errorf("%s doesn't go with --senders: each of them has a report, and a baseline, of its own", flag)
			return &exit{exitUsage, &advice{err, "Give --report DIR, and relayspec report DIR/NAME for other formats; --baseline with one --sender"}}
		}
	}
	return nil
}

// loadSenders reads the features of senders and an expression that selects among them.
func loadSenders(expression string) (*features.Suite, features.Selection, error) {
	suite, err := sender.Load()
	if err != nil {
		return nil, nil, &exit{exitUsage, fmt.Errorf("the features of this program are at fault: %w", err)}
	}
	selection, err := features.ParseSelection(expression)
	if err != nil {
		return nil, nil, &exit{exitUsage, &advice{err, "Write it like 'ERR-CUST-* and not @needs.clock'; relayspec list --senders shows the cases"}}
	}
	return suite, selection, nil
}

// judgeSender judges one fake, against its baseline, and keeps its report where that is asked for.
func (c *conform) judgeSender(ctx context.Context, s *streams, suite *features.Suite, selection features.Selection, name string) (*reports.Run, error) {
	judged, err := openSender(ctx, name)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	options := features.Options{
		Workers: c.Workers, Select: selection, Selection: c.Select, KeepTranscripts: c.KeepTranscripts, Progress: progress(s.err), Tool: tool(),
	}
	if err := c.gate(&options); err != nil {
		return nil, err
	}
	if options.Baseline == nil {
		if options.Baseline, err = sender.Baseline(judged.Describe().Profile); err != nil {
			return nil, atFault(err)
		}
	}
	run, err := sender.Judge(ctx, suite, judged, options)
	if terminal(s.err) {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
	if err != nil && !run.Interrupted {
		return run, err
	}
	if c.Report != "" {
		if err := reports.WriteDir(filepath.Join(string(c.Report), shortOf(name)), run); err != nil {
			return nil, &exit{features.ExitInconclusive, &advice{err, "Name a directory that can be written with --report"}}
		}
	}
	return run, nil
}

// tellSenders writes what was found, and ends as the gates of all runs do together.
func (c *conform) tellSenders(s *streams, columns []sender.Column) error {
	var sources []reports.MatrixSource
	for _, column := range columns {
		sources = append(sources, reports.MatrixSource{Run: column.Run, Dir: column.Name})
	}
	matrix := reports.NewMatrix(sources)
	var err error
	if c.Report != "" {
		for file, write := range map[string]func(io.Writer, *reports.Matrix) error{
			"matrix.html": reports.WriteMatrixHTML, "matrix.md": reports.WriteMatrixMarkdown, "matrix.json": reports.WriteMatrixJSON,
		} {
			err = errors.Join(err, reports.WriteWhole(filepath.Join(string(c.Report), file), func(w io.Writer) error { return write(w, matrix) }))
		}
	}
	if c.JSON {
		err = errors.Join(err, reports.WriteMatrixJSON(s.out, matrix))
	} else {
		err = errors.Join(err, writeSenders(s.out, columns))
	}
	if err != nil {
		return &exit{features.ExitInconclusive, &advice{err, "Name what can be written, and judge again"}}
	}
	code := worst(columns)
	if code == features.ExitSatisfied && len(unlikeFakes(columns)) > 0 {
		code = features.ExitNonConformant
	}
	if code != features.ExitSatisfied {
		return &exit{code: code}
	}
	return nil
}

// writeSenders writes the findings of each sender, a line a case, the table, and the gates.
func writeSenders(w io.Writer, columns []sender.Column) error {
	for _, column := range columns {
		run := column.Run
		fmt.Fprintf(w, "%s (%s): %d cases, %d judged, %d held back\n", column.Name, run.Target.Name, run.Totals.Chosen, run.Totals.Ran, run.Totals.HeldBack)
		for i := range run.Cases {
			writeFinding(w, &run.Cases[i])
		}
	}
	fmt.Fprintln(w)
	if err := sender.WriteTable(w, columns); err != nil {
		return err
	}
	fmt.Fprintln(w)
	writeUnlike(w, columns)
	for _, column := range columns {
		if _, err := fmt.Fprintf(w, "%-14s %s: %s\n", column.Name, column.Run.Overall, column.Run.Gate); err != nil {
			return fmt.Errorf("write what was found: %w", err)
		}
	}
	return nil
}

// writeFinding writes a case that didn't hold, or that nobody could judge for a failure of the harness.
func writeFinding(w io.Writer, c *reports.Case) {
	switch {
	case c.Verdict == reports.Pass || c.Verdict == reports.XPass || !c.Verdict.Ran():
		return
	case c.Listed != nil:
		fmt.Fprintf(w, "  %-9s %s: %s\n", c.Verdict, c.ID, c.Listed.Reason)
	case c.Reason != "":
		fmt.Fprintf(w, "  %-9s %s: %s\n", c.Verdict, c.ID, c.Reason)
	default:
		fmt.Fprintf(w, "  %-9s %s: wanted %s; got %s\n", c.Verdict, c.ID, c.Want, c.Got)
	}
}

// worst is the code of the gates of all runs: the first of these that one of them has.
func worst(columns []sender.Column) int {
	for _, code := range []int{
		features.ExitInterrupted, features.ExitMistaken, features.ExitNonConformant, features.ExitNothingRan, features.ExitInconclusive, features.ExitStale,
	} {
		if slices.ContainsFunc(columns, func(c sender.Column) bool { return features.ExitCode(c.Run) == code }) {
			return code
		}
	}
	return features.ExitSatisfied
}
