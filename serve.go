package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/delivery"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/services"
	"github.com/relayspec/relayspec/reference/wire"
	"github.com/relayspec/relayspec/simulator/control"
)

// serve is the command that runs the reference relay.
type serve struct {
	World     string            `placeholder:"FILE" help:"Who may relay what: customers, domains, users, settings. It must be given, but with --control; the README's world.yaml is a sample."`
	Port25    string            `name:"port25" default:"127.0.0.1:2525" placeholder:"ADDR" help:"Where port 25 is served; 'off': nowhere. Default: ${default}."`
	Port465   string            `name:"port465" default:"127.0.0.1:2465" placeholder:"ADDR" help:"Where port 465 (TLS from the start) is served. Default: ${default}."`
	Port587   string            `name:"port587" default:"127.0.0.1:2587" placeholder:"ADDR" help:"Where port 587 is served. Default: ${default}."`
	Mail      string            `default:"mail" placeholder:"DIR" help:"Keep accepted mail here; 'memory': the newest 10,000 messages in memory; 'off': throw it away. Default: ${default}."`
	Sync      bool              `help:"Answer 250 only when the message is on the disk itself: slower, but it then outlives a crash of the machine, not only one of the relay. What waits for --next-hop is in memory either way: after a crash it is kept in --mail and not delivered."`
	NextHop   string            `placeholder:"ADDR" help:"Deliver accepted mail to this host:port, too."`
	Hello     string            `default:"relay.relayspec.example" placeholder:"NAME" help:"The name to give the next hop in EHLO. Default: ${default}."`
	TLSDir    string            `name:"tls-dir" default:"tls" placeholder:"DIR" help:"Where the self-made authority is kept (ca.pem). Default: ${default}."`
	Cert      string            `placeholder:"FILE" help:"Show this certificate chain (PEM) instead of a self-made one."`
	Key       string            `placeholder:"FILE" help:"The key of --cert (PEM)."`
	Service   string            `placeholder:"FILE" help:"A service of your own, in the form of google-workspace.yaml. Default: the built-in one."`
	Switch    map[string]string `placeholder:"NAME=VALUE" help:"Answer differently what the document leaves open: day-window=fixed. Repeat for more."`
	ProxyFrom []string          `placeholder:"CIDR,..." help:"Behind a proxy: connections from these addresses must begin with a header of the PROXY protocol (version 1 or 2, below TLS), and the client's address is the one it gives. Repeat for more. Default: nobody is believed."`
	Bounds    bounds            `embed:"" prefix:"max-"`
	Steering  steering          `embed:""`
	Events    string            `default:"-" placeholder:"FILE" help:"Write an event for each reply here, as JSON lines; '-': standard output; 'off'. Default: ${default}."`
	Drain     time.Duration     `default:"10s" help:"How long sessions may go on after SIGTERM. Default: ${default}."`
}

// bounds are what one client, or all together, may take of the relay. They are no limits of the service.
type bounds struct {
	Sessions           int `default:"0" placeholder:"N" help:"Sessions at once; one more gets 421. 0: 20,000; -1: any number."`
	SessionsPerAddress int `default:"0" placeholder:"N" help:"Sessions at once of one client address (of one /64 in IPv6), that of the PROXY header where there is one; one more gets 421. 0 and -1: any number."`
	Transactions       int `default:"0" placeholder:"N" help:"Transactions of a session; one more gets 421, and the client connects again. 0: 1,000,000; -1: any number."`
	Commands           int `default:"0" placeholder:"N" help:"Commands of a session that bring no message on, such as NOOP and RSET, in a row; one more gets 421. 0: 10,000; -1: any number."`
	Errors             int `default:"0" placeholder:"N" help:"Commands of a session that can't be understood, and wrong credentials; at that many it is closed. 0: 20; -1: any number."`
	Recipients         int `default:"0" placeholder:"N" help:"Recipients of a transaction that are kept in memory, even where the service has no limit; one more gets 452. 0: 10,000; -1: any number."`
}

// set puts the bounds into o.
func (b *bounds) set(o *reference.Options) error {
	for _, bound := range []struct {
		flag string
		n    int
		to   *int
	}{
		{"--max-sessions", b.Sessions, &o.MaxSessions}, {"--max-sessions-per-address", b.SessionsPerAddress, &o.MaxPeerSessions},
		{"--max-transactions", b.Transactions, &o.MaxTransactions}, {"--max-commands", b.Commands, &o.MaxCommands},
		{"--max-errors", b.Errors, &o.MaxErrors}, {"--max-recipients", b.Recipients, &o.MaxRecipients},
	} {
		if bound.n < -1 {
			return wrong(fmt.Errorf("%s is %d", bound.flag, bound.n), "Give a number, 0 for the default, or -1 for none")
		}
		*bound.to = bound.n
	}
	return nil
}

