package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// MaxSummary is how much GitHub takes for the summary of one step, in octets; what is longer it leaves out as a whole.
const MaxSummary = 1 << 20

// MarkdownOptions says how long a Markdown report may be.
type MarkdownOptions struct {
	Limit int // octets; 0: MaxSummary. What doesn't fit is left out, and a word says so.
}

// Bounds of what a Markdown report shows of one thing.
const (
	markdownLines  = 60   // of a transcript
	markdownOctets = 4000 // of what was wanted or came
	headOctets     = 300  // of what stands within a line
	cutOctets      = 400  // kept free for the words that say what was left out
)

// WriteMarkdown writes run for the step summary of a CI: the overall verdict, the counts by chapter, the cases with
// something to tell, the worst first and with what was wanted and what came as code, and all else folded away.
//
// No text can become markup, a mention or a link. Credentials are left out.
func WriteMarkdown(w io.Writer, run *Run, options MarkdownOptions) error {
	limit := options.Limit
	if limit == 0 {
		limit = MaxSummary
	}
	m := &markdown{run: shown(run), left: limit - cutOctets}
	m.head()
	m.counts()
	m.told()
	m.drift()
	m.rules()
	m.absent()
	m.about()
	m.confess()
	if _, err := io.WriteString(w, m.text.String()); err != nil {
		return fmt.Errorf("write the Markdown report: %w", err)
	}
	return nil
}

// markdown collects a report in blocks. A block that doesn't fit is left out as a whole, so no markup stays open.
type markdown struct {
	run  *Run
	text strings.Builder
	left int      // octets that still fit
	cut  []string // what was left out
}

// add writes block unless it doesn't fit; what names it then. It tells whether it did.
func (m *markdown) add(what, block string) bool {
	if len(block) > m.left {
		m.cut = append(m.cut, what)
		return false
	}
	m.left -= len(block)
	m.text.WriteString(block)
	return true
}

// confess says what was left out.
func (m *markdown) confess() {
	if m.cut == nil {
		return
	}
	said := strings.Join(m.cut, ", ")
	if len(said) > cutOctets/2 {
		said = fmt.Sprintf("%d parts", len(m.cut))
	}
	fmt.Fprintf(&m.text, "\n**Cut here:** %s left out, since a step summary holds no more. report.html has the whole.\n", said)
}

func (m *markdown) head() {
	run := m.run
	var b strings.Builder
	fmt.Fprintf(&b, "## %s SMTP relay conformance: %s\n\n", overallSign(run.Overall), run.Overall)
	fmt.Fprintf(&b, "%s judged %s", span(run.Tool.Name+" "+run.Tool.Version), span(orUnknown(run.Target.Name)))
	if run.Target.Version != "" {
		fmt.Fprintf(&b, " %s", span(run.Target.Version))
	}
	if run.Target.Driver != "" {
		fmt.Fprintf(&b, ", driver %s", span(run.Target.Driver))
	}
	fmt.Fprintf(&b, ", volume %s", span(run.Volume))
	for _, part := range narrowed(run) {
		fmt.Fprintf(&b, ", %s", span(part))
	}
	fmt.Fprintf(&b, ", in %s.\n\n", run.Duration.Round(10*time.Millisecond))
	n := run.Totals
	fmt.Fprintf(&b, "- **Must:** %s\n- **Should:** %s\n", share(n.Must), share(n.Should))
	fmt.Fprintf(&b, "- **Cases:** %d chosen: %s\n", n.Chosen, listed(n.verdicts(), "none ran"))
	if n.Ran > 0 {
		fmt.Fprintf(&b, "- **Evidence:** %s\n", listed(n.evidence(), "none"))
	}
	if run.Interrupted {
		fmt.Fprintf(&b, "- **Interrupted:** %s not run\n", plural(n.NotRun, "case"))
	}
	markdownGate(&b, run)
	b.WriteString("\n")
	if run.Trouble != "" {
		fmt.Fprintf(&b, "**Trouble:**\n\n%s\n", fence(run.Trouble))
	}
	m.add("the head", b.String())
}

