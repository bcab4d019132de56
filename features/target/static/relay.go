package static

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/relayspec/relayspec/fakes/mx"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/child"
)

// Relay is an open instance of a static target.
type Relay struct {
	profile     *Profile
	sink        *mx.Sink                    // nil: there is none
	process     *child.Process              // nil: the relay wasn't started here
	scratch     string                      // a folder of the relay's own; "": it has none
	filling     map[string]string           // what is filled in in commands, by word
	mark        string                      // in the environment of whatever is run for this instance
	driver      target.Driver               // nil: nobody steers it
	said        target.Introduction         // the driver's
	means       []means                     // that tell whether a customer is there; nil: nobody looked yet
	canary      canary                      // of the world that is in force
	barred      []target.Capability         // declared, and not to be had from here
	doubts      map[target.Capability]error // verbs that were seen to do nothing
	addresses   map[target.Role]string
	loopback    bool                // all addresses are
	announced   []target.Capability // in reply to EHLO, on any port
	description target.Description

	mu     sync.Mutex
	taken  map[*Customer]string // the scenario that a customer plays in for good
	denied []target.Capability  // verbs that the driver names, and said that it doesn't have when it was asked
}

var (
	_ target.Target     = (*Relay)(nil)
	_ target.Caster     = (*Relay)(nil)
	_ target.Deliveries = (*Relay)(nil)
	_ target.Dialled    = (*Relay)(nil)
	_ target.Pulse      = (*Relay)(nil)
)

// describe puts together what is declared, what is announced and can be played, and what the profile makes possible.
func (r *Relay) describe() {
	p := r.profile
	r.description = target.Description{
		Name: p.Name, Version: cmp.Or(p.Version, r.said.Version), Driver: p.steering(), Capabilities: []target.Capability{},
	}
	for _, c := range target.Known() {
		if r.has(c) {
			r.description.Capabilities = append(r.description.Capabilities, c)
		}
	}
}

// has tells whether the relay is judged by c.
func (r *Relay) has(c target.Capability) bool {
	p := r.profile
	switch {
	case slices.Contains(r.barred, c):
		return false
	case c == target.CanDelivered:
		return r.sink != nil
	case c == target.CanApply && len(p.Customers) > 0:
		return true
	case slices.Contains(target.Verbs(), c):
		return r.can(c) || slices.Contains(p.Capabilities, c)
	}
	return r.declares(c) && p.unplayed(c) == "" || slices.Contains(r.announced, c) && p.unplayed(c) == ""
}

// declares tells whether the profile or the driver says that the relay has c.
func (r *Relay) declares(c target.Capability) bool {
	return slices.Contains(r.profile.Capabilities, c) || slices.Contains(r.said.Capabilities, c)
}

// Describe implements target.Target.
func (r *Relay) Describe() target.Description { return r.description }

// Address implements target.Target.
func (r *Relay) Address(role target.Role) string { return r.addresses[role] }

// Announced is what the relay announced in reply to EHLO, on any port, in clear text or encrypted.
func (r *Relay) Announced() []target.Capability { return slices.Clone(r.announced) }

// Unplayed names the role that the profile would have to bind for c to be judged; "" when there is none.
func (r *Relay) Unplayed(c target.Capability) string { return r.profile.unplayed(c) }

// Sink is where the relay delivers to, host:port; "": there is no sink.
func (r *Relay) Sink() string {
	if r.sink == nil {
		return ""
	}
	return r.sink.Address()
}

// Dialling implements target.Dialled.
func (r *Relay) Dialling() target.Dialling {
	return target.Dialling{Timeout: r.profile.timeout(), ServerName: r.profile.TLS.ServerName, Proxy: r.profile.proxy()}
}

// Roles implements target.Caster.
func (r *Relay) Roles() target.Roles {
	written := r.profile.Roles
	cast := target.Roles{
		Client: written.Client, Sender: written.Sender, Recipients: written.Recipients,
		User: written.User.cast(), Other: written.Other.cast(), Expired: written.Expired,
		Authenticate: written.Authenticate,
	}
	if cast.Client == "" {
		cast.Client = "client.example"
	}
	return cast
}

// cast is u as the judge knows a user.
func (u User) cast() target.User {
	cast := target.User{Address: u.Address, Password: u.Password, Aliases: u.Aliases}
	for _, token := range u.Tokens {
		cast.Tokens = append(cast.Tokens, target.Token{Value: token})
	}
	return cast
}

// Delivered implements target.Deliveries.
func (r *Relay) Delivered(ctx context.Context, token string, wait time.Duration) ([]target.Message, error) {
	if r.sink == nil {
		return nil, target.ErrUnsupported
	}
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	found, err := r.sink.Wait(limited, token, 1)
	var messages []target.Message
	for _, m := range found {
		messages = append(messages, target.Message{Sender: m.Sender, Recipients: m.Recipients, Data: m.Data})
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = ctx.Err() // that wait has passed is no error
	}
	return messages, err
}

// Close ends the relay, if it was started here, and the sink. The second time it does nothing.
func (r *Relay) Close() error {
	var faults []error
	if r.process != nil {
		faults = append(faults, r.process.Close())
		r.process = nil
	}
	if r.profile.Start != nil || r.profile.Exec != nil {
		child.EndMarked(r.mark) // what left its process group
	}
	if r.sink != nil {
		faults = append(faults, r.sink.Close())
	}
	if r.scratch != "" {
		faults = append(faults, os.RemoveAll(r.scratch))
		r.scratch = ""
	}
	return errors.Join(faults...)
}

// Workers says how many instances may be open at once when asked for n, 0 being any number: a relay that can't be started
// anew on ports of its own is one, and serves one scenario at a time unless n says more.
func (p *Profile) Workers(n int) int {
	if !p.manifold() && (n == 0 || p.steered()) {
		return 1 // of a driver, too: a world replaces the one before
	}
	return n
}

// manifold tells whether each instance is a relay of its own.
func (p *Profile) manifold() bool {
	freeSink := p.Sink == nil || hasFreePort(p.Sink.Listen)
	return p.Start != nil && p.Ports == (Ports{}) && freeSink && p.drivenApart()
}

// rehearsed opens an instance whose driver has shown that its verbs do something.
func (p *Profile) rehearsed(ctx context.Context, o Options) (*Relay, error) {
	r, err := p.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := r.rehearse(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Opener gives a function that opens an instance a call. Where there can only be one, every call gives that one, and
// it is closed when all that it was given to have closed it.
func (p *Profile) Opener(o Options) func(context.Context) (target.Target, io.Closer, error) {
	if p.manifold() {
		return func(ctx context.Context) (target.Target, io.Closer, error) {
			r, err := p.rehearsed(ctx, o)
			if err != nil {
				return nil, nil, err
			}
			return r, r, nil
		}
	}
	s := &shared{profile: p, options: o}
	return s.open
}

// shared is one relay that is given out several times.
type shared struct {
	profile *Profile
	options Options

	mu    sync.Mutex
	relay *Relay // nil: closed, or not opened yet
	users int
}

func (s *shared) open(ctx context.Context) (target.Target, io.Closer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.relay == nil {
		r, err := s.profile.rehearsed(ctx, s.options)
		if err != nil {
			return nil, nil, err
		}
		s.relay = r
	}
	s.users++
	return s.relay, &share{shared: s}, nil
}

// share closes once.
type share struct {
	*shared
	once sync.Once
	err  error
}

func (s *share) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.users--; s.users == 0 {
			s.err = s.relay.Close()
			s.relay = nil
		}
	})
	return s.err
}