// Help teaches by example.
func (serve) Help() string {
	return `Runs a relay that keeps the documented rules, on ports that need no root.

  relayspec serve --world world.yaml                        the sample world, mail kept in mail/
  relayspec serve --world world.yaml --next-hop 127.0.0.1:1025
  relayspec serve --world world.yaml --switch day-window=fixed --switch helo-match=exact
  relayspec serve --world world.yaml --proxy-from 10.0.0.0/8 --port25 0.0.0.0:25
  relayspec serve --world world.yaml --events events.jsonl & jq 'select(.code >= 400) | .rule' events.jsonl

With --control an HTTP API steers the relay, guarded by a token:

  relayspec serve --world world.yaml --control 127.0.0.1:8025 --control-token secret --clock frozen &
  api() { curl -s -H 'Authorization: Bearer secret' "http://127.0.0.1:8025/v1/$@"; }
  api usage -X PUT -d '{"customer": "acme", "counter": "customer-day", "amount": 13000}'
  api clock/advance -d '{"seconds": 86400}'
  api openapi.json | jq '.paths | keys'

Clients that check the relay's certificate must trust tls/ca.pem. Each event names the rule that decided the reply.
Ctrl-C and SIGTERM drain: nobody is let in any more, transactions end, sessions are closed with 421. So does the loss of
a port, which ends it with 1.`
}

// Run serves until ctx ends.
func (c *serve) Run(ctx context.Context, s *streams) error {
	o, notes, err := c.options()
	if err != nil {
		return err
	}
	events, err := c.openEvents(s)
	if err != nil {
		return err
	}
	defer events.Close()
	o.Events = events.reply
	cockpit, err := c.Steering.open(&o, control.Options{Box: c.kept(&o)})
	if err != nil {
		return err
	}
	defer cockpit.close()
	forwarder, err := c.forward(&o, events, cockpit)
	if err != nil {
		return err
	}
	relay, err := c.start(&o, cockpit)
	if err != nil {
		return errors.Join(err, closeForwarder(forwarder))
	}
	cockpit.steer(relay, o.Listeners)
	greet(s.err, o.Listeners, cockpit, notes)
	return c.attend(ctx, s.err, relay, forwarder, cockpit)
}

// attend waits until ctx ends or a port is lost, that of the API among them, and drains. A relay that is deaf on a port
// isn't left running: whoever started it can start it again.
func (c *serve) attend(ctx context.Context, w io.Writer, relay *reference.Relay, forwarder *reference.Forwarder, api *cockpit) error {
	var lost error
	select {
	case <-ctx.Done():
		fmt.Fprintf(w, "draining %d sessions, at most %s; again to stop at once\n", relay.Sessions(), c.Drain)
	case lost = <-relay.Failed():
	case lost = <-api.lost():
	}
	if lost != nil {
		fmt.Fprintf(w, "a port is lost: %v\ndraining %d sessions, at most %s\n", lost, relay.Sessions(), c.Drain)
	}
	return c.stop(relay, forwarder, lost)
}

// start opens the ports and serves.
func (c *serve) start(o *reference.Options, api *cockpit) (*reference.Relay, error) {
	var err error
	if o.Listeners, err = c.listen(); err != nil {
		return nil, err
	}
	api.join(o)
	relay, err := reference.Start(*o)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	return relay, nil
}

// kept is where the relay keeps its mail; nil: it throws it away.
func (c *serve) kept(o *reference.Options) *mailbox.Box {
	if c.Mail == "off" {
		return nil
	}
	return o.Keeper.(*mailbox.Box) // options has made it
}

