package reference

import (
	"net/netip"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// peer gives the nth of many addresses.
func peer(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

func TestABucketHoldsItsBurstAndFillsWithTime(t *testing.T) {
	b := newBuckets(2, time.Minute)
	steps := []struct {
		peer  int
		after time.Duration
		want  bool
	}{
		{1, 0, true}, {1, 0, true}, {1, 0, false},
		{2, 0, true}, // another peer, another bucket
		{1, time.Minute - time.Millisecond, false},
		{1, time.Minute, true}, {1, time.Minute, false},
		{1, time.Hour, true}, {1, time.Hour, true}, {1, time.Hour, false}, // never more than the burst
	}
	for i, s := range steps {
		if got := b.take(peer(s.peer), noon.Add(s.after)); got != s.want {
			t.Errorf("step %d: peer %d after %v: %v, want %v", i, s.peer, s.after, got, s.want)
		}
	}
}

func TestABurstOfZeroRefusesAtOnce(t *testing.T) {
	if newBuckets(0, time.Minute).take(peer(1), noon) {
		t.Error("a token of an empty bucket")
	}
}

func TestBucketsAreBounded(t *testing.T) {
	b := newBuckets(1, time.Minute)
	most := 0
	for n := range 3 * maxBuckets {
		b.take(peer(n), noon)
		most = max(most, len(b.peers))
	}
	if most != maxBuckets {
		t.Errorf("up to %d peers were kept, want %d", most, maxBuckets)
	}
}

// A peer that has used up its bucket is still known when others, whose buckets are full again, make room.
func TestFullBucketsMakeRoomForOthers(t *testing.T) {
	b := newBuckets(1, time.Minute)
	for n := range maxBuckets - 1 {
		b.take(peer(n), noon)
	}
	busy := peer(maxBuckets)
	later := noon.Add(2 * time.Minute)
	b.take(busy, later)
	b.take(peer(maxBuckets+1), later)
	if len(b.peers) != 2 {
		t.Errorf("%d peers are kept, want the two of now", len(b.peers))
	}
	if b.take(busy, later) {
		t.Error("the busy peer got a new bucket")
	}
}
