package loadgen

import "fmt"

// Verdict is what a figure comes to beside its target.
type Verdict string

// The verdicts. Undecided means that the target lies between the bounds: run longer.
const (
	Met       Verdict = "met"
	NotMet    Verdict = "not met"
	Undecided Verdict = "undecided"
	NoTarget  Verdict = "" // there is nothing to meet
)

// Target is what a figure is to reach. The zero Target asks for nothing. Make one with AtLeast or AtMost.
type Target struct {
	sense sense
	value float64
}

type sense uint8

const (
	none sense = iota
	atLeast
	atMost
)

// AtLeast is met by figures of v and more.
func AtLeast(v float64) Target { return Target{atLeast, v} }

// AtMost is met by figures of v and less.
func AtMost(v float64) Target { return Target{atMost, v} }

// Judge goes by the bounds and never by the median: a target is met or missed when both bounds say so.
func (t Target) Judge(s Summary) Verdict {
	met, missed := s.Lower >= t.value, s.Upper < t.value
	if t.sense == atMost {
		met, missed = s.Upper <= t.value, s.Lower > t.value
	}
	switch {
	case t.sense == none:
		return NoTarget
	case met:
		return Met
	case missed:
		return NotMet
	}
	return Undecided
}

// String gives t as ">= 8", "<= 1.4" or "".
func (t Target) String() string {
	switch t.sense {
	case atLeast:
		return fmt.Sprintf(">= %v", t.value)
	case atMost:
		return fmt.Sprintf("<= %v", t.value)
	}
	return ""
}
