package sender

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/relay"
	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
)

// The company of every scenario.
const (
	relayHost     = "smtp-relay.gmail.com"
	defaultHost   = "mail.corp.example"
	defaultDomain = "corp.example"
)

// play is one scenario as its steps share it: how the server is to be set up, how the relay answers, and what was sent.
// The relay and the server are started by the first step that needs them. Steps run one after another.
type play struct {
	features.Trial
	sender Sender
	setup  Setup
	// anyAddress: the customer's setting at the relay admits senders of any domain.
	anyAddress bool

	ext    []string // that the relay announces
	script relay.Script
	down   bool // nobody listens

	authority *relay.Authority
	relays    []*served
	intern    *served // the company's own server for an internal domain; nil: there is none
	server    Server  // nil: it wasn't started
	sent      []sent  // in their order

	mu    sync.Mutex
	clock Clock // the server's, if the judge moves it; relays ask it, too
}

// served is a scripted relay on one port.
type served struct {
	*relay.Relay
	port    int // as the sender's configuration calls it
	address string
	over    []relay.Session // of relays that listened there before
}

// sent is a message that was handed to the server.
type sent struct {
	mail.Submission
	token string // in its Message-ID, and in its content
}

// adapted is a sender as the target of a run.
type adapted struct {
	sender Sender
	target.Description
}

// Describe is part of target.Target.
func (a *adapted) Describe() target.Description { return a.Description }

// Address is part of target.Target: no session is opened to a sender.
func (*adapted) Address(target.Role) string { return "" }

// Explain is part of target.Explainer.
func (a *adapted) Explain(c target.Capability) string { return a.sender.Describe().Lacks[c] }

// adapt makes a sender what the runner judges.
func adapt(s Sender) *adapted {
	d := s.Describe()
	return &adapted{s, target.Description{Name: d.Name, Version: d.Version, Driver: d.Driver, Capabilities: d.Capabilities}}
}

// of gives the scenario in whose step ctx is.
func of(ctx context.Context) *play {
	t := features.TrialOf(ctx)
	return t.State(func() any { return newPlay(t) }).(*play)
}

func newPlay(t features.Trial) *play {
	p := &play{
		Trial:  t,
		sender: t.Target().(*adapted).sender,
		setup:  Setup{RelayHost: relayHost, Host: defaultHost, Domain: defaultDomain, Ports: map[int]string{}, Clock: t.Needs(CanClock)},
		ext:    []string{"SIZE 157286400", "8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8"},
	}
	p.script.Certificate = relay.Trusted
	t.Cleanup(p.end)
	return p
}

// begin starts the relay and the server, unless they run.
func (p *play) begin(ctx context.Context) error {
	if p.server != nil {
		return nil
	}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	server, err := p.sender.Start(ctx, p.setup)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.sender.Describe().Name, err)
	}
	p.server = server
	if clock, ok := server.(Clock); ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.clock = clock
	}
	return nil
}

// prepare starts the relay, and makes the setup know where.
func (p *play) prepare(ctx context.Context) (err error) {
	if p.authority != nil {
		return nil
	}
	if p.authority, err = relay.NewAuthority(nil); err != nil {
		return err
	}
	p.setup.RootPEM = pemOf(p.authority)
	for _, port := range []int{25, 465, 587} {
		s := &served{port: port, address: p.place(port)}
		if err := p.listen(ctx, s); err != nil {
			return err
		}
		p.setup.Ports[port] = s.address
		p.relays = append(p.relays, s)
		if p.down {
			s.hangUp()
		}
	}
	return nil
}

// place is where a port is to be served: where the sender is led to, or anywhere.
func (p *play) place(port int) string {
	if placed, ok := p.sender.(Placed); ok {
		if address := placed.Places()[port]; address != "" {
			return address
		}
	}
	return "127.0.0.1:0"
}

