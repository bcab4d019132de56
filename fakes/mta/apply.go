package mta

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/schedule"
	"github.com/relayspec/relayspec/fakes/mta/session"
	"github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// Apply gives p as a real configuration sets it up: relay, routes, TLS, time-outs, retries, recipients, connections. What
// the configuration doesn't say stays as it is; p isn't changed. What it says has the source cfg, with the file's line.
//
// An error says what a fake can't be: the configuration of another server, one that has no relay, one that begins in TLS.
func Apply(p *Profile, s *settings.Setup) (*Profile, error) {
	if s.Server != p.Name {
		return nil, fmt.Errorf("the configuration is of %s, and the profile of %s; give that server's profile", s.Server, p.Name)
	}
	if s.ImplicitTLS.Known && s.ImplicitTLS.Value {
		return nil, fmt.Errorf("%s: TLS from the start isn't what a fake speaks; have it say STARTTLS, on port 587", s.ImplicitTLS.Place)
	}
	changed := *p
	if err := changed.applyRoute(s); err != nil {
		return nil, err
	}
	changed.applySession(s)
	changed.applyConnections(s)
	changed.Retry.Documented = appliedTrouble(appliedRetry(p.Retry.Documented, &s.Retry), s)
	changed.Retry.Vendor = appliedTrouble(appliedRetry(p.Retry.Vendor, &s.Retry), s)
	return &changed, nil
}

// from is the value of a setting with where it was found.
func from[T, S any](found settings.Found[S], value T) sourced.Value[T] {
	note := "the default of the configuration"
	if found.Written() {
		note = found.Place.String()
	}
	return sourced.Value[T]{Value: value, Source: sourced.Configured, Note: note}
}

// put changes a value to what is written, if anything is.
func put[T any](value *sourced.Value[T], found settings.Found[T]) {
	if found.Known && found.Written() {
		*value = from(found, found.Value)
	}
}

// applyRoute takes the relay, and where mail for some domains goes. A route for all domains is the relay.
func (p *Profile) applyRoute(s *settings.Setup) error {
	relay := s.Relay
	for _, all := range []string{"*", ""} {
		if r, ok := s.Routes[all]; ok && r.Known {
			relay = r
		}
	}
	switch {
	case relay.Known && relay.Value.Host == "":
		at := relay.Place
		if !relay.Written() && len(s.Files) > 0 {
			at = settings.Place{File: s.Files[0]}
		}
		return fmt.Errorf("%s: it names no relay, and a fake sends to nobody else; name one, as smtp-relay.gmail.com", at)
	case relay.Known:
		p.Route.Host = from(relay, relay.Value.Host)
		p.Route.Port = from(relay, cmp.Or(relay.Value.Port, 25))
	}
	if relay.Value.Brackets {
		withoutMX := slices.DeleteFunc(slices.Clone(p.Route.Lookup.Value), func(l Lookup) bool { return l == MX })
		p.Route.Lookup = from(relay, withoutMX)
	}
	domains := maps.Clone(p.Route.Domains)
	for domain, r := range s.Routes {
		if domain == "" || domain == "*" || !r.Known {
			continue
		}
		if domains == nil {
			domains = map[string]sourced.Value[string]{}
		}
		domains[domain] = from(r, net.JoinHostPort(cmp.Or(r.Value.Host, domain), strconv.Itoa(cmp.Or(r.Value.Port, 25))))
	}
	p.Route.Domains = domains
	return nil
}

