package reports

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed report.html
var pageSource string

// pageLines is how many of a transcript's last lines the page shows folded.
const pageLines = 120

// WriteHTML writes run as one page that needs nothing else: no script, no picture, no font of somebody else.
//
// It has the overall verdict and the counts, the cases with something to tell with their transcripts, every rule by
// chapter with its cases, and what was held back or not run. It is light or dark as the reader's system, and may be printed.
// What came over the wire is escaped, and its control characters are written in words. Credentials are left out.
func WriteHTML(w io.Writer, run *Run) error {
	page, err := template.New("report.html").Funcs(pageFuncs()).Parse(pageSource)
	if err == nil {
		err = page.Execute(w, newPage(shown(run)))
	}
	if err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return nil
}

// page is what the template shows.
type page struct {
	*Run
	Facts     []fact
	Verdicts  []count
	Evidences string
	Told      []pageCase
	Chapters  []pageChapter
	Held      []Case
	Astray    []pageEntry
	NotChosen []Rule // rules of which no case was chosen
}

// fact is a line of a list of what is so.
type fact struct{ Name, Value string }

// count is how many cases came to a verdict.
type count struct {
	Verdict Verdict
	Cases   int
	Means   string
}

type pageChapter struct {
	Title string
	Must  string
	Rules []pageRule
}

type pageRule struct {
	Rule
	Judgement Verdict // as Verdict, "" when it wasn't judged
	Cases     []pageCase
	Share     string // of its cases, in words
}

// pageEntry is an entry of the baseline that is wrong.
type pageEntry struct {
	Entry
	Place string
}

type pageCase struct {
	Case
	Anchor string // "" when the case has no article of its own
	Origin string
	Tail   []line
	Whole  []line // nil when Tail has it all
	More   string // what Whole is
}

func newPage(run *Run) *page {
	p := &page{Run: run, Facts: facts(run), Evidences: listed(run.Totals.evidence(), "none")}
	for _, c := range verdictsInWords() {
		if c.Cases = run.Totals.Verdicts[c.Verdict]; c.Cases > 0 {
			p.Verdicts = append(p.Verdicts, c)
		}
	}
	lines, anchors := documentLines(run), map[string]string{}
	for i, c := range told(run) {
		anchors[c.ID] = fmt.Sprintf("case-%d", i+1)
		p.Told = append(p.Told, newPageCase(c, lines, anchors))
	}
	for _, c := range run.Cases {
		if !c.Verdict.Ran() {
			p.Held = append(p.Held, c)
		}
	}
	for _, e := range astray(run) {
		p.Astray = append(p.Astray, pageEntry{e, run.Baseline.place(e)})
	}
	of := map[string][]pageCase{}
	for _, c := range run.Cases {
		for _, rule := range c.Rules {
			of[rule] = append(of[rule], pageCase{Case: c, Anchor: anchors[c.ID]})
		}
	}
	for _, c := range chapters(run) {
		p.chapter(c, of)
	}
	return p
}

// chapter adds the rules of c of which cases were chosen.
func (p *page) chapter(c chapter, of map[string][]pageCase) {
	out := pageChapter{Title: c.title(), Must: share(Count(nil, c.Rules, nil).Must)}
	for _, r := range c.Rules {
		if r.Cases == 0 {
			p.NotChosen = append(p.NotChosen, r)
			continue
		}
		out.Rules = append(out.Rules, pageRule{Rule: r, Judgement: r.Verdict, Cases: of[r.ID], Share: caseShare(r)})
	}
	if out.Rules != nil {
		p.Chapters = append(p.Chapters, out)
	}
}

func caseShare(r Rule) string {
	if r.Ran == r.Cases {
		return plural(r.Cases, "case")
	}
	return fmt.Sprintf("%d of %s ran", r.Ran, plural(r.Cases, "case"))
}

func newPageCase(c Case, lines, anchors map[string]string) pageCase {
	out := pageCase{Case: c, Anchor: anchors[c.ID], Origin: origin(c, lines[c.Rules[0]])}
	out.Tail = excerpt(c.Transcript, tailLines)
	switch n := len(spoken(c.Transcript)); {
	case n > pageLines:
		out.Whole, out.More = excerpt(c.Transcript, pageLines), fmt.Sprintf("The last %d of its %d lines; transcripts/%s.txt has all", pageLines, n, c.ID)
	case len(out.Tail) < n:
		out.Whole, out.More = excerpt(c.Transcript, pageLines), fmt.Sprintf("All of its %d lines", n)
	}
	return out
}

