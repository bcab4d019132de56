package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/doctor"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/static"
)

// diagnose is the command that looks at a relay before it is judged.
type diagnose struct {
	Target  string        `default:"embedded" placeholder:"FILE|ADDR" help:"The relay: a profile, host:port, or embedded."`
	JSON    bool          `name:"json" help:"Write JSON."`
	Timeout time.Duration `default:"0s" help:"How long to connect and for each reply. Default: the profile's, or 20s."`
	Wait    time.Duration `default:"10s" help:"How long a message may take to the sink."`
}

// Help teaches by example.
func (diagnose) Help() string {
	return `Looks at a relay port by port and says of each thing whether it is well, and what to do where it isn't: the host's name,
the connection, the greeting, EHLO before and in TLS, STARTTLS, the certificate's dates, strength, name and chain, AUTH before
and in TLS, the credentials of roles.user, an envelope of the roles; then a message's way to the sink, and the relay's clock.
Where the profile has no roles, and a driver that makes customers, it makes one for that: like conform, it replaces those that
are there.

  relayspec doctor --target relay.yaml
  relayspec doctor --target mail.corp.example:587     without a profile: no credentials, no message
  relayspec doctor --target relay.yaml --json | jq '.checks[] | select(.state == "fail")'

Exit codes: 0 nothing fails; 1 something does; 2 a mistake in the command line, or the profile is wrong, each fault with its
line; 130 interrupted.`
}

// diagnosis is what is written as JSON.
type diagnosis struct {
	Target  string         `json:"target"`
	Driver  string         `json:"driver,omitempty"`
	Healthy bool           `json:"healthy"`
	Checks  []doctor.Check `json:"checks"`
}

// targets are the relays that the command opens.
func (c *diagnose) targets() []string { return []string{c.Target} }

// Run looks.
func (c *diagnose) Run(ctx context.Context, s *streams) error {
	if c.Timeout < 0 || c.Wait <= 0 {
		return &exit{exitUsage, &advice{errors.New("--timeout and --wait are spans of time above 0"), "Leave them out, or give some seconds: --timeout 5s"}}
	}
	found := diagnosis{Target: c.targets()[0]}
	patient, closer, err := c.patient(ctx, &found)
	if err != nil {
		return err
	}
	if patient != nil {
		found.Checks = append(found.Checks, doctor.Examine(ctx, patient)...)
		if err := closer.Close(); err != nil {
			found.Checks = append(found.Checks, doctor.Check{Name: "end", State: doctor.Warning, Found: err.Error(), Todo: "See that the relay ends when it is asked to"})
		}
	}
	found.Healthy = doctor.Healthy(found.Checks)
	write := found.print
	if c.JSON {
		write = found.json
	}
	if err := write(s.out); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &exit{features.ExitInterrupted, errors.New("interrupted before all was looked at")}
	}
	if !found.Healthy {
		return &exit{code: exitDiffers}
	}
	return nil
}

// patient finds the relay, and starts it where a profile says how. A relay that can't be started is a check that failed.
func (c *diagnose) patient(ctx context.Context, found *diagnosis) (*doctor.Patient, io.Closer, error) {
	if _, err := os.Stat(c.Target); err != nil && c.Target != embeddedTarget {
		if role, ok := roleOf(c.Target); ok {
			return c.stranger(role), io.NopCloser(nil), nil
		}
	}
	if c.Target == embeddedTarget {
		relay, closer, err := openEmbedded(ctx)
		if err != nil {
			return nil, nil, &exit{exitUnopened, err}
		}
		patient := c.known(relay, found)
		populate(ctx, relay, patient, found)
		return patient, closer, nil
	}
	profile, err := loadProfile(c.Target)
	if err != nil {
		return nil, nil, err
	}
	found.Checks = append(found.Checks, doctor.Check{Name: "profile", State: doctor.OK, Found: c.Target + " can be read"})
	relay, err := profile.Open(ctx, static.Options{Own: true, Unasked: true})
	switch {
	case errors.As(err, new(static.Faults)):
		return nil, nil, &exit{exitUsage, &advice{err, "Mend the profile and look again"}}
	case err != nil:
		found.Checks = append(found.Checks, unopened(profile, err))
		return nil, nil, nil
	}
	patient := c.known(relay, found)
	for _, role := range documentedPorts() {
		if d := relay.Dialer(role); d != nil {
			patient.Dialers[role] = c.timed(d)
			patient.Roots = d.TLS.RootCAs
		}
	}
	patient.Roles, patient.Sink = relay.Roles(), relay.Sink()
	if patient.Sink == "" {
		patient.Deliveries = nil
	}
	populate(ctx, relay, patient, found)
	return patient, relay, nil
}

