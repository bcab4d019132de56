package mailbox

import (
	"math/rand/v2"
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
	return strings.Replace(g.last.Format(timeForm), ".", "", 1) + "-" + tailText(g.tail)
}

func tailText(n uint32) string {
	var text [tailSize]byte
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = letters[n%32]
		n /= 32
	}
	return string(text[:])
}
