package reference

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxBuckets bounds the peers that have a bucket; past it those that are full again are forgotten.
const maxBuckets = 10_000

// buckets are the token buckets of peers that introduce themselves with a name of one label.
// Source: relay-rules 2.21: real relays refuse these names sometimes; a bucket is our reading of it.
type buckets struct {
	burst  int
	refill time.Duration

	mu    sync.Mutex
	peers map[netip.Addr]*rate.Limiter
}

func newBuckets(burst int, refill time.Duration) *buckets {
	return &buckets{burst: burst, refill: refill, peers: make(map[netip.Addr]*rate.Limiter)}
}

// take takes a token of peer's bucket, and tells whether there was one.
func (b *buckets) take(peer netip.Addr, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok := b.peers[peer]
	if !ok {
		b.forget(now)
		l = rate.NewLimiter(rate.Every(b.refill), b.burst)
		b.peers[peer] = l
	}
	return l.AllowN(now, 1)
}

// forget makes room: full buckets go; where none is full, all go, for a flood of peers must not grow the map.
func (b *buckets) forget(now time.Time) {
	if len(b.peers) < maxBuckets {
		return
	}
	for peer, l := range b.peers {
		if l.TokensAt(now) >= float64(b.burst) {
			delete(b.peers, peer)
		}
	}
	if len(b.peers) >= maxBuckets {
		clear(b.peers)
	}
}
