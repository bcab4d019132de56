package loadgen

import (
	"fmt"
	"math"
	"slices"
)

// Measure takes one figure, such as messages a second: above 0 and finite.
type Measure func() (float64, error)

// Ratio is how one side compares with another: the figures of the first over those of the second.
type Ratio struct {
	Summary         // of the ratios, one a round
	First   Summary // figures of the first side: information only
	Second  Summary // figures of the second side: information only
}

// maxRounds is up to how many rounds the bounds of a median are exact in 64-bit floats.
const maxRounds = 1000

// Compare lets both sides run in turn, once a round, and gives the ratio first to second. Every other round begins with
// the second side, so that neither always meets what the other leaves behind. At least 9 rounds are asked for where a
// verdict hangs on it, at most 1000 are taken; with fewer than 6 the ratio has no bounds.
//
// Errors: those of a side, with the round; a figure that is none. The first one ends it.
func Compare(rounds int, first, second Measure) (Ratio, error) {
	if rounds < 1 || rounds > maxRounds {
		return Ratio{}, fmt.Errorf("compare: %d rounds: give 1 to %d", rounds, maxRounds)
	}
	var ratios, firsts, seconds []float64
	for round := range rounds {
		a, b, err := takeTurns(round, first, second)
		if err != nil {
			return Ratio{}, fmt.Errorf("compare: round %d: %w", round+1, err)
		}
		ratios, firsts, seconds = append(ratios, a/b), append(firsts, a), append(seconds, b)
	}
	return Ratio{Summarize(ratios), Summarize(firsts), Summarize(seconds)}, nil
}

// takeTurns runs both sides once, in the order of the round.
func takeTurns(round int, first, second Measure) (a, b float64, err error) {
	if round%2 == 0 {
		if a, err = figure("first", first); err == nil {
			b, err = figure("second", second)
		}
		return a, b, err
	}
	if b, err = figure("second", second); err == nil {
		a, err = figure("first", first)
	}
	return a, b, err
}

func figure(side string, measure Measure) (float64, error) {
	v, err := measure()
	if err != nil {
		return 0, fmt.Errorf("the %s side: %w", side, err)
	}
	if !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("the %s side gave %v: a figure is above 0 and finite", side, v)
	}
	return v, nil
}

// Summary is what several figures of one thing come to. Lower and Upper enclose the true median with a confidence of at
// least 95 %, whatever the distribution: they are the k-th figure from below and from above, where a fair coin thrown as
// often as there are figures shows heads fewer than k times with odds of at most 2.5 % (the interval of the sign test).
// With fewer than 6 figures there are no bounds: -Inf and +Inf.
type Summary struct {
	Rounds       int
	Median       float64
	Min, Max     float64
	Lower, Upper float64
}

// Summarize sums up figures, which it leaves as they are: at least 1, at most 1000.
func Summarize(figures []float64) Summary {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	s := Summary{
		Rounds: n, Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1],
		Lower: math.Inf(-1), Upper: math.Inf(1),
	}
	if k := boundRank(n); k > 0 {
		s.Lower, s.Upper = sorted[k-1], sorted[n-k]
	}
	return s
}

// Exactly sums up a figure that doesn't vary, such as a count of octets: it is its own bounds.
func Exactly(v float64) Summary {
	return Summary{Rounds: 1, Median: v, Min: v, Max: v, Lower: v, Upper: v}
}

// boundRank is the greatest k for which n throws of a fair coin show fewer than k heads with odds of at most 2.5 %.
func boundRank(n int) int {
	odds := math.Exp2(-float64(n)) // of exactly k heads
	sum, k := odds, 0              // of at most k heads
	for sum <= 0.025 {
		k++
		odds *= float64(n-k+1) / float64(k)
		sum += odds
	}
	return k
}
