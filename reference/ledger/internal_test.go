package ledger

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// TestManyRecipients fills, refreshes, holds and expires enough recipients for segments to be compacted, grown, shrunk
// and split, and compares with a map.
func TestManyRecipients(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	r, last := newRecipients(never), map[uint64]tick{}
	const span = 40
	batch := func(now tick, size int) {
		hashes := make([]uint64, size)
		for i := range hashes {
			hashes[i] = random.Uint64N(60_000) * 0x9E3779B97F4A7C15
		}
		r.expire(now - span)
		r.hold(hashes)
		if random.IntN(4) == 0 {
			r.release(hashes)
			return
		}
		r.commit(hashes, now)
		for _, hash := range hashes {
			last[hash] = now
		}
	}
	for now := tick(1); now < 400; now++ {
		size := 1000
		if now%200 > 100 {
			size = 10 // the table shrinks in use, then grows again
		}
		batch(now, size)
		if now%10 != 0 {
			continue
		}
		want := 0
		for _, stamp := range last {
			if stamp > now-span {
				want++
			}
		}
		if got := r.count(); got != want {
			t.Fatalf("at %d: %d recipients, want %d", now, got, want)
		}
	}
	if r.depth == 0 || r.pinned != 0 || len(r.again) != 0 {
		t.Errorf("depth %d, %d pinned, %d again", r.depth, r.pinned, len(r.again))
	}
	wantSound(t, r)
}

// TestLopsidedDirectory splits some segments many times before others.
func TestLopsidedDirectory(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	r := newRecipients(0)
	for n := 100; n <= 60_000; n += 100 {
		hashes := make([]uint64, 100)
		for i := range hashes {
			hash := random.Uint64()
			hashes[i] = hash>>(random.UintN(12)*uint(hash&1))&^math.MaxUint32 | hash&math.MaxUint32
		}
		r.hold(hashes)
		r.commit(hashes, tick(n))
		if got := r.count(); got != n {
			t.Fatalf("%d recipients, want %d", got, n)
		}
	}
	wantSound(t, r)
}

// TestTakenAccountStays looks at the moment in which Reserve hashes, without a lock.
func TestTakenAccountStays(t *testing.T) {
	l := New(Options{})
	a := l.accounts.open("c")
	r := a.take()
	a.lock.Unlock()
	l.Sweep(time.Unix(1_700_000_000, 0))
	if l.accounts.find("c") != a {
		t.Error("the customer was let go under a reservation")
	}
	a.put(r)
	l.Sweep(time.Unix(1_700_000_000, 0))
	if l.accounts.find("c") != nil || !a.gone {
		t.Error("the customer stays")
	}
}

// wantSound looks for recipients that are twice in the table, or that can't be found.
func wantSound(t *testing.T, r *recipients) {
	t.Helper()
	done := map[*segment]bool{}
	for i, s := range r.segments {
		if uint64(i)>>(r.depth-s.depth)<<(r.depth-s.depth) != uint64(i) && r.segments[i-1] != s {
			t.Errorf("entry %d of the directory isn't where its segment is", i)
		}
		if done[s] {
			continue
		}
		done[s] = true
		filled := 0
		for at, slot := range s.slots {
			if slot.stamp == empty {
				continue
			}
			filled++
			hash := uint64(slot.high)<<32 | uint64(slot.low)
			if found, known := s.find(hash, r.times.floor); !known || found != at {
				t.Errorf("%x is at %d, found at %d, %v", hash, at, found, known)
			}
		}
		if filled != s.filled {
			t.Errorf("%d slots filled, want %d", s.filled, filled)
		}
	}
}

