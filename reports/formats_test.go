package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reports/transcript"
)

// everything is aRun with a case of each other verdict, and with steps.
func everything() *Run {
	run := aRun()
	base := Case{
		Feature: "features/relay/b.feature", Source: "documented", FeatureName: "More", FeatureLine: 2, Evidence: Full,
		Duration: 20 * time.Millisecond,
	}
	add := func(id, rule string, line int, level Level, verdict Verdict, fill func(*Case)) {
		c := base
		c.ID, c.Rules, c.Name, c.Line, c.Level, c.Verdict = id, []string{rule}, "The case "+id, line, level, verdict
		c.Rule, c.Tags = "The rule of "+id, []string{"@" + rule, "@" + string(level)}
		fill(&c)
		run.Cases = append(run.Cases, c)
	}
	missed := func(c *Case) {
		c.Step, c.Want, c.Got = "Then it should", "452 4.5.3\nor 250", "550 5.5.3 <b>|`@here`|</b>"
	}
	add("LIM-B/misses", "LIM-B", 30, Should, NonStrict, missed)
	add("LIM-E/notes", "LIM-E", 35, May, Noted, missed)
	add("LIM-C/lacks-a-suffix", "LIM-C", 40, Must, Unsupported, func(c *Case) { c.Reason, c.Evidence = "helo-suffix", "" })
	add("LIM-C/unwanted", "LIM-C", 45, Must, Disabled, func(c *Case) { c.Reason, c.Evidence = "by the user", "" })
	listed := func(line int) *Listed {
		return &Listed{Entry: "LIM-A/*", Line: line, Wants: "FAIL with 2xx", Reason: "it is so\nfor long", Issue: "https://relay.example/7", Until: "2027-01-31"}
	}
	add("LIM-A/listed", "LIM-A", 60, Must, XFail, func(c *Case) { missed(c); c.Found, c.Reply, c.Listed = Fail, "250 2.1.0", listed(5) })
	add("LIM-A/changed", "LIM-A", 65, Must, Fail, func(c *Case) { missed(c); c.Reply, c.Listed = "550 5.5.3", listed(7); c.Listed.Changed = true })
	add("LIM-A/stale", "LIM-A", 70, Must, XPass, func(c *Case) { c.Found, c.Listed = Pass, listed(9) })
	add("LIM-A/flaky", "LIM-A", 75, Must, Flaky, func(c *Case) { missed(c); c.Found, c.Runs, c.Reason = Pass, 2, "FAIL at first, and held at run 2" })
	run.Rules[0].Flaky, run.Rules[0].Cases, run.Rules[0].Ran = true, 6, 6
	entry := func(id string, line int, state EntryState, text string) Entry {
		return Entry{id, line, Fail, "Then it should", "2xx", "it is so", "https://relay.example/7", "2027-01-31", state, 1, text}
	}
	run.Baseline = &Baseline{"baseline.yaml", "other", []Entry{
		entry("LIM-A/listed", 5, Holds, ""), entry("LIM-A/changed", 7, Different, "it fails otherwise"), entry("LIM-A/stale", 9, Stale, "it holds now"),
		entry("LIM-Z/*", 11, Stale, "no case is called so"), entry("LIM-Y/*", 13, Expired, "its last day was"), entry("LIM-X/*", 15, Untold, "none was chosen"),
	}}
	run.Shard, run.Disabled = &Shard{2, 3}, "*/unwanted"
	run.Gate = &Gate{Code: 1, Word: Unsatisfied, Reasons: []string{"1 case CHANGED", "1 entry is stale"}, Strict: true, MinRun: "80%", Drift: "error"}
	for i := range run.Cases {
		run.Cases[i].Steps = stepsFor(&run.Cases[i])
	}
	run.Cases[1].FeatureName, run.Cases[1].FeatureLine = "Limits", 3
	run.Cases[1].Transcript = append(run.Cases[1].Transcript, transcript.Entry{
		At: 2 * time.Second, Session: "two", Kind: transcript.Raw, Text: "MAIL FROM:<a@b>\n",
	})
	run.Rules = append(run.Rules, Rule{ID: "LIM-E", Chapter: "1.3", Line: "L23", Level: May, Sentence: "Six", Verdict: Noted, Cases: 1, Ran: 1})
	run.Drift = []Drift{
		{Capability: "size", Declared: Present, Advertised: Absent, Text: "nobody announces it"},
		{Capability: "auth-plain", Advertised: Present, Probed: Absent, Text: "it doesn't work: 504 no <b>\nreally"},
	}
	run.NotRun[0].Name, run.NotRun[0].Feature, run.NotRun[0].Line = "Late", "features/relay/b.feature", 50
	run.Totals = Count(run.Cases, run.Rules, run.NotRun)
	return run
}

