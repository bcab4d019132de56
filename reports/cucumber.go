package reports

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The objects of Cucumber's JSON, as its JavaScript implementation writes them.
type (
	cucumberFeature struct {
		URI         string            `json:"uri"`
		ID          string            `json:"id"`
		Keyword     string            `json:"keyword"`
		Name        string            `json:"name"`
		Description string            `json:"description"`
		Line        int               `json:"line"`
		Tags        []cucumberTag     `json:"tags"`
		Elements    []cucumberElement `json:"elements"`
	}
	cucumberElement struct {
		ID          string         `json:"id"`
		Keyword     string         `json:"keyword"`
		Type        string         `json:"type"`
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Line        int            `json:"line"`
		Tags        []cucumberTag  `json:"tags"`
		Steps       []cucumberStep `json:"steps"`
	}
	cucumberTag struct {
		Name string `json:"name"`
		Line int    `json:"line"`
	}
	cucumberStep struct {
		Keyword    string              `json:"keyword"` // with a blank behind it
		Name       string              `json:"name"`
		Line       int                 `json:"line"`
		Match      cucumberMatch       `json:"match"`
		Arguments  []cucumberArgument  `json:"arguments"`
		Result     cucumberResult      `json:"result"`
		Embeddings []cucumberEmbedding `json:"embeddings,omitempty"`
	}
	cucumberMatch struct {
		Location string `json:"location"`
	}
	cucumberArgument struct {
		Rows    []cucumberRow `json:"rows,omitempty"`
		Content string        `json:"content,omitempty"`
		Line    int           `json:"line,omitempty"`
	}
	cucumberRow struct {
		Cells []string `json:"cells"`
	}
	cucumberResult struct {
		Status  StepResult `json:"status"`
		Elapsed int64      `json:"duration"` // nanoseconds
		Error   string     `json:"error_message,omitempty"`
	}
	cucumberEmbedding struct {
		MIMEType string `json:"mime_type"`
		Data     string `json:"data"` // base64
	}
)

// embeddedLines is how many of a transcript's last lines an embedding shows.
const embeddedLines = 200