// TestRebase lets more time go by than the stamps of a segment can tell.
func TestRebase(t *testing.T) {
	r := newRecipients(0)
	hash := func(n uint64) []uint64 { return []uint64{n << 32} }
	r.hold(hash(1))
	r.commit(hash(1), 1)
	r.hold(hash(2)) // and holds it all the while
	for _, now := range []tick{highest, highest * 3, highest * 3 / 2 * 3} {
		r.expire(now - longest)
		r.hold(hash(3))
		r.commit(hash(3), now)
		r.hold(hash(4))
		r.commit(hash(4), now+1)
		if got := r.count(); got != 3 {
			t.Errorf("at %d: %d recipients, want 3", now, got)
		}
		r.expire(now)
		if got := r.count(); got != 2 {
			t.Errorf("at %d: %d recipients after expiry, want 2", now, got)
		}
	}
	wantSound(t, r)
}

func TestTimelineOfLargeCounts(t *testing.T) {
	timeline := newTimeline()
	if math.MaxInt == math.MaxInt32 {
		t.Skip("counts of 32 bits")
	}
	const large = 3 * math.MaxUint32
	timeline.add(7, large)
	timeline.add(7, 5)
	timeline.add(7+math.MaxUint32, 1)
	timeline.expire(6)
	if timeline.live != large+6 {
		t.Errorf("%d live, want %d", timeline.live, large+6)
	}
	timeline.expire(7)
	if timeline.live != 1 {
		t.Errorf("%d live, want 1", timeline.live)
	}
}

// TestTimelineMemory shows that a queue that slides doesn't grow, and that one mark serves a tick.
func TestTimelineMemory(t *testing.T) {
	timeline := newTimeline()
	for now := tick(0); now < 100_000; now++ {
		timeline.expire(now - 1000)
		timeline.add(now, 1)
		timeline.add(now, 1)
	}
	if timeline.live != 2000 {
		t.Errorf("%d live, want 2000", timeline.live)
	}
	if got := timeline.marks; got > 1000+mostMarks {
		t.Errorf("%d marks, want at most %d", got, 1000+mostMarks)
	}
}

func TestFixedWindowsInTicks(t *testing.T) {
	s := scale(250 * time.Millisecond)
	tests := []struct {
		nanos, length int64
		end           int64 // in ticks
	}{
		{0, int64(time.Second), 4},
		{-1, int64(time.Second), 0},
		{int64(time.Second) - 1, int64(time.Second), 4},
		{int64(time.Second), int64(time.Second), 8},
		{int64(300 * time.Millisecond), int64(300 * time.Millisecond), 3}, // ends at 600 ms: rounded up
	}
	for _, test := range tests {
		w := policy.Window{Length: time.Duration(test.length), Fixed: true}
		if got := s.stamp(test.nanos, w) + s.span(w); got != tick(test.end) {
			t.Errorf("%d ns in a window of %d: ends at tick %d, want %d", test.nanos, test.length, got, test.end)
		}
	}
}

// TestIdleUsersGo shows that users whose windows have emptied don't stay, and others do.
func TestIdleUsersGo(t *testing.T) {
	l, start := New(Options{}), time.Unix(1_700_000_000, 0)
	w := policy.Window{Length: time.Minute}
	send := func(at time.Duration, user string) Hold {
		c := policy.Charge{Account: "c", Recipients: []policy.Address{{Local: "a", Domain: "x.example"}}}
		c.Add(policy.Item{Counter: policy.UserRecipients, Kind: policy.Distinct, User: user, Limit: -1, Window: w})
		hold, _ := l.Reserve(start.Add(at), &c)
		return hold
	}
	held := send(0, "held")
	for i := range 1000 {
		at := time.Duration(i) * time.Second
		l.Commit(start.Add(at), send(at, string(rune('a'+i%26))+string(rune('a'+i/26))))
		if i == 500 {
			l.Release(held)
		}
	}
	if got := len(l.accounts.find("c").users.byName); got != 60 {
		t.Errorf("%d users stay, want the 60 of the last minute", got)
	}
	l.Sweep(start.Add(time.Hour))
	if l.accounts.find("c") != nil {
		t.Error("the customer stays")
	}
}
