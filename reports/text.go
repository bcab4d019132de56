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

// TextOptions says how a text report looks. The zero value has no colour.
type TextOptions struct {
	Colour bool // ANSI colours: for a terminal whose user didn't set NO_COLOR
}

// WriteText writes run for a person to read: the rules by chapter, the cases that failed with what led to it, the
// counts, and the overall verdict in the last line. What came over the wire is written without control characters and
// without credentials.
func WriteText(w io.Writer, run *Run, options TextOptions) error {
	run = shown(run)
	t := &text{Writer: bufio.NewWriter(w), colour: options.Colour}
	t.head(run)
	if run.Totals.Ran > 0 || run.Trouble == "" { // else there is nothing to say of each rule
		t.rules(run.Rules)
	}
	t.cases(run)
	t.drift(run.Drift)
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
	t.printf("%s %s judges %s", run.Tool.Name, run.Tool.Version, orUnknown(run.Target.Name))
	if run.Target.Version != "" {
		t.printf(" %s", run.Target.Version)
	}
	if run.Target.Driver != "" {
		t.printf(" (%s)", run.Target.Driver)
	}
	t.printf(", volume %s", run.Volume)
	for _, part := range narrowed(run) {
		t.printf(", %s", part)
	}
	t.printf("\n")
}

// narrowed says what of all the cases the run took: "only LIM-*", "without @volume", "shard 1/3".
func narrowed(run *Run) []string {
	var parts []string
	if run.Selection != "" {
		parts = append(parts, "only "+run.Selection)
	}
	if run.Disabled != "" {
		parts = append(parts, "without "+run.Disabled)
	}
	if run.Shard != nil {
		parts = append(parts, "shard "+run.Shard.String())
	}
	return parts
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
	t.printf("  %s %-*s  %s", t.painted(r.Verdict, fmt.Sprintf("%-9s", verdict)), width, r.ID, r.Sentence)
	switch {
	case r.Verdict == "":
		t.printf(" [not judged: %s]", r.Reason)
	case r.Ran < r.Cases:
		t.printf(" [%d of %d cases ran]", r.Ran, r.Cases)
	}
	if remark := remarkOn(r); remark != "" {
		t.printf(" [%s]", remark)
	}
	t.printf("\n")
}

// remarkOn says what the verdict of a rule alone doesn't: "" where there is nothing.
func remarkOn(r Rule) string {
	var parts []string
	if r.Listed {
		parts = append(parts, "as the baseline says")
	}
	if r.Flaky {
		parts = append(parts, "flaky: a case of it held only when it was run again")
	}
	return strings.Join(parts, "; ")
}

// cases writes every case in which an assertion didn't hold or the judge could not tell, the worst first.
func (t *text) cases(run *Run) {
	lines := documentLines(run)
	for _, c := range told(run) {
		t.failed(c, lines[c.Rules[0]])
	}
}

func (t *text) failed(c Case, line string) {
	t.printf("\n%s %s\n", t.painted(c.Verdict, said(c)), c.ID)
	if c.Verdict == XFail { // somebody has judged it: the file of its transcript has the rest
		t.field("step", c.Step)
		t.field("wanted", c.Want)
		t.field("got", c.Got)
		t.field("baseline", expectation(c))
		return
	}
	t.about(c, line)
}

// about writes what led to a case's verdict.
func (t *text) about(c Case, line string) {
	t.field("rule", fmt.Sprintf("%s (%s)", c.Rule, origin(c, line)))
	t.field("scenario", fmt.Sprintf("%s (%s:%d)", c.Name, c.Feature, c.Line))
	t.field("step", c.Step)
	t.field("wanted", c.Want)
	t.field("got", c.Got)
	t.field("reason", c.Reason)
	t.field("baseline", expectation(c))
	if c.Runs > 1 {
		t.field("runs", strconv.Itoa(c.Runs))
	}
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

// transcript writes an excerpt.
func (t *text) transcript(entries []transcript.Entry) {
	if len(entries) == 0 {
		return
	}
	t.printf("  transcript\n")
	for _, l := range excerpt(entries, tailLines) {
		switch {
		case l.leftOut > 0:
			t.printf("     %s\n", l)
		case l.marked:
			t.printf("  %s %s\n", t.painted(Fail, ">>"), l)
		default:
			t.printf("     %s\n", l)
		}
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
	t.gate(run)
	t.printf("Overall  %s\n", t.overall(run.Overall))
}

// gate writes what became of the baseline's entries, and what is made of the run.
func (t *text) gate(run *Run) {
	if b := run.Baseline; b != nil {
		t.printf("Baseline %s: %s: %s\n", b.File, plural(len(b.Entries), "entry"), listed(b.states(), "nothing is expected to fail"))
		for _, e := range astray(run) {
			t.printf("  %s %s %s: %s\n", t.painted(Fail, fmt.Sprintf("%-8s", e.State)), b.place(e), e.ID, indented(e.Text))
		}
	}
	if run.Gate == nil {
		return
	}
	verdict := Fail
	if run.Gate.Code == 0 {
		verdict = Pass
	}
	t.printf("Gate     %s (exit %d)\n", t.painted(verdict, string(run.Gate.Word)), run.Gate.Code)
	for _, reason := range run.Gate.Reasons {
		t.printf("         %s\n", indented(reason))
	}
}

// verdicts gives "12 PASS", "1 FAIL" ... and what was not run, always.
func (t Totals) verdicts() []string {
	var parts []string
	for _, v := range []Verdict{Pass, Fail, XPass, NonStrict, Flaky, Noted, Error, XFail, Unsupported, Unprovisioned, Disabled} {
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
	more := ""
	if t.NotOffered > 0 {
		more = fmt.Sprintf(", %d of extensions not offered", t.NotOffered)
	}
	percent, ok := t.Percent()
	if !ok {
		return fmt.Sprintf("none of %s judged%s", plural(t.All, "rule"), more)
	}
	return fmt.Sprintf("%d of %s passed (%s %%), %d of %d not judged%s",
		t.Passed, plural(t.Judged, "judged rule"), strconv.FormatFloat(percent, 'f', 1, 64), t.All-t.Judged, t.All, more)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "ry"); ok {
		return fmt.Sprintf("%d %sries", n, stem)
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
	case Fail, Error, XPass:
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

// indented puts all lines of s but the first under it.
func indented(s string) string { return strings.ReplaceAll(s, "\n", "\n             ") }
