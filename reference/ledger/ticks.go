package ledger

import (
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// tick counts Options.Tick since 1970.
type tick int64

// never is before every tick that a charge can have, with room to subtract from it.
const never tick = -1 << 62

// longest is the longest span of a window: stamps relative to a segment's base must fit into 31 bits.
const longest tick = 1 << 30

// scale turns times into ticks. Its value is the length of a tick.
type scale time.Duration

// at is the tick that nanos, in nanoseconds since 1970, lies in: rounded down.
func (s scale) at(nanos int64) tick { return tick(floorDiv(nanos, int64(s))) }

// span is the length of w: rounded up.
func (s scale) span(w policy.Window) tick { return tick(ceilDiv(s.length(w), int64(s))) }

// floor is the last stamp that doesn't count any more at nanos.
func (s scale) floor(nanos int64, w policy.Window) tick { return s.at(nanos) - s.span(w) }

// stamp is what a charge at nanos is filed under: it counts while stamp > floor(now). So for a sliding window it is the
// charge's own tick, and for a fixed one the first tick of the period. Source: relay-rules 2.1.
func (s scale) stamp(nanos int64, w policy.Window) tick {
	if !w.Fixed {
		return tick(ceilDiv(nanos, int64(s)))
	}
	length := s.length(w)
	end := (floorDiv(nanos, length) + 1) * length
	return tick(ceilDiv(end, int64(s))) - s.span(w)
}

// length is w's length in nanoseconds, brought into the range that ticks can tell apart.
func (s scale) length(w policy.Window) int64 {
	return min(max(int64(w.Length), 1), int64(s)*int64(longest))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func ceilDiv(a, b int64) int64 { return -floorDiv(-a, b) }
