package loadgen

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	between := func(lower, upper float64) Summary {
		return Summary{Rounds: 9, Median: (lower + upper) / 2, Lower: lower, Upper: upper}
	}
	for _, c := range []struct {
		name   string
		target Target
		figure Summary
		want   Verdict
	}{
		{"lower bound at the target", AtLeast(8), between(8, 9), Met},
		{"lower bound under it, median over", AtLeast(8), between(7.9, 20), Undecided},
		{"upper bound at it", AtLeast(8), between(7, 8), Undecided},
		{"upper bound under it", AtLeast(8), between(7, 7.9), NotMet},
		{"at most: upper bound at the target", AtMost(1), between(0.5, 1), Met},
		{"at most: upper bound over it", AtMost(1), between(0.5, 1.1), Undecided},
		{"at most: lower bound at it", AtMost(1), between(1, 1.1), Undecided},
		{"at most: lower bound over it", AtMost(1), between(1.1, 1.2), NotMet},
		{"nothing allowed, nothing there", AtMost(0), Exactly(0), Met},
		{"nothing allowed, one there", AtMost(0), Exactly(1), NotMet},
		{"too few rounds", AtLeast(8), Summarize([]float64{9, 9, 9, 9, 9}), Undecided},
		{"no target", Target{}, between(1, 2), NoTarget},
	} {
		if got := c.target.Judge(c.figure); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	var table Table
	table.Add(Line{Name: "a", Unit: "x", Figure: Summarize([]float64{8, 9, 10, 11, 12, 13}), Target: AtLeast(8), Note: "1 / 2"})
	table.Add(Line{Name: "longer name", Unit: "x", Figure: Summarize([]float64{1, 2, 3}), Target: AtMost(1.4)})
	table.Say("a peer: not installed: line left out, in words that are longer than any cell")
	table.Add(Line{Name: "c", Unit: "octets", Figure: Exactly(25), Target: AtMost(24)})
	table.Add(Line{Name: "d", Unit: "ns", Figure: Exactly(1234.5)})
	var out strings.Builder
	if err := table.Write(&out); err != nil {
		t.Fatal(err)
	}
	want := `line         median     [min-max]  95 % bounds  target  verdict    information
a            10.5 x     [8-13]     8-13         >= 8    met        1 / 2
longer name  2 x        [1-3]      none         <= 1.4  undecided
a peer: not installed: line left out, in words that are longer than any cell
c            25 octets                          <= 24   not met
d            1,234 ns
1 met, 1 not met, 1 undecided
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTableError(t *testing.T) {
	var table Table
	if err := table.Write(full{}); !errors.Is(err, errFull) {
		t.Errorf("got %v, want the writer's error", err)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.956: "0.96", 9.999: "10.00", 10.04: "10.0", 99.96: "100.0", 123.4: "123",
		1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", 999999.6: "1,000,000", math.Inf(1): "+Inf",
	} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
}