// listen has a relay listen at s.address, which is known afterwards.
func (p *play) listen(ctx context.Context, s *served) error {
	r, err := relay.Start(context.WithoutCancel(ctx), relay.Options{
		Listen: s.address, ImplicitTLS: s.port == 465, Script: p.scriptNow(), Authority: p.authority,
		Now: p.now, Observe: p.observer(s),
	})
	if err != nil {
		return err
	}
	s.Relay, s.address = r, r.Address()
	return nil
}

// scriptNow is a copy of the script, with what the relay announces.
func (p *play) scriptNow() relay.Script {
	script := p.script
	script.Ext = slices.Clone(p.ext)
	return script
}

// hangUp ends s; what was heard is kept.
func (s *served) hangUp() {
	if s.Relay == nil {
		return
	}
	s.Close() // whatever comes of it, it serves nobody any more
	s.over = append(s.over, s.Relay.Sessions()...)
	s.Relay = nil
}

// heard is all that s heard, in the order of the connections.
func (s *served) heard() []relay.Session {
	if s.Relay == nil {
		return s.over
	}
	return append(slices.Clone(s.over), s.Relay.Sessions()...)
}

// now is the server's time, if the judge moves it.
func (p *play) now() time.Time {
	p.mu.Lock()
	clock := p.clock
	p.mu.Unlock()
	if clock != nil {
		return clock.Now()
	}
	return time.Now()
}

// answers has the relays, those that run, answer as the script says now.
func (p *play) answers() error {
	for _, s := range p.relays {
		if s.Relay == nil {
			continue
		}
		if err := s.SetScript(p.scriptNow()); err != nil {
			return err
		}
	}
	return nil
}

// acceptAgain takes all refusals from the script, and has relays that were down listen again.
func (p *play) acceptAgain(ctx context.Context) error {
	p.script, p.down = relay.Script{Certificate: p.script.Certificate, AuthAfterTLS: p.script.AuthAfterTLS}, false
	p.Transcript().Note("", "the relay takes mail again")
	for _, s := range p.relays {
		if s.Relay == nil {
			if err := p.listen(ctx, s); err != nil {
				return fmt.Errorf("let the relay listen again: %w", err)
			}
		}
	}
	return p.answers()
}

// end stops all that runs.
func (p *play) end() {
	if p.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		if err := p.server.Stop(ctx); err != nil {
			p.Transcript().Note("", "the server can't be stopped: "+err.Error())
		}
	}
	for _, s := range append(p.relays, p.intern) {
		if s != nil {
			s.hangUp()
		}
	}
}

// stopWithin bounds how long a server may take to end.
const stopWithin = 30 * time.Second

// settle waits until the server is at rest.
func (p *play) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	if settler, ok := p.server.(Settler); ok {
		if err := settler.Settle(ctx); err != nil {
			return fmt.Errorf("wait until the server is at rest: %w", err)
		}
		return nil
	}
	return p.quiet(ctx)
}

// How long the judge waits for a server that can't tell, and how long it must have been quiet then.
const (
	settleWithin = 60 * time.Second
	quietFor     = 1500 * time.Millisecond
	hurriedFor   = 250 * time.Millisecond // for one whose timers are shortened: it tries again soon
	lookEvery    = 50 * time.Millisecond
)

// quiet waits until nothing new has reached the relay for a while, and no connection is open within a message.
func (p *play) quiet(ctx context.Context) error {
	last, since := -1, time.Now()
	for {
		if n := p.steps(); n != last {
			last, since = n, time.Now()
		}
		if quiet := time.Since(since); quiet >= quietFor || quiet >= hurriedFor && p.setup.Clock && last > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("the server didn't come to rest")
		case <-time.After(lookEvery):
		}
	}
}

// steps counts all that was said at the relay.
func (p *play) steps() int {
	n := 0
	for _, s := range p.relays {
		for _, session := range s.heard() {
			n += 1 + len(session.Steps)
		}
	}
	return n
}
