package control

import (
	"errors"
	"net/http"

	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator"
)

// putWorld makes a world be all there is. What customers have used stays.
func (s *Server) putWorld(w http.ResponseWriter, _ *http.Request, world *simulator.World) {
	d, err := world.Directory()
	if err != nil {
		problem(w, http.StatusBadRequest, "such a world can't be: mend it and send it again", worldFaults(err)...)
		return
	}
	s.decideBy(d)
	w.WriteHeader(http.StatusNoContent)
}

// decideBy gives the relay and the API the same world, also where two are put at once.
func (s *Server) decideBy(d *directory.Directory) {
	s.putting.Lock()
	defer s.putting.Unlock()
	(*s.relay.Load()).SetDirectory(d)
	s.world.Store(d)
}

func worldFaults(err error) []fault {
	var findings directory.Faults
	if !errors.As(err, &findings) {
		return []fault{{Detail: err.Error()}}
	}
	var faults []fault
	for _, f := range findings {
		faults = append(faults, fault{Detail: f.String()})
	}
	return faults
}

// resetCustomer sets the counters of a customer to zero.
func (s *Server) resetCustomer(w http.ResponseWriter, r *http.Request) {
	if c := s.customer(w, r.PathValue("id")); c != nil {
		s.options.Ledger.Reset(c.ID)
		w.WriteHeader(http.StatusNoContent)
	}
}

// customer finds a customer, or answers that there is none.
func (s *Server) customer(w http.ResponseWriter, id string) *policy.Customer {
	c := s.world.Load().Customer(id)
	if c == nil {
		problem(w, http.StatusNotFound, "no customer has the ID "+id+": PUT /v1/world says who exists")
	}
	return c
}