// WriteCucumber writes run as Cucumber JSON, for the viewers of the Gherkin world: a feature a file, an element a case,
// its steps with what came of them. Each case carries its verdict as a tag, @NONSTRICT for instance.
//
// These viewers know no verdict but passed and failed. The step that decided a FAIL or an ERROR is failed, and so is the last
// one of an XPASS; that of a NONSTRICT, a NOTE or a FLAKY passed, and that of an XFAIL is skipped, with what was missed
// embedded in it. A case that was held back, or not run, has only skipped
// steps and the reason embedded in the first. Credentials are left out.
func WriteCucumber(w io.Writer, run *Run) error {
	run = shown(run)
	features := []cucumberFeature{}
	in := func(uri, name string, line int) *cucumberFeature {
		at := slices.IndexFunc(features, func(f cucumberFeature) bool { return f.URI == uri })
		if at < 0 {
			at = len(features)
			features = append(features, newFeature(run, uri))
		}
		if f := &features[at]; name != "" && f.Line == 1 {
			f.Name, f.Line = name, max(1, line)
		}
		return &features[at]
	}
	lines := documentLines(run)
	for _, c := range run.Cases {
		f := in(c.Feature, c.FeatureName, c.FeatureLine)
		f.Elements = append(f.Elements, cucumberCase(c, lines[c.Rules[0]]))
	}
	for _, n := range run.NotRun {
		f := in(n.Feature, "", 0)
		f.Elements = append(f.Elements, cucumberNotRun(n))
	}
	for i := range features {
		slices.SortStableFunc(features[i].Elements, func(a, b cucumberElement) int { return a.Line - b.Line })
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(features); err != nil {
		return fmt.Errorf("write the Cucumber report: %w", err)
	}
	return nil
}

func newFeature(run *Run, uri string) cucumberFeature {
	if uri == "" {
		uri = "unknown.feature" // a case that wasn't run, in a report of an older version
	}
	return cucumberFeature{
		URI: uri, ID: uri, Keyword: "Feature", Name: uri, Line: 1, Tags: []cucumberTag{},
		Description: strings.TrimSpace(run.Target.Name + " " + run.Target.Version),
	}
}

func cucumberCase(c Case, documentLine string) cucumberElement {
	e := cucumberElement{
		ID: c.ID, Keyword: "Scenario", Type: "scenario", Name: c.Name, Line: c.Line, Tags: []cucumberTag{},
		Description: fmt.Sprintf("%s: %s (%s)", c.Rules[0], c.Rule, origin(c, documentLine)),
	}
	for _, tag := range append(slices.Clone(c.Tags), "@"+string(c.Verdict)) {
		e.Tags = append(e.Tags, cucumberTag{tag, c.Line})
	}
	steps := c.Steps
	if len(steps) == 0 { // a report of an older version
		steps = []Step{{Keyword: "*", Text: c.Name, Line: c.Line, Result: resultOf(c.Verdict), Duration: c.Duration}}
	}
	decides := decider(steps)
	for i, s := range steps {
		step := newCucumberStep(c.Feature, s)
		if i == decides && c.Verdict != Pass {
			step.tell(c, documentLine)
		}
		e.Steps = append(e.Steps, step)
	}
	return e
}

// decider is the place of the step that decided: the first that didn't pass, or the last.
func decider(steps []Step) int {
	at := slices.IndexFunc(steps, func(s Step) bool { return s.Result != StepPassed })
	if at < 0 {
		return len(steps) - 1
	}
	return at
}

func resultOf(v Verdict) StepResult {
	switch v {
	case Pass, NonStrict, Noted, Flaky:
		return StepPassed
	case Fail, Error, XPass:
		return StepFailed
	}
	return StepSkipped
}

func newCucumberStep(uri string, s Step) cucumberStep {
	out := cucumberStep{
		Keyword: s.Keyword + " ", Name: s.Text, Line: max(1, s.Line),
		Match:     cucumberMatch{fmt.Sprintf("%s:%d", uri, s.Line)},
		Arguments: []cucumberArgument{},
		Result:    cucumberResult{Status: s.Result, Elapsed: int64(s.Duration)},
	}
	if s.Table != nil {
		var rows []cucumberRow
		for _, cells := range s.Table {
			rows = append(rows, cucumberRow{cells})
		}
		out.Arguments = append(out.Arguments, cucumberArgument{Rows: rows})
	}
	if s.Doc != "" {
		out.Arguments = append(out.Arguments, cucumberArgument{Content: s.Doc, Line: s.Line + 1})
	}
	return out
}

// tell says in the step that decided why c isn't a PASS.
func (s *cucumberStep) tell(c Case, documentLine string) {
	switch c.Verdict {
	case Fail:
		s.Result.Status, s.Result.Error = StepFailed, fmt.Sprintf("%s\n\nwanted: %s\ngot:    %s", said(c), c.Want, c.Got)
	case XPass:
		s.Result.Status, s.Result.Error = StepFailed, fmt.Sprintf("%s\n\n%s", c.Verdict, complaint(c))
	case Error:
		if s.Result.Status != StepUndefined {
			s.Result.Status = StepFailed
		}
		s.Result.Error = fmt.Sprintf("%s\n\n%s", c.Verdict, c.Reason)
	case NonStrict, Noted, Flaky:
		s.Result.Status = StepPassed
		s.embed(fmt.Sprintf("%s: %s. %s", said(c), complaint(c), passesBecause(c.Verdict)))
	case XFail:
		s.Result.Status = StepSkipped
		s.embed(fmt.Sprintf("%s: %s\n%s", c.Verdict, missed(c), expectation(c)))
	default:
		s.embed(fmt.Sprintf("%s(%s)", c.Verdict, c.Reason))
		return
	}
	s.embed(aboutCase(c, documentLine))
	if len(spoken(c.Transcript)) > tailLines {
		s.embed(plainExcerpt(c.Transcript, embeddedLines))
	}
}

func (s *cucumberStep) embed(text string) {
	s.Embeddings = append(s.Embeddings, cucumberEmbedding{"text/plain", base64.StdEncoding.EncodeToString([]byte(text))})
}

func cucumberNotRun(n NotRun) cucumberElement {
	name := n.Name
	if name == "" {
		name = n.ID
	}
	step := newCucumberStep(n.Feature, Step{Keyword: "*", Text: "this case is run", Line: n.Line, Result: StepSkipped})
	step.embed("not run: " + n.Reason)
	line := max(1, n.Line)
	return cucumberElement{
		ID: n.ID, Keyword: "Scenario", Type: "scenario", Name: name, Line: line, Description: "not run: " + n.Reason,
		Tags: []cucumberTag{{"@NOTRUN", line}}, Steps: []cucumberStep{step},
	}
}
