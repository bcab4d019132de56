package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Looks says on one line what each look showed: "declared yes, announced no, tried yes".
func (d Drift) Looks() string {
	word := func(s Seen) string { return cmp.Or(string(s), "not seen") }
	return fmt.Sprintf("declared %s, announced %s, tried %s", word(d.Declared), word(d.Advertised), word(d.Probed))
}

// String is the row as a text report has it.
func (d Drift) String() string { return fmt.Sprintf("%s: %s: %s", d.Capability, d.Looks(), d.Text) }

// drift writes a row a capability.
func (t *text) drift(rows []Drift) {
	if len(rows) > 0 {
		t.printf("\nDrift\n")
	}
	for _, d := range rows {
		t.printf("  %s\n", indented(d.String()))
	}
}

// drift writes a table.
func (m *markdown) drift() {
	if len(m.run.Drift) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString("#### Drift: what is declared, announced and seen differs\n\n| Capability | Declared | Announced | Tried | What it means |\n| :-- | :-- | :-- | :-- | :-- |\n")
	for _, d := range m.run.Drift {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", escaped(clipped(d.Capability)), d.Declared, d.Advertised, d.Probed,
			escaped(clipped(strings.ReplaceAll(d.Text, "\n", " "))))
	}
	m.add("the drift", b.String()+"\n")
}

// drift changes the texts of rows.
func (m mapping) drift(rows []Drift) []Drift {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Capability, rows[i].Text = m.line(rows[i].Capability), m.text(rows[i].Text)
	}
	return rows
}
