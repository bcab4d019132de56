package static

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/relayspec/relayspec/fakes/mx"
	"github.com/relayspec/relayspec/features/target"
)

// Options of Open.
type Options struct {
	// Own says that the user owns the relay: only then is volume sent to an address that isn't a loopback one.
	Own bool
	// Unasked leaves out connecting to the ports: what is wrong there is found by whoever opens the relay.
	Unasked bool
}

// Open makes an instance of the target: it starts the sink and the relay where the profile says so, connects to each port
// and asks what the relay announces there.
//
// The error is Faults where the profile says what isn't so: an address that nothing is known of, a certificate that
// doesn't fit, volume for a relay that nobody says to own. Another error says in plain words what the relay does wrong.
func (p *Profile) Open(ctx context.Context, o Options) (*Relay, error) {
	r := &Relay{profile: p, addresses: map[target.Role]string{}, taken: map[*Customer]string{}}
	if err := r.open(ctx, o); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Relay) open(ctx context.Context, o Options) error {
	if err := r.startSink(); err != nil {
		return err
	}
	for _, role := range roles() {
		if address := r.profile.written(role); address != "" {
			r.addresses[role] = address
		}
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	if err := r.resolve(ctx, o); err != nil {
		return err
	}
	for _, role := range roles() {
		if r.addresses[role] == "" || o.Unasked {
			continue
		}
		if err := r.ask(ctx, role); err != nil {
			return err
		}
	}
	r.describe()
	return nil
}

func (r *Relay) startSink() (err error) {
	if r.profile.Sink == nil {
		return nil
	}
	r.sink, err = mx.Start(mx.Options{Listen: r.profile.Sink.Listen})
	if err != nil {
		return Faults{r.profile.fault(err.Error()+"; write an address of this machine that is free", "sink.listen", "sink")}
	}
	return nil
}

// start starts the relay and waits until it is ready.
func (r *Relay) start(ctx context.Context) error {
	s := r.profile.Start
	if s == nil {
		return nil
	}
	filled, err := r.fillings()
	if err != nil {
		return err
	}
	var command, env []string
	for _, word := range s.Command {
		command = append(command, filled.Replace(word))
	}
	for name, value := range s.Env {
		env = append(env, name+"="+filled.Replace(value))
	}
	ready := &readiness{groups: r.profile.ready, found: map[target.Role]string{}, all: make(chan struct{})}
	if r.process, err = startProcess(command, env, r.profile.path(s.Dir), ready.line); err != nil {
		return Faults{r.profile.fault(err.Error()+"; write a program that is there", "start.command", "start")}
	}
	within := s.Within
	if within == 0 {
		within = readyWithin
	}
	if s.Ready == "" {
		return r.awaitPort(ctx, within)
	}
	if err := r.process.awaitReady(ctx, ready.all, within); err != nil {
		return err
	}
	ready.mu.Lock()
	defer ready.mu.Unlock()
	for role, address := range ready.found {
		r.addresses[role] = address
	}
	return nil
}

// fillings gives what is filled in in the command. A port that the harness chooses is free until the relay takes it, as
// far as anybody knows.
func (r *Relay) fillings() (*strings.Replacer, error) {
	var pairs []string
	if r.sink != nil {
		pairs = append(pairs, "{sink}", r.sink.Address())
	}
	if r.profile.Start.mentions("{scratch}") {
		scratch, err := os.MkdirTemp("", "relay-")
		if err != nil {
			return nil, fmt.Errorf("make a folder for the relay: %w", err)
		}
		r.scratch = scratch
		pairs = append(pairs, "{scratch}", scratch)
	}
	for _, role := range roles() {
		word := fmt.Sprintf("{port%d}", role)
		if !r.profile.Start.mentions(word) {
			continue
		}
		free, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("choose a port for the relay: %w", err)
		}
		defer free.Close() // not before the others are chosen
		r.addresses[role] = free.Addr().String()
		_, port, _ := net.SplitHostPort(r.addresses[role])
		pairs = append(pairs, word, port)
	}
	return strings.NewReplacer(pairs...), nil
}

func (s *Start) mentions(word string) bool {
	has := func(text string) bool { return strings.Contains(text, word) }
	for _, value := range s.Env {
		if has(value) {
			return true
		}
	}
	return slices.ContainsFunc(s.Command, has)
}

// readiness looks for the line, or the lines, that say that the relay is ready: each group must have been found.
type readiness struct {
	groups

	mu    sync.Mutex
	found map[target.Role]string
	all   chan struct{} // closed when all is found
	done  bool
}

func (r *readiness) matches(line string) []string {
	if r.groups.line == nil {
		return nil
	}
	return r.groups.line.FindStringSubmatch(line)
}

// line takes a line of the relay's output.
func (r *readiness) line(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := r.matches(line)
	if found == nil || r.done {
		return
	}
	for i, name := range r.groups.line.SubexpNames() {
		if role, known := r.roles[name]; known && found[i] != "" {
			r.found[role] = addressOf(found[i])
		}
	}
	if len(r.found) == len(r.roles) {
		r.done = true
		close(r.all)
	}
}

// addressOf makes an address of what a relay prints: a port alone, or one of every address, is on the loopback.
func addressOf(printed string) string {
	if _, err := strconv.Atoi(printed); err == nil {
		return net.JoinHostPort("127.0.0.1", printed)
	}
	host, port, err := net.SplitHostPort(printed)
	if err == nil && (host == "" || host == "0.0.0.0" || host == "::") {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return printed
}

// pollEvery is how often a port is tried that a relay is to listen at.
const pollEvery = 20 * time.Millisecond

// awaitPort waits until the relay listens at one of its ports.
func (r *Relay) awaitPort(ctx context.Context, within time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		for _, address := range r.addresses {
			var dialer net.Dialer
			if socket, err := dialer.DialContext(limited, "tcp", address); err == nil {
				return socket.Close()
			}
		}
		select {
		case <-r.process.over:
			return r.process.ended()
		case <-limited.Done():
			return fmt.Errorf("the relay isn't ready within %s: nobody listens at its ports%s", within, r.process.output.tail())
		case <-time.After(pollEvery):
		}
	}
}

// resolve looks up every address, and refuses volume for one that isn't a loopback address unless the user owns it.
func (r *Relay) resolve(ctx context.Context, o Options) error {
	p := r.profile
	var faults Faults
	r.loopback = true
	for _, role := range roles() {
		address := r.addresses[role]
		if address == "" {
			continue
		}
		path := fmt.Sprintf("ports.%d", role)
		host, _, err := net.SplitHostPort(address)
		var found []netip.Addr
		if err == nil {
			found, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
		if err != nil {
			faults = append(faults, p.fault(fmt.Sprintf("port %d: %v; write the host:port of the relay", role, err), path, "start.ready", "start"))
			continue
		}
		if slices.ContainsFunc(found, func(a netip.Addr) bool { return !a.Unmap().IsLoopback() }) {
			r.loopback = false
		}
	}
	if i := slices.Index(p.Capabilities, target.Volume); i >= 0 && !r.loopback && !o.Own {
		const text = "volume sends tens of thousands of messages, and this relay isn't on a loopback address; leave volume out, or say --i-own-this-target if it is yours"
		faults = append(faults, p.fault(text, fmt.Sprintf("capabilities[%d]", i)))
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// hasFreePort tells whether the system chooses the port of address.
func hasFreePort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port == "0"
}
