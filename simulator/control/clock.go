package control

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// moving is what is being done by the clock.
type moving struct {
	mu     sync.Mutex
	orders int  // that aren't done yet
	closed bool // no more are taken
}

// clockBody is where the clock stands.
type clockBody struct {
	Now       time.Time `json:"now"`
	Advancing bool      `json:"advancing"`
}

type advanceBody struct {
	Seconds float64 `json:"seconds"`
}

// The bounds of what may be asked of the clock.
const (
	mostOrders = 16                     // at a time
	longest    = 3660 * 24 * time.Hour  // at once
	moment     = 100 * time.Millisecond // that an answer waits for what falls due
	lastYear   = 2200                   // the ledger knows times until 2262
)

func (s *Server) getClock(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.clock())
}

func (s *Server) clock() clockBody {
	s.moving.mu.Lock()
	defer s.moving.mu.Unlock()
	return clockBody{s.options.Clock.Now().UTC(), s.moving.orders > 0}
}

// advanceClock moves the clock. It answers 200 where that is done in a moment, and else 202: then the clock is advancing
// until what fell due has been done.
func (s *Server) advanceClock(w http.ResponseWriter, r *http.Request, a *advanceBody) {
	if a.Seconds > longest.Seconds() {
		wrong(w, "/seconds", fmt.Sprintf("the clock goes at most %.0f seconds at once", longest.Seconds()))
		return
	}
	by := time.Duration(a.Seconds * float64(time.Second))
	if s.options.Clock.Now().Add(by).Year() > lastYear {
		wrong(w, "/seconds", fmt.Sprintf("the clock goes no further than %d", lastYear))
		return
	}
	done := make(chan struct{})
	status, why := s.begin(func() {
		defer close(done)
		defer s.end()
		from := s.options.Clock.Now()
		_ = s.options.Clock.Advance(by) // it fails for what is less than zero, which the document refuses
		now := s.options.Clock.Now()
		s.stream.tell("clock", now, map[string]any{"from": from.UTC(), "now": now.UTC(), "seconds": by.Seconds()})
	})
	if why != "" {
		problem(w, status, why)
		return
	}
	select {
	case <-done:
		answer(w, http.StatusOK, s.clock())
	case <-time.After(moment):
		answer(w, http.StatusAccepted, s.clock())
	case <-r.Context().Done():
	}
}

// begin has move run beside the request, or says with which status it is refused, and why.
func (s *Server) begin(move func()) (status int, why string) {
	s.moving.mu.Lock()
	defer s.moving.mu.Unlock()
	switch {
	case s.moving.closed:
		return http.StatusServiceUnavailable, "the relay ends: its clock isn't moved any more"
	case s.moving.orders == mostOrders:
		return http.StatusTooManyRequests, "the clock is being moved too often at a time: wait until it isn't advancing"
	}
	s.moving.orders++
	s.running.Go(move)
	return 0, ""
}

func (s *Server) end() {
	s.moving.mu.Lock()
	defer s.moving.mu.Unlock()
	s.moving.orders--
}
