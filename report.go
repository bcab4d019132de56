package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/reports"
)

// report is the command that writes a report again in other formats.
type report struct {
	From   []string `arg:"" optional:"" name:"dir|file" help:"The directory of conform --report, or its report.json; - is standard input. Several are the shards of one run."`
	Schema bool     `help:"Print the JSON Schema of report.json and do nothing else."`
	JSON   bool     `name:"json" help:"Write the report to standard output as JSON instead of text."`
	Gate   bool     `help:"End with the exit code of the report's gate, as conform did; of a run in shards, that of all of them."`
	outputs
}

// Help teaches by example.
func (report) Help() string {
	return `Reads the JSON of a report and writes it again. Without a flag it goes to standard output as text; the exit code says
whether it could be written, not what it says of the relay, unless --gate asks for that. Several reports are put together:
all shards of one run, of which the result is what one run would have said. Where a shard is missing nothing is written, and
the exit code is 2; one alone can be written, but without --gate, which would pass over the others.

  relayspec report report                                  the report that conform --report report has kept, as text
  relayspec report report --html page.html                 as one page
  relayspec report report --summary "$GITHUB_STEP_SUMMARY" append it to the summary of a step on GitHub
  relayspec report report --junit - | xmllint --format -   as JUnit XML
  relayspec report one two three --report all --gate       three shards, conform --shard 1/3 --report one ..., as one
  relayspec report --schema                                the JSON Schema of report.json`
}

// Run reads and writes.
func (r *report) Run(s *streams) error {
	if r.Schema {
		_, err := io.WriteString(s.out, reports.Schema())
		return err
	}
	if len(r.From) == 0 {
		return &exit{exitUsage, &advice{errors.New("no report is named"), "Name the directory of conform --report, or its report.json"}}
	}
	standard, err := r.onStandardOutput(s)
	if err != nil {
		return err
	}
	run, err := r.read(s)
	if err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	if standard != nil {
		err = standard(s.out, run)
	}
	if err := errors.Join(err, r.write(run)); err != nil {
		return &exit{1, &advice{err, "Name what can be written, and write again"}}
	}
	if code := features.ExitCode(run); r.Gate && code != features.ExitSatisfied {
		return &exit{code: code}
	}
	return nil
}

// read reads the report, or puts several together. A gate judges all of a run: of a shard alone, Merge says which others
// are missing.
func (r *report) read(s *streams) (*reports.Run, error) {
	var parts []features.Part
	for _, from := range r.From {
		run, err := readReport(from, s.in)
		if err != nil {
			return nil, unreadable(from, err)
		}
		parts = append(parts, features.Part{From: from, Run: run})
	}
	if len(parts) == 1 && !(r.Gate && parts[0].Run.Shard != nil) {
		return parts[0].Run, nil
	}
	suite, err := features.Load()
	if err != nil {
		return nil, &exit{exitUsage, fmt.Errorf("the features of this program are at fault: %w", err)}
	}
	merged, err := suite.Merge(parts)
	if err != nil {
		return nil, &exit{exitUsage, &advice{err, "Give the report of each shard of one run, once"}}
	}
	return merged, nil
}

// onStandardOutput gives the format that goes there: the one asked for, text when nothing else is asked for, or none.
func (r *report) onStandardOutput(s *streams) (reports.Writer, error) {
	var taken []string
	if r.JSON {
		taken = []string{"--json"}
	}
	standard, err := r.standard(taken...)
	switch {
	case err != nil || standard != nil:
		return standard, err
	case r.JSON:
		return reports.WriteJSON, nil
	case r.Report == "" && len(r.files()) == 0:
		return textFor(s.out), nil
	}
	return nil, nil
}

// textFor gives the text format as it fits w.
func textFor(w io.Writer) reports.Writer {
	return func(out io.Writer, run *reports.Run) error {
		return reports.WriteText(out, run, reports.TextOptions{Colour: colourful(w)})
	}
}

// readReport reads the report at path: a directory of reports, a file, or "-" for standard input.
func readReport(path string, stdin io.Reader) (*reports.Run, error) {
	if path == "-" {
		return reports.ReadJSON(stdin)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "report.json")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return reports.ReadJSON(file)
}
