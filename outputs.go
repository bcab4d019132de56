package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"github.com/relayspec/relayspec/reports"
)

// outputs are the flags that say where a report goes besides standard output.
type outputs struct {
	Report   place `placeholder:"DIR" help:"Write the report in every format to this directory, with the transcripts."`
	HTML     place `name:"html" placeholder:"FILE" help:"Write one page to look at and to print."`
	JUnit    place `name:"junit" placeholder:"FILE" help:"Write JUnit XML."`
	Summary  place `placeholder:"FILE" help:"Append Markdown, for the step summary of a CI."`
	Badge    place `placeholder:"FILE" help:"Write the JSON of a shields.io endpoint badge."`
	Cucumber place `placeholder:"FILE" help:"Write Cucumber JSON."`
}

// place is a file or a directory to write to. Empty is a mistake where it is given, for the shell has put nothing in a
// variable's place.
type place string

// Decode is part of kong.MapperValue.
func (p *place) Decode(ctx *kong.DecodeContext) error {
	var name string
	if err := ctx.Scan.PopValueInto("name", &name); err != nil {
		return err
	}
	if name == "" {
		return errors.New("it names nothing to write to: is a variable empty?")
	}
	*p = place(name)
	return nil
}

// output is a file that is asked for.
type output struct {
	flag  string
	place place
	write reports.Writer
}

// files gives the files that are asked for.
func (o *outputs) files() []output {
	markdown := func(w io.Writer, run *reports.Run) error {
		return reports.WriteMarkdown(w, run, reports.MarkdownOptions{})
	}
	var asked []output
	for _, f := range []output{
		{"--html", o.HTML, reports.WriteHTML},
		{"--junit", o.JUnit, reports.WriteJUnit},
		{"--summary", o.Summary, markdown},
		{"--badge", o.Badge, reports.WriteBadge},
		{"--cucumber", o.Cucumber, reports.WriteCucumber},
	} {
		if f.place != "" {
			asked = append(asked, f)
		}
	}
	return asked
}

// standard gives the format that is asked for on standard output with "-", nil when none is. taken is what else is asked
// to be there: two of them make a text that nobody can read.
func (o *outputs) standard(taken ...string) (reports.Writer, error) {
	var write reports.Writer
	for _, f := range o.files() {
		if f.place != "-" {
			continue
		}
		taken, write = append(taken, f.flag+" -"), f.write
	}
	if write != nil && len(taken) > 1 {
		err := fmt.Errorf("%s and %s both ask for standard output", taken[0], taken[1])
		return nil, &exit{exitUsage, &advice{err, "Give a file to all but one of them"}}
	}
	return write, nil
}

// check tells before a run whether all that is asked for could be written after it.
func (o *outputs) check() error {
	if o.Report != "" {
		if err := reports.CheckDir(string(o.Report)); err != nil {
			return &exit{exitUsage, &advice{err, "Name a directory that can be written with --report"}}
		}
	}
	for _, f := range o.files() {
		if f.place == "-" {
			continue
		}
		if err := reports.CheckFile(string(f.place)); err != nil {
			return &exit{exitUsage, &advice{err, fmt.Sprintf("Name a file in a directory that can be written with %s", f.flag)}}
		}
	}
	return nil
}

// write writes run to all that is asked for but standard output. One that fails keeps no other from being written.
func (o *outputs) write(run *reports.Run) error {
	var faults []error
	if o.Report != "" {
		faults = append(faults, reports.WriteDir(string(o.Report), run))
	}
	for _, f := range o.files() {
		switch {
		case f.place == "-":
		case f.flag == "--summary":
			faults = append(faults, reports.AppendSummary(string(f.place), run))
		default:
			faults = append(faults, reports.WriteFile(string(f.place), run, f.write))
		}
	}
	return errors.Join(faults...)
}
