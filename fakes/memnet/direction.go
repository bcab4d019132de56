package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// direction is the buffer between one writer's end and one reader's end. Whoever changes it wakes everybody.
type direction struct {
	mu      sync.Mutex
	changed sync.Cond
	limit   int
	data    []byte // data[taken:] has been written and not read
	taken   int
	ended   error // nil while the writer's end is open, then what a further write gets
	deaf    bool  // the reader's end is closed
	known   bool  // and the writer's end has heard of it

	readers, writers deadline
}

func newDirection(limit int) *direction {
	d := &direction{limit: limit}
	d.changed.L = &d.mu
	d.readers.of, d.writers.of = d, d
	return d
}

func (d *direction) read(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		switch {
		case d.deaf:
			return 0, net.ErrClosed
		case d.readers.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case d.taken < len(d.data):
			return d.take(p), nil
		case d.ended != nil:
			return 0, io.EOF
		}
		d.changed.Wait()
	}
}

func (d *direction) take(p []byte) int {
	n := copy(p, d.data[d.taken:])
	d.taken += n
	if d.taken == len(d.data) {
		d.data, d.taken = d.data[:0], 0
	}
	d.changed.Broadcast()
	return n
}

func (d *direction) write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	written := 0
	for {
		switch {
		case d.ended != nil:
			return written, d.ended
		case d.known:
			return written, syscall.EPIPE
		case d.deaf: // as with TCP, the first octets that nobody takes bring the news back
			d.known = true
			return len(p), nil
		case d.writers.passed():
			return written, os.ErrDeadlineExceeded
		}
		n := min(len(p)-written, d.limit-len(d.data)+d.taken)
		if n > 0 {
			d.put(p[written : written+n])
			written += n
		}
		if written == len(p) {
			return written, nil
		}
		d.changed.Wait()
	}
}

func (d *direction) put(p []byte) {
	if d.taken > 0 && len(d.data)+len(p) > cap(d.data) {
		d.data, d.taken = d.data[:copy(d.data, d.data[d.taken:])], 0
	}
	d.data = append(d.data, p...)
	d.changed.Broadcast()
}

func (d *direction) closeWrite(further error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended == nil || further == net.ErrClosed {
		d.ended = further
	}
	d.writers.stop()
	d.changed.Broadcast()
}

func (d *direction) closeRead() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deaf = true
	d.known = d.known || d.taken < len(d.data) // closing with octets unread is a reset
	d.data, d.taken = nil, 0
	d.readers.stop()
	d.changed.Broadcast()
}

// deadline is a point in time that wakes a direction. Its fields are guarded by the direction's lock.
type deadline struct {
	of    *direction
	at    time.Time
	timer *time.Timer
}

func (l *deadline) set(t time.Time) {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	l.at = t
	wait := time.Until(t)
	switch {
	case t.IsZero():
		l.stop()
	case wait <= 0:
		l.stop()
		l.of.changed.Broadcast()
	case l.timer == nil:
		l.timer = time.AfterFunc(wait, l.ring)
	default:
		l.timer.Reset(wait)
	}
}

func (l *deadline) ring() {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	l.of.changed.Broadcast()
}

func (l *deadline) stop() {
	if l.timer != nil {
		l.timer.Stop()
	}
}

func (l *deadline) passed() bool { return !l.at.IsZero() && !time.Now().Before(l.at) }
