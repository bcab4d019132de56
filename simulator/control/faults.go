package control

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/simulator/faults"
)

// failing serves what needs a set of faults.
func (s *Server) failing(serve http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.options.Faults == nil {
			problem(w, http.StatusNotImplemented, "this relay has no faults")
			return
		}
		serve.ServeHTTP(w, r)
	})
}

func (s *Server) listFaults(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.options.Faults.All())
}

func (s *Server) addFault(w http.ResponseWriter, _ *http.Request, f *faults.Fault) {
	added, err := s.options.Faults.Add(*f)
	if err != nil {
		problem(w, http.StatusBadRequest, "there can't be such a fault", invalid(err)...)
		return
	}
	w.Header().Set("Location", "/v1/faults/"+added.ID)
	answer(w, http.StatusCreated, added)
}

// invalid says what is wrong with a fault, field by field.
func invalid(err error) []fault {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []fault
		for _, one := range joined.Unwrap() {
			all = append(all, invalid(one)...)
		}
		return all
	}
	var field *faults.Invalid
	if !errors.As(err, &field) {
		return []fault{{Detail: err.Error()}}
	}
	place := strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(field.Field)
	return []fault{{"/" + place, field.Value + ": write " + field.Want}}
}

func (s *Server) clearFaults(w http.ResponseWriter, _ *http.Request) {
	s.options.Faults.Clear()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) getFault(w http.ResponseWriter, r *http.Request) {
	all := s.options.Faults.All()
	at := slices.IndexFunc(all, func(f faults.Fault) bool { return f.ID == r.PathValue("id") })
	if at < 0 {
		noFault(w, r)
		return
	}
	answer(w, http.StatusOK, all[at])
}

func (s *Server) removeFault(w http.ResponseWriter, r *http.Request) {
	if !s.options.Faults.Remove(r.PathValue("id")) {
		noFault(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func noFault(w http.ResponseWriter, r *http.Request) {
	problem(w, http.StatusNotFound, "no fault "+r.PathValue("id")+" is active: it was never there, or it has done its work")
}
