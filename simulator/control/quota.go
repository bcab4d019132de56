package control

import (
	"net/http"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator"
)

// quotaBody is what has been used, and what remains.
type quotaBody struct {
	Customer string     `json:"customer"`
	User     string     `json:"user,omitempty"`
	Now      time.Time  `json:"now"`
	Counters []standing `json:"counters"`
}

func (s *Server) getCustomerQuota(w http.ResponseWriter, r *http.Request) {
	if c := s.customer(w, r.PathValue("id")); c != nil {
		answer(w, http.StatusOK, s.quota(c, nil))
	}
}

func (s *Server) getUserQuota(w http.ResponseWriter, r *http.Request) {
	address := r.PathValue("address")
	user := s.world.Load().User(simulator.ParseAddress(address))
	if user == nil {
		problem(w, http.StatusNotFound, "no user's primary address is "+address+": PUT /v1/world says who exists")
		return
	}
	body := s.quota(user.Customer, user)
	body.User = user.ID
	answer(w, http.StatusOK, body)
}

func (s *Server) quota(c *policy.Customer, user *policy.User) quotaBody {
	return quotaBody{Customer: c.ID, Now: s.options.Clock.Now().UTC(), Counters: s.look(s.policy().Quota(c, user))}
}
