package ledger

import (
	"math/bits"
	"slices"
)

// The slots of a segment. A full one of mostSlots is split, so that no charge pays for more than that.
const (
	leastSlots = 8
	mostSlots  = 4096
)

// What a slot's stamp can be besides ticks after the segment's base.
const (
	empty   uint32 = 0       // nothing was ever here
	pinOnly uint32 = pin     // in a hold, and not seen within the window
	buried  uint32 = 1       // not in use any more; a search goes on behind it
	pin     uint32 = 1 << 31 // flag: in a hold
	lowest  tick   = 2       // the least stamp after the base that a seen recipient has
	highest tick   = 1<<31 - 1
)

// slot is a recipient: 12 octets, for the hash isn't aligned.
type slot struct {
	high, low uint32 // the halves of the hash
	stamp     uint32
}

// segment is a hash table with open addressing and linear probing.
//
// A slot whose stamp has fallen to the floor isn't removed: it is stale, and the next recipient that passes by takes it.
type segment struct {
	depth  uint8 // bits of the hash that all of its recipients share
	base   tick  // what the slots' stamps are relative to
	filled int   // slots that aren't empty
	slots  []slot
}

func newSegment(depth uint8, size int, floor tick) *segment {
	return &segment{depth: depth, base: floor - 1, slots: newSlots(size)}
}

// newSlots makes empty slots: at least size, and as many more as the allocator would round up to anyway.
func newSlots(size int) []slot {
	slots := slices.Grow([]slot(nil), size)
	return slots[:cap(slots)]
}

// home is where the search for a hash starts.
func (s *segment) home(low uint32) int {
	high, _ := bits.Mul32(low, uint32(len(s.slots)))
	return int(high)
}

// find gives the slot of a hash, or the slot that it may take.
func (s *segment) find(hash uint64, floor tick) (at int, known bool) {
	high, low, free := uint32(hash>>32), uint32(hash), -1
	limit := s.limit(floor)
	for at = s.home(low); ; at = s.next(at) {
		slot := &s.slots[at]
		switch {
		case slot.stamp == empty && free >= 0:
			return free, false
		case slot.stamp == empty:
			return at, false
		case slot.low == low && slot.high == high:
			return at, true
		case slot.stamp <= limit && free < 0:
			free = at
		}
	}
}

// limit is the last stale stamp. A slot with a pin is never stale: the flag is the highest bit.
func (s *segment) limit(floor tick) uint32 {
	return uint32(min(max(floor-s.base, tick(buried)), highest))
}

func (s *segment) next(at int) int {
	if at++; at < len(s.slots) {
		return at
	}
	return 0
}

// roomy tells whether one more empty slot may be taken: at most 27 of 32, for searches get long.
func (s *segment) roomy() bool { return s.filled*32 < len(s.slots)*27 }

// occupy gives a slot to a hash, in a hold.
func (s *segment) occupy(at int, hash uint64) {
	if s.slots[at].stamp == empty {
		s.filled++
	}
	s.slots[at] = slot{high: uint32(hash >> 32), low: uint32(hash), stamp: pinOnly}
}

// seen tells when the recipient of a slot was last seen, and whether that is within the window.
func (s *segment) seen(at int, floor tick) (stamp tick, live bool) {
	after := s.slots[at].stamp &^ pin
	return s.base + tick(after), after > s.limit(floor)
}

// see files a slot under stamp, and keeps its pin.
func (s *segment) see(at int, stamp, floor tick) {
	if after := stamp - s.base; after < lowest || after > highest {
		s.rebase(floor)
	}
	s.slots[at].stamp = s.slots[at].stamp&pin | uint32(stamp-s.base)
}

// rebase makes the stamps relative to a later base: needed once in 2^31 ticks.
func (s *segment) rebase(floor tick) {
	limit, base := s.limit(floor), floor-1
	for i := range s.slots {
		if s.slots[i].stamp == empty {
			continue
		}
		after := s.slots[i].stamp &^ pin
		s.slots[i].stamp &= pin
		if after > limit {
			s.slots[i].stamp |= uint32(s.base + tick(after) - base)
		} else if s.slots[i].stamp == 0 {
			s.slots[i].stamp = buried
		}
	}
	s.base = base
}

// compact empties the stale slots, in place. It starts behind an empty slot; a recipient that is taken out finds its new
// place in between its home and where it was, for all slots there have had their turn.
func (s *segment) compact(floor tick) {
	limit, start := s.limit(floor), 0
	for s.slots[start].stamp != empty {
		start++
	}
	s.filled = 0
	for at := s.next(start); at != start; at = s.next(at) {
		moved := s.slots[at]
		s.slots[at].stamp = empty
		if moved.stamp > limit {
			s.insert(moved, limit)
		}
	}
}

// insert puts a recipient that isn't here yet into an empty slot.
func (s *segment) insert(moved slot, limit uint32) {
	if moved.stamp&^pin <= limit {
		moved.stamp &= pin
	}
	at := s.home(moved.low)
	for s.slots[at].stamp != empty {
		at = s.next(at)
	}
	s.slots[at] = moved
	s.filled++
}

// copyTo inserts all recipients that aren't stale into the segment that choose names. Bases must be equal.
func (s *segment) copyTo(floor tick, choose func(slot) *segment) {
	limit := s.limit(floor)
	for _, moved := range s.slots {
		if moved.stamp > limit {
			choose(moved).insert(moved, limit)
		}
	}
}

// live counts the recipients that aren't stale.
func (s *segment) live(floor tick) int {
	limit, n := s.limit(floor), 0
	for i := range s.slots {
		if s.slots[i].stamp > limit {
			n++
		}
	}
	return n
}

// halves counts the recipients that aren't stale, by one bit of the hash.
func (s *segment) halves(floor tick, bit uint32) (sizes [2]int) {
	limit := s.limit(floor)
	for _, slot := range s.slots {
		if slot.stamp <= limit {
			continue
		}
		if slot.high&bit != 0 {
			sizes[1]++
		} else {
			sizes[0]++
		}
	}
	return sizes
}
