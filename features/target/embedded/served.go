package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator/control"
)

// Served is the relay with the simulator's API in front of it: whoever has URL and Token steers it as any other.
type Served struct {
	*Relay
	URL   string
	Token string
}

// Serve starts the relay that o describes and serves its API on a port of the loopback, until it is closed.
func Serve(ctx context.Context, o Options) (*Served, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the API: %w", err)
	}
	r := newRelay(o)
	r.api = &api{relay: r, listener: listener, token: rand.Text(), over: make(chan error, 1)}
	if err := r.start(); err != nil {
		r.Close()
		return nil, fmt.Errorf("start the relay and its API: %w", err)
	}
	return &Served{Relay: r, URL: "http://" + listener.Addr().String(), Token: r.api.token}, nil
}

// api serves a relay's API.
type api struct {
	relay    *Relay
	listener net.Listener
	token    string
	server   *control.Server
	http     *http.Server // nil: it never served
	over     chan error
}

// start starts the relay that o describes, which knows world at first, and serves.
func (a *api) start(o *reference.Options, world *directory.Directory) (err error) {
	r := a.relay
	description := r.Describe()
	declared := []string{}
	for _, c := range description.Capabilities {
		declared = append(declared, string(c))
	}
	a.server, err = control.New(control.Options{
		Service: r.service, Directory: world, Ledger: r.ledger, Clock: r.clock,
		Name: description.Name, Capabilities: declared, Token: a.token, Box: r.box,
	})
	if err != nil {
		return err
	}
	counted := o.Ledger
	a.server.Join(o)
	o.Ledger = counted // that wraps the one which the API sets
	if r.relay, err = reference.Start(*o); err != nil {
		return err
	}
	ports := map[policy.Role]string{}
	for role, address := range r.ports {
		ports[policy.Role(role)] = address
	}
	a.server.Steer(r.relay, ports)
	a.http = &http.Server{Handler: a}
	go func() { a.over <- a.http.Serve(a.listener) }()
	return nil
}

// ServeHTTP changes a world as the options of the relay say, as Apply does, and hands everything on to the API.
func (a *api) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if change := a.relay.options.World; change != nil && q.URL.Path == "/v1/world" {
		var world target.World
		if err := json.NewDecoder(q.Body).Decode(&world); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		changed, err := json.Marshal(change(world))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		q.Body, q.ContentLength = io.NopCloser(bytes.NewReader(changed)), int64(len(changed))
	}
	a.server.ServeHTTP(w, q)
}

// close ends the API and waits for it. The relay goes on.
func (a *api) close() error {
	if a.http == nil {
		return a.listener.Close()
	}
	err := a.http.Close()
	if served := <-a.over; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, a.server.Close())
}