func closeForwarder(f *reference.Forwarder) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// options reads everything that can be wrong before a port is opened. The notes are to be told once it serves.
func (c *serve) options() (o reference.Options, notes []string, err error) {
	if c.NextHop != "" && c.Mail == "off" {
		return o, nil, wrong(errors.New("--next-hop reads the mail that is kept, and --mail is off"), "Leave --mail on, or --next-hop out")
	}
	if c.Sync && (c.Mail == "off" || c.Mail == "memory") {
		return o, nil, wrong(errors.New("--sync waits for the mail that is kept, and --mail is "+c.Mail), "Leave --mail on, in a directory, or --sync out")
	}
	world, err := c.world()
	if err != nil {
		return o, nil, err
	}
	service, err := c.service()
	if err != nil {
		return o, nil, wrong(err, "See --service and --switch in relayspec serve --help")
	}
	certificate, err := c.certificate(service.Host)
	if err != nil {
		return o, nil, err
	}
	box, err := c.box()
	if err != nil {
		return o, nil, err
	}
	for _, w := range world.Warnings() {
		notes = append(notes, "warning: "+w.String())
	}
	if certificate.File != "" {
		notes = append(notes, "TLS: clients must trust "+certificate.File)
	}
	notes = append(notes, fmt.Sprintf("serving %d customers and %d users of %s", len(world.Customers()), len(world.Users()), cmp.Or(c.World, "no world yet")))
	proxies, err := prefixes(c.ProxyFrom)
	if err != nil {
		return o, nil, wrong(fmt.Errorf("--proxy-from: %w", err), "Give the addresses of your proxies, such as 10.0.0.0/8 or 192.0.2.7")
	}
	o = reference.Options{Service: service, Directory: world, TLS: certificate.TLS, Keeper: box, ProxyFrom: proxies}
	err = c.Bounds.set(&o)
	return o, notes, err
}

// box is where accepted mail goes.
func (c *serve) box() (*mailbox.Box, error) {
	const inMemory = 10_000 // messages
	switch c.Mail {
	case "off":
		return mailbox.Discard(), nil
	case "memory":
		return mailbox.Memory(inMemory), nil
	}
	box, err := mailbox.Open(c.Mail)
	if err != nil {
		return nil, wrong(err, "Name a directory that can be written with --mail, or --mail off")
	}
	box.Sync = c.Sync
	return box, nil
}

// prefixes reads addresses, and ranges of them in CIDR form.
func prefixes(list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if address, single := netip.ParseAddr(text); single == nil {
			prefix, err = netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an IP address nor a range of them", text)
		}
		if prefix.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is a range of IPv4 addresses in IPv6 form, which no connection comes from: write it as IPv4", text)
		}
		all = append(all, prefix)
	}
	return all, nil
}

// wrong is a mistake in the command line or in a file that it names.
func wrong(err error, next string) error { return &exit{exitUsage, &advice{err, next}} }

// world reads the world file.
func (c *serve) world() (*directory.Directory, error) {
	return worldFor("serve", c.World, c.Steering.Control != "")
}

// worldFor reads the world file of a command. One that is steered can do without: it begins with nobody.
func worldFor(command, file string, steered bool) (*directory.Directory, error) {
	sample := fmt.Sprintf("Begin with the sample, world.yaml beside the README: relayspec %s --world world.yaml", command)
	switch {
	case file == "" && steered:
		return directory.New(nil, nil)
	case file == "":
		return nil, wrong(errors.New("--world is missing: who may relay what?"), sample)
	}
	world, err := directory.Load(file)
	var faults directory.Faults
	switch {
	case errors.As(err, &faults):
		return nil, wrong(fmt.Errorf("%s can't be used, faults: %d\n%w", file, len(faults), err), "Mend "+file+" and start again")
	case err != nil:
		return nil, wrong(err, sample)
	}
	return world, nil
}

func (c *serve) service() (*policy.Service, error) {
	if c.Service != "" {
		return services.LoadFile(c.Service, c.Switch)
	}
	return services.Load(services.Default, c.Switch)
}

