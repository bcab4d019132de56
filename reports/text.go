package reports

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reports/transcript"
)

// tailLines is how many of a transcript's last lines a failed case shows.
const tailLines = 10

// TextOptions says how a text report looks. The zero value has no colour.
type TextOptions struct {
	Colour bool // ANSI colours: for a terminal whose user didn't set NO_COLOR
}

// WriteText writes run for a person to read: the rules by chapter, the cases that failed with what led to it, the
// counts, and the overall verdict in the last line. What came over the wire is written without control characters.
func WriteText(w io.Writer, run *Run, options TextOptions) error {
	t := &text{Writer: bufio.NewWriter(w), colour: options.Colour}
	t.head(run)
	t.rules(run.Rules)
	t.cases(run)
	t.counts(run)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the text report: %w", err)
	}
	return nil
}

// text writes a report. An error stays in the bufio.Writer until Flush.
type text struct {
	*bufio.Writer
	colour bool
}

func (t *text) printf(format string, args ...any) { fmt.Fprintf(t.Writer, format, args...) }

func (t *text) head(run *Run) {
	t.printf("%s %s judges %s", run.Tool.Name, run.Tool.Version, clean(orUnknown(run.Target.Name)))
	if run.Target.Version != "" {
		t.printf(" %s", clean(run.Target.Version))
	}
	if run.Target.Driver != "" {
		t.printf(" (%s)", clean(run.Target.Driver))
	}
	t.printf(", volume %s", run.Volume)
	if run.Selection != "" {
		t.printf(", only %s", clean(run.Selection))
	}
	t.printf("\n")
}

// rules writes a line a rule that has cases; the others are counted, with their reason.
func (t *text) rules(rules []Rule) {
	width := 0
	for _, r := range rules {
		width = max(width, len(r.ID))
	}
	chapter := ""
	for _, r := range rules {
		if r.Cases == 0 {
			continue
		}
		if r.Chapter != chapter {
			chapter = r.Chapter
			t.printf("\n%s\n", chapter)
		}
		t.rule(r, width)
	}
}

func (t *text) rule(r Rule, width int) {
	verdict := string(r.Verdict)
	if verdict == "" {
		verdict = "-"
	}
	t.printf("  %s %-*s  %s", t.painted(r.Verdict, fmt.Sprintf("%-9s", verdict)), width, r.ID, clean(r.Sentence))
	switch {
	case r.Verdict == "":
		t.printf(" [not judged: %s]", clean(r.Reason))
	case r.Ran < r.Cases:
		t.printf(" [%d of %d cases ran]", r.Ran, r.Cases)
	}
	t.printf("\n")
}

// cases writes every case in which an assertion didn't hold or the judge could not tell, the worst first.
func (t *text) cases(run *Run) {
	lines := map[string]string{}
	for _, r := range run.Rules {
		lines[r.ID] = r.Line
	}
	for _, verdict := range []Verdict{Fail, Error, NonStrict, Noted} {
		for _, c := range run.Cases {
			if c.Verdict == verdict {
				t.failed(c, lines[c.Rules[0]])
			}
		}
	}
}

func (t *text) failed(c Case, line string) {
	t.printf("\n%s %s\n", t.painted(c.Verdict, string(c.Verdict)), c.ID)
	t.field("rule", fmt.Sprintf("%s (%s)", c.Rule, origin(c, line)))
	t.field("scenario", fmt.Sprintf("%s (%s:%d)", c.Name, c.Feature, c.Line))
	t.field("step", c.Step)
	t.field("wanted", c.Want)
	t.field("got", c.Got)
	t.field("reason", c.Reason)
	t.field("evidence", string(c.Evidence))
	t.transcript(c.Transcript)
}

// origin says where a case's rule comes from.
func origin(c Case, line string) string {
	parts := []string{string(c.Level), c.Source}
	if line != "" {
		parts = slices.Insert(parts, 0, "document "+line)
	}
	return strings.Join(parts, ", ")
}

