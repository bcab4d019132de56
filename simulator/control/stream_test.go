package control

import (
	"testing"
	"time"
)

func TestStreamDropsWhoDoesNotKeepUp(t *testing.T) {
	s := newStream()
	slow, quick := s.read(-1), s.read(-1)
	got := 0
	for i := range ahead + 1 {
		s.tell("clock", time.Time{}, i)
		if l := <-quick.lines; l.id == int64(i+1) {
			got++
		}
	}
	if got != ahead+1 {
		t.Errorf("who keeps up got %d of %d", got, ahead+1)
	}
	missed := 0
	for range slow.lines { // it ends, for it was closed
		missed++
	}
	if missed != ahead {
		t.Errorf("who doesn't keep up got %d before it was dropped, want %d", missed, ahead)
	}
	s.leave(slow) // the handler does so, too: harmless
	s.leave(quick)
}

func TestStreamKeepsTheNewest(t *testing.T) {
	s := newStream()
	for i := range keptLines + 10 {
		s.tell("clock", time.Time{}, i)
	}
	all := s.read(0).backlog
	if len(all) != keptLines || all[0].id != 11 {
		t.Errorf("%d events are kept, the oldest is %d", len(all), all[0].id)
	}
	if late := s.read(keptLines + 8).backlog; len(late) != 2 {
		t.Errorf("behind all but two are %d", len(late))
	}
}

func TestStreamHasRoomForSoManyReaders(t *testing.T) {
	s := newStream()
	var last *reader
	for range mostReader {
		last = s.read(-1)
	}
	if s.read(-1) != nil {
		t.Error("one too many reads")
	}
	s.leave(last)
	if s.read(-1) == nil {
		t.Error("nobody reads in the place of one who left")
	}
}

func TestPointer(t *testing.T) {
	for want, place := range map[string][]string{"": nil, "/a/0": {"a", "0"}, "/a~1b/~0": {"a/b", "~"}} {
		if got := pointer(place); got != want {
			t.Errorf("pointer(%q) = %q, want %q", place, got, want)
		}
	}
}
