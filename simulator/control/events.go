package control

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// streamEvents sends what happens until the client or the Server goes. Source: HTML, server-sent events.
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request) {
	since, ok := sinceOf(w, r)
	if !ok {
		return
	}
	reader := s.stream.read(since)
	if reader == nil {
		problem(w, http.StatusServiceUnavailable, fmt.Sprintf("%d readers are here already: come back when one has gone", mostReader))
		return
	}
	defer s.stream.leave(reader)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	sender := &sender{w, http.NewResponseController(w)}
	if sender.send(": what happens, as it happens\n\n") != nil {
		return
	}
	for _, l := range reader.backlog {
		if sender.line(l) != nil {
			return
		}
	}
	s.follow(r, reader, sender)
}

// follow sends what comes, and a sign of life where nothing does.
func (s *Server) follow(r *http.Request, reader *reader, sender *sender) {
	heartbeat := time.NewTicker(s.options.Heartbeat)
	defer heartbeat.Stop()
	for {
		var err error
		select {
		case l, reading := <-reader.lines:
			if !reading {
				_ = sender.send(": dropped: too far behind\n\n")
				return
			}
			err = sender.line(l)
		case <-heartbeat.C:
			err = sender.send(": still here\n\n")
		case <-r.Context().Done():
			return
		case <-s.closed:
			_ = sender.send(": the relay ends\n\n")
			return
		}
		if err != nil {
			return
		}
	}
}

// sinceOf is the ID behind which the client wants to begin, -1 for now.
func sinceOf(w http.ResponseWriter, r *http.Request) (since int64, ok bool) {
	q := queryOf(r, "since")
	text := cmp.Or(q.text("since"), r.Header.Get("Last-Event-ID"))
	if text == "" {
		return -1, q.ok(w)
	}
	since, err := strconv.ParseInt(text, 10, 64)
	if err != nil || since < 0 {
		q.fault("since", strconv.Quote(text)+" is no ID of an event: 0 is before all that are known")
	}
	return since, q.ok(w)
}

// sender writes to a client that may not read.
type sender struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// deaf is how long a client may take to read what is sent.
const deaf = 10 * time.Second

func (s *sender) send(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(deaf)) // what can't be bounded is bounded by the connection
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}

func (s *sender) line(l line) error {
	return s.send(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", l.id, l.kind, l.data))
}
