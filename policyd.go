package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/policy"
	service "github.com/relayspec/relayspec/reference/policyd"
	"github.com/relayspec/relayspec/simulator/control"
)

// policyd is the command that decides for a Postfix.
type policyd struct {
	World    string            `placeholder:"FILE" help:"Who may relay what: customers, domains, users, settings. It must be given, but with --control; the README's world.yaml is a sample."`
	Listen   string            `default:"127.0.0.1:10040" placeholder:"ADDR" help:"Where Postfix asks: host:port, or unix:PATH, open to whoever gets into its folder. Default: ${default}."`
	Service  string            `placeholder:"FILE" help:"A service of your own, in the form of google-workspace.yaml. Default: the built-in one."`
	Switch   map[string]string `placeholder:"NAME=VALUE" help:"Answer differently what the document leaves open: day-window=fixed. Repeat for more."`
	Hold     time.Duration     `default:"5m" help:"How long a transaction that Postfix leaves alone keeps its places in the limits. Default: ${default}."`
	Steering steering          `embed:""`
	Events   string            `default:"-" placeholder:"FILE" help:"Write an event for each answer here, as JSON lines; '-': standard output; 'off'. Default: ${default}."`
}

// Help teaches by example.
func (policyd) Help() string {
	return `Keeps the documented rules for a Postfix that asks about each command, as far as its protocol allows.

  relayspec policyd --world world.yaml
  relayspec policyd --control 127.0.0.1:8025 --control-token-file token --clock frozen
  relayspec policyd --world world.yaml --listen unix:/var/spool/postfix/private/relayspec --switch day-window=fixed

In Postfix's main.cf:

  smtpd_delay_reject = no
  smtpd_helo_required = yes
  smtpd_helo_restrictions = check_policy_service inet:127.0.0.1:10040
  smtpd_sender_restrictions = check_policy_service inet:127.0.0.1:10040
  smtpd_relay_restrictions = check_policy_service inet:127.0.0.1:10040, reject
  smtpd_recipient_restrictions =
  smtpd_data_restrictions = check_policy_service inet:127.0.0.1:10040
  smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:10040

What else refuses a recipient belongs before it in smtpd_relay_restrictions, and nothing before it may permit. A recipient
that may be relayed to is answered with OK. What is used counts in memory, and is gone with this program. Postfix can't be
told to rewrite a sender, and puts words of its own before each refusal: the events say what else it can't do.

A fault of the API that drops closes the connection on which Postfix asks, without an answer: Postfix asks again over another
one, then gives its client smtpd_policy_service_default_action.`
}

// decider is the policy service and what it asks.
type decider struct {
	engine *reference.Engine
	server *service.Server
}

// Run answers until ctx ends.
func (c *policyd) Run(ctx context.Context, s *streams) error {
	files := &serve{World: c.World, Service: c.Service, Switch: c.Switch, Events: c.Events, Steering: c.Steering}
	o, err := c.options(files)
	if err != nil {
		return err
	}
	events, err := files.openEvents(s)
	if err != nil {
		return err
	}
	defer events.Close()
	api, err := c.Steering.open(&o, control.Options{Name: "policyd", Capabilities: ours(o.Service)})
	if err != nil {
		return err
	}
	defer api.close()
	api.join(&o)
	d, err := c.decider(o, events, api.drops())
	if err != nil {
		return err
	}
	l, err := c.listen()
	if err != nil {
		return err
	}
	api.steer(d.engine, nil)
	fmt.Fprintf(s.err, "policy service: %s\n", l.Addr())
	api.greet(s.err)
	return d.attend(ctx, api.around(l), api)
}

// ours is what a relay has by the policy service, by the judge's names. The rest is Postfix's, and its profile's to say.
func ours(s *policy.Service) []string {
	all := []string{"world", "reset", "usage", "clock", "exact-factors"}
	if !s.Switches.FixedDay && !s.Switches.FixedPeak {
		all = append(all, "sliding-windows")
	}
	if !s.Switches.HeloExact {
		all = append(all, "helo-suffix")
	}
	return all
}

// options reads everything that can be wrong before it listens.
func (c *policyd) options(files *serve) (o reference.Options, err error) {
	if c.Hold <= 0 {
		return o, wrong(fmt.Errorf("--hold is %s", c.Hold), "Give a span of time such as 5m")
	}
	world, err := worldFor("policyd", c.World, c.Steering.Control != "")
	if err != nil {
		return o, err
	}
	rules, err := files.service()
	if err != nil {
		return o, wrong(err, "See --service and --switch in relayspec policyd --help")
	}
	return reference.Options{Service: rules, Directory: world}, nil
}

// decider makes the policy service of an Engine. Decisions that are silent are answered by closing the connection.
func (c *policyd) decider(o reference.Options, events *events, silent func(policy.Decision) bool) (*decider, error) {
	engine, err := reference.NewEngine(o)
	if err != nil {
		return nil, err
	}
	var asked service.Engine = engine
	if o.Engine != nil {
		asked = o.Engine(engine)
	}
	server, err := service.New(service.Options{
		Engine: asked, Failure: o.Service.Replies[policy.ReplyFailure], Hold: c.Hold, Now: o.Now, Silent: silent,
		Events: func(e service.Event) { events.write(e) },
	})
	return &decider{engine, server}, err
}

// listen opens the socket. A socket file that a program before us has left is taken over, one that somebody serves isn't.
func (c *policyd) listen() (net.Listener, error) {
	const next = "Give another address with --listen: host:port, or unix:PATH"
	network, address := "tcp", c.Listen
	if path, ok := strings.CutPrefix(c.Listen, "unix:"); ok {
		network, address = "unix", path
		if conn, err := net.Dial(network, path); err == nil {
			conn.Close()
			return nil, wrong(fmt.Errorf("listen for Postfix: somebody serves %s already", path), next)
		} else if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
			os.Remove(path) // where it can't be, Listen says why
		}
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, wrong(fmt.Errorf("listen for Postfix: %w", err), next)
	}
	if network == "unix" { // Postfix asks as a user of its own
		if err := os.Chmod(address, 0o666); err != nil {
			l.Close()
			return nil, wrong(fmt.Errorf("listen for Postfix: %w", err), next)
		}
	}
	return l, nil
}

// attend serves until ctx ends, or a port is lost, that of the API among them.
func (d *decider) attend(ctx context.Context, l net.Listener, api *cockpit) error {
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(l) }()
	var lost error
	select {
	case <-ctx.Done():
	case lost = <-api.lost():
	case lost = <-served:
		return errors.Join(lost, d.server.Close())
	}
	err := d.server.Close()
	<-served // by Close
	return errors.Join(lost, err)
}
