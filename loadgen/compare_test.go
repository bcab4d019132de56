package loadgen

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// script is a side that gives figures in turn and notes when it was asked.
func script(calls *[]string, name string, figures ...float64) Measure {
	next := 0
	return func() (float64, error) {
		*calls = append(*calls, name)
		next++
		return figures[(next-1)%len(figures)], nil
	}
}

func TestCompareTakesTurns(t *testing.T) {
	var calls []string
	r, err := Compare(4, script(&calls, "a", 10, 30, 20, 40), script(&calls, "b", 10))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "b", "b", "a", "a", "b", "b", "a"}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if r.Median != 2.5 || r.Min != 1 || r.Max != 4 || r.Rounds != 4 || r.First.Median != 25 || r.Second.Median != 10 {
		t.Errorf("got %+v", r)
	}
}

// TestCompareDividesWithinARound: a machine that slows down by half each round changes no ratio.
func TestCompareDividesWithinARound(t *testing.T) {
	speed := 2048.0
	half := func(share float64) Measure {
		asked := 0
		return func() (float64, error) {
			asked++
			return share * speed / math.Exp2(float64(asked)), nil
		}
	}
	r, err := Compare(9, half(3), half(1))
	if err != nil || r.Min != 3 || r.Max != 3 || r.Lower != 3 || r.Upper != 3 {
		t.Errorf("got %+v, %v; want 3 throughout", r, err)
	}
}

func TestCompareErrors(t *testing.T) {
	broken := errors.New("broken")
	var calls []string
	fine := script(&calls, "fine", 1)
	fails := func() (float64, error) { return 0, broken }
	gives := func(v float64) Measure { return func() (float64, error) { return v, nil } }
	for _, c := range []struct {
		name          string
		rounds        int
		first, second Measure
		want          string
	}{
		{"no rounds", 0, fine, fine, "0 rounds"},
		{"too many rounds", 1001, fine, fine, "1001 rounds"},
		{"first fails", 9, fails, fine, "round 1: the first side: broken"},
		{"second fails", 9, fine, fails, "round 1: the second side: broken"},
		{"zero", 9, fine, gives(0), "the second side gave 0"},
		{"negative", 9, gives(-1), fine, "the first side gave -1"},
		{"not a number", 9, gives(math.NaN()), fine, "the first side gave NaN"},
		{"infinite", 9, fine, gives(math.Inf(1)), "the second side gave +Inf"},
	} {
		_, err := Compare(c.rounds, c.first, c.second)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.name, err, c.want)
		}
		if strings.Contains(c.want, "broken") && !errors.Is(err, broken) {
			t.Errorf("%s: the side's error isn't wrapped", c.name)
		}
	}
}

// TestCompareStopsAtTheFirstError: in an even round the second side begins.
func TestCompareStopsAtTheFirstError(t *testing.T) {
	asked := 0
	second := func() (float64, error) {
		if asked++; asked == 2 {
			return 0, errors.New("broken")
		}
		return 1, nil
	}
	var calls []string
	_, err := Compare(9, script(&calls, "a", 1), second)
	if err == nil || !strings.Contains(err.Error(), "round 2") || len(calls) != 1 || asked != 2 {
		t.Errorf("got %v after %d and %d calls, want round 2 after 1 and 2", err, len(calls), asked)
	}
}

// TestBoundRank goes by the published tables of the sign test.
func TestBoundRank(t *testing.T) {
	for n, want := range map[int]int{1: 0, 5: 0, 6: 1, 8: 1, 9: 2, 11: 2, 12: 3, 15: 4, 20: 6, 25: 8, 30: 10, 50: 18, 100: 40, 1000: 469} {
		if got := boundRank(n); got != want {
			t.Errorf("boundRank(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestSummarize(t *testing.T) {
	given := []float64{9, 1, 8, 2, 7, 3, 6, 4, 5}
	before := slices.Clone(given)
	want := Summary{Rounds: 9, Median: 5, Min: 1, Max: 9, Lower: 2, Upper: 8}
	if got := Summarize(given); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !slices.Equal(given, before) {
		t.Error("the figures were changed")
	}
	few := Summarize([]float64{1, 2, 3, 4, 5})
	if !math.IsInf(few.Lower, -1) || !math.IsInf(few.Upper, 1) {
		t.Errorf("5 figures have bounds: %+v", few)
	}
}

// TestBoundsCover draws figures from distributions whose median is known: the bounds must hold it in 95 % of the draws
// at least, however crooked the distribution; and, for they are no wider than they must be, not nearly always.
func TestBoundsCover(t *testing.T) {
	const draws = 10_000
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name   string
		median float64
		draw   func() float64
	}{
		{"uniform", 0.5, random.Float64},
		{"exponential", math.Ln2, random.ExpFloat64},
		{"log-normal", 1, func() float64 { return math.Exp(2 * random.NormFloat64()) }},
		{"heavy tails", 0, func() float64 { return random.NormFloat64() / random.NormFloat64() }},
	} {
		for _, n := range []int{6, 9, 11, 20, 51} {
			covered := 0
			for range draws {
				figures := make([]float64, n)
				for i := range figures {
					figures[i] = c.draw()
				}
				if s := Summarize(figures); s.Lower <= c.median && c.median <= s.Upper {
					covered++
				}
			}
			share := float64(covered) / draws // its standard deviation is 0.2 %
			if share < 0.944 || share > 0.995 {
				t.Errorf("%s, %d figures: the bounds held the median in %.1f %% of the draws", c.name, n, 100*share)
			}
		}
	}
}