func (t *text) field(name, value string) {
	if value != "" {
		t.printf("  %-10s %s\n", name, indented(value))
	}
}

// transcript writes the last lines, and the neighbourhood of the offending reply when that lies before them.
func (t *text) transcript(entries []transcript.Entry) {
	if len(entries) == 0 {
		return
	}
	t.printf("  transcript\n")
	last := len(entries) - 1
	marked := slices.IndexFunc(entries, func(e transcript.Entry) bool { return e.Marked })
	written := -1
	for i, e := range entries {
		near := marked >= 0 && i >= marked-tailLines/2 && i <= marked+1
		if !near && i <= last-tailLines {
			continue
		}
		if i > written+1 {
			t.printf("     ... %d lines left out\n", i-written-1)
		}
		written = i
		mark := "  "
		if e.Marked {
			mark = t.painted(Fail, ">>")
		}
		e.Marked = false // its own mark would stand twice
		t.printf("  %s %s\n", mark, e)
	}
}

func (t *text) counts(run *Run) {
	n := run.Totals
	t.printf("\nCases    %d chosen: %s\n", n.Chosen, listed(n.verdicts(), "none ran"))
	if n.Ran > 0 {
		t.printf("Evidence %s\n", listed(n.evidence(), "none"))
	}
	t.printf("Must     %s\n", share(n.Must))
	t.printf("Should   %s\n", share(n.Should))
	t.printf("Took     %s\n", run.Duration.Round(10*time.Millisecond))
	if run.Trouble != "" {
		t.printf("Trouble  %s\n", indented(run.Trouble))
	}
	if run.Interrupted {
		t.printf("Interrupted: %d cases were not run\n", n.NotRun)
	}
	t.printf("Overall  %s\n", t.overall(run.Overall))
}

// verdicts gives "12 PASS", "1 FAIL" ... and what was not run, always.
func (t Totals) verdicts() []string {
	var parts []string
	for _, v := range []Verdict{Pass, Fail, NonStrict, Noted, Error, Unsupported, Unprovisioned, Disabled} {
		if n := t.Verdicts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return append(parts, fmt.Sprintf("%d not run", t.NotRun))
}

func (t Totals) evidence() []string {
	var parts []string
	for _, e := range []Evidence{Full, Preloaded} {
		if n := t.Evidence[e]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, e))
		}
	}
	return parts
}

// share gives the part of the rules that passed, with its denominator and what wasn't judged.
func share(t RuleTotals) string {
	percent, ok := t.Percent()
	if !ok {
		return fmt.Sprintf("none of %s judged", plural(t.All, "rule"))
	}
	return fmt.Sprintf("%d of %s passed (%s %%), %d of %d not judged",
		t.Passed, plural(t.Judged, "judged rule"), strconv.FormatFloat(percent, 'f', 1, 64), t.All-t.Judged, t.All)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func listed(parts []string, none string) string {
	if len(parts) == 0 {
		return none
	}
	return strings.Join(parts, ", ")
}

// The colours of the verdicts (ECMA-48 SGR).
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

func (t *text) painted(v Verdict, s string) string {
	if !t.colour {
		return s
	}
	switch v {
	case Pass:
		return green + s + plain
	case Fail, Error:
		return red + s + plain
	}
	return yellow + s + plain
}

func (t *text) overall(o Overall) string {
	switch o {
	case Conformant:
		return t.painted(Pass, string(o))
	case NonConformant:
		return t.painted(Fail, string(o))
	}
	return t.painted("", string(o))
}

func orUnknown(name string) string {
	if name == "" {
		return "an unknown target"
	}
	return name
}

// clean leaves no control character in s: a hostile relay must not write to the reader's terminal.
func clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// indented cleans each line of s and puts all but the first under it.
func indented(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = clean(strings.ReplaceAll(line, "\t", "    "))
	}
	return strings.Join(lines, "\n             ")
}
