package reports

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
)

//go:embed matrix.html
var matrixSource string

// WriteMatrixHTML writes m as one page that needs nothing else: no script, no picture, no font of somebody else. Its
// head and its first column stay in sight. Each cell links to the transcript of the case that decided it, where one was
// kept, or says why the rule wasn't judged.
func WriteMatrixHTML(w io.Writer, m *Matrix) error {
	funcs := pageFuncs()
	funcs["share"] = share
	page, err := template.New("matrix.html").Funcs(funcs).Parse(matrixSource)
	if err == nil {
		err = page.Execute(w, newMatrixPage(m))
	}
	if err != nil {
		return fmt.Errorf("write the matrix as HTML: %w", err)
	}
	return nil
}

// matrixPage is what the template shows.
type matrixPage struct {
	Columns  []matrixPageColumn
	Chapters []matrixPageChapter
	Width    int // columns of the table
}

type matrixPageColumn struct {
	MatrixColumn
	Counts string // the rules by verdict
	Page   string // address of the report's own page
}

type matrixPageChapter struct {
	Title string
	Rows  []MatrixRow
}

// Link is the address of the transcript that shows the verdict; "": none was kept.
func (c MatrixCell) Link() string {
	if c.Verdict == "" || len(c.Cases) == 0 {
		return ""
	}
	return c.Cases[0].Transcript
}

func newMatrixPage(m *Matrix) *matrixPage {
	p := &matrixPage{Width: 1 + len(m.Columns)}
	for _, c := range m.Columns {
		p.Columns = append(p.Columns, matrixPageColumn{c, c.counts(), escapedPath(c.Report, "report.html")})
	}
	at := map[string]int{}
	for _, row := range m.Rows {
		i, known := at[row.Chapter]
		if !known {
			i = len(p.Chapters)
			at[row.Chapter] = i
			p.Chapters = append(p.Chapters, matrixPageChapter{Title: chapter{Name: row.Chapter}.title()})
		}
		p.Chapters[i].Rows = append(p.Chapters[i].Rows, row)
	}
	return p
}

// counts says in words what the rules came to: those that are known first, in the order of their weight.
func (c *MatrixColumn) counts() string {
	var parts []string
	left := maps.Clone(c.Verdicts)
	for _, v := range verdictsInWords() {
		if n := left[v.Verdict]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v.Verdict))
		}
		delete(left, v.Verdict)
	}
	for _, v := range slices.SortedFunc(maps.Keys(left), cmp.Compare[Verdict]) {
		parts = append(parts, fmt.Sprintf("%d %s", left[v], v))
	}
	if c.NotJudged > 0 {
		parts = append(parts, fmt.Sprintf("%d not judged", c.NotJudged))
	}
	return listed(parts, "none")
}

// escapedPath gives the address of name below dir. Each part is escaped, for what a file is called is no URL.
func escapedPath(dir, name string) string {
	parts := strings.Split(path.Join(dir, name), "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	link := strings.Join(parts, "/")
	if !strings.HasPrefix(link, "/") && !strings.HasPrefix(link, ".") {
		link = "./" + link // a colon in its first part makes no scheme
	}
	return link
}