// stepsFor gives c three steps, of which the second has a table.
func stepsFor(c *Case) []Step {
	steps := []Step{
		{Keyword: "Given", Text: "the relay", Line: c.Line + 1, Result: StepPassed, Duration: time.Millisecond},
		{Keyword: "And", Text: "a setting:", Line: c.Line + 2, Table: [][]string{{"name", "value"}, {"tls", "on"}}, Result: StepPassed},
		{Keyword: "Then", Text: "it holds", Line: c.Line + 3, Doc: "two\nlines", Result: StepPassed, Duration: 3 * time.Millisecond},
	}
	switch {
	case !c.Verdict.Ran():
		steps[0].Result, steps[1].Result, steps[2].Result = StepSkipped, StepSkipped, StepSkipped
	case c.Own() != Pass:
		steps[1].Result, steps[2].Result = StepFailed, StepSkipped
	}
	return steps
}

// readAll reads the files below dir, by their name.
func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range files(t, dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		found[name] = string(data)
	}
	return found
}

func TestAReportThatIsReadBackGivesTheSameFiles(t *testing.T) {
	run := everything()
	run.Duration, run.Cases[0].Duration = 1234567891, 7654321 // more digits than are kept
	run.Cases[0].Steps[0].Duration = 1999999
	run.Cases[2].Reason = "password=hunter2\tand\x00a tab"
	read, err := ReadJSON(strings.NewReader(rendered(t, WriteJSON, run)))
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range formats() {
		if diff := cmp.Diff(rendered(t, write, run), rendered(t, write, read)); diff != "" {
			t.Errorf("%s (-at first +read back):\n%s", name, diff)
		}
	}
}

