package yamlfile

import (
	"fmt"
	"strings"
)

// Fault is something that is wrong in a file, or isn't so of what it describes: where it is said, and what to write instead.
type Fault struct {
	File         string
	Line, Column int // from 1; 0: the file as a whole
	Text         string
}

func (f Fault) Error() string {
	if f.Line == 0 {
		return f.File + ": " + f.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Text)
}

// Faults are all faults of a file, in the order of their places.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].Error()
	}
	return strings.Join(lines, "\n")
}

// nearest gives the word of known that is closest to word, "" when none is close: at most a third of it differs.
func nearest(word string, known []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := Distance(strings.ToLower(word), k); d < least {
			best, least = k, d
		}
	}
	return best
}

// Instead says what to write in the place of an unknown word: the one of known that is near to it, or one of them all.
func Instead(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "write one of " + strings.Join(known, ", ")
}

// Distance is Levenshtein's, in octets: how many have to be put in, left out or changed to make b of a.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
