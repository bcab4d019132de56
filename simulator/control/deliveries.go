package control

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reference/delivery"
)

// attempts are what became of mail at the next hop.
type attempts struct {
	mu   sync.Mutex
	kept recent[deliveryBody]
}

// deliveryBody is an attempt at the next hop.
type deliveryBody struct {
	Message  string        `json:"message"`
	Sender   string        `json:"sender"`
	At       time.Time     `json:"at"`
	Attempt  int           `json:"attempt"`
	Outcomes []outcomeBody `json:"outcomes"`
	Next     time.Time     `json:"next,omitzero"`
}

type outcomeBody struct {
	Recipient string          `json:"recipient"`
	Status    delivery.Status `json:"status"`
	Code      int             `json:"code,omitempty"`
	Enhanced  string          `json:"enhanced,omitempty"`
	Text      string          `json:"text,omitempty"`
}

// Attempt takes note of an attempt at the next hop: for reference.NewForwarder's report.
func (s *Server) Attempt(a delivery.Attempt) {
	body := deliveryBody{
		Message: a.ID, Sender: a.Sender.String(), At: a.At.UTC(), Attempt: a.Number,
		Outcomes: make([]outcomeBody, len(a.Outcomes)),
	}
	if !a.Next.IsZero() {
		body.Next = a.Next.UTC()
	}
	for i, o := range a.Outcomes {
		body.Outcomes[i] = outcomeBody{o.Recipient.String(), o.Status, o.Code, o.Enhanced, o.Text}
	}
	s.attempts.mu.Lock()
	s.attempts.kept.add(body)
	s.attempts.mu.Unlock()
	s.stream.tell("delivery", a.At, body)
}

func (s *Server) listDeliveries(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r, "message", "recipient", "status", "limit")
	message, recipient, limit := q.text("message"), q.text("recipient"), q.limit()
	status := q.one("status", string(delivery.Delivered), string(delivery.Deferred), string(delivery.Failed))
	if !q.ok(w) {
		return
	}
	chosen := func(d deliveryBody) bool {
		return (message == "" || d.Message == message) && slices.ContainsFunc(d.Outcomes, func(o outcomeBody) bool {
			return (recipient == "" || strings.EqualFold(o.Recipient, recipient)) && (status == "" || string(o.Status) == status)
		})
	}
	s.attempts.mu.Lock()
	found := s.attempts.kept.newest(limit, chosen)
	s.attempts.mu.Unlock()
	answer(w, http.StatusOK, found)
}