// readJUnit is what a reader of JUnit XML finds.
type readJUnit struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Suites   []struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Cases    []struct {
			Name    string      `xml:"name,attr"`
			Class   string      `xml:"classname,attr"`
			Time    string      `xml:"time,attr"`
			File    string      `xml:"file,attr"`
			Line    int         `xml:"line,attr"`
			Failure *readResult `xml:"failure"`
			Error   *readResult `xml:"error"`
			Skipped *readResult `xml:"skipped"`
			Out     string      `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type readResult struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Body    string `xml:",chardata"`
}

func TestWriteJUnit(t *testing.T) {
	run := everything()
	run.Cases[1].Got = "250 ]]> fine\x00" // ends CDATA, and no XML may hold it
	var read readJUnit
	if err := xml.Unmarshal([]byte(rendered(t, WriteJUnit, run)), &read); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, s := range read.Suites {
		found = append(found, fmt.Sprintf("%s: %d tests, %d failures, %d errors, %d skipped", s.Name, s.Tests, s.Failures, s.Errors, s.Skipped))
		for _, c := range s.Cases {
			line := fmt.Sprintf("  %s %s %s:%d %s", c.Name, c.Class, c.File, c.Line, c.Time)
			for kind, r := range map[string]*readResult{"failure": c.Failure, "error": c.Error, "skipped": c.Skipped} {
				if r != nil {
					line += fmt.Sprintf(" %s %s %q", kind, r.Type, r.Message)
				}
			}
			if said, _, ok := strings.Cut(c.Out, ":"); ok {
				line += " passes with " + said
			}
			found = append(found, line)
		}
	}
	const a, b = "features/relay/a.feature", "features/relay/b.feature"
	want := []string{
		"Chapter 1.2: 6 tests, 3 failures, 0 errors, 1 skipped",
		"  LIM-A/passes relayspec.LIM-A " + a + ":7 1.000",
		"  LIM-A/fails relayspec.LIM-A " + a + `:12 0.000 failure FAIL "wanted 550 5.4.5, got 250 ]]> fine\\x00"`,
		"  LIM-A/listed relayspec.LIM-A " + b + `:60 0.020 skipped XFAIL "XFAIL: FAIL with 2xx: it is so for long https://relay.example/7 until 2027-01-31"`,
		"  LIM-A/changed relayspec.LIM-A " + b + `:65 0.020 failure FAIL "wanted 452 4.5.3 or 250, got 550 5.5.3 <b>|` + "`@here`" + `|</b>. CHANGED: the baseline says FAIL with 2xx: it is so for long https://relay.example/7 until 2027-01-31"`,
		"  LIM-A/stale relayspec.LIM-A " + b + `:70 0.020 failure XPASS "the baseline says FAIL with 2xx: it is so for long https://relay.example/7 until 2027-01-31, but it is PASS now: take the entry out"`,
		"  LIM-A/flaky relayspec.LIM-A " + b + ":75 0.020 passes with FLAKY",
		"Chapter 1.3: 7 tests, 0 failures, 2 errors, 3 skipped",
		"  LIM-B/errs relayspec.LIM-B " + a + `:20 0.000 error ERROR "connection refused at line two"`,
		"  LIM-B/lacks relayspec.LIM-B " + a + `:25 0.000 skipped UNPROVISIONABLE "UNPROVISIONABLE(clock)"`,
		"  LIM-B/misses relayspec.LIM-B " + b + ":30 0.020 passes with NONSTRICT",
		"  LIM-E/notes relayspec.LIM-E " + b + ":35 0.020 passes with NOTE",
		"  LIM-C/lacks-a-suffix relayspec.LIM-C " + b + `:40 0.020 skipped UNSUPPORTED "UNSUPPORTED(helo-suffix)"`,
		"  LIM-C/unwanted relayspec.LIM-C " + b + `:45 0.020 skipped DISABLED "DISABLED(by the user)"`,
		"  LIM-C/late relayspec.LIM-C " + b + `:50 0.000 error NOT RUN "not run: interrupted"`,
		"the baseline: 2 tests, 2 failures, 0 errors, 0 skipped",
		`  LIM-Z/* relayspec.baseline baseline.yaml:11 0.000 failure STALE "baseline.yaml:11: no case is called so"`,
		`  LIM-Y/* relayspec.baseline baseline.yaml:13 0.000 failure EXPIRED "baseline.yaml:13: its last day was"`,
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("suites (-want +got):\n%s", diff)
	}
	if read.Tests != 15 || read.Failures != 5 || read.Errors != 2 {
		t.Errorf("%d tests, %d failures, %d errors in all", read.Tests, read.Failures, read.Errors)
	}
	body := read.Suites[0].Cases[1].Failure.Body
	for _, want := range []string{"step       Then the relay refuses it", "wanted     550 5.4.5", `got        250 ]]> fine\x00`, ">> +0.012000 S: 250 reply m"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
}

func TestWriteJUnitSaysWhyARunWasNotMade(t *testing.T) {
	var read readJUnit
	run := &Run{Schema: SchemaName, Trouble: "open the target: no more ports", Overall: Inconclusive, Totals: Count(nil, nil, nil)}
	if err := xml.Unmarshal([]byte(rendered(t, WriteJUnit, run)), &read); err != nil {
		t.Fatal(err)
	}
	if read.Errors != 1 || len(read.Suites) != 1 || read.Suites[0].Cases[0].Error.Message != run.Trouble {
		t.Errorf("%+v", read)
	}
}

func TestClassNamesHaveNoPackageButOurs(t *testing.T) {
	if got := className("RFC5321-4.1.1.4/nested-mail"); got != "relayspec.RFC5321-4-1-1-4/nested-mail" {
		t.Error(got)
	}
	run := &Run{Rules: []Rule{{ID: "RFC5321-4.1.1.4/nested-mail", Chapter: "RFC5321"}}, NotRun: []NotRun{{ID: "RFC5321-4.1.1.4/nested-mail/late"}}}
	if got := chapters(run); len(got) != 1 || got[0].title() != "RFC5321" || len(got[0].NotRun) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestBadge(t *testing.T) {
	must := RuleTotals{All: 55, Judged: 55, Passed: 55}
	rules := []Rule{{Verdict: Fail}, {Verdict: NonStrict}, {Verdict: Fail}, {Verdict: Fail}}
	for name, test := range map[string]struct {
		overall Overall
		must    RuleTotals
		rules   []Rule
		want    badge
	}{
		"conformant":   {Conformant, must, nil, badge{1, "relayspec", "55/55 must", "brightgreen", false}},
		"deviating":    {Deviating, must, rules[1:2], badge{1, "relayspec", "55/55 must, 1 should missed", "green", false}},
		"partial":      {Partial, RuleTotals{All: 55, Judged: 40, Passed: 40}, nil, badge{1, "relayspec", "40/55 must, 15 not judged", "yellow", false}},
		"one fails":    {NonConformant, must, rules[:1], badge{1, "relayspec", "non-conformant, 1 must rule fails", "red", true}},
		"three fail":   {NonConformant, must, rules, badge{1, "relayspec", "non-conformant, 3 must rules fail", "red", true}},
		"inconclusive": {Inconclusive, RuleTotals{}, nil, badge{1, "relayspec", "inconclusive", "lightgrey", true}},
	} {
		t.Run(name, func(t *testing.T) {
			run := &Run{Overall: test.overall, Rules: test.rules, Totals: Totals{Must: test.must}}
			var got badge
			if err := json.Unmarshal([]byte(rendered(t, WriteBadge, run)), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("badge (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriteAnnotations(t *testing.T) {
	run := everything()
	run.Cases[1].Want = "a,b: 100 %\r\nor less"
	got := rendered(t, WriteAnnotations, run)
	const a, b, listed = "features/relay/a.feature", "features/relay/b.feature", "FAIL with 2xx: it is so for long https://relay.example/7 until 2027-01-31"
	want := []string{
		"::error file=baseline.yaml,line=11,title=baseline stale::LIM-Z/*: no case is called so",
		"::error file=baseline.yaml,line=13,title=baseline expired::LIM-Y/*: its last day was",
		"::error file=" + a + ",line=12,title=FAIL LIM-A/fails::Ten are taken: wanted a,b: 100 %25 or less, got 250 fine\\x1b[2J",
		"::error file=" + b + ",line=65,title=FAIL%2C CHANGED LIM-A/changed::The rule of LIM-A/changed: wanted 452 4.5.3 or 250, got 550 5.5.3 <b>|`@here`|</b>. CHANGED: the baseline says " + listed,
		"::error file=" + b + ",line=70,title=XPASS LIM-A/stale::The rule of LIM-A/stale: the baseline says " + listed + ", but it is PASS now: take the entry out",
		"::error file=" + a + ",line=20,title=ERROR LIM-B/errs::Nine: connection refused at line two",
		"::warning file=" + b + ",line=30,title=NONSTRICT LIM-B/misses::The rule of LIM-B/misses: wanted 452 4.5.3 or 250, got 550 5.5.3 <b>|`@here`|</b>",
		"::warning file=" + b + ",line=75,title=FLAKY LIM-A/flaky::The rule of LIM-A/flaky: wanted 452 4.5.3 or 250, got 550 5.5.3 <b>|`@here`|</b>",
		"::notice title=relayspec::other is non-conformant; gate: not satisfied (exit 1): 1 case CHANGED; 1 entry is stale",
		"",
	}
	if diff := cmp.Diff(want, strings.Split(got, "\n")); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	run = long(25)
	run.Trouble = "one\ntwo"
	got = rendered(t, WriteAnnotations, run)
	if n := strings.Count(got, "::error "); n != 10 || !strings.Contains(got, "::and 23 more: see the report") || !strings.Contains(got, "one%0Atwo") {
		t.Errorf("%d errors in\n%s", n, got)
	}
}

func TestWriteTextTellsOfTheBaselineAndTheGate(t *testing.T) {
	got := rendered(t, func(w io.Writer, run *Run) error { return WriteText(w, run, TextOptions{}) }, everything())
	for _, want := range []string{
		"only LIM-*, without */unwanted, shard 2/3\n",
		"  FAIL      LIM-A  Ten are taken [flaky: a case of it held only when it was run again]\n",
		"\nFAIL, CHANGED LIM-A/changed\n", "\nXPASS LIM-A/stale\n", "\nFLAKY LIM-A/flaky\n",
		"\nXFAIL LIM-A/listed\n  step       Then it should\n", "  baseline   FAIL with 2xx: it is so\n             for long\n",
		"  runs       2\n", "1 XFAIL",
		"\nBaseline baseline.yaml: 6 entries: 1 as expected, 1 changed, 2 stale, 1 expired, 1 not told of\n",
		"  stale    baseline.yaml:9 LIM-A/stale: it holds now\n",
		"\nGate     not satisfied (exit 1)\n         1 case CHANGED\n         1 entry is stale\nOverall  non-conformant\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

func TestThePageAndTheSummaryTellOfTheBaselineAndTheGate(t *testing.T) {
	for name, wants := range map[string][]string{
		"report.html": {"What is wrong with the baseline", `<span class="v fail">CHANGED</span>`, "not satisfied</strong>", "<li>1 case CHANGED</li>", `class="v xfail"`,
			"baseline.yaml:11", "flaky: a case of it", "<dt>Runs</dt><dd>2</dd>"},
		"summary.md": {"| ERROR | XFAIL | XPASS | FLAKY | Held back | Not run |\n", "- **Gate:** not satisfied (exit 1)\n  - `1 case CHANGED`\n", "FAIL, CHANGED `LIM-A/changed`",
			"- **Baseline:** `baseline.yaml`, 6 entries", "### Expected: as the baseline says", "  - **stale** `baseline.yaml:11` `LIM-Z/*`"},
	} {
		got := rendered(t, formats()[name], everything())
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is missing", name, want)
			}
		}
	}
}

