package static

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
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
	"github.com/relayspec/relayspec/features/target/child"
)

// readyWithin is how long a relay may take to be ready, unless start.within says.
const readyWithin = 10 * time.Second

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
	r := &Relay{profile: p, addresses: map[target.Role]string{}, filling: map[string]string{}, taken: map[*Customer]string{}, mark: "RELAYSPEC_INSTANCE=" + random()}
	if err := r.open(ctx, o); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Relay) open(ctx context.Context, o Options) error {
	if err := r.profile.apart(); err != nil {
		return err
	}
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
	if err := r.engage(ctx); err != nil {
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
	if err := r.reach(ctx); err != nil {
		return err
	}
	r.describe()
	return nil
}

// apart gives a fault where the relay must reach nobody and could.
func (p *Profile) apart() error {
	if !p.Isolated {
		return nil
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("see whether this is a network of its own: %w", err)
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 {
			const text = "isolated: %s leads out of this machine, and the relay is started only where nothing does; relayspec conform goes there by itself"
			return Faults{p.fault(fmt.Sprintf(text, i.Name), "isolated")}
		}
	}
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
	if err := r.prepare(); err != nil {
		return err
	}
	s := r.profile.Start
	if s == nil {
		return nil
	}
	command, env := r.filled(s.Command, s.Env)
	ready := &readiness{groups: r.profile.ready, found: map[target.Role]string{}, all: make(chan struct{})}
	var err error
	if r.process, err = child.Start(command, env, r.profile.path(s.Dir), ready.line); err != nil {
		return Faults{r.profile.fault(err.Error()+"; write a program that is there", "start.command", "start")}
	}
	within := cmp.Or(s.Within, readyWithin)
	if s.Ready == "" {
		return r.awaitPort(ctx, within)
	}
	if err := r.process.AwaitReady(ctx, ready.all, within); err != nil {
		return err
	}
	ready.mu.Lock()
	defer ready.mu.Unlock()
	for role, address := range ready.found {
		r.addresses[role] = address
	}
	return nil
}

// prepare makes what is filled in in commands. A port that the harness chooses is free until the relay takes it, as far
// as anybody knows.
func (r *Relay) prepare() error {
	if r.sink != nil {
		r.filling["{sink}"] = r.sink.Address()
	}
	if r.profile.mentions("{scratch}") {
		scratch, err := os.MkdirTemp("", "relay-")
		if err != nil {
			return fmt.Errorf("make a folder for the relay: %w", err)
		}
		r.scratch, r.filling["{scratch}"] = scratch, scratch
	}
	if r.profile.mentions("{token}") {
		r.filling["{token}"] = rand.Text()
	}
	for _, role := range roles() {
		word := portWord(role)
		if !r.profile.Start.mentions(word) {
			continue
		}
		free, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("choose a port for the relay: %w", err)
		}
		defer free.Close() // not before the others are chosen
		r.addresses[role] = free.Addr().String()
	}
	if r.profile.mentions("{control}") {
		free, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("choose a port for the driver: %w", err)
		}
		defer free.Close()
		r.filling["{control}"] = free.Addr().String()
	}
	return nil
}

// portWord is filled in with the port of role.
func portWord(role target.Role) string { return fmt.Sprintf("{port%d}", role) }

// fill fills in text with what is known by now.
func (r *Relay) fill(text string) string {
	var pairs []string
	for word, value := range r.filling {
		pairs = append(pairs, word, value)
	}
	for role, address := range r.addresses {
		_, port, _ := net.SplitHostPort(address)
		pairs = append(pairs, portWord(role), port)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// filled fills in a command and its environment.
func (r *Relay) filled(words []string, environment map[string]string) (command, env []string) {
	for _, word := range words {
		command = append(command, r.fill(word))
	}
	for name, value := range environment {
		env = append(env, name+"="+r.fill(value))
	}
	return command, append(env, r.mark)
}

// mentions tells whether word is to be filled in anywhere.
func (p *Profile) mentions(word string) bool {
	return p.Start.mentions(word) || p.driverMentions(word)
}

func (s *Start) mentions(word string) bool { return s != nil && mention(s.Command, s.Env, word) }

// mention tells whether word is to be filled in in a command or its environment.
func mention(command []string, env map[string]string, word string) bool {
	has := func(text string) bool { return strings.Contains(text, word) }
	for _, value := range env {
		if has(value) {
			return true
		}
	}
	return slices.ContainsFunc(command, has)
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

// awaitPort waits until the relay listens at all of its ports, and where it is steered: one that opens them one by one
// isn't ready before.
func (r *Relay) awaitPort(ctx context.Context, within time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		closed := r.closedPort(limited)
		if closed == "" {
			return nil
		}
		select {
		case <-r.process.Over():
			return r.process.Ended()
		case <-limited.Done():
			return fmt.Errorf("the relay isn't ready within %s: nobody listens at %s%s", within, closed, r.process.Tail())
		case <-time.After(pollEvery):
		}
	}
}

// closedPort gives the first address at which nobody listens; "": somebody does at each.
func (r *Relay) closedPort(ctx context.Context) string {
	for _, address := range r.doors() {
		var dialer net.Dialer
		socket, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return address
		}
		socket.Close()
	}
	return ""
}

// doors are the addresses that are known before anybody has asked.
func (r *Relay) doors() []string {
	doors := slices.Collect(maps.Values(r.addresses))
	if address := r.filling["{control}"]; r.profile.Control != nil && address != "" {
		doors = append(doors, address)
	}
	return doors
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
	if r.declares(target.Volume) && !r.loopback && !o.Own {
		const text = "volume sends tens of thousands of messages, and this relay isn't on a loopback address; leave volume out, or say --i-own-this-target if it is yours"
		faults = append(faults, p.fault(text, fmt.Sprintf("capabilities[%d]", slices.Index(p.Capabilities, target.Volume)), driverKeys()[0], driverKeys()[1]))
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
