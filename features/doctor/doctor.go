// Package doctor looks at a relay before anybody judges it: where a session fails, why, and what to do about it.
//
// It judges by no rule of the features. It opens a few sessions, sends one message where there is a sink, and says of each
// thing that it tries whether it is well. Start with Examine.
package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// State says how well something is.
type State string

// The states.
const (
	OK      State = "ok"
	Warning State = "warn"
	Failure State = "fail"
	Skipped State = "skip" // it could not be tried, or there is nothing to try
)

// Check is one thing that was tried.
type Check struct {
	Port  int    `json:"port,omitempty"` // documented, or that of a Bare patient; 0: of the whole relay
	Name  string `json:"name"`
	State State  `json:"state"`
	Found string `json:"found"`
	Todo  string `json:"todo,omitempty"` // what to do about it
}

// Patient is a relay that is looked at.
type Patient struct {
	// Dialers say how sessions are opened, by documented port, or a Bare patient's. Certificates are looked at, so what their
	// TLS says of trust is read and not obeyed.
	Dialers map[target.Role]*client.Dialer
	Roles   target.Roles
	// Bare tells that only an address is known: there is no profile in which more could be written.
	Bare bool
	// Deliveries show what the relay has delivered; nil: there is no sink.
	Deliveries target.Deliveries
	// Sink is where it delivers to, for people.
	Sink string
	// Moved tells that the relay's clock is moved on purpose: nobody minds that it is another time there.
	Moved bool
	// Wait is how long a message may take to the sink. 0: 10 s.
	Wait time.Duration
	// Now gives the time; nil: time.Now.
	Now func() time.Time
	// Roots are those that the relay's certificate must lead to; nil: the system's.
	Roots *x509.CertPool
}

// expiresSoon is how long before its end a certificate is worth a word.
const expiresSoon = 14 * 24 * time.Hour

// Examine looks at p, port by port, then at a message's way to the sink. Every wait is bounded by the dialers' timeouts.
func Examine(ctx context.Context, p *Patient) []Check {
	e := &examination{Patient: p, ctx: ctx}
	ports := []target.Role{}
	for role := range p.Dialers {
		ports = append(ports, role)
	}
	slices.Sort(ports)
	for _, role := range ports {
		if ctx.Err() != nil {
			break
		}
		e.port(role)
	}
	if len(ports) == 0 {
		e.say(0, "ports", Failure, "no port is known", "Write where the relay listens: ports: {25: \"host:port\"}")
	}
	e.message()
	return e.checks
}

// Healthy tells whether nothing failed.
func Healthy(checks []Check) bool {
	return !slices.ContainsFunc(checks, func(c Check) bool { return c.State == Failure })
}

// unwritten says what to do where there is no profile.
const unwritten = "Write a profile, with ports, roles and a sink, and look at that: --target FILE; relayspec target --schema says what stands in one"

// examination is a patient being looked at.
type examination struct {
	*Patient
	ctx    context.Context
	checks []Check
	mail   target.Role // the first port that took an envelope; 0: none did
}

func (e *examination) say(role target.Role, name string, state State, found, todo string) {
	if state == OK {
		todo = ""
	}
	e.checks = append(e.checks, Check{int(role), name, state, found, todo})
}

func (e *examination) now() time.Time {
	if e.Now != nil {
		return e.Now()
	}
	return time.Now()
}

func (e *examination) wait() time.Duration { return cmp.Or(e.Wait, 10*time.Second) }

// hello is the name that the doctor gives.
func (e *examination) hello() string { return cmp.Or(e.Roles.Client, "client.example") }

// took says how long something took.
func took(since time.Time) string {
	return fmt.Sprintf("in %s", time.Since(since).Round(time.Millisecond))
}
