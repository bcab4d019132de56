package recorder

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reports/transcript"
)

// mostPending is how much of a session's transcript may wait to be written. Octets; an entry more may come on top of it.
const mostPending = 4 << 20

// writer writes a session's transcript while it goes on, in a goroutine of its own: neither side of the session waits for a
// disk. What comes when too much is waiting is counted, and a note stands in its place.
type writer struct {
	out  io.WriteCloser // nil: it couldn't be opened
	err  error          // the first one; after it nothing is written
	more chan struct{}
	done chan struct{}

	mu      sync.Mutex
	pending []byte
	last    time.Duration // of the last entry
	lost    int           // entries since there was room
}

// writing begins the transcript of a session.
func (r *Recorder) writing(name string) *writer {
	w := &writer{more: make(chan struct{}, 1), done: make(chan struct{})}
	w.out, w.err = r.options.Open(name)
	go w.run()
	return w
}

// take takes an entry. It waits for nothing.
func (w *writer) take(e transcript.Entry) {
	w.mu.Lock()
	if len(w.pending) > mostPending {
		w.lost++
	} else {
		w.confess()
		w.pending = append(e.AppendText(w.pending), '\n')
	}
	w.last = e.At
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default: // it knows already
	}
}

// confess says how many entries were lost. w.mu is held.
func (w *writer) confess() {
	if w.lost == 0 {
		return
	}
	note := transcript.Entry{At: w.last, Kind: transcript.Note, Text: transcript.LeftOut(fmt.Sprintf("%d lines", w.lost))}
	w.pending = append(note.AppendText(w.pending), '\n')
	w.lost = 0
}

// run writes what is taken, until finish.
func (w *writer) run() {
	defer close(w.done)
	var spare []byte
	for range w.more {
		spare = w.write(spare)
	}
	w.mu.Lock()
	w.confess()
	w.mu.Unlock()
	w.write(nil)
}

// write writes what waits, and gives its buffer to be used again.
func (w *writer) write(spare []byte) []byte {
	w.mu.Lock()
	pending := w.pending
	w.pending = spare[:0]
	w.mu.Unlock()
	if w.err == nil {
		_, w.err = w.out.Write(pending)
	}
	return pending
}

// finish waits until all is written, and says what kept it from being so. Nothing is taken any more.
func (w *writer) finish() error {
	close(w.more)
	<-w.done
	if w.out != nil {
		if err := w.out.Close(); w.err == nil {
			w.err = err
		}
	}
	return w.err
}
