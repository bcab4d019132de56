package static

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/control"
	"github.com/relayspec/relayspec/features/target/exec"
)

var (
	_ target.Applier     = (*Relay)(nil)
	_ target.Resetter    = (*Relay)(nil)
	_ target.UsageSetter = (*Relay)(nil)
	_ target.Clock       = (*Relay)(nil)
)

// driverKeys are the keys of a profile that name a driver.
func driverKeys() []string { return []string{"exec", "control"} }

// steered tells whether a driver steers the relay.
func (p *Profile) steered() bool { return p.Exec != nil || p.Control != nil }

// proxy is the version of the PROXY header that sessions begin with, 0 without one.
func (p *Profile) proxy() int { return 1 + slices.Index(proxies(), p.Proxy) }

// steering is how reports call who steers the relay.
func (p *Profile) steering() string {
	switch {
	case p.Exec != nil:
		return "exec"
	case p.Control != nil:
		return "control"
	}
	return "static"
}

// driverMentions tells whether word is to be filled in for the driver.
func (p *Profile) driverMentions(word string) bool {
	return p.Exec != nil && mention(p.Exec.Command, p.Exec.Env, word) ||
		p.Control != nil && mention([]string{p.Control.URL, p.Control.Token}, nil, word)
}

// Declared implements target.Declarer.
func (r *Relay) Declared() []target.Capability {
	return slices.DeleteFunc(target.Known(), func(c target.Capability) bool {
		return !r.declares(c) && !(slices.Contains(target.Verbs(), c) && r.has(c))
	})
}

// Doubts implements target.Doubter.
func (r *Relay) Doubts() []target.Doubt {
	r.mu.Lock()
	defer r.mu.Unlock()
	var doubts []target.Doubt
	for _, verb := range target.Verbs() {
		switch why := r.doubts[verb]; {
		case slices.Contains(r.denied, verb):
			doubts = append(doubts, target.Doubt{Verb: verb, Certain: true, Why: "the driver names it among its verbs, and answered that it doesn't have it when it was asked; " +
				"what needs it is UNPROVISIONABLE: name it no more, or have the driver do it"})
		case why != nil:
			doubts = append(doubts, target.Doubt{Verb: verb, Certain: true, Why: why.Error() + "; what needs it is an ERROR"})
		case verb == target.CanApply && r.can(verb) && r.means != nil && len(r.means) == 0:
			doubts = append(doubts, target.Doubt{Verb: verb, Why: "the relay takes anybody's mail and password, so that nobody can see over the wire whether the driver makes customers: what it says is believed"})
		}
	}
	return doubts
}

// drivenApart tells whether the driver of each instance knows which one is meant: something of its own is filled in.
func (p *Profile) drivenApart() bool {
	own := []string{"{scratch}", "{control}", "{token}", "{port25}", "{port465}", "{port587}"}
	return !p.steered() || slices.ContainsFunc(own, p.driverMentions)
}

// engage makes the driver, and has it say what it is. A driver that answers ok to whatever it is asked isn't believed.
func (r *Relay) engage(ctx context.Context) error {
	if !r.profile.steered() {
		return nil
	}
	driver, err := r.newDriver()
	if err != nil {
		return err
	}
	r.driver = driver
	r.said, err = r.driver.Introduce(ctx)
	switch {
	case errors.Is(err, target.ErrUnsupported):
		return Faults{r.driverFault("the driver doesn't know describe, which every driver answers: say name, verbs, capabilities and ports")}
	case err != nil:
		return r.steeringFailed(err)
	}
	if faults := r.misintroduced(); len(faults) > 0 {
		return faults
	}
	for port, address := range r.said.Ports {
		if role, _ := portNamed("port" + port); r.addresses[role] == "" {
			r.addresses[role] = address
		}
	}
	if len(r.addresses) == 0 {
		return Faults{r.driverFault("nothing says where the relay is: neither ports nor start, nor the driver's answer to describe; write ports: {25: 127.0.0.1:2525}")}
	}
	return r.challenge(ctx)
}

// newDriver makes the driver that the profile names.
func (r *Relay) newDriver() (target.Driver, error) {
	for _, role := range roles() {
		if word := portWord(role); r.addresses[role] == "" && r.profile.driverMentions(word) {
			return nil, Faults{r.driverFault(fmt.Sprintf("%s can't be filled in: neither ports nor start says where port %d is", word, role))}
		}
	}
	if c := r.profile.Control; c != nil {
		return control.New(control.Options{URL: r.fill(c.URL), Token: r.fill(c.Token), Timeout: c.Timeout})
	}
	e := r.profile.Exec
	command, env := r.filled(e.Command, e.Env)
	return &exec.Driver{Command: command, Env: env, Dir: r.profile.path(e.Dir), Timeout: e.Timeout}, nil
}

// driverFault is a fault of what the profile says of the driver.
func (r *Relay) driverFault(text string) Fault { return r.profile.fault(text, driverKeys()...) }

