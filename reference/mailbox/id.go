package mailbox

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// An id is the time of receipt to the millisecond, in UTC, and six letters: 20260727T150405123-k3f9q2. The letters keep
// ids of one millisecond apart and in order, and those of two relays that share a directory apart.
const (
	timeForm  = "20060102T150405.000"
	letters   = "0123456789abcdefghjkmnpqrstvwxyz" // sorted; no i, l, o, u: easy to read aloud
	tailSize  = 6
	tailLimit = 1 << (5 * tailSize)
)

// ids makes ids, each higher than the one before, even when the clock goes back.
type ids struct {
	mu   sync.Mutex
	last time.Time
	tail uint32
}

func (g *ids) next(now time.Time) string {
	now = now.UTC().Truncate(time.Millisecond)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case now.After(g.last):
		g.last, g.tail = now, rand.Uint32N(tailLimit/2)
	case g.tail+1 < tailLimit:
		g.tail++
	default:
		g.last, g.tail = g.last.Add(time.Millisecond), rand.Uint32N(tailLimit/2)
	}
	return text(g.last, g.tail)
}

func text(received time.Time, tail uint32) string {
	const point = len("20060102T150405") // a time form can't do without one before the milliseconds
	var buffer [len(timeForm) + tailSize]byte
	id := received.AppendFormat(buffer[:0], timeForm)
	id = append(slices.Delete(id, point, point+1), '-')
	return string(append(id, tailText(tail)...))
}

// isWhole tells whether id has the form of one, and so is no beginning of another. It holds nothing that means something
// in a path.
func isWhole(id string) bool {
	const size = len("20060102T150405000-") + tailSize
	return len(id) == size && strings.Trim(id, letters+"T-") == "" && id[size-tailSize-1] == '-'
}

func tailText(n uint32) string {
	var text [tailSize]byte
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = letters[n%32]
		n /= 32
	}
	return string(text[:])
}
