package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
)

// inbox knows the messages that were accepted since the last DELETE; the mailbox keeps them.
type inbox struct {
	mu      sync.Mutex
	ids     recent[string]
	arrived chan struct{} // closed and replaced at each arrival
}

// accepted takes note of a message.
func (s *Server) accepted(id string, e mailbox.Envelope) {
	s.inbox.mu.Lock()
	s.inbox.ids.add(id)
	close(s.inbox.arrived)
	s.inbox.arrived = make(chan struct{})
	s.inbox.mu.Unlock()
	s.journal.accepted(e.Session)
	s.stream.tell("message", e.Received, map[string]any{"id": id, "session": e.Session, "sender": e.Sender.String(), "recipients": len(e.Recipients)})
}

// keeping serves what needs a mailbox.
func (s *Server) keeping(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.options.Box == nil {
			problem(w, http.StatusNotImplemented, "this relay keeps no mail")
			return
		}
		serve(w, r)
	})
}

// choice chooses messages.
type choice struct {
	sender, recipient string // empty: any; <>: the null sender
	contains          []byte // empty: any
}

func choiceOf(q *query) choice {
	return choice{q.text("sender"), q.text("recipient"), []byte(q.text("contains"))}
}

func (s *Server) listMessages(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r, "sender", "recipient", "contains", "limit")
	c, limit := choiceOf(q), q.limit()
	if !q.ok(w) {
		return
	}
	known, _ := s.inbox.known()
	found, err := s.choose(r.Context(), known, c, limit)
	if err != nil {
		problem(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer(w, http.StatusOK, found)
}

// waitForMessages answers when there are enough messages.
func (s *Server) waitForMessages(w http.ResponseWriter, r *http.Request) {
	const usual, longest, most = 10 * time.Second, 10 * time.Minute, 10_000
	q := queryOf(r, "count", "timeout", "sender", "recipient", "contains")
	c, count, patience := choiceOf(q), q.number("count", 1, most), q.seconds("timeout", usual, longest)
	if !q.ok(w) {
		return
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	var found []mailbox.Message
	last := "" // that was looked at
	for {
		known, arrived := s.inbox.known()
		at := slices.Index(known, last)
		if at < 0 { // nothing was, or all has been forgotten
			found = nil
		}
		fresh, err := s.choose(r.Context(), known[at+1:], c, count)
		if err != nil {
			problem(w, http.StatusInternalServerError, err.Error())
			return
		}
		found = append(fresh, found...)
		if len(found) >= count {
			answer(w, http.StatusOK, found[:count])
			return
		}
		if len(known) > 0 {
			last = known[len(known)-1]
		}
		select {
		case <-arrived:
		case <-timeout.C:
			problem(w, http.StatusRequestTimeout, fmt.Sprintf("%d such messages came, of %d", len(found), count))
			return
		case <-r.Context().Done():
			return
		case <-s.closed:
			problem(w, http.StatusServiceUnavailable, "the relay ends")
			return
		}
	}
}

// known gives the IDs of all messages, the oldest first, and what is closed when another one arrives.
func (i *inbox) known() (ids []string, arrived <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.ids.items), i.arrived
}

// choose gives the newest messages of ids that c chooses.
func (s *Server) choose(ctx context.Context, ids []string, c choice, limit int) ([]mailbox.Message, error) {
	found := []mailbox.Message{}
	for _, id := range slices.Backward(ids) {
		if len(found) == limit || ctx.Err() != nil {
			break
		}
		m, chosen, err := s.chosen(id, c)
		if err != nil {
			return nil, err
		}
		if chosen {
			found = append(found, m)
		}
	}
	return found, nil
}

// chosen gives a message and tells whether c chooses it. One that the mailbox doesn't keep any more is none.
func (s *Server) chosen(id string, c choice) (mailbox.Message, bool, error) {
	m, content, err := s.options.Box.Get(id)
	if errors.Is(err, mailbox.ErrNotFound) {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	defer content.Close()
	if !c.fits(&m) {
		return m, false, nil
	}
	if len(c.contains) == 0 {
		return m, true, nil
	}
	text, err := io.ReadAll(content)
	return m, bytes.Contains(text, c.contains), err
}

func (c *choice) fits(m *mailbox.Message) bool {
	sent := c.sender == "" || named(c.sender, m.Given) || named(c.sender, m.Sender)
	received := c.recipient == ""
	for _, to := range m.Recipients {
		received = received || named(c.recipient, to)
	}
	return sent && received
}

// named tells whether text writes a; <> is the null sender.
func named(text string, a policy.Address) bool {
	return text == "<>" && a.Null() || strings.EqualFold(text, a.String())
}

// clearMessages forgets which messages there are. The mailbox keeps them.
func (s *Server) clearMessages(w http.ResponseWriter, _ *http.Request) {
	s.inbox.mu.Lock()
	s.inbox.ids.items = nil
	s.inbox.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// message finds a message, or answers that there is none.
func (s *Server) message(w http.ResponseWriter, r *http.Request) (mailbox.Message, io.ReadCloser, bool) {
	m, content, err := s.options.Box.Get(r.PathValue("id"))
	switch {
	case errors.Is(err, mailbox.ErrNotFound), errors.Is(err, mailbox.ErrAmbiguous):
		problem(w, http.StatusNotFound, err.Error())
	case err != nil:
		problem(w, http.StatusInternalServerError, err.Error())
	}
	return m, content, err == nil
}

func (s *Server) getMessage(w http.ResponseWriter, r *http.Request) {
	if m, content, ok := s.message(w, r); ok {
		content.Close()
		answer(w, http.StatusOK, m)
	}
}

func (s *Server) getMessageContent(w http.ResponseWriter, r *http.Request) {
	m, content, ok := s.message(w, r)
	if !ok {
		return
	}
	defer content.Close()
	w.Header().Set("Content-Type", "message/rfc822")
	w.Header().Set("Content-Length", fmt.Sprint(m.Size))
	_, _ = io.Copy(w, content) // the client is gone: nobody is left to be told
}
