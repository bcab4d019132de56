package static_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features/target"
)

// puppet is a relay that is steered over HTTP and does what it is told: mail from a customer's domain is taken until the
// customer's counters are used up. otherwise says what it answers in the place of the contract; a lie is an "ok" that is
// followed by nothing.
type puppet struct {
	relay     *relayScript
	url       string
	otherwise map[string]http.HandlerFunc // by method and path

	mu    sync.Mutex
	world target.World
	used  map[string]time.Time // customer -> when its counters were used up
	now   time.Time
	asked []string // methods and paths
}

// puppetOf starts a puppet for the time of a spec.
func puppetOf(otherwise map[string]http.HandlerFunc) *puppet {
	GinkgoHelper()
	p := &puppet{otherwise: otherwise, used: map[string]time.Time{}, now: time.Date(2026, 11, 24, 9, 4, 30, 0, time.UTC)}
	senders := map[int]string{}
	p.relay = scripted(func(session int, line string) string {
		p.mu.Lock()
		defer p.mu.Unlock()
		if path, ok := strings.CutPrefix(line, "MAIL FROM:<"); ok {
			senders[session], _, _ = strings.Cut(path, ">")
			if p.customer(senders[session]) == "" {
				return "550 5.7.1 who are you"
			}
		}
		if line == "DATA" && p.now.Before(p.used[p.customer(senders[session])].Add(24*time.Hour)) {
			return "550 5.4.5 enough"
		}
		return ""
	})
	server := httptest.NewServer(p)
	DeferCleanup(server.Close)
	p.url = server.URL
	return p
}

// customer is the ID of the one whose domain the sender is in.
func (p *puppet) customer(sender string) string {
	_, domain, _ := strings.Cut(sender, "@")
	for _, c := range p.world.Customers {
		for _, d := range c.Domains {
			if strings.EqualFold(d, domain) {
				return c.ID
			}
		}
	}
	return ""
}

func (p *puppet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what := r.Method + " " + r.URL.Path
	body, err := io.ReadAll(r.Body) // to its end: only then is a client seen that goes away
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, what)
	p.mu.Unlock()
	customer, isReset := strings.CutPrefix(what, "POST /v1/customers/")
	if isReset {
		what, customer = "POST reset", strings.TrimSuffix(customer, "/reset")
	}
	if other := p.otherwise[what]; other != nil {
		other(w, r)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch what {
	case "GET /v1/target":
		says(w, target.Introduction{Name: "puppet", Verbs: target.Verbs(), Ports: map[string]string{"25": p.relay.address()}})
	case "PUT /v1/world":
		p.world = target.World{}
		Expect(json.Unmarshal(body, &p.world)).To(Succeed())
		w.WriteHeader(http.StatusNoContent)
	case "PUT /v1/usage":
		var u target.Usage
		Expect(json.Unmarshal(body, &u)).To(Succeed())
		p.used[u.Customer] = p.now
		w.WriteHeader(http.StatusNoContent)
	case "POST reset":
		delete(p.used, customer)
		w.WriteHeader(http.StatusNoContent)
	case "POST /v1/clock/advance":
		var by struct{ Seconds float64 }
		Expect(json.Unmarshal(body, &by)).To(Succeed())
		p.now = p.now.Add(time.Duration(by.Seconds * float64(time.Second)))
		fallthrough
	case "GET /v1/clock":
		says(w, map[string]any{"now": p.now, "advancing": false})
	default:
		nobodyKnows(w, r)
	}
}

// says answers with JSON.
func says(w http.ResponseWriter, what any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(what)
}

// problem answers with a problem.
func problem(code int, title string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"title":%q,"status":%d}`, title, code)
	}
}

func nobodyKnows(w http.ResponseWriter, r *http.Request) {
	problem(http.StatusNotFound, "no such thing")(w, r)
}

// fine says that it is done. That is all that it does.
func fine(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// profile names the puppet as its relay. rest are more lines.
func (p *puppet) profile(rest string) string {
	return "name: puppet\ntimeout: 2s\ncontrol: {url: '" + p.url + "', timeout: 1s}\n" + rest
}
