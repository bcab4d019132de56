package control

import (
	"cmp"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator/clock"
)

// Options are what a Server steers a relay by. Service, Directory, Ledger and Clock are needed and must be the relay's own;
// everything else works as zero.
type Options struct {
	Service   *policy.Service
	Directory *directory.Directory // that the relay starts with
	Ledger    *ledger.Ledger
	Clock     *clock.Clock

	Name    string // of the relay, for /v1/target; empty: reference
	Version string // of the relay
	// Capabilities are what the relay declares of itself, by the judge's names. nil: what its service and its addresses say.
	Capabilities []string
	// Token must come with every request, but those for health and the document. Empty: nobody is asked for one.
	Token string
}

// Server is the API. It is an http.Handler; Close ends what it has begun.
type Server struct {
	options Options
	http.Handler

	world  atomic.Pointer[directory.Directory]
	relay  atomic.Pointer[reference.Relay]
	ports  map[policy.Role]string
	moving moving

	closing sync.Once
	closed  chan struct{}
	running sync.WaitGroup
}

// New makes a Server of a relay that is still to be started. The error says which option is missing.
func New(o Options) (*Server, error) {
	switch {
	case o.Service == nil, o.Directory == nil, o.Ledger == nil, o.Clock == nil:
		return nil, errors.New("control: Options.Service, Directory, Ledger and Clock are needed")
	}
	o.Name = cmp.Or(o.Name, "reference")
	s := &Server{options: o, closed: make(chan struct{})}
	s.world.Store(o.Directory)
	handler, err := s.routes()
	if err != nil {
		return nil, err
	}
	s.Handler = handler
	return s, nil
}

// Join makes the relay that o describes go by the clock and the ledger of s, and tell s what it does. It is for options
// that are ready otherwise, right before reference.Start.
func (s *Server) Join(o *reference.Options) {
	o.Ledger = s.options.Ledger
	o.Now = s.options.Clock.Now
}

// Steer gives s the relay that was started, and where its ports are served, host:port each. Until then it answers 503.
func (s *Server) Steer(relay *reference.Relay, ports map[policy.Role]string) {
	s.ports = ports
	s.relay.Store(relay)
}

// Close ends the streams of events, and waits for what was begun. The relay goes on.
func (s *Server) Close() error {
	s.closing.Do(func() { close(s.closed) })
	s.running.Wait()
	return nil
}

// routes gives each resource its place.
func (s *Server) routes() (http.Handler, error) {
	document, err := readDocument()
	if err != nil {
		return nil, err
	}
	open := http.NewServeMux() // what needs no token
	open.HandleFunc("GET /v1/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	open.HandleFunc("GET /v1/openapi.json", document.serve)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/target", s.getTarget)
	mux.Handle("PUT /v1/world", reading(document, "World", maxWorld, s.putWorld))
	mux.HandleFunc("POST /v1/customers/{id}/reset", s.resetCustomer)
	mux.Handle("PUT /v1/usage", reading(document, "Usage", maxBody, s.putUsage))
	mux.HandleFunc("GET /v1/clock", s.getClock)
	mux.Handle("POST /v1/clock/advance", reading(document, "Advance", maxBody, s.advanceClock))
	open.Handle("/", s.guard(s.started(orProblem(mux))))
	return open, nil
}

// started answers 503 until there is a relay.
func (s *Server) started(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.relay.Load() == nil {
			problem(w, http.StatusServiceUnavailable, "the relay hasn't been started yet: ask again")
			return
		}
		next.ServeHTTP(w, r)
	})
}
