package reports

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// MatrixName names the form of a written matrix.
const MatrixName = "relayspec-matrix/1"

// Matrix is several runs side by side: the targets are its columns, the rules its rows.
type Matrix struct {
	Schema  string         `json:"schema"` // MatrixName
	Columns []MatrixColumn `json:"targets"`
	Rows    []MatrixRow    `json:"rules"` // in the order of the document
}

// MatrixColumn is one run.
type MatrixColumn struct {
	Title     string          `json:"title"` // unlike any other column's
	Target    Target          `json:"target"`
	Report    string          `json:"report"` // where the directory of the report is, as links go there
	Overall   Overall         `json:"overall"`
	Trouble   string          `json:"trouble,omitempty"`
	Selection string          `json:"selection,omitempty"`
	Totals    Totals          `json:"totals"`
	Verdicts  map[Verdict]int `json:"verdicts"` // rules that came to each
	NotJudged int             `json:"not_judged"`
}

// MatrixRow is one rule.
type MatrixRow struct {
	ID       string       `json:"id"`
	Chapter  string       `json:"chapter"`
	Line     string       `json:"line,omitempty"`
	Level    Level        `json:"level"`
	Sentence string       `json:"sentence,omitempty"`
	Cells    []MatrixCell `json:"cells"` // one a column
}

// MatrixCell is what a run says of a rule.
type MatrixCell struct {
	Verdict Verdict      `json:"verdict,omitempty"` // empty: not judged
	Reason  string       `json:"reason,omitempty"`  // why it wasn't judged
	Passed  int          `json:"passed"`            // of its cases
	Ran     int          `json:"ran"`
	Cases   []MatrixCase `json:"cases"` // the one that decided first
}

// MatrixCase is a case of a rule in one run.
type MatrixCase struct {
	ID         string  `json:"id"`
	Verdict    Verdict `json:"verdict"`
	Reason     string  `json:"reason,omitempty"`     // why it wasn't judged, or what came
	Transcript string  `json:"transcript,omitempty"` // where its transcript is; empty: none was kept
}

// MatrixSource is a run with the place of its report's directory, as links of the page go there: a relative path, or
// absolute; "" makes no link.
type MatrixSource struct {
	Run *Run
	Dir string
}

// NewMatrix puts runs side by side. A rule that the first run hasn't got stands behind the one that it follows in another.
// Credentials and control characters are left out.
func NewMatrix(sources []MatrixSource) *Matrix {
	m := &Matrix{Schema: MatrixName, Columns: []MatrixColumn{}, Rows: []MatrixRow{}}
	cells := map[string][]MatrixCell{} // by rule
	for i, source := range sources {
		run := shown(source.Run)
		column := MatrixColumn{
			Target: run.Target, Report: source.Dir, Overall: run.Overall, Trouble: run.Trouble, Selection: run.Selection,
			Totals: run.Totals, Verdicts: map[Verdict]int{},
		}
		cases, before := casesOf(source.Run, run, source.Dir), -1
		for _, r := range run.Rules {
			if cells[r.ID] == nil {
				cells[r.ID] = slices.Repeat([]MatrixCell{{Reason: "not in this report", Cases: []MatrixCase{}}}, len(sources))
				m.Rows = slices.Insert(m.Rows, before+1, newMatrixRow(r))
			}
			before = slices.IndexFunc(m.Rows, func(row MatrixRow) bool { return row.ID == r.ID })
			cells[r.ID][i] = newMatrixCell(r, cases[r.ID])
			column.count(r.Verdict)
		}
		m.Columns = append(m.Columns, column)
	}
	for i := range m.Rows {
		m.Rows[i].Cells = cells[m.Rows[i].ID]
	}
	m.entitle()
	return m
}

func newMatrixRow(r Rule) MatrixRow {
	return MatrixRow{ID: r.ID, Chapter: r.Chapter, Line: r.Line, Level: r.Level, Sentence: r.Sentence}
}