func (c *serve) certificate(host string) (*reference.Certificate, error) {
	const next = "Give a PEM certificate and its key with --cert and --key, or leave both out for a self-made one"
	switch {
	case c.Cert != "" && c.Key != "":
		certificate, err := reference.LoadCertificate(c.Cert, c.Key)
		if err != nil {
			return nil, wrong(err, next)
		}
		return certificate, nil
	case c.Cert != "" || c.Key != "":
		return nil, wrong(errors.New("--cert and --key go together"), next)
	}
	names := []string{host, "localhost", "127.0.0.1", "::1"}
	for _, address := range []string{c.Port25, c.Port465, c.Port587} {
		name, _, err := net.SplitHostPort(address)
		if err == nil && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	certificate, err := reference.SelfMade(c.TLSDir, names...)
	if err != nil {
		return nil, wrong(err, "Name a directory that can be written with --tls-dir, or give --cert and --key")
	}
	return certificate, nil
}

// listen opens every port, or none.
func (c *serve) listen() (map[policy.Role][]net.Listener, error) {
	listeners := map[policy.Role][]net.Listener{}
	for _, p := range []struct {
		role policy.Role
		at   string
		flag string
	}{{policy.Port25, c.Port25, "--port25"}, {policy.Port465, c.Port465, "--port465"}, {policy.Port587, c.Port587, "--port587"}} {
		if p.at == "off" {
			continue
		}
		l, err := net.Listen("tcp", p.at)
		if err != nil {
			for _, opened := range listeners {
				opened[0].Close()
			}
			return nil, wrong(fmt.Errorf("serve port %d: %w", p.role, err), fmt.Sprintf("Give another address with %s, or '%s off'", p.flag, p.flag))
		}
		listeners[p.role] = []net.Listener{l}
	}
	if len(listeners) == 0 {
		return nil, wrong(errors.New("every port is off"), "Leave one of --port25, --port465 and --port587 on")
	}
	return listeners, nil
}

// forward makes the relay deliver to the next hop; nil where there is none.
func (c *serve) forward(o *reference.Options, events *events, api *cockpit) (*reference.Forwarder, error) {
	if c.NextHop == "" {
		return nil, nil
	}
	box := o.Keeper.(*mailbox.Box) // options has made it
	forwarder, err := reference.NewForwarder(delivery.NextHop{Address: c.NextHop, Hello: c.Hello}, api.now(), api.delivery(events.delivery))
	if err != nil {
		return nil, wrong(err, "See --next-hop and --hello in relayspec serve --help")
	}
	api.attach(forwarder)
	o.Accepted = func(id string, e mailbox.Envelope) {
		err := forwarder.Add(delivery.Message{
			ID:       id,
			Envelope: delivery.Envelope{Sender: e.Sender, Recipients: e.Recipients, UTF8: e.UTF8, DSN: e.DSN},
			Received: e.Received,
			Open:     func() (io.ReadCloser, error) { _, r, err := box.Get(id); return r, err },
		})
		if err != nil {
			events.failure(id, err)
		}
	}
	return forwarder, nil
}

func greet(w io.Writer, listeners map[policy.Role][]net.Listener, api *cockpit, notes []string) {
	for _, role := range []policy.Role{policy.Port25, policy.Port465, policy.Port587} {
		for _, l := range listeners[role] {
			fmt.Fprintf(w, "port %d: %s\n", role, l.Addr())
		}
	}
	api.greet(w)
	for _, note := range notes {
		fmt.Fprintln(w, note)
	}
}

// stop drains the relay, then lets the next hop have what is due. lost is the port that was lost, if any.
func (c *serve) stop(relay *reference.Relay, forwarder *reference.Forwarder, lost error) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.Drain)
	defer cancel()
	err := relay.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = lost // what was left has been cut, as --drain says
	}
	if forwarder != nil {
		forwarder.Drain(ctx)
	}
	return errors.Join(err, closeForwarder(forwarder))
}

// events writes JSON lines from many goroutines.
type events struct {
	mu   sync.Mutex
	to   *json.Encoder
	file io.Closer
}

func (c *serve) openEvents(s *streams) (*events, error) {
	switch c.Events {
	case "-":
		return &events{to: lines(s.out)}, nil
	case "off":
		return &events{}, nil
	}
	f, err := os.OpenFile(c.Events, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, wrong(fmt.Errorf("open the event log: %w", err), "Name a file that can be written with --events, or --events off")
	}
	return &events{to: lines(f), file: f}, nil
}

// lines writes JSON lines in which <anna@acme.example> stays as it is.
func lines(w io.Writer) *json.Encoder {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder
}

// write adds a line. What can't be written is lost: mail goes on.
func (e *events) write(line any) {
	if e.to == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.to.Encode(line)
}

func (e *events) reply(event wire.Event) { e.write(event) }

// delivery tells what an attempt at the next hop came to.
func (e *events) delivery(r delivery.Attempt) {
	outcomes := make([]string, len(r.Outcomes))
	for i, o := range r.Outcomes {
		outcomes[i] = o.String()
	}
	line := map[string]any{"time": r.At, "delivery": r.ID, "sender": r.Sender.String(), "attempt": r.Number, "outcomes": outcomes}
	if !r.Next.IsZero() {
		line["next"] = r.Next
	}
	e.write(line)
}

func (e *events) failure(id string, err error) {
	e.write(map[string]any{"time": time.Now(), "delivery": id, "cause": strings.TrimSpace(err.Error())})
}

// Close ends the log.
func (e *events) Close() error {
	if e.file == nil {
		return nil
	}
	return e.file.Close()
}
