package transcript

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// stepping gives a clock that goes on by step at each look.
func stepping(step time.Duration) func() time.Time {
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	return func() time.Time {
		defer func() { now = now.Add(step) }()
		return now
	}
}

func texts(entries []Entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Text)
	}
	return all
}

func TestKeepBoundsTheEntries(t *testing.T) {
	tests := []struct {
		name  string
		keep  int
		count int
		want  []string
	}{
		{"room for all", 4, 4, []string{"0", "1", "2", "3"}},
		{"one too many", 4, 5, []string{"0", "1", "… 1 line left out …", "3", "4"}},
		{"ring goes round", 4, 11, []string{"0", "1", "… 7 lines left out …", "9", "10"}},
		{"odd", 3, 5, []string{"0", "1", "… 2 lines left out …", "4"}},
		{"one", 1, 3, []string{"0", "… 2 lines left out …"}},
		{"no bound", -1, 5, []string{"0", "1", "2", "3", "4"}},
		{"empty", 4, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := &Transcript{Keep: tt.keep}
			for i := range tt.count {
				log.Client("", fmt.Sprint(i))
			}
			if diff := cmp.Diff(tt.want, texts(log.Entries())); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKeepDefault(t *testing.T) {
	var log Transcript
	for range DefaultKeep + 10 {
		log.Note("", "x")
	}
	entries := log.Entries()
	if len(entries) != DefaultKeep+1 {
		t.Fatalf("%d entries, want %d and the note", len(entries), DefaultKeep)
	}
	if got := entries[DefaultKeep/2].Text; got != "… 10 lines left out …" {
		t.Errorf("in the middle stands %q", got)
	}
}

func TestAddFillsInTheTime(t *testing.T) {
	log := Transcript{Now: stepping(time.Millisecond)}
	log.Add(Entry{At: time.Hour, Kind: Note})
	log.Add(Entry{At: time.Hour, Kind: Note})
	want := []Entry{{Kind: Note}, {Kind: Note, At: time.Millisecond}}
	if diff := cmp.Diff(want, log.Entries()); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	back := Transcript{Now: stepping(-time.Minute)}
	back.Note("", "a")
	back.Note("", "b")
	if at := back.Entries()[1].At; at != 0 {
		t.Errorf("a clock that runs backwards gives %v, want 0", at)
	}
}

func TestTail(t *testing.T) {
	log := &Transcript{Keep: 4}
	for i := range 9 {
		log.Client("", fmt.Sprint(i))
	}
	tests := []struct {
		n    int
		want []string
	}{
		{-1, nil},
		{0, nil},
		{1, []string{"8"}},
		{3, []string{"… 5 lines left out …", "7", "8"}},
		{99, []string{"0", "1", "… 5 lines left out …", "7", "8"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, texts(log.Tail(tt.n))); diff != "" {
			t.Errorf("Tail(%d) (-want +got):\n%s", tt.n, diff)
		}
	}
}

func TestMark(t *testing.T) {
	record := func(keep int) *Transcript {
		log := &Transcript{Keep: keep}
		log.Server("a", "550 5.4.5 no")
		log.Client("a", "550 said by the client")
		log.Server("a", "250 OK")
		log.Server("b", "550 other session")
		log.Server("a", "221 bye")
		return log
	}
	tests := []struct {
		name            string
		keep            int
		session, prefix string
		want            string // empty: none
	}{
		{"last of the session", -1, "a", "", "221 bye"},
		{"by code", -1, "a", "550", "550 5.4.5 no"},
		{"other session", -1, "b", "", "550 other session"},
		{"in the ring", 4, "a", "221", "221 bye"},
		{"before the ring", 4, "a", "550", "550 5.4.5 no"},
		{"left out", 4, "a", "250", ""},
		{"unknown session", -1, "c", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := record(tt.keep)
			if got := log.Mark(tt.session, tt.prefix); got != (tt.want != "") {
				t.Fatalf("Mark says %v", got)
			}
			var marked string
			for _, e := range log.Entries() {
				if e.Marked {
					marked += e.Text
				}
			}
			if marked != tt.want {
				t.Errorf("marked %q, want %q", marked, tt.want)
			}
		})
	}
}

func TestNilRecordsNothing(t *testing.T) {
	var log *Transcript
	log.Client("", "x")
	if log.Entries() != nil || log.Mark("", "") {
		t.Error("a nil transcript recorded something")
	}
}

func TestManyGoroutines(t *testing.T) {
	log := &Transcript{Keep: 10}
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for range 100 {
				log.Server(fmt.Sprint(i), "250 OK")
				log.Mark(fmt.Sprint(i), "")
				log.Tail(3)
			}
		})
	}
	group.Wait()
	if got := log.Entries()[5].Text; !strings.Contains(got, "390") {
		t.Errorf("the gap says %q, want 390 lines", got)
	}
}
