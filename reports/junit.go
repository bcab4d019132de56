package reports

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The elements of JUnit XML, as Jenkins reads them. Beyond its schema are the attributes file and line of a testcase and
// message of skipped, which the viewers of forges take.
type (
	junitRun struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Time     string   `xml:"time,attr"`
		Suites   []junitSuite
	}
	junitSuite struct {
		XMLName    xml.Name        `xml:"testsuite"`
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		XMLName   xml.Name     `xml:"testcase"`
		Name      string       `xml:"name,attr"`
		ClassName string       `xml:"classname,attr"`
		Time      string       `xml:"time,attr"`
		File      string       `xml:"file,attr,omitempty"`
		Line      int          `xml:"line,attr,omitempty"`
		Skipped   *junitResult `xml:"skipped"`
		Error     *junitResult `xml:"error"`
		Failure   *junitResult `xml:"failure"`
		Out       *junitText   `xml:"system-out"`
	}
	junitResult struct {
		Type    string `xml:"type,attr,omitempty"`
		Message string `xml:"message,attr"`
		Body    string `xml:",cdata"`
	}
	junitText struct {
		Text string `xml:",cdata"`
	}
)

// WriteJUnit writes run as JUnit XML: a testsuite a chapter, a testcase a case.
//
// FAIL and XPASS are failures, ERROR is an error; UNSUPPORTED, UNPROVISIONABLE, DISABLED and XFAIL are skipped; NONSTRICT,
// NOTE and FLAKY pass, and their system-out says what was missed. An entry of the baseline that is stale or expired, and
// of which no case tells it, is a failure of its own. A case that wasn't run is an error: nobody could tell, and a viewer that saw only
// skips would call an interrupted run green. So is what kept the whole run from being made. Credentials are left out.
func WriteJUnit(w io.Writer, run *Run) error {
	run = shown(run)
	out := junitRun{Name: strings.TrimSpace("relayspec " + run.Target.Name), Time: junitTime(run.Duration)}
	lines := documentLines(run)
	for _, c := range chapters(run) {
		if len(c.Cases)+len(c.NotRun) > 0 {
			out.add(junitChapter(run, c, lines))
		}
	}
	if s := newSuite(run, "the baseline"); s.astray(run) {
		out.add(s)
	}
	if run.Trouble != "" {
		s := newSuite(run, "the run")
		s.add(junitCase{
			Name: "the run comes to its end", ClassName: "relayspec.run", Time: junitTime(run.Duration),
			Error: &junitResult{Type: string(Error), Message: oneLine(run.Trouble), Body: run.Trouble},
		})
		out.add(s)
	}
	var text bytes.Buffer
	text.WriteString(xml.Header)
	encoder := xml.NewEncoder(&text)
	encoder.Indent("", "  ")
	err := encoder.Encode(out)
	if err == nil {
		text.WriteByte('\n')
		_, err = w.Write(text.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	return nil
}

func (r *junitRun) add(s junitSuite) {
	r.Tests, r.Failures, r.Errors = r.Tests+s.Tests, r.Failures+s.Failures, r.Errors+s.Errors
	r.Suites = append(r.Suites, s)
}

func newSuite(run *Run, name string) junitSuite {
	s := junitSuite{Name: name, Time: junitTime(0), Timestamp: run.Started.UTC().Format("2006-01-02T15:04:05")}
	property := func(name, value string) {
		if value != "" {
			s.Properties = append(s.Properties, junitProperty{name, value})
		}
	}
	property("target", run.Target.Name)
	property("target.version", run.Target.Version)
	property("driver", run.Target.Driver)
	property("volume", run.Volume)
	property("selection", run.Selection)
	property("tool", run.Tool.Name+" "+run.Tool.Version)
	property("overall", string(run.Overall))
	if run.Shard != nil {
		property("shard", run.Shard.String())
	}
	if run.Gate != nil {
		property("gate", run.Gate.String())
	}
	return s
}

// add adds c and counts it.
func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// astray adds the entries of the baseline that are wrong and that no case tells of; it tells whether there are any.
func (s *junitSuite) astray(run *Run) bool {
	for _, e := range untoldEntries(run) {
		place := run.Baseline.place(e)
		s.add(junitCase{
			Name: e.ID, ClassName: "relayspec.baseline", Time: junitTime(0), File: run.Baseline.File, Line: e.Line,
			Failure: &junitResult{strings.ToUpper(string(e.State)), oneLine(place + ": " + e.Text), place + ": " + e.Text},
		})
	}
	return s.Tests > 0
}

func junitChapter(run *Run, c chapter, lines map[string]string) junitSuite {
	s := newSuite(run, c.title())
	total := time.Duration(0)
	for _, ended := range c.Cases {
		total += ended.Duration
		s.add(junitEnded(ended, lines[ended.Rules[0]]))
	}
	for _, n := range c.NotRun {
		s.add(junitCase{
			Name: n.ID, ClassName: className(ruleOf(run, n.ID)), Time: junitTime(0), File: n.Feature, Line: n.Line,
			Error: &junitResult{Type: "NOT RUN", Message: "not run: " + n.Reason, Body: "not run: " + n.Reason},
		})
	}
	s.Time = junitTime(total)
	return s
}

func junitEnded(c Case, documentLine string) junitCase {
	out := junitCase{Name: c.ID, ClassName: className(c.Rules[0]), Time: junitTime(c.Duration), File: c.Feature, Line: c.Line}
	switch c.Verdict {
	case Pass:
	case Fail, XPass:
		out.Failure = &junitResult{string(c.Verdict), complaint(c), aboutCase(c, documentLine)}
	case Error:
		out.Error = &junitResult{string(c.Verdict), oneLine(c.Reason), aboutCase(c, documentLine)}
	case NonStrict, Noted, Flaky:
		out.Out = &junitText{fmt.Sprintf("%s: %s. %s\n\n%s", said(c), complaint(c), passesBecause(c.Verdict), aboutCase(c, documentLine))}
	case XFail:
		out.Skipped = &junitResult{string(c.Verdict), oneLine(string(c.Verdict) + ": " + expectation(c)), aboutCase(c, documentLine)}
	default:
		out.Skipped = &junitResult{string(c.Verdict), fmt.Sprintf("%s(%s)", c.Verdict, c.Reason), c.Rule}
	}
	return out
}

// passesBecause says why a verdict that isn't PASS fails nothing.
func passesBecause(v Verdict) string {
	switch v {
	case NonStrict:
		return "The rule should hold but needn't: this is a deviation and no failure."
	case Flaky:
		return "It held when it was run again: nobody knows why it didn't at first."
	}
	return "This is information: nothing binds a relay to it."
}

// className gives rule in a package of ours. Viewers take what stands before the last full stop for the package, so the
// rule has none of its own.
func className(rule string) string { return "relayspec." + strings.ReplaceAll(rule, ".", "-") }

// missed says in one line what was wanted and what came.
func missed(c Case) string { return oneLine(fmt.Sprintf("wanted %s, got %s", c.Want, c.Got)) }

// complaint says in one line what is wrong with c.
func complaint(c Case) string {
	switch {
	case c.Verdict == XPass:
		return oneLine("the baseline says " + expectation(c) + ", but it is " + string(c.Found) + " now: take the entry out")
	case c.Changed():
		return missed(c) + oneLine(". CHANGED: the baseline says "+expectation(c))
	case c.Want == "" && c.Reason != "":
		return oneLine(c.Reason)
	}
	return missed(c)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// aboutCase is what the text report says of c, not indented.
func aboutCase(c Case, documentLine string) string {
	var out bytes.Buffer
	t := &text{Writer: bufio.NewWriter(&out)}
	t.about(c, documentLine)
	t.Flush() // a bytes.Buffer takes all
	return strings.ReplaceAll(strings.TrimPrefix(out.String(), "  "), "\n  ", "\n")
}

// junitTime gives d in seconds with three digits behind the point.
func junitTime(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