// facts says what was judged, when and how.
func facts(run *Run) []fact {
	var found []fact
	add := func(name, value string) {
		if value != "" {
			found = append(found, fact{name, value})
		}
	}
	add("Target", strings.TrimSpace(orUnknown(run.Target.Name)+" "+run.Target.Version))
	add("Driver", run.Target.Driver)
	add("Judged by", run.Tool.Name+" "+run.Tool.Version)
	if !run.Started.IsZero() {
		add("Started", run.Started.UTC().Format("2 January 2006, 15:04:05 UTC"))
	}
	add("Took", run.Duration.Round(10*time.Millisecond).String())
	add("Volume", run.Volume)
	add("Selection", run.Selection)
	add("Left out", run.Disabled)
	if run.Shard != nil {
		add("Shard", run.Shard.String())
	}
	add("Must", share(run.Totals.Must))
	add("Should", share(run.Totals.Should))
	add("Cases", fmt.Sprintf("%d chosen, %d ran, %d held back, %d not run",
		run.Totals.Chosen, run.Totals.Ran, run.Totals.HeldBack, run.Totals.NotRun))
	if run.Totals.Ran > 0 {
		add("Evidence", listed(run.Totals.evidence(), "none"))
	}
	if run.Baseline != nil {
		add("Baseline", fmt.Sprintf("%s, %s: %s", run.Baseline.File, plural(len(run.Baseline.Entries), "entry"),
			listed(run.Baseline.states(), "nothing is expected to fail")))
	}
	return found
}

// verdictsInWords gives the verdicts in order, each with what it means.
func verdictsInWords() []count {
	return []count{
		{Verdict: Pass, Means: "it did what the rule says"},
		{Verdict: Fail, Means: "it broke a rule that must hold"},
		{Verdict: NonStrict, Means: "it missed a rule that should hold"},
		{Verdict: Noted, Means: "it does otherwise, and nothing binds it"},
		{Verdict: Error, Means: "the judge or the network could not tell"},
		{Verdict: XFail, Means: "it doesn't hold, just as the baseline says"},
		{Verdict: XPass, Means: "the baseline says that it doesn't hold, but it does: take the entry out"},
		{Verdict: Flaky, Means: "it didn't hold, and did when it was run again"},
		{Verdict: Unsupported, Means: "the target declares that it hasn't got what the case needs"},
		{Verdict: Unprovisioned, Means: "the target can't be brought into the state that the case needs"},
		{Verdict: Disabled, Means: "left out by the user"},
	}
}

func pageFuncs() template.FuncMap {
	return template.FuncMap{
		"sign":    sign,
		"said":    said,
		"listed":  expectation,
		"remark":  remarkOn,
		"class":   func(v Verdict) string { return strings.ToLower(string(v)) },
		"kind":    func(o Overall) string { return strings.ReplaceAll(string(o), " ", "-") },
		"overall": overallWords,
		"plural":  plural,
		"marked":  func(l line) bool { return l.marked },
		"gap":     func(l line) bool { return l.leftOut > 0 },
		"took":    func(d time.Duration) string { return d.Round(time.Millisecond).String() },
		"result":  func(r StepResult) string { return string(r) },
		"stepped": stepSign,
	}
}

// sign is a sign that stands beside a verdict's word.
func sign(v Verdict) string {
	switch v {
	case Pass:
		return "✓"
	case Fail:
		return "✗"
	case NonStrict, Flaky:
		return "△"
	case XPass:
		return "‼"
	case XFail:
		return "≈"
	case Noted:
		return "i"
	case Error:
		return "!"
	}
	return "–"
}

func stepSign(r StepResult) string {
	switch r {
	case StepPassed:
		return "✓"
	case StepFailed:
		return "✗"
	case StepUndefined:
		return "?"
	}
	return "–"
}

// overallWords says what an overall verdict means.
func overallWords(o Overall) string {
	switch o {
	case Conformant:
		return "Every rule that must hold was judged, and holds."
	case Deviating:
		return "Every rule that must hold was judged, and holds; one that should hold doesn't, or one held only when it was asked again."
	case Partial:
		return "Every rule that must hold and was judged holds. Some weren't judged."
	case NonConformant:
		return "A rule that must hold doesn't."
	}
	return "Nobody can tell: a case came to an error, was not run, or no rule that must hold was judged."
}
