package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteMatrixMarkdown writes m for the step summary of a CI: the counts of each target, and the rules that must hold and
// that some target fails. No text can become markup, a mention or a link.
func WriteMatrixMarkdown(w io.Writer, m *Matrix) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## SMTP relay conformance of %s\n\n", plural(len(m.Columns), "target"))
	m.markdownTargets(&b)
	m.markdownFailed(&b)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the matrix as Markdown: %w", err)
	}
	return nil
}

func (m *Matrix) markdownTargets(b *strings.Builder) {
	b.WriteString("| Target | Overall | Must | Should | Rules | Cases run |\n| :-- | :-- | --: | --: | :-- | --: |\n")
	for _, c := range m.Columns {
		fmt.Fprintf(b, "| %s | %s %s | %s | %s | %s | %d/%d |\n", escaped(clipped(c.Title)), overallSign(c.Overall), c.Overall,
			ratio(c.Totals.Must), ratio(c.Totals.Should), escaped(c.counts()), c.Totals.Ran, c.Totals.Chosen)
	}
	b.WriteString("\nMust and Should: rules that passed, of all.\n\n")
}

// markdownFailed writes a table of the must rules that some target fails; a target without any is no column.
func (m *Matrix) markdownFailed(b *strings.Builder) {
	var columns []int
	var rows []MatrixRow
	for _, row := range m.Rows {
		if row.Level == Must && slices.ContainsFunc(row.Cells, MatrixCell.fails) {
			rows = append(rows, row)
		}
	}
	for i := range m.Columns {
		if slices.ContainsFunc(rows, func(row MatrixRow) bool { return row.Cells[i].fails() }) {
			columns = append(columns, i)
		}
	}
	if len(rows) == 0 {
		b.WriteString("No target fails a rule that must hold.\n")
		return
	}
	fmt.Fprintf(b, "### %s that must hold and that some target fails\n\n| Rule | What it says |", plural(len(rows), "rule"))
	for _, i := range columns {
		fmt.Fprintf(b, " %s |", escaped(clipped(m.Columns[i].Title)))
	}
	b.WriteString("\n| :-- | :-- |" + strings.Repeat(" :-- |", len(columns)) + "\n")
	for _, row := range rows {
		fmt.Fprintf(b, "| %s | %s |", escaped(row.ID), escaped(clipped(row.Sentence)))
		for _, i := range columns {
			fmt.Fprintf(b, " %s |", row.Cells[i].markdown())
		}
		b.WriteString("\n")
	}
}

// fails tells whether the rule doesn't hold, expected or not.
func (c MatrixCell) fails() bool {
	return c.Verdict == Fail || c.Verdict == XFail
}

func (c MatrixCell) markdown() string {
	if c.Verdict == "" {
		return "– not judged"
	}
	return fmt.Sprintf("%s %s %d/%d", verdictSign(c.Verdict), c.Verdict, c.Passed, c.Ran)
}