// markdownGate writes what became of the baseline's entries, and what is made of the run.
func markdownGate(b *strings.Builder, run *Run) {
	if run.Baseline != nil {
		fmt.Fprintf(b, "- **Baseline:** %s, %s: %s\n", span(run.Baseline.File), plural(len(run.Baseline.Entries), "entry"),
			listed(run.Baseline.states(), "nothing is expected to fail"))
	}
	for _, e := range astray(run) {
		fmt.Fprintf(b, "  - **%s** %s %s: %s\n", e.State, span(run.Baseline.place(e)), span(e.ID), span(e.Text))
	}
	if run.Gate == nil {
		return
	}
	fmt.Fprintf(b, "- **Gate:** %s (exit %d)\n", run.Gate.Word, run.Gate.Code)
	for _, reason := range run.Gate.Reasons {
		fmt.Fprintf(b, "  - %s\n", span(reason))
	}
}

// overallSign is a sign that stands beside the word, never in its place.
func overallSign(o Overall) string {
	switch o {
	case Conformant:
		return "✅"
	case NonConformant:
		return "❌"
	}
	return "⚠️"
}

func verdictSign(v Verdict) string {
	switch v {
	case Pass:
		return "✅"
	case Fail:
		return "❌"
	case Error:
		return "🚫"
	case NonStrict, Flaky:
		return "⚠️"
	case XPass:
		return "❗"
	case XFail:
		return "☑️"
	case Noted:
		return "ℹ️"
	}
	return "➖"
}

// counts writes a table of the chapters.
func (m *markdown) counts() {
	var b strings.Builder
	b.WriteString("| Chapter | Must | Should | PASS | FAIL | NONSTRICT | NOTE | ERROR |")
	besides := m.besides()
	for _, v := range besides {
		fmt.Fprintf(&b, " %s |", v)
	}
	b.WriteString(" Held back | Not run |\n| :-- |" + strings.Repeat(" --: |", 9+len(besides)) + "\n")
	for _, c := range chapters(m.run) {
		t := Count(c.Cases, c.Rules, c.NotRun)
		fmt.Fprintf(&b, "| %s | %s | %s |", escaped(c.title()), ratio(t.Must), ratio(t.Should))
		for _, v := range append([]Verdict{Pass, Fail, NonStrict, Noted, Error}, besides...) {
			fmt.Fprintf(&b, " %d |", t.Verdicts[v])
		}
		fmt.Fprintf(&b, " %d | %d |\n", t.HeldBack, t.NotRun)
	}
	b.WriteString("\n")
	m.add("the table of chapters", b.String())
}

// besides gives the verdicts that only some runs have, where this one does.
func (m *markdown) besides() []Verdict {
	return slices.DeleteFunc([]Verdict{XFail, XPass, Flaky}, func(v Verdict) bool { return m.run.Totals.Verdicts[v] == 0 })
}

// ratio gives passed rules of all.
func ratio(t RuleTotals) string {
	if t.All == 0 {
		return "–"
	}
	return fmt.Sprintf("%d/%d", t.Passed, t.All)
}

// told writes the cases with something to tell.
func (m *markdown) told() {
	lines := documentLines(m.run)
	cases := told(m.run)
	heading := Verdict("")
	for i, c := range cases {
		block := ""
		if c.Verdict != heading {
			block = fmt.Sprintf("### %s\n\n", headingOf(c.Verdict))
			heading = c.Verdict
		}
		if !m.add(plural(len(cases)-i, "case")+" with something to tell", block+markdownCase(c, lines[c.Rules[0]])) {
			return
		}
	}
}

// headingOf names the cases of a verdict.
func headingOf(v Verdict) string {
	switch v {
	case Fail:
		return "Failed"
	case Error:
		return "Could not be told"
	case NonStrict:
		return "Deviations: a should was missed"
	case XPass:
		return "Holds, against the baseline"
	case Flaky:
		return "Flaky: held only when it was run again"
	case XFail:
		return "Expected: as the baseline says"
	}
	return "Notes"
}

func markdownCase(c Case, documentLine string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#### %s %s %s\n\n", verdictSign(c.Verdict), said(c), span(c.ID))
	fmt.Fprintf(&b, "**Rule:** %s (%s)<br>\n**Scenario:** %s, %s\n\n", escaped(clipped(c.Rule)), escaped(origin(c, documentLine)),
		escaped(clipped(c.Name)), span(fmt.Sprintf("%s:%d", c.Feature, c.Line)))
	if c.Step != "" {
		fmt.Fprintf(&b, "**Step:** %s\n\n", span(c.Step))
	}
	for _, part := range []struct{ name, value string }{{"Wanted", c.Want}, {"Got", c.Got}, {"Reason", c.Reason}, {"Baseline", expectation(c)}} {
		if part.value != "" {
			fmt.Fprintf(&b, "**%s:**\n\n%s\n", part.name, fence(part.value))
		}
	}
	if c.Evidence != "" {
		fmt.Fprintf(&b, "**Evidence:** %s\n\n", escaped(string(c.Evidence)))
	}
	if len(c.Transcript) > 0 {
		summary := fmt.Sprintf("Transcript, %s", plural(len(spoken(c.Transcript)), "line"))
		b.WriteString(folded(summary, fence(plainExcerpt(c.Transcript, markdownLines))))
	}
	return b.String()
}