// populate has the relay's driver make a customer for the message where no roles say who sends it. A profile has the one or
// the other. Where the driver can't, the envelope isn't tried and no message is sent, which the checks say.
func populate(ctx context.Context, relay target.Target, patient *doctor.Patient, found *diagnosis) {
	maker, ok := relay.(target.Applier)
	if !ok || patient.Roles.Sender != "" || !slices.Contains(relay.Describe().Capabilities, target.CanApply) {
		return
	}
	check := doctor.Check{Name: "world", State: doctor.OK}
	world, roles := doctor.Company()
	if err := maker.Apply(ctx, world); err != nil {
		check.State, check.Found = doctor.Failure, "a customer to send a message can't be made: "+err.Error()
		check.Todo = "See what the driver does with the verb world, and whether the relay then knows the customer"
	} else {
		check.Found = "the driver made the customer " + world.Customers[0].ID + ", who sends a message"
		patient.Roles = roles
	}
	found.Checks = append(found.Checks, check)
}

// unopened is the check of a relay that can't be opened, with what of its profile is to be looked at.
func unopened(p *static.Profile, err error) doctor.Check {
	failed := doctor.Check{Name: "open", State: doctor.Failure, Found: err.Error()}
	var look []string
	if p.Start != nil {
		look = append(look, "Run the command of start by hand and see what it says; see that ready matches what it prints")
	}
	switch {
	case p.Exec != nil:
		look = append(look, `Run the command of exec by hand: echo '{"verb":"describe"}' | COMMAND`)
	case p.Control != nil:
		look = append(look, "See that the control API is served at control.url, and takes control.token")
	case p.Start == nil:
		look = append(look, "See that what the profile names is there and free: its sink, its sources")
	}
	failed.Todo = strings.Join(look, ". ")
	return failed
}

func documentedPorts() []target.Role {
	return []target.Role{target.Port25, target.Port465, target.Port587}
}

// roleOf tells which port address has, a documented one or another; ok: it is an address.
func roleOf(address string) (role target.Role, ok bool) {
	_, port, err := net.SplitHostPort(address)
	n, parsing := strconv.Atoi(port)
	if err != nil || parsing != nil {
		return 0, false
	}
	return target.Role(n), true
}

// stranger is a relay of which only the address is known.
func (c *diagnose) stranger(role target.Role) *doctor.Patient {
	d := c.timed(&client.Dialer{Address: c.Target, ImplicitTLS: role == target.Port465})
	return &doctor.Patient{Dialers: map[target.Role]*client.Dialer{role: d}, Wait: c.Wait, Bare: true}
}

// known is a relay that is open.
func (c *diagnose) known(relay target.Target, found *diagnosis) *doctor.Patient {
	description := relay.Describe()
	found.Driver = description.Driver
	p := &doctor.Patient{Dialers: map[target.Role]*client.Dialer{}, Wait: c.Wait, Sink: "the sink"}
	p.Deliveries, _ = relay.(target.Deliveries)
	p.Moved = slices.Contains(description.Capabilities, target.CanClock)
	var verbs []string
	for _, v := range []target.Capability{target.CanApply, target.CanReset, target.CanUsage, target.CanClock} {
		if slices.Contains(description.Capabilities, v) {
			verbs = append(verbs, string(v))
		}
	}
	said := "none: what exists on the relay is what the profile says"
	if len(verbs) > 0 {
		said = strings.Join(verbs, ", ")
	}
	found.Checks = append(found.Checks, doctor.Check{Name: "driver", State: doctor.OK, Found: description.Driver + "; verbs: " + said})
	for _, role := range documentedPorts() {
		if address := relay.Address(role); address != "" {
			p.Dialers[role] = c.timed(&client.Dialer{Address: address, ImplicitTLS: role == target.Port465, TLS: &tls.Config{InsecureSkipVerify: true}})
		}
	}
	return p
}

// timed gives d the timeout of the command line.
func (c *diagnose) timed(d *client.Dialer) *client.Dialer {
	if c.Timeout > 0 {
		d.Timeout = c.Timeout
	}
	if d.Timeout == 0 {
		d.Timeout = 20 * time.Second
	}
	return d
}

func (d *diagnosis) json(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(d)
}

// print writes a line a check, and under it what to do.
func (d *diagnosis) print(w io.Writer) error {
	var b strings.Builder
	counts := map[doctor.State]int{}
	width := 3
	for _, c := range d.Checks {
		width = max(width, len(strconv.Itoa(c.Port)))
	}
	for _, c := range d.Checks {
		counts[c.State]++
		where := ""
		if c.Port != 0 {
			where = strconv.Itoa(c.Port)
		}
		fmt.Fprintf(&b, "%-5s %-*s  %-20s  %s\n", c.State, width, where, c.Name, onOneLine(c.Found))
		if c.Todo != "" {
			fmt.Fprintf(&b, "%*s-> %s\n", width+31, "", c.Todo)
		}
	}
	fmt.Fprintf(&b, "%s: %d ok, %d to warn of, %d failed, %d not tried\n",
		d.Target, counts[doctor.OK], counts[doctor.Warning], counts[doctor.Failure], counts[doctor.Skipped])
	_, err := io.WriteString(w, b.String())
	return err
}

// onOneLine keeps what a relay said on its line, and from the reader's terminal.
func onOneLine(s string) string {
	quoted := strconv.QuoteToGraphic(strings.Join(strings.Fields(s), " "))
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
