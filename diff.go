package main

import (
	"errors"
	"io"

	"github.com/relayspec/relayspec/reports"
)

// diff is the command that compares two reports.
type diff struct {
	Before   string `arg:"" name:"before" help:"The directory of conform --report, or its report.json; - is standard input."`
	After    string `arg:"" name:"after" help:"Likewise."`
	JSON     bool   `name:"json" xor:"form" help:"Write JSON instead of text."`
	Markdown bool   `xor:"form" help:"Write Markdown instead of text."`
}

// Help teaches by example.
func (diff) Help() string {
	return `Shows the rules and cases whose verdict isn't the same in two kept reports: better, worse, other, new and gone.
Worse is, too, what passed and isn't judged any more. A failure that isn't judged any more is other: nothing mended it.

  relayspec diff old new                       two directories of conform --report
  relayspec diff postfix exim --markdown       two relays
  relayspec diff old/report.json new/report.json --json | jq '.rules[] | select(.change == "worse")'

Exit codes: 0 nothing is worse, the same or better; 1 something is worse, or is new and fails; 2 a report can't be read.`
}

// Run compares.
func (c *diff) Run(s *streams) error {
	if c.Before == "-" && c.After == "-" {
		return &exit{exitUsage, &advice{errors.New("both reports can't come from standard input"), "Name a file for one of them"}}
	}
	runs, err := readReports([]string{c.Before, c.After}, s.in)
	if err != nil {
		return err
	}
	compared := reports.NewDiff(runs[0], runs[1])
	if err := c.format()(s.out, compared); err != nil {
		return err
	}
	if compared.Worse() {
		return &exit{code: 1}
	}
	return nil
}

func (c *diff) format() func(io.Writer, *reports.Diff) error {
	switch {
	case c.JSON:
		return reports.WriteDiffJSON
	case c.Markdown:
		return reports.WriteDiffMarkdown
	}
	return reports.WriteDiff
}
