package ledger

// recipients knows which recipients a user has sent to, and counts each once.
//
// A recipient counts while it was seen within the window or is in a hold. It stands in exactly one of two sums: in
// times under its stamp if it is in no hold, else in pinned. So one that leaves the window while it is held still
// counts, and nobody has to look for it. Source: relay-rules 2.29, 2.42.
//
// The table is a directory of segments (extendible hashing): it grows a segment at a time, and no charge waits for the
// whole of a big user to be moved.
type recipients struct {
	times    timeline
	pinned   int            // different recipients in holds
	again    map[uint64]int // holds of a recipient beyond its first; usually empty
	depth    uint8
	segments []*segment // 1<<depth, by the top bits of the hash; neighbours may be the same
}

func newRecipients(floor tick) *recipients {
	r := &recipients{times: newTimeline(), again: map[uint64]int{}}
	r.times.expire(floor)
	r.segments = []*segment{newSegment(0, leastSlots, floor)}
	return r
}

func (r *recipients) count() int { return r.times.live + r.pinned }

// hold pins each recipient of a message.
func (r *recipients) hold(hashes []uint64) {
	r.touch(hashes)
	last := lastMark{stamp: never}
	for _, hash := range hashes {
		s, at, known := r.place(hash)
		if !known {
			s.occupy(at, hash)
		} else if s.slots[at].stamp&pin != 0 {
			r.again[hash]++
			continue
		} else {
			r.pin(s, at, &last)
		}
		r.pinned++
	}
}

// lastMark is the mark that was looked up last: a message's recipients often were together before, too.
type lastMark struct {
	stamp tick
	mark  *mark
}

// pin moves a recipient that was seen before from times to pinned.
func (r *recipients) pin(s *segment, at int, last *lastMark) {
	stamp, live := s.seen(at, r.times.floor)
	if !live {
		s.slots[at].stamp = pinOnly
		return
	}
	if stamp != last.stamp {
		*last = lastMark{stamp, r.times.at(stamp)}
	}
	last.mark.count--
	r.times.live--
	s.slots[at].stamp |= pin
}

// touch reads where the search for each hash starts: these reads wait for memory all at once, those of hold one after
// the other.
func (r *recipients) touch(hashes []uint64) {
	if r.depth == 0 {
		return
	}
	var sum uint32
	for _, hash := range hashes {
		s := r.segment(hash)
		sum += s.slots[s.home(uint32(hash))].stamp
	}
	keep(sum)
}

// keep keeps the compiler from leaving out what leads to sum.
//
//go:noinline
func keep(uint32) {}

// release unpins each recipient; what was seen within the window counts on under its stamp.
func (r *recipients) release(hashes []uint64) {
	for _, hash := range hashes {
		if r.held(hash) {
			continue
		}
		s, at, _ := r.place(hash)
		r.pinned--
		stamp, live := s.seen(at, r.times.floor)
		if !live {
			s.slots[at].stamp = buried
			continue
		}
		s.slots[at].stamp &^= pin
		r.times.at(stamp).count++
		r.times.live++
	}
}

// commit unpins each recipient, files it under stamp, and gives the stamp that it got.
func (r *recipients) commit(hashes []uint64, stamp tick) tick {
	stamp = r.times.add(stamp, 0) // what another hold still pins needs the mark later
	seen := 0
	for _, hash := range hashes {
		s, at, _ := r.place(hash)
		s.see(at, stamp, r.times.floor)
		if r.held(hash) {
			continue
		}
		s.slots[at].stamp &^= pin
		seen++
	}
	r.pinned -= seen
	return r.times.add(stamp, seen)
}

// held takes one hold off a recipient that has several.
func (r *recipients) held(hash uint64) bool {
	if len(r.again) == 0 {
		return false
	}
	n := r.again[hash]
	if n == 1 {
		delete(r.again, hash)
	} else if n > 1 {
		r.again[hash] = n - 1
	}
	return n > 0
}

// expire lets go of the recipients that were last seen at or before floor.
func (r *recipients) expire(floor tick) { r.times.expire(floor) }

// clear forgets when recipients were seen. Those in holds stay held.
func (r *recipients) clear() {
	r.times = newTimeline()
	for _, s := range r.segments {
		s.compact(s.base + highest)
	}
}

func (r *recipients) segment(hash uint64) *segment { return r.segments[hash>>(64-r.depth)] }

// place gives the slot of a hash, or one that it may take.
func (r *recipients) place(hash uint64) (s *segment, at int, known bool) {
	for {
		s = r.segment(hash)
		at, known = s.find(hash, r.times.floor)
		if known || s.slots[at].stamp != empty || s.roomy() {
			return s, at, known
		}
		r.makeRoom(s, hash)
	}
}

// makeRoom sees to it that s, where hash belongs, has empty slots: by emptying stale ones, by growing, by splitting.
func (r *recipients) makeRoom(s *segment, hash uint64) {
	size, live := len(s.slots), s.live(r.times.floor)
	switch {
	case live*3 < size && size > 8*leastSlots:
		r.resize(s, max(live*3/2, leastSlots))
	case live*10 <= size*7: // enough is stale: the next time is a seventh of the segment away
		s.compact(r.times.floor)
	case size < mostSlots:
		r.resize(s, min(size*5/4, mostSlots))
	default:
		r.split(s, hash)
	}
}

func (r *recipients) resize(s *segment, size int) {
	bigger := &segment{depth: s.depth, base: s.base, slots: newSlots(size)}
	s.copyTo(r.times.floor, func(slot) *segment { return bigger })
	*s = *bigger
}

// split puts two segments in the place of s, told apart by one more bit of the hash.
func (r *recipients) split(s *segment, hash uint64) {
	if s.depth == r.depth {
		r.double()
	}
	bit := uint32(1) << (31 - s.depth)
	halves := [2]*segment{}
	sizes := s.halves(r.times.floor, bit)
	for i := range halves {
		halves[i] = &segment{depth: s.depth + 1, base: s.base, slots: newSlots(max(sizes[i]*3/2, leastSlots))}
	}
	s.copyTo(r.times.floor, func(moved slot) *segment {
		if moved.high&bit != 0 {
			return halves[1]
		}
		return halves[0]
	})
	width := 1 << (r.depth - s.depth) // entries of the directory that are s
	first := int(hash>>(64-r.depth)) &^ (width - 1)
	for i := range width {
		r.segments[first+i] = halves[i*2/width]
	}
}

// double makes the directory tell one more bit of the hash apart.
func (r *recipients) double() {
	segments := make([]*segment, 0, 2*len(r.segments))
	for _, s := range r.segments {
		segments = append(segments, s, s)
	}
	r.segments = segments
	r.depth++
}
