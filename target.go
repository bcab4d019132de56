package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/features/target/static"
	"github.com/relayspec/relayspec/reports"
)

// embeddedTarget is the word for the relay of this program.
const embeddedTarget = "embedded"

// openTarget opens one more instance of a target.
type openTarget func(context.Context) (target.Target, io.Closer, error)

// opener gives how the named target is opened, and how many scenarios may run on it side by side: workers, where that is
// possible.
func opener(name string, workers int, o static.Options) (openTarget, int, error) {
	if name == embeddedTarget {
		return openEmbedded, workers, nil
	}
	profile, err := loadProfile(name)
	if err != nil {
		return nil, 0, err
	}
	return profile.Opener(o), profile.Workers(workers), nil
}

// openEmbedded starts one more of the relay that comes with this program, on ports of its own.
func openEmbedded(ctx context.Context) (target.Target, io.Closer, error) { return embedded.Open(ctx) }

// loadProfile reads a profile; an error ends with what to do next.
func loadProfile(file string) (*static.Profile, error) {
	profile, err := static.Load(file)
	if err != nil {
		return nil, &exit{exitUsage, &advice{err, "relayspec target --schema prints what a profile may say; relayspec target FILE checks one"}}
	}
	return profile, nil
}

// inspect is the command that looks at a target.
type inspect struct {
	File           string `arg:"" optional:"" help:"The profile."`
	IOwnThisTarget bool   `name:"i-own-this-target" help:"Let volume go to a relay that isn't on this machine. Say so only of your own."`
	JSON           bool   `name:"json" help:"Write JSON."`
	Schema         bool   `help:"Print the JSON Schema of a profile."`
}

// Help teaches by example.
func (inspect) Help() string {
	return `A profile says where a relay is, what it can do, and which of its own names play the roles of the features:

  name: my relay
  ports: {25: "127.0.0.1:2525"}
  roles:
    sender: app@corp.example
    recipients: ["*@example.net"]
  sink: {listen: "127.0.0.1:0"}     # where it delivers to; with start: {sink} in its command

One that relays only for who has authenticated has more in its roles, and sessions begin with AUTH:

    user: {address: app@corp.example, password: "${RELAY_PASSWORD}"}
    authenticate: true

A relay that can be steered says in its profile by whom, and then needs no roles:

  exec: {command: [./driver]}       # a program: one JSON request on standard input, one JSON answer, a run a verb
  control: {url: "http://127.0.0.1:8025", token: "${RELAY_TOKEN}"}    # or HTTP, by the API of relayspec serve --control

  relayspec target relay.yaml                     check it, connect, and print what was found
  relayspec target relay.yaml --json | jq .announced
  relayspec target --schema > profile.schema.json for an editor that completes: begin the profile with
                                                  # yaml-language-server: $schema=profile.schema.json

Exit codes: 0 the relay can be judged; 2 the profile is wrong, each fault with its line; 3 the relay can't be opened.`
}

// Run looks at the target.
func (c *inspect) Run(ctx context.Context, s *streams) error {
	if c.Schema {
		_, err := io.WriteString(s.out, static.Schema())
		return err
	}
	if c.File == "" {
		return &exit{exitUsage, &advice{errors.New("no profile is named"), "Name one: relayspec target FILE. relayspec target --help shows what it may say"}}
	}
	profile, err := loadProfile(c.File)
	if err != nil {
		return err
	}
	relay, err := profile.Open(ctx, static.Options{Own: c.IOwnThisTarget})
	switch {
	case errors.As(err, new(static.Faults)):
		return &exit{exitUsage, &advice{err, "Mend the profile and look again"}}
	case err != nil:
		return &exit{exitUnopened, &advice{err, "See that the relay runs and that the profile says where"}}
	}
	found := look(relay)
	if profile.Start != nil || found.Driver == "static" { // else a look would replace the world of a relay that runs
		found.Drift = features.Drift(ctx, relay)
	}
	if err := relay.Close(); err != nil {
		return &exit{exitUnopened, err}
	}
	if c.JSON {
		encoder := json.NewEncoder(s.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(found)
	}
	return found.print(s.out)
}

// exitUnopened is the exit code when the relay can't be judged.
const exitUnopened = 3

// sight is what is found of a profile's relay. No secret is in it.
type sight struct {
	Name         string              `json:"name"`
	Version      string              `json:"version,omitempty"`
	Driver       string              `json:"driver"`
	Ports        map[string]string   `json:"ports"`
	Sink         string              `json:"sink,omitempty"`
	Capabilities []target.Capability `json:"capabilities"` // by which it is judged
	Announced    []target.Capability `json:"announced"`
	Unplayed     map[string]string   `json:"unplayed,omitempty"` // announced, but the role is missing that would show it
	Roles        roles               `json:"roles"`
	Drift        []reports.Drift     `json:"drift,omitempty"`
}

// roles are those that the profile binds.
type roles struct {
	Client     string   `json:"client"`
	Sender     string   `json:"sender"`
	Recipients []string `json:"recipients"`
	User       string   `json:"user,omitempty"`
	Other      string   `json:"other,omitempty"`
	// Authenticate: sessions begin with AUTH as User.
	Authenticate bool `json:"authenticate,omitempty"`
}

func look(r *static.Relay) sight {
	description, cast := r.Describe(), r.Roles()
	found := sight{
		Name: description.Name, Version: description.Version, Driver: description.Driver, Sink: r.Sink(),
		Ports: map[string]string{}, Unplayed: map[string]string{},
		Capabilities: description.Capabilities, Announced: append([]target.Capability{}, r.Announced()...),
		Roles: roles{cast.Client, cast.Sender, cast.Recipients, cast.User.Address, cast.Other.Address, cast.Authenticate},
	}
	for _, role := range []target.Role{target.Port25, target.Port465, target.Port587} {
		if address := r.Address(role); address != "" {
			found.Ports[fmt.Sprint(int(role))] = address
		}
	}
	slices.Sort(found.Announced)
	for _, c := range found.Announced {
		if !slices.Contains(found.Capabilities, c) {
			found.Unplayed[string(c)] = r.Unplayed(c)
		}
	}
	return found
}

// print writes a line a fact.
func (f *sight) print(w io.Writer) error {
	var lines []string
	say := func(name, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("%-13s %s", name, value))
		}
	}
	say("name", strings.TrimSpace(f.Name+" "+f.Version))
	say("driver", f.Driver)
	for _, port := range []string{"25", "465", "587"} {
		say("port "+port, f.Ports[port])
	}
	say("sink", f.Sink)
	say("client", f.Roles.Client)
	say("sender", f.Roles.Sender)
	say("recipients", strings.Join(f.Roles.Recipients, ", "))
	user := f.Roles.User
	if f.Roles.Authenticate {
		user += ", as whom sessions begin"
	}
	say("user", user)
	say("other", f.Roles.Other)
	say("judged by", names(f.Capabilities))
	say("announced", names(f.Announced))
	for _, c := range f.Announced {
		if role := f.Unplayed[string(c)]; role != "" {
			say("not judged by", fmt.Sprintf("%s: bind the role %s", c, role))
		}
	}
	for _, row := range f.Drift {
		say("drift", row.String())
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// names lists capabilities.
func names(list []target.Capability) string {
	words := make([]string, len(list))
	for i, c := range list {
		words[i] = string(c)
	}
	return strings.Join(words, " ")
}