func TestWriteCucumber(t *testing.T) {
	var features []cucumberFeature
	out := rendered(t, WriteCucumber, everything())
	if err := json.Unmarshal([]byte(out), &features); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range features {
		found = append(found, fmt.Sprintf("%s:%d %s", f.URI, f.Line, f.Name))
		for _, e := range f.Elements {
			line := fmt.Sprintf("  %d %s %s", e.Line, e.ID, e.Tags[len(e.Tags)-1].Name)
			for _, s := range e.Steps {
				line += fmt.Sprintf(" %s:%d", s.Result.Status, len(s.Embeddings))
			}
			found = append(found, line)
		}
	}
	want := []string{
		"features/relay/a.feature:3 Limits",
		"  7 LIM-A/passes @PASS passed:0 passed:0 passed:0",
		"  12 LIM-A/fails @FAIL passed:0 failed:2 skipped:0",
		"  20 LIM-B/errs @ERROR passed:0 failed:1 skipped:0",
		"  25 LIM-B/lacks @UNPROVISIONABLE skipped:1 skipped:0 skipped:0",
		"features/relay/b.feature:2 More",
		"  30 LIM-B/misses @NONSTRICT passed:0 passed:2 skipped:0",
		"  35 LIM-E/notes @NOTE passed:0 passed:2 skipped:0",
		"  40 LIM-C/lacks-a-suffix @UNSUPPORTED skipped:1 skipped:0 skipped:0",
		"  45 LIM-C/unwanted @DISABLED skipped:1 skipped:0 skipped:0",
		"  50 LIM-C/late @NOTRUN skipped:1",
		"  60 LIM-A/listed @XFAIL passed:0 skipped:2 skipped:0",
		"  65 LIM-A/changed @FAIL passed:0 failed:1 skipped:0",
		"  70 LIM-A/stale @XPASS passed:0 passed:0 failed:1",
		"  75 LIM-A/flaky @FLAKY passed:0 passed:0 passed:2",
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("features (-want +got):\n%s", diff)
	}
	failed := features[0].Elements[1].Steps[1]
	if diff := cmp.Diff([]cucumberRow{{[]string{"name", "value"}}, {[]string{"tls", "on"}}}, failed.Arguments[0].Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if failed.Result.Error != "FAIL\n\nwanted: 550 5.4.5\ngot:    250 fine\\x1b[2J" {
		t.Errorf("error %q", failed.Result.Error)
	}
	said := unembedded(t, out)
	for _, want := range []string{">> +0.012000 S: 250 reply m", "not run: interrupted", "UNSUPPORTED(helo-suffix)"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in\n%s", want, said)
		}
	}
}

