package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/reports/transcript"
)

// tailLines is how many of a transcript's last lines a failed case shows.
const tailLines = 10

// line is a line of an excerpt: one of a transcript, or the count of those left out in its place.
type line struct {
	text    string
	marked  bool // the offending reply
	leftOut int
}

func (l line) String() string {
	if l.leftOut > 0 {
		return fmt.Sprintf("... %s left out", plural(l.leftOut, "line"))
	}
	return l.text
}

// excerpt gives the last lines of entries, and the neighbourhood of the offending reply when that lies before them.
func excerpt(entries []transcript.Entry, last int) []line {
	entries = spoken(entries)
	marked := slices.IndexFunc(entries, func(e transcript.Entry) bool { return e.Marked })
	var lines []line
	next := 0
	for i, e := range entries {
		near := marked >= 0 && i >= marked-tailLines/2 && i <= marked+1
		if !near && i < len(entries)-last {
			continue
		}
		if i > next {
			lines = append(lines, line{leftOut: i - next})
		}
		next = i + 1
		mark := e.Marked
		e.Marked = false // its own mark would stand twice
		lines = append(lines, line{text: e.String(), marked: mark})
	}
	return lines
}

// spoken gives what is for people: no calls.
func spoken(entries []transcript.Entry) []transcript.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e transcript.Entry) bool { return e.Kind == transcript.Call })
}

// plainExcerpt gives an excerpt as lines of text, the offending reply with >> in front.
func plainExcerpt(entries []transcript.Entry, last int) string {
	var b strings.Builder
	for _, l := range excerpt(entries, last) {
		mark := "  "
		if l.marked {
			mark = ">>"
		}
		fmt.Fprintf(&b, "%s %s\n", mark, l)
	}
	return b.String()
}

// clean leaves no control character in s: a hostile relay must not write to the reader's terminal, nor turn the
// direction of what stands behind it.
func clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
