package control

import (
	"cmp"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/wire"
	"github.com/relayspec/relayspec/simulator/clock"
	"github.com/relayspec/relayspec/simulator/faults"
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

	Box    *mailbox.Box // where the relay keeps mail; nil: there are no messages to be shown
	Faults *faults.Set  // what goes wrong with the relay, by Clock; nil: nothing can
	Keep   int          // how many sessions and attempts are kept, each. 0: 1,000
	// Heartbeat is how often a stream of events shows that it lives, in real time. 0: 15 s.
	Heartbeat time.Duration
}

// The defaults of Options.
const (
	defaultKeep      = 1000
	defaultHeartbeat = 15 * time.Second
	keptMessages     = 10_000 // IDs
)

// Relay is what is steered: a *reference.Relay, or a *reference.Engine that another server asks.
type Relay interface {
	// SetDirectory makes it decide by d from the next decision on.
	SetDirectory(d policy.Directory)
}

// Server is the API. It is an http.Handler; Close ends what it has begun.
type Server struct {
	options Options
	http.Handler

	putting sync.Mutex // held while world is being changed
	world   atomic.Pointer[directory.Directory]
	relay   atomic.Pointer[Relay]
	ports   map[policy.Role]string
	moving  moving

	stream   *stream
	journal  *journal
	attempts attempts
	inbox    inbox

	closing sync.Once
	closed  chan struct{}
	running sync.WaitGroup // what moves the clock: nothing begins when moving.closed
}

// New makes a Server of a relay that is still to be started. The error says which option is missing.
func New(o Options) (*Server, error) {
	switch {
	case o.Service == nil, o.Directory == nil, o.Ledger == nil, o.Clock == nil:
		return nil, errors.New("control: Options.Service, Directory, Ledger and Clock are needed")
	}
	o.Name = cmp.Or(o.Name, "reference")
	o.Keep = cmp.Or(max(o.Keep, 0), defaultKeep)
	o.Heartbeat = cmp.Or(max(o.Heartbeat, 0), defaultHeartbeat)
	s := &Server{options: o, closed: make(chan struct{}), stream: newStream(), journal: newJournal(o.Clock.Now, o.Keep)}
	s.attempts.kept.most = o.Keep
	s.inbox.ids.most = keptMessages
	s.inbox.arrived = make(chan struct{})
	s.world.Store(o.Directory)
	handler, err := s.routes()
	if err != nil {
		return nil, err
	}
	s.Handler = handler
	return s, nil
}

// Join makes the relay that o describes go by the clock and the ledger of s, fail by its faults, and tell s what it does.
// It is for options that are ready otherwise, listeners among them, right before reference.Start.
func (s *Server) Join(o *reference.Options) {
	o.Ledger = s.options.Ledger
	o.Now = s.options.Clock.Now
	if set := s.options.Faults; set != nil {
		set.Struck = func(stroke faults.Stroke) { s.stream.tell("fault", stroke.Time, stroke) }
		set.Wrap(o)
	}
	engine, events, accepted := o.Engine, o.Events, o.Accepted
	o.Engine = func(e wire.Engine) wire.Engine {
		if engine != nil {
			e = engine(e)
		}
		return &witness{e, s}
	}
	o.Events = func(e wire.Event) {
		s.journal.reply(&e)
		s.stream.tell("reply", e.Time, e)
		if events != nil {
			events(e)
		}
	}
	o.Accepted = func(id string, e mailbox.Envelope) {
		s.accepted(id, e)
		if accepted != nil {
			accepted(id, e)
		}
	}
}

// Steer gives s the relay that was started, and where its ports are served, host:port each. Until then it answers 503.
func (s *Server) Steer(relay Relay, ports map[policy.Role]string) {
	s.ports = ports
	s.relay.Store(&relay)
}

// Close ends the streams of events, and waits for what was begun; who would move the clock from then on is answered 503.
// The relay goes on.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.moving.mu.Lock()
		defer s.moving.mu.Unlock()
		s.moving.closed = true
		close(s.closed)
	})
	s.running.Wait()
	return nil
}

// routes gives each resource its place.
func (s *Server) routes() (http.Handler, error) {
	document, err := readDocument()
	if err != nil {
		return nil, err
	}
	asked := http.NewServeMux() // with parameters
	open, mux := alone{http.NewServeMux()}, alone{asked}
	for _, m := range []alone{open, mux} { // what needs no token; mux knows which methods there are
		m.HandleFunc("GET /v1/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		m.HandleFunc("GET /v1/openapi.json", document.serve)
	}
	mux.HandleFunc("GET /v1/target", s.getTarget)
	mux.Handle("PUT /v1/world", reading(document, "World", maxWorld, s.putWorld))
	mux.HandleFunc("POST /v1/customers/{id}/reset", s.resetCustomer)
	mux.Handle("PUT /v1/usage", reading(document, "Usage", maxBody, s.putUsage))
	mux.HandleFunc("GET /v1/clock", s.getClock)
	mux.Handle("POST /v1/clock/advance", reading(document, "Advance", maxBody, s.advanceClock))

	mux.Handle("GET /v1/faults", s.failing(http.HandlerFunc(s.listFaults)))
	mux.Handle("POST /v1/faults", s.failing(reading(document, "Fault", maxBody, s.addFault)))
	mux.Handle("DELETE /v1/faults", s.failing(http.HandlerFunc(s.clearFaults)))
	mux.Handle("GET /v1/faults/{id}", s.failing(http.HandlerFunc(s.getFault)))
	mux.Handle("DELETE /v1/faults/{id}", s.failing(http.HandlerFunc(s.removeFault)))

	asked.Handle("GET /v1/messages", s.keeping(s.listMessages))
	mux.Handle("DELETE /v1/messages", s.keeping(s.clearMessages))
	asked.Handle("GET /v1/messages/wait", s.keeping(s.waitForMessages))
	mux.Handle("GET /v1/messages/{id}", s.keeping(s.getMessage))
	mux.Handle("GET /v1/messages/{id}/raw", s.keeping(s.getMessageContent))
	asked.HandleFunc("GET /v1/deliveries", s.listDeliveries)

	asked.HandleFunc("GET /v1/sessions", s.listSessions)
	mux.HandleFunc("GET /v1/sessions/{id}", s.getSession)
	mux.HandleFunc("GET /v1/sessions/{id}/transcript", s.getTranscript)
	mux.HandleFunc("GET /v1/sessions/{id}/explain", s.explainSession)
	mux.HandleFunc("GET /v1/quota/customers/{id}", s.getCustomerQuota)
	mux.HandleFunc("GET /v1/quota/users/{address}", s.getUserQuota)
	mux.Handle("POST /v1/explain", reading(document, "Question", maxBody, s.explain))
	asked.HandleFunc("GET /v1/events", s.streamEvents)
	open.ServeMux.Handle("/", s.guard(s.started(orProblem(asked))))
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
