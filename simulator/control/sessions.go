package control

import (
	"bytes"
	"net/http"
	"slices"
)

func (s *Server) listSessions(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r, "peer", "refused", "limit")
	peer, refused, limit := q.text("peer"), q.truth("refused"), q.limit()
	if !q.ok(w) {
		return
	}
	answer(w, http.StatusOK, s.journal.newest(limit, func(s *session) bool {
		return (peer == "" || s.Peer == peer) && (!refused || s.Refused > 0)
	}))
}

// newest gives the sessions that are chosen, without their refusals.
func (j *journal) newest(limit int, chosen func(*session) bool) []sessionBody {
	j.mu.Lock()
	defer j.mu.Unlock()
	bodies := []sessionBody{}
	for _, s := range j.kept.newest(limit, chosen) {
		bodies = append(bodies, s.sessionBody)
	}
	return bodies
}

// copy gives a copy of a session; false: it isn't known.
func (j *journal) copy(id string) (session, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	found := j.byID[id]
	if found == nil {
		return session{}, false
	}
	copied := *found
	copied.refusals.items = slices.Clone(found.refusals.items)
	return copied, true
}

// session gives a copy of a session, or answers that there is none.
func (s *Server) session(w http.ResponseWriter, r *http.Request) (session, bool) {
	found, ok := s.journal.copy(r.PathValue("id"))
	if !ok {
		problem(w, http.StatusNotFound, "no session "+r.PathValue("id")+" is known: GET /v1/sessions lists the newest")
	}
	return found, ok
}

func (s *Server) getSession(w http.ResponseWriter, r *http.Request) {
	if found, ok := s.session(w, r); ok {
		found.Refusals = found.refusals.items
		answer(w, http.StatusOK, found.sessionBody)
	}
}

func (s *Server) getTranscript(w http.ResponseWriter, r *http.Request) {
	found, ok := s.session(w, r)
	if !ok {
		return
	}
	var text bytes.Buffer
	if err := found.dialogue.WriteText(&text); err != nil {
		problem(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = text.WriteTo(w) // the client is gone: nobody is left to be told
}

func (s *Server) explainSession(w http.ResponseWriter, r *http.Request) {
	if found, ok := s.session(w, r); ok {
		answer(w, http.StatusOK, append([]explanation{}, found.refusals.items...))
	}
}