// rules writes every rule with its verdict, folded.
func (m *markdown) rules() {
	for _, c := range chapters(m.run) {
		if len(c.Rules) == 0 {
			continue
		}
		var b strings.Builder
		b.WriteString("| | Verdict | Rule | Level | Document | What it says | Cases |\n| :-- | :-- | :-- | :-- | :-- | :-- | --: |\n")
		for _, r := range c.Rules {
			verdict := string(r.Verdict)
			if verdict == "" {
				verdict = "not judged: " + r.Reason
			}
			if remark := remarkOn(r); remark != "" {
				verdict += ", " + remark
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %d/%d |\n", verdictSign(r.Verdict), escaped(clipped(verdict)),
				escaped(r.ID), r.Level, escaped(r.Line), escaped(clipped(r.Sentence)), r.Ran, r.Cases)
		}
		m.add("the rules of "+escaped(c.title()), folded(fmt.Sprintf("%s: %s", escaped(c.title()), plural(len(c.Rules), "rule")), b.String()))
	}
}

// absent writes what was held back and what was not run, folded.
func (m *markdown) absent() {
	var held, dropped strings.Builder
	for _, c := range m.run.Cases {
		if !c.Verdict.Ran() {
			fmt.Fprintf(&held, "- %s: %s(%s)\n", span(c.ID), c.Verdict, span(c.Reason))
		}
	}
	for _, n := range m.run.NotRun {
		fmt.Fprintf(&dropped, "- %s: %s\n", span(n.ID), span(n.Reason))
	}
	n := m.run.Totals
	if held.Len() > 0 {
		m.add("what was held back", folded(fmt.Sprintf("Held back: %s", plural(n.HeldBack, "case")), held.String()))
	}
	if dropped.Len() > 0 {
		m.add("what was not run", folded(fmt.Sprintf("Not run: %s", plural(n.NotRun, "case")), dropped.String()))
	}
}

// about writes what the target declared.
func (m *markdown) about() {
	if len(m.run.Target.Capabilities) == 0 {
		return
	}
	var spans []string
	for _, c := range m.run.Target.Capabilities {
		spans = append(spans, span(c))
	}
	m.add("the capabilities", folded("What the target declares", strings.Join(spans, ", ")+"\n"))
}

// folded puts block, which is Markdown and ends with a line, behind a summary.
func folded(summary, block string) string {
	return fmt.Sprintf("<details><summary>%s</summary>\n\n%s\n</details>\n\n", summary, block)
}

// fence gives s as a block of code. The fence is longer than any run of backticks in it.
func fence(s string) string {
	if len(s) > markdownOctets {
		s = strings.ToValidUTF8(s[:markdownOctets], "") + "\n... cut here"
	}
	bar := strings.Repeat("`", max(3, longestRun(s)+1))
	return bar + "text\n" + strings.TrimRight(s, "\n") + "\n" + bar + "\n"
}

// span gives s as code within a line. Its bars are longer than any run of backticks in it.
func span(s string) string {
	s = clipped(strings.ReplaceAll(s, "\n", " "))
	if strings.TrimSpace(s) == "" {
		return "` `"
	}
	bar := strings.Repeat("`", longestRun(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") {
		s = " " + s + " " // one blank at each end isn't shown
	}
	return bar + s + bar
}

func clipped(s string) string {
	if len(s) > headOctets {
		return strings.ToValidUTF8(s[:headOctets], "") + "…"
	}
	return s
}

// longestRun is the length of the longest run of backticks in s.
func longestRun(s string) int {
	longest, run := 0, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// escaped gives s with everything as a reference that could be markup, a mention, a link or an emoji.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(s, "\n", " ") {
		switch {
		case r == '@':
			b.WriteString("&#64;&#8203;") // the space without width keeps it from being a mention
		case strings.ContainsRune("&<>|`\\*_[]~#$:!", r):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
