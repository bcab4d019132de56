package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/delivery"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator/clock"
	"github.com/relayspec/relayspec/simulator/control"
	"github.com/relayspec/relayspec/simulator/faults"
)

// steering are the flags of serve that let an API steer the relay.
type steering struct {
	Control          string `placeholder:"ADDR" help:"Serve an HTTP API here that steers the relay and shows what it does: world, counters, clock, faults, messages, sessions. Default: nowhere."`
	ControlToken     string `placeholder:"TOKEN" help:"What every request to the API must bring. Default: one is drawn, and told once."`
	ControlTokenFile string `placeholder:"FILE" help:"Read --control-token from this file."`
	Clock            string `enum:",running,frozen" default:"" placeholder:"KIND" help:"With --control: 'running' goes with real time and what it was advanced by; 'frozen' stands until it is advanced. Default: running."`
}

// cockpit is the API while it is served.
type cockpit struct {
	*control.Server
	listener net.Listener
	http     *http.Server
	clock    *clock.Clock
	faults   *faults.Set
	token    string // that was drawn, to be told; empty: it was given
	failed   chan error
}

// open opens the API's port, for a relay that is made of o; own is what else it has of its own. It gives nil where nobody
// asked for the API.
func (f *steering) open(o *reference.Options, own control.Options) (*cockpit, error) {
	if f.Control == "" {
		if asked(f.ControlToken, "TOKEN") || asked(f.ControlTokenFile, "TOKEN_FILE") || f.Clock != "" {
			return nil, wrong(errors.New("--control-token, --control-token-file and --clock go with --control"), "Give --control 127.0.0.1:8025, or leave them out")
		}
		return nil, nil
	}
	c := &cockpit{clock: clock.Running(time.Now), failed: make(chan error, 1)}
	if f.Clock == "frozen" {
		c.clock = clock.New(time.Now().Truncate(time.Second)) // on a tick of the ledger: windows end to the second
	}
	token, err := f.token()
	if err != nil {
		return nil, err
	}
	if token == "" {
		c.token = rand.Text()
		token = c.token
	}
	var key [16]byte
	rand.Read(key[:])                                                          // never fails
	own.Service, own.Directory = o.Service, o.Directory.(*directory.Directory) // options has made it
	c.faults = faults.New(c.clock.Now)
	own.Ledger, own.Clock, own.Faults = ledger.New(ledger.Options{Key: key}), c.clock, c.faults
	own.Version, own.Token = tool().Version, token
	if c.Server, err = control.New(own); err != nil {
		return nil, err
	}
	if c.listener, err = net.Listen("tcp", f.Control); err != nil {
		return nil, wrong(fmt.Errorf("serve the control API: %w", err), "Give another address with --control")
	}
	c.http = &http.Server{Handler: c.Server, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime}
	return c, nil
}

// How long a connection to the API may be silent. There is no bound for a whole request or its answer: a stream of events
// goes on as long as somebody reads it, and bounds each write itself.
const (
	headerTime = 10 * time.Second // within the head of a request
	// Between two requests: longer than clients keep a connection (Go's 90 s, for one), so that none sends its next request
	// into one that is just being closed; and not for ever, so that a client that has gone doesn't hold its place.
	idleTime = 2 * time.Minute
)

// asked tells whether a flag about the API has a value that the environment doesn't give: what stands there for one program
// may meet another.
func asked(value, name string) bool {
	return value != "" && value != os.Getenv("RELAYSPEC_CONTROL_"+name)
}

// token is the one that was given, empty if none was.
func (f *steering) token() (string, error) {
	const next = "Give --control-token TOKEN, or --control-token-file FILE with nothing but the token in it"
	token := f.ControlToken
	if f.ControlTokenFile != "" {
		if token != "" {
			return "", wrong(errors.New("--control-token and --control-token-file are both given"), next)
		}
		text, err := os.ReadFile(f.ControlTokenFile)
		if err != nil {
			return "", wrong(fmt.Errorf("read --control-token-file: %w", err), next)
		}
		token = strings.TrimSpace(string(text))
		if token == "" {
			return "", wrong(fmt.Errorf("--control-token-file %s is empty", f.ControlTokenFile), next)
		}
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7F }) {
		return "", wrong(errors.New("the control token has blanks, or octets that are no ASCII"), next)
	}
	if token == "" && !isLoopback(f.Control) {
		return "", wrong(fmt.Errorf("--control %s can be reached from other machines, and no token is given", f.Control), next+", or serve it on 127.0.0.1")
	}
	return token, nil
}

// isLoopback tells whether only this machine reaches address.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true // net.Listen says what is wrong with it
	}
	at, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && at.Unmap().IsLoopback()
}

// now is the clock by which the relay goes.
func (c *cockpit) now() func() time.Time {
	if c == nil {
		return time.Now
	}
	return c.clock.Now
}

// attach lets the clock run what waits for the next hop.
func (c *cockpit) attach(f *reference.Forwarder) {
	if c != nil && f != nil {
		c.clock.Attach(f)
	}
}

// delivery tells the API, too, of each attempt at the next hop.
func (c *cockpit) delivery(report func(delivery.Attempt)) func(delivery.Attempt) {
	if c == nil {
		return report
	}
	return func(a delivery.Attempt) {
		c.Attempt(a)
		report(a)
	}
}

// join makes the relay that o describes one that can be steered.
func (c *cockpit) join(o *reference.Options) {
	if c != nil {
		c.Join(o)
	}
}

// around gives l with what the API's faults do where a connection is accepted. join does so for the listeners of a relay.
func (c *cockpit) around(l net.Listener) net.Listener {
	if c == nil {
		return l
	}
	return c.faults.Listener(l)
}

// drops tells of a decision whether a fault closes without a word; nil: there is no API.
func (c *cockpit) drops() func(policy.Decision) bool {
	if c == nil {
		return nil
	}
	return c.faults.Drops
}

// steer begins to serve.
func (c *cockpit) steer(relay control.Relay, listeners map[policy.Role][]net.Listener) {
	if c == nil {
		return
	}
	ports := map[policy.Role]string{}
	for role, some := range listeners {
		ports[role] = some[0].Addr().String()
	}
	c.Steer(relay, ports)
	go func() { c.failed <- c.http.Serve(c.listener) }()
}

// greet tells where the API is, and the token that was drawn.
func (c *cockpit) greet(w io.Writer) {
	if c == nil {
		return
	}
	fmt.Fprintf(w, "control: http://%s\n", c.listener.Addr())
	if c.token != "" {
		fmt.Fprintf(w, "control token: %s\n", c.token)
	}
}

// lost receives what ended the API, unless we did.
func (c *cockpit) lost() <-chan error {
	if c == nil {
		return nil
	}
	return c.failed
}

// close ends the API. It is for when the relay has ended.
func (c *cockpit) close() {
	if c == nil {
		return
	}
	c.Server.Close() // its streams end
	const patience = time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if c.http.Shutdown(ctx) != nil {
		c.http.Close()
	}
	c.listener.Close() // where it was never served
}
