package control

import (
	"encoding/json"
	"sync"
	"time"
)

// happening is what an event of the stream tells.
type happening struct {
	ID   int64     `json:"id"`
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	Data any       `json:"data"`
}

// line is a happening as it is sent.
type line struct {
	id   int64
	kind string
	data []byte
}

// The bounds of a stream.
const (
	keptLines  = 1000 // that a reader who was away can still get
	ahead      = 256  // that a reader may be behind
	mostReader = 100
)

// stream tells many readers what happens. Nobody who tells waits for a reader.
type stream struct {
	mu      sync.Mutex
	last    int64
	kept    recent[line]
	readers map[*reader]struct{}
}

// reader gets what happens from lines, which is closed when it can't keep up.
type reader struct {
	backlog []line
	lines   chan line
}

func newStream() *stream {
	return &stream{kept: recent[line]{most: keptLines}, readers: map[*reader]struct{}{}}
}

// tell tells every reader. data is read before it returns.
func (s *stream) tell(kind string, at time.Time, data any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	text, err := json.Marshal(happening{s.last, kind, at.UTC(), data})
	if err != nil {
		return // it is our own, and can be written
	}
	l := line{s.last, kind, text}
	s.kept.add(l)
	for r := range s.readers {
		select {
		case r.lines <- l:
		default:
			delete(s.readers, r)
			close(r.lines)
		}
	}
}

// read adds a reader of what comes behind since; -1: of what comes from now on. nil: there are too many.
func (s *stream) read(since int64) *reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.readers) >= mostReader {
		return nil
	}
	r := &reader{lines: make(chan line, ahead)}
	for _, l := range s.kept.items {
		if since >= 0 && l.id > since {
			r.backlog = append(r.backlog, l)
		}
	}
	s.readers[r] = struct{}{}
	return r
}

// leave takes a reader off.
func (s *stream) leave(r *reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, r)
}
