package loadgen

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Line is one figure of a Table.
type Line struct {
	Name   string
	Unit   string // of the figure; "x": a ratio
	Figure Summary
	Target Target
	Note   string // information: absolute figures, what was left out
}

// Table gathers lines for a person to read. The zero Table is empty.
type Table struct {
	rows []row
}

// row is a line, or words in place of one.
type row struct {
	line  Line
	words string
}

// Add appends a line.
func (t *Table) Add(l Line) { t.rows = append(t.rows, row{line: l}) }

// Say appends words in place of a line, such as why it was left out.
func (t *Table) Say(words string) { t.rows = append(t.rows, row{words: words}) }

// Count tells how many lines got a verdict.
func (t *Table) Count(v Verdict) int {
	n := 0
	for _, r := range t.rows {
		if r.words == "" && r.line.Target.Judge(r.line.Figure) == v {
			n++
		}
	}
	return n
}

// Write writes the table, its last line the count of the verdicts. Error: that of w.
func (t *Table) Write(w io.Writer) error {
	aligned := t.align()
	out := []string{aligned[0]}
	for i, next := 0, 1; i < len(t.rows); i++ {
		if t.rows[i].words != "" {
			out = append(out, t.rows[i].words)
			continue
		}
		out = append(out, aligned[next])
		next++
	}
	out = append(out, fmt.Sprintf("%d met, %d not met, %d undecided", t.Count(Met), t.Count(NotMet), t.Count(Undecided)))
	for _, line := range out {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return fmt.Errorf("write the table: %w", err)
		}
	}
	return nil
}

// align gives the heading and the lines, words left out: they would break the columns.
func (t *Table) align() []string {
	var text strings.Builder // never fails
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "line\tmedian\t[min-max]\t95 % bounds\ttarget\tverdict\tinformation")
	for i := range t.rows {
		if r := &t.rows[i]; r.words == "" {
			fmt.Fprintln(columns, strings.Join(r.line.cells(), "\t"))
		}
	}
	columns.Flush()
	return strings.Split(text.String(), "\n")
}

func (l *Line) cells() []string {
	s := &l.Figure
	spread, bounds := "", ""
	if s.Min < s.Max {
		spread = fmt.Sprintf("[%s-%s]", Number(s.Min), Number(s.Max))
		bounds = "none"
		if !math.IsInf(s.Upper, 0) {
			bounds = fmt.Sprintf("%s-%s", Number(s.Lower), Number(s.Upper))
		}
	}
	return []string{l.Name, Number(s.Median) + " " + l.Unit, spread, bounds, l.Target.String(), string(l.Target.Judge(*s)), l.Note}
}

// Number writes v for a person: two decimals below 10, one below 100, none above, with commas between thousands.
func Number(v float64) string {
	switch size := math.Abs(v); {
	case v == math.Trunc(v) && size < 1000, math.IsInf(v, 0), math.IsNaN(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case size < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