// applySession takes how it speaks. A TLS that isn't written is the default of what the configuration is for, which may
// be another than the profile's, observed of a server that was packed with one.
func (p *Profile) applySession(s *settings.Setup) {
	m := &p.Session
	if s.TLS.Known {
		policies := map[settings.TLS]session.Policy{settings.NoTLS: session.NoTLS, settings.OpportunisticTLS: session.Opportunistic,
			settings.RequiredTLS: session.Required, settings.MutualTLS: session.Required}
		if policy := policies[s.TLS.Value]; policy != m.TLS.Policy.Value {
			m.TLS.Policy = from(s.TLS, policy)
		}
	}
	put(&m.Splits.Most, s.Recipients)
	if m.Idle.After.Value > 0 {
		put(&m.Idle.After, s.Timeouts.Idle)
	}
	for _, t := range []struct {
		value *sourced.Value[time.Duration]
		found settings.Found[time.Duration]
	}{
		{&m.Timeouts.Connect, s.Timeouts.Connect}, {&m.Timeouts.Greeting, s.Timeouts.Greeting}, {&m.Timeouts.Hello, s.Timeouts.Hello},
		{&m.Timeouts.Mail, s.Timeouts.Mail}, {&m.Timeouts.Rcpt, s.Timeouts.Recipient}, {&m.Timeouts.Data, s.Timeouts.DataInit},
		{&m.Timeouts.Content, s.Timeouts.DataBlock}, {&m.Timeouts.EndOfData, s.Timeouts.DataFinal},
		{&m.Timeouts.Reset, s.Timeouts.Reset}, {&m.Timeouts.Quit, s.Timeouts.Quit},
	} {
		put(t.value, t.found)
	}
}

// applyConnections takes how many there are, and what each carries.
func (p *Profile) applyConnections(s *settings.Setup) {
	c := &p.Connections
	put(&c.AtOnce, s.Connections)
	put(&c.Messages, s.Messages)
	if s.Caching.Written() && s.Caching.Known && !s.Caching.Value {
		c.Reuse = from(s.Caching, NeverReused)
	}
	// Source: postconf(5). No other server has a switch of its own for connections in TLS.
	if again := s.Others["smtp_tls_connection_reuse"]; len(again) > 0 && again[0].Value == "yes" {
		c.ReuseTLS = from(again[0], true)
	}
}

// appliedRetry is a rule as it is written. What its kind doesn't look at may be written, too.
func appliedRetry(r schedule.Rule, s *settings.Retry) schedule.Rule {
	if r.Kind.Value == "" {
		return r // the document leaves the vendor's
	}
	put(&r.QueueRun, s.QueueRun)
	put(&r.Min, s.Min)
	put(&r.Max, s.Max)
	put(&r.Expire, s.Expire)
	put(&r.Warn, s.Warn)
	for i, interval := range s.Intervals {
		if !interval.Known || !interval.Written() {
			continue
		}
		switch {
		case r.Kind.Value == schedule.Ladder && i < len(r.Steps.Value):
			steps := slices.Clone(r.Steps.Value)
			steps[i] = interval.Value
			r.Steps = from(interval, steps)
		case r.Kind.Value == schedule.Multiples && i == 0:
			r.Min = from(interval, interval.Value)
		case r.Kind.Value == schedule.Troubled && i == 0:
			r.Deferral = from(interval, interval.Value)
		}
	}
	return r
}

// appliedTrouble takes the waits after connection trouble, which Exchange 2007 and 2010 alone let be set, on each server. A
// value that is no time of a day is left to who reads configurations. Source: Set-TransportServer.
func appliedTrouble(r schedule.Rule, s *settings.Setup) schedule.Rule {
	r.Trouble = slices.Clone(r.Trouble)
	for i, name := range []string{"QueueGlitchRetryInterval", "TransientFailureRetryInterval", "OutboundConnectionFailureRetryInterval"} {
		found := s.Others["TransportServer."+name]
		if r.Kind.Value != schedule.Troubled || i >= len(r.Trouble) || len(found) == 0 {
			continue
		}
		midnight, _ := time.Parse(time.TimeOnly, "00:00:00")
		if t, err := time.Parse(time.TimeOnly, found[0].Value); err == nil {
			r.Trouble[i].Every = from(found[0], t.Sub(midnight))
		}
	}
	return r
}

// configured gives o with what its Setup says: of the profile, of the server's name, and as whom it authenticates. What o
// says itself wins.
func (o Options) configured() (Options, error) {
	if o.Setup == nil || o.Profile == nil {
		return o, nil
	}
	profile, err := Apply(o.Profile, o.Setup)
	if err != nil {
		return o, err
	}
	o.Profile = profile
	for _, name := range []settings.Found[string]{o.Setup.Hello, o.Setup.Host} {
		if o.Host == "" && name.Known {
			o.Host = name.Value
		}
	}
	if o.Setup.Auth.Known && o.Setup.Auth.Value && o.User == "" {
		o.User, o.Password = o.Setup.User.Value, o.Setup.Secret.Value
	}
	return o, nil
}
