package sender

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/relayspec/relayspec/fakes/mta"
	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/session"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// fake is a fake of fakes/mta as a sender. Its clock is the judge's.
type fake struct {
	profile     *mta.Profile
	files       configurationFiles
	description Description
}

// Fakes are the names of the profiles that OpenFake takes.
func Fakes() []string { return mta.Names() }

// OpenFake gives the fake of that name, set up as the document says.
//
// Error: there is none of that name, or its profile is at fault.
func OpenFake(name string) (Sender, error) {
	profile, err := mta.Load(name)
	if err != nil {
		return nil, err
	}
	return Fake(profile)
}

// Fake gives the fake of a profile, be it one of this program's, a user's own, or one that was changed.
func Fake(p *mta.Profile) (Sender, error) {
	files, err := configurationOf(p.Name)
	if err != nil {
		return nil, err
	}
	lacks := unknown(p)
	maps.Copy(lacks, files.lacking())
	d := Description{Name: p.Title, Profile: p.Name, Driver: "fake", Lacks: lacks}
	for _, c := range Known() {
		if _, missing := lacks[c]; !missing {
			d.Capabilities = append(d.Capabilities, c)
		}
	}
	return &fake{p, files, d}, nil
}

// Describe is part of Sender.
func (f *fake) Describe() Description { return f.description }

// Start is part of Sender.
func (f *fake) Start(_ context.Context, s Setup) (Server, error) {
	roots := x509.NewCertPool()
	if len(s.RootPEM) > 0 && !roots.AppendCertsFromPEM(s.RootPEM) {
		return nil, errors.New("the setup's root is no certificate in PEM")
	}
	profile := setUp(f.profile, s)
	address := s.Ports[profile.Route.Port.Value]
	if address == "" {
		return nil, fmt.Errorf("nobody serves port %d of the relay, to which the server is set up to connect", profile.Route.Port.Value)
	}
	clock := mta.NewMovable(time.Now())
	server, err := mta.New(mta.Options{
		Profile: profile, Host: s.Host, Relay: address, User: s.User, Password: s.Password,
		TLS: &tls.Config{RootCAs: roots, ServerName: s.RelayHost, MinVersion: tls.VersionTLS12}, Clock: clock,
	})
	if err != nil {
		return nil, err
	}
	return &fakeServer{server, clock}, nil
}

// setUp is what s changes of a profile.
func setUp(p *mta.Profile, s Setup) *mta.Profile {
	changed := *p
	said := func(note string) sourced.Value[string] {
		return sourced.Value[string]{Value: note, Source: sourced.Documented}
	}
	if s.TLS {
		changed.Session.TLS.Policy.Value = session.Required
		changed.Route.Port.Value = 587
	}
	if s.Port != 0 {
		changed.Route.Port.Value = s.Port
	}
	if s.FinalWait > 0 {
		changed.Session.Timeouts.EndOfData.Value = s.FinalWait
	}
	changed.Route.Domains = maps.Clone(p.Route.Domains)
	for domain, address := range s.Routes {
		if changed.Route.Domains == nil {
			changed.Route.Domains = map[string]sourced.Value[string]{}
		}
		changed.Route.Domains[domain] = said(address)
	}
	return &changed
}

// fakeServer is a fake that runs.
type fakeServer struct {
	*mta.Server
	clock *mta.Movable
}

// Submit is part of Server.
func (s *fakeServer) Submit(ctx context.Context, messages ...mail.Submission) error {
	_, err := s.Server.Submit(ctx, messages...)
	return err
}

// Flush is part of Server.
func (s *fakeServer) Flush(ctx context.Context) error {
	s.Server.Flush(ctx)
	return nil
}

// Settle is part of Settler.
func (s *fakeServer) Settle(ctx context.Context) error { return s.Wait(ctx) }

// Queue is part of Server.
func (s *fakeServer) Queue(context.Context) ([]Queued, error) {
	var all []Queued
	for _, m := range s.Server.Queue() {
		for _, recipient := range m.Recipients {
			all = append(all, Queued{ID: m.ID, Sender: m.Sender, Recipient: recipient, Held: m.Frozen})
		}
	}
	return all, nil
}

// Stop is part of Server.
func (s *fakeServer) Stop(context.Context) error { return s.Close() }

// Now is part of Clock.
func (s *fakeServer) Now() time.Time { return s.clock.Now() }

// Advance is part of Clock: what falls due is done in its order, each at its time.
func (s *fakeServer) Advance(ctx context.Context, d time.Duration) error {
	return s.clock.Advance(ctx, s.Server, d)
}