// count counts a rule.
func (c *MatrixColumn) count(v Verdict) {
	if v == "" {
		c.NotJudged++
		return
	}
	c.Verdicts[v]++
}

// casesOf gives the cases of each rule, as shown, with the place of their transcripts. A file is named for the case as it
// was, and as it is shown it may be called otherwise.
func casesOf(run, shown *Run, dir string) map[string][]MatrixCase {
	of := map[string][]MatrixCase{}
	for i, c := range shown.Cases {
		cell := MatrixCase{ID: c.ID, Verdict: c.Verdict, Reason: cmp.Or(c.Reason, headline(c.Got))}
		if len(c.Transcript) > 0 && dir != "" {
			cell.Transcript = escapedPath(dir, transcriptsDir+"/"+run.Cases[i].ID+".txt")
		}
		for _, rule := range c.Rules {
			of[rule] = append(of[rule], cell)
		}
	}
	for _, n := range shown.NotRun {
		rule := ruleOf(shown, n.ID)
		of[rule] = append(of[rule], MatrixCase{ID: n.ID, Reason: "not run: " + n.Reason})
	}
	return of
}

// headline is the first line of s, which may be long.
func headline(s string) string {
	line, rest, _ := strings.Cut(s, "\n")
	if rest != "" {
		line += " ..."
	}
	return clipped(line)
}

func newMatrixCell(r Rule, cases []MatrixCase) MatrixCell {
	c := MatrixCell{Verdict: r.Verdict, Reason: r.Reason, Cases: slices.Clone(cases)}
	if c.Cases == nil {
		c.Cases = []MatrixCase{}
	}
	for _, one := range cases {
		switch {
		case one.Verdict == Pass:
			c.Passed, c.Ran = c.Passed+1, c.Ran+1
		case one.Verdict.Ran():
			c.Ran++
		}
	}
	if r.Verdict != "" {
		c.Reason = ""
	} else if c.Reason == "" {
		c.Reason = "not judged"
	}
	slices.SortStableFunc(c.Cases, func(a, b MatrixCase) int { return decides(b, r.Verdict) - decides(a, r.Verdict) })
	return c
}

// decides tells how much c shows of a rule's verdict: one of the same verdict with its transcript the most.
func decides(c MatrixCase, verdict Verdict) int {
	n := 0
	if c.Verdict == verdict && verdict != "" {
		n += 2
	}
	if c.Transcript != "" {
		n++
	}
	return n
}

// entitle gives each column a title of its own: the target's name and version; where several have the same one, what first
// tells them apart: the driver, the directory of the report, or a number.
func (m *Matrix) entitle() {
	alike := map[string][]int{}
	for i := range m.Columns {
		c := &m.Columns[i]
		c.Title = strings.TrimSpace(orUnknown(c.Target.Name) + " " + c.Target.Version)
		alike[c.Title] = append(alike[c.Title], i)
	}
	for _, group := range alike {
		if len(group) > 1 {
			m.tellApart(group)
		}
	}
}

func (m *Matrix) tellApart(group []int) {
	for _, of := range []func(i int) string{
		func(i int) string { return "driver " + m.Columns[i].Target.Driver },
		func(i int) string { return "in " + clean(path.Base(m.Columns[i].Report)) },
		func(i int) string { return fmt.Sprintf("report %d", i+1) },
	} {
		words := map[string]bool{}
		for _, i := range group {
			words[of(i)] = true
		}
		if len(words) < len(group) {
			continue
		}
		for _, i := range group {
			m.Columns[i].Title += " (" + of(i) + ")"
		}
		return
	}
}

// WriteMatrixJSON writes m as one JSON object.
func WriteMatrixJSON(w io.Writer, m *Matrix) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(m); err != nil {
		return fmt.Errorf("write the matrix: %w", err)
	}
	return nil
}