// misintroduced finds what no driver may say of itself.
func (r *Relay) misintroduced() (faults Faults) {
	fault := func(format string, args ...any) {
		faults = append(faults, r.driverFault("the driver's answer to describe: "+fmt.Sprintf(format, args...)))
	}
	for _, verb := range r.said.Verbs {
		if !slices.Contains(target.Verbs(), verb) {
			fault("no verb is called %q; %s", verb, instead(string(verb), words(target.Verbs())))
		}
	}
	for _, c := range r.said.Capabilities {
		switch {
		case !slices.Contains(target.Known(), c):
			fault("no capability is called %q; %s", c, instead(string(c), words(target.Known())))
		case slices.Contains(target.Verbs(), c) && !r.can(c):
			fault("%s is a verb that isn't among its verbs; name it there, or leave it out", c)
		}
	}
	for _, port := range slices.Sorted(maps.Keys(r.said.Ports)) {
		_, known := portNamed("port" + port)
		_, _, err := net.SplitHostPort(r.said.Ports[port])
		if !known || err != nil {
			fault("port %q at %q; say 25, 465 or 587, each with host:port", port, r.said.Ports[port])
		}
	}
	if r.profile.Roles.Sender == "" && !r.can(target.CanApply) {
		fault("it can't make customers (no verb world), so the profile must name those that are there; write roles: {sender: ..., recipients: [...]}")
	}
	return faults
}

func words(list []target.Capability) []string {
	var words []string
	for _, c := range list {
		words = append(words, string(c))
	}
	return words
}

// challenge asks for a verb that nobody can know. Source: quic-interop-runner asks so of each implementation.
func (r *Relay) challenge(ctx context.Context) error {
	verb := "no-such-verb-" + random()
	err := r.driver.Challenge(ctx, verb)
	switch {
	case errors.Is(err, target.ErrUnsupported):
		return nil
	case err == nil:
		return Faults{r.driverFault(fmt.Sprintf("the driver answers ok to %s, a verb that nobody knows: nothing it says can be believed; "+
			"it must answer what it doesn't know with exit status 3, or with 404 over HTTP", verb))}
	}
	return Faults{r.driverFault(fmt.Sprintf("the driver must answer %s, a verb that nobody knows, with exit status 3, or with 404 over HTTP: %v", verb, err))}
}

// can tells whether the driver has a verb.
func (r *Relay) can(verb target.Capability) bool { return slices.Contains(r.said.Verbs, verb) }

// permit is why a verb isn't asked for: the driver doesn't have it, or it was seen to do nothing.
func (r *Relay) permit(verb target.Capability) error {
	if !r.can(verb) {
		return target.ErrUnsupported
	}
	return r.doubts[verb]
}

// answered takes down that the driver said of a verb that it names that it doesn't have it, and says what is wrong when it
// failed.
func (r *Relay) answered(verb target.Capability, err error) error {
	r.mu.Lock()
	if errors.Is(err, target.ErrUnsupported) && !slices.Contains(r.denied, verb) {
		r.denied = append(r.denied, verb)
	}
	r.mu.Unlock()
	return r.steeringFailed(err)
}

// steeringFailed says what is wrong when the driver failed: first whether the relay ended.
func (r *Relay) steeringFailed(err error) error {
	if err == nil || r.process == nil || errors.Is(err, target.ErrUnsupported) {
		return err
	}
	if ended := r.process.EndedSoon(); ended != nil {
		return fmt.Errorf("%w\n%w", ended, err)
	}
	return err
}

// Apply implements target.Applier. The world gets a customer more, by which it is confirmed over the wire.
func (r *Relay) Apply(ctx context.Context, w target.World) error {
	if err := r.permit(target.CanApply); err != nil {
		return err
	}
	if err := r.acquaint(ctx); err != nil {
		return err
	}
	c := newCanary()
	if err := r.driver.Apply(ctx, c.in(w)); err != nil {
		return r.answered(target.CanApply, err)
	}
	r.canary = c
	return r.confirm(ctx, c)
}

// Reset implements target.Resetter.
func (r *Relay) Reset(ctx context.Context, customer string) error {
	if err := r.permit(target.CanReset); err != nil {
		return err
	}
	return r.answered(target.CanReset, r.driver.Reset(ctx, customer))
}

// SetUsage implements target.UsageSetter.
func (r *Relay) SetUsage(ctx context.Context, u target.Usage) error {
	if err := r.permit(target.CanUsage); err != nil {
		return err
	}
	return r.answered(target.CanUsage, r.driver.SetUsage(ctx, u))
}

// Now implements target.Clock.
func (r *Relay) Now(ctx context.Context) (time.Time, error) {
	if !r.can(target.CanClock) {
		return time.Time{}, target.ErrUnsupported
	}
	now, err := r.driver.Now(ctx)
	return now, r.answered(target.CanClock, err)
}

// Advance implements target.Clock. The clock is read before and after: it must have moved at least as far as asked.
func (r *Relay) Advance(ctx context.Context, by time.Duration) error {
	if err := r.permit(target.CanClock); err != nil {
		return err
	}
	before, err := r.Now(ctx)
	if err != nil {
		return err
	}
	if err := r.driver.Advance(ctx, by); err != nil {
		return r.answered(target.CanClock, err)
	}
	after, err := r.Now(ctx)
	if err != nil {
		return err
	}
	if moved := after.Sub(before); moved < by {
		return fmt.Errorf("unconfirmed: the driver said that the clock moved on by %s, but it went from %s to %s", by,
			strings.TrimSuffix(before.Format(time.RFC3339Nano), "Z"), after.Format(time.RFC3339Nano))
	}
	return nil
}