// long is a run with n cases that failed.
func long(n int) *Run {
	run := everything()
	failed := run.Cases[1]
	for i := range n {
		failed.ID = fmt.Sprintf("LIM-A/fails-%d", i)
		run.Cases = append(run.Cases, failed)
	}
	run.Totals = Count(run.Cases, run.Rules, run.NotRun)
	return run
}

func TestWriteMarkdownIsCutWhereAStepSummaryEnds(t *testing.T) {
	for limit, run := range map[int]*Run{0: long(900), 4000: everything(), 60_000: long(100), 1000: everything()} {
		var out bytes.Buffer
		if err := WriteMarkdown(&out, run, MarkdownOptions{Limit: limit}); err != nil {
			t.Fatal(err)
		}
		bound := limit
		if limit == 0 {
			bound = MaxSummary
		}
		if out.Len() > bound {
			t.Errorf("limit %d: %d octets", limit, out.Len())
		}
		if !strings.Contains(out.String(), "**Cut here:** ") {
			t.Errorf("limit %d: nothing says that it was cut:\n%.2000s", limit, out.String())
		}
		for _, pair := range [][2]string{{"<details>", "</details>"}, {"<summary>", "</summary>"}} {
			if strings.Count(out.String(), pair[0]) != strings.Count(out.String(), pair[1]) {
				t.Errorf("limit %d: a %s is left open", limit, pair[0])
			}
		}
	}
	var out bytes.Buffer
	if err := WriteMarkdown(&out, everything(), MarkdownOptions{}); err != nil || strings.Contains(out.String(), "Cut here") {
		t.Errorf("a short report is cut, error %v", err)
	}
}

func TestAppendSummaryKeepsWhatStandsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.md")
	const before = "what an earlier command said\n"
	if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := AppendSummary(path, everything()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(got, []byte(before)) || bytes.Count(got, []byte("SMTP relay conformance: non-conformant")) != 2 {
		t.Errorf("%.300s", got)
	}

	full := bytes.Repeat([]byte("x"), MaxSummary-4000)
	if err := os.WriteFile(path, full, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := AppendSummary(path, everything()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > MaxSummary || info.Size() == int64(len(full)) {
		t.Errorf("%d octets, error %v", info.Size(), err)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), MaxSummary), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := AppendSummary(path, everything()); err == nil || !strings.Contains(err.Error(), "a step summary holds") {
		t.Errorf("error %v", err)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "page.html"), filepath.Join(dir, "link.html")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for range 2 { // once where nothing is, once where something is
		if err := os.WriteFile(target, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(link, everything(), WriteHTML); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if got := readAll(t, dir)["page.html"]; !strings.HasPrefix(got, "<!DOCTYPE html>") {
		t.Errorf("%.100q", got)
	}
	for path, want := range map[string]string{dir: "it is a directory", filepath.Join(dir, "absent", "x"): "no such file"} {
		if err := WriteFile(path, everything(), WriteHTML); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", path, err)
		}
		if err := CheckFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("check %s: error %v", path, err)
		}
	}
	if err := CheckFile(filepath.Join(dir, "new.html")); err != nil {
		t.Error(err)
	}
	if left := files(t, dir); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWriteFileWritesToAPipeAndLeavesItOne(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	if err := CheckFile(pipe); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		data, _ := os.ReadFile(pipe) // an error leaves the text empty
		read <- string(data)
	}()
	if err := WriteFile(pipe, everything(), WriteBadge); err != nil {
		t.Fatal(err)
	}
	if got := <-read; !strings.Contains(got, "schemaVersion") {
		t.Errorf("%q came through", got)
	}
	if info, err := os.Stat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe is gone: %v, %v", info, err)
	}
}
