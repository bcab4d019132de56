package control

import (
	"net/http"

	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator"
)

// usageBody is where a counter shall stand.
type usageBody struct {
	Customer string `json:"customer"`
	Counter  string `json:"counter"`
	User     string `json:"user"`
	Amount   int    `json:"amount"`
}

// putUsage makes a counter stand at an amount, as if it had just been used.
func (s *Server) putUsage(w http.ResponseWriter, _ *http.Request, u *usageBody) {
	counter, err := policy.ParseCounter(u.Counter)
	if err != nil {
		wrong(w, "/counter", err.Error())
		return
	}
	world := s.world.Load()
	customer := world.Customer(u.Customer)
	if customer == nil {
		wrong(w, "/customer", "no customer has the ID "+u.Customer)
		return
	}
	user := ""
	if counter == policy.UserMessages || counter == policy.UserRecipients {
		found := world.User(simulator.ParseAddress(u.User))
		if found == nil || found.Customer != customer {
			wrong(w, "/user", "customer "+u.Customer+" has no user whose primary address is "+u.User)
			return
		}
		user = found.ID
	} else if u.User != "" {
		wrong(w, "/user", counter.String()+" is the customer's own: leave the user out")
		return
	}
	s.options.Ledger.Set(s.options.Clock.Now(), customer.ID, counter, user, u.Amount, s.options.Service.Window(counter))
	w.WriteHeader(http.StatusNoContent)
}

// wrong answers that one thing in a body can't be.
func wrong(w http.ResponseWriter, pointer, detail string) {
	problem(w, http.StatusBadRequest, detail, fault{pointer, detail})
}
