package ledger

import (
	"math"
	"sort"
)

// The marks of a chunk: as many as the timeline has in all, within these bounds.
const (
	leastMarks = 4
	mostMarks  = 512
)

// mark is what was used in one tick.
type mark struct {
	after uint32 // ticks after the chunk's base
	count uint32
}

// chunk is a run of marks, oldest first. Chunks keep the timeline free of big copies and of half-empty arrays.
type chunk struct {
	base  tick
	marks []mark
}

// timeline is a queue of what was used when, one mark a tick, and its sum. Old marks leave at the front as the floor
// rises: each once, so that expiry costs what it removes.
type timeline struct {
	live   int     // the sum of the marks after floor
	floor  tick    // marks at or before it are gone
	chunks []chunk // oldest first
	gone   int     // marks of chunks[0] that are gone
	marks  int     // marks in chunks, gone ones included
	spare  []mark  // the marks of a chunk that has left, for the next one
}

func newTimeline() timeline { return timeline{floor: never} }

// expire drops the marks at or before floor. A floor never falls.
func (t *timeline) expire(floor tick) {
	if floor <= t.floor {
		return
	}
	t.floor = floor
	for len(t.chunks) > 0 && t.expireFirst() {
		t.dropFirst()
	}
}

// expireFirst drops what is old in the first chunk and tells whether that was all of it.
func (t *timeline) expireFirst() bool {
	c := &t.chunks[0]
	for t.gone < len(c.marks) {
		m := c.marks[t.gone]
		if c.base+tick(m.after) > t.floor {
			return false
		}
		t.live -= int(m.count)
		t.gone++
	}
	return true
}

func (t *timeline) dropFirst() {
	marks := t.chunks[0].marks
	if cap(marks) >= cap(t.spare) {
		t.spare = marks[:0]
	}
	t.marks -= len(marks)
	t.gone = 0
	last := copy(t.chunks, t.chunks[1:])
	t.chunks[last] = chunk{}
	t.chunks = t.chunks[:last]
}

// add files count units under stamp, and gives the stamp under which they are. That is a later one if stamp is already
// gone or older than the newest mark, which happens only where a window was changed: a place never comes back early.
// A count of 0 makes sure that the mark exists.
func (t *timeline) add(stamp tick, count int) tick {
	stamp = max(stamp, t.floor+1)
	if len(t.chunks) > 0 {
		stamp = max(stamp, t.newest())
	}
	for {
		m := t.last(stamp)
		part := min(count, math.MaxUint32-int(m.count))
		m.count += uint32(part)
		t.live += part
		if count -= part; count == 0 {
			return stamp
		}
		t.push(stamp)
	}
}

func (t *timeline) newest() tick {
	c := &t.chunks[len(t.chunks)-1]
	return c.base + tick(c.marks[len(c.marks)-1].after)
}

// last gives the newest mark if it has this stamp, else a new one.
func (t *timeline) last(stamp tick) *mark {
	if len(t.chunks) == 0 || t.newest() != stamp {
		t.push(stamp)
	}
	c := &t.chunks[len(t.chunks)-1]
	return &c.marks[len(c.marks)-1]
}

func (t *timeline) push(stamp tick) {
	last := len(t.chunks) - 1
	if last < 0 || len(t.chunks[last].marks) == cap(t.chunks[last].marks) || stamp-t.chunks[last].base > math.MaxUint32 {
		t.chunks = append(t.chunks, chunk{base: stamp, marks: t.room()})
		last++
	}
	c := &t.chunks[last]
	c.marks = append(c.marks, mark{after: uint32(stamp - c.base)})
	t.marks++
}

// room gives the memory for a new chunk.
func (t *timeline) room() []mark {
	want := min(max(t.marks, leastMarks), mostMarks)
	marks := t.spare
	t.spare = nil
	if cap(marks) < want/2 || cap(marks) == 0 {
		marks = make([]mark, 0, want)
	}
	return marks
}

// at gives the mark of a stamp that was added and isn't gone.
func (t *timeline) at(stamp tick) *mark {
	i := sort.Search(len(t.chunks), func(i int) bool { return t.chunks[i].base > stamp }) - 1
	c := &t.chunks[i]
	after := uint32(stamp - c.base)
	j := sort.Search(len(c.marks), func(j int) bool { return c.marks[j].after >= after })
	return &c.marks[j]
}
