package sender

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/relayspec/relayspec/reports"
)

// Column is a sender's run with a short name.
type Column struct {
	Name string
	Run  *reports.Run
}

// WriteTable writes runs side by side: a line a rule, a column a sender, and what the signs mean. A rule that is about
// another server has no sign.
func WriteTable(w io.Writer, columns []Column) error {
	out := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprint(out, "rule\tlevel")
	for _, c := range columns {
		fmt.Fprintf(out, "\t%s", c.Name)
	}
	fmt.Fprintln(out)
	for _, row := range rowsOf(columns) {
		fmt.Fprintf(out, "%s\t%s", row.rule.ID, row.rule.Level)
		for _, sign := range row.signs {
			fmt.Fprintf(out, "\t%s", sign)
		}
		fmt.Fprintln(out)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", legend)
	return err
}

const legend = `+ holds; FAIL, miss (a should), note: it doesn't, and in parentheses where the baseline lists it with a reason; ? nobody
could tell; ~ not judged, what it rests on is lacking or assumed; empty: a rule of another server`

// row is a rule in all columns.
type row struct {
	rule  reports.Rule
	signs []string
}

// rowsOf gives the rules of all runs in the order of the document; an RFC's come behind.
func rowsOf(columns []Column) []row {
	var rows []row
	for at, c := range columns {
		for _, r := range c.Run.Rules {
			i := slices.IndexFunc(rows, func(row row) bool { return row.rule.ID == r.ID })
			if i < 0 {
				i = len(rows)
				rows = append(rows, row{r, make([]string, len(columns))})
			}
			rows[i].signs[at] = sign(r)
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(lineOf(a.rule), lineOf(b.rule)) })
	return rows
}

// lineOf is the first line of the document that a rule is of: "L54, L131" is 54.
func lineOf(r reports.Rule) int {
	line, ok := strings.CutPrefix(r.Line, "L")
	if !ok {
		return math.MaxInt // an RFC's
	}
	digits := strings.IndexFunc(line, func(c rune) bool { return c < '0' || c > '9' })
	if digits >= 0 {
		line = line[:digits]
	}
	n, err := strconv.Atoi(line)
	if err != nil {
		return math.MaxInt
	}
	return n
}

// sign is what became of a rule, in a word.
func sign(r reports.Rule) string {
	word := map[reports.Verdict]string{
		reports.Pass: "+", reports.Fail: "FAIL", reports.NonStrict: "miss", reports.Noted: "note", reports.Error: "?", "": "~",
	}[r.Verdict]
	if r.Listed && word != "+" && word != "~" {
		word = "(" + word + ")"
	}
	if word == "" {
		word = strings.ToLower(string(r.Verdict))
	}
	return word
}
