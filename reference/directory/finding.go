package directory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// Position is a place in a world file.
type Position struct {
	File   string // as given to Load; for New, what the finding is about: customer "acme"
	Line   int    // 1 is the first; 0: no file
	Column int    // 1 is the first
}

// String gives file:line:column.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Finding is one fault or one warning.
type Finding struct {
	Position
	Rule policy.RuleID // the documented rule behind it, empty for a matter of form
	Text string        // what is wrong; what to write instead
}

// String gives one line: place, text, rule.
func (f Finding) String() string {
	if f.Rule == "" {
		return f.Position.String() + ": " + f.Text
	}
	return fmt.Sprintf("%s: %s (%s)", f.Position, f.Text, f.Rule)
}

// Faults are all faults of a world, in the order of the file. As an error it has one line a fault.
type Faults []Finding

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].String()
	}
	return strings.Join(lines, "\n")
}

// byPlace sorts findings by line and column; those of one place keep their order.
func byPlace(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
