package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/relayspec/relayspec/reports"
)

// matrix is the command that puts reports side by side.
type matrix struct {
	From     []string `arg:"" optional:"" name:"dir" help:"Directories of conform --report, or report.json files: the columns, in this order."`
	HTML     place    `name:"html" placeholder:"FILE" help:"Write one page, whose cells link to the transcripts."`
	Markdown place    `placeholder:"FILE" help:"Write Markdown: the counts, and the must rules that some target fails."`
	JSON     bool     `name:"json" help:"Write the matrix to standard output as JSON instead of Markdown."`
}

// Help teaches by example.
func (matrix) Help() string {
	return `Puts kept reports side by side: the targets are the columns, the rules the rows. Without a flag Markdown goes to standard
output. The page needs no script and no network. Its cells link to DIR/transcripts by a path that is relative to the page,
so keep them together; judge with --keep-transcripts, so that cases that pass have one, too.

  relayspec matrix report/postfix report/exim --html matrix.html --markdown matrix.md
  relayspec matrix report/* --json | jq '.targets[] | {title, overall}'

Exit codes: 0 written, whatever the reports say; 1 it can't be written; 2 a report can't be read.`
}

// matrixPage is an output of the command.
type matrixPage struct {
	flag  string
	place place
	write func(io.Writer, *reports.Matrix) error
}

// Run reads the reports and writes the matrix.
func (c *matrix) Run(s *streams) error {
	if len(c.From) == 0 {
		return &exit{exitUsage, &advice{errors.New("no report is named"), "Name directories of conform --report: relayspec matrix DIR..."}}
	}
	pages := []matrixPage{{"--html", c.HTML, reports.WriteMatrixHTML}, {"--markdown", c.Markdown, reports.WriteMatrixMarkdown}}
	standard, err := c.onStandardOutput(pages)
	if err != nil {
		return err
	}
	runs, err := readReports(c.From, s.in)
	if err != nil {
		return err
	}
	if standard != nil {
		err = standard(s.out, matrixFor(c.From, runs, "."))
	}
	for _, p := range pages {
		if p.place == "" || p.place == "-" {
			continue
		}
		err = errors.Join(err, reports.WriteWhole(string(p.place), func(w io.Writer) error {
			return p.write(w, matrixFor(c.From, runs, filepath.Dir(string(p.place))))
		}))
	}
	if err != nil {
		return &exit{1, &advice{err, "Name what can be written, and write again"}}
	}
	return nil
}

// onStandardOutput gives what goes there: what is asked for, Markdown when nothing else is asked for, or nothing.
func (c *matrix) onStandardOutput(pages []matrixPage) (func(io.Writer, *reports.Matrix) error, error) {
	var asked []string
	var write func(io.Writer, *reports.Matrix) error
	if c.JSON {
		asked, write = append(asked, "--json"), reports.WriteMatrixJSON
	}
	for _, p := range pages {
		if p.place == "-" {
			asked, write = append(asked, p.flag+" -"), p.write
		}
	}
	if len(asked) > 1 {
		err := fmt.Errorf("%s and %s both ask for standard output", asked[0], asked[1])
		return nil, &exit{exitUsage, &advice{err, "Give a file to all but one of them"}}
	}
	if write == nil && c.HTML == "" && c.Markdown == "" {
		write = reports.WriteMatrixMarkdown
	}
	return write, nil
}

// readReports reads each report.
func readReports(paths []string, stdin io.Reader) ([]*reports.Run, error) {
	var runs []*reports.Run
	for _, path := range paths {
		run, err := readReport(path, stdin)
		if err != nil {
			return nil, unreadable(path, err)
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// matrixFor is the matrix as a page in folder shows it: its links begin there.
func matrixFor(paths []string, runs []*reports.Run, folder string) *reports.Matrix {
	var sources []reports.MatrixSource
	for i, run := range runs {
		sources = append(sources, reports.MatrixSource{Run: run, Dir: relativeTo(folder, paths[i])})
	}
	return reports.NewMatrix(sources)
}

// relativeTo gives the directory of the report at path as a page in folder links to it; "" when there is none.
func relativeTo(folder, path string) string {
	if path == "-" {
		return ""
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		path = filepath.Dir(path)
	}
	from, err := filepath.Abs(folder)
	if err != nil {
		return ""
	}
	to, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	relative, err := filepath.Rel(from, to)
	if err != nil {
		return filepath.ToSlash(to)
	}
	return filepath.ToSlash(relative)
}
