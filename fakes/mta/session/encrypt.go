package session

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/relayspec/relayspec/fakes/client"
)

// encrypt says STARTTLS where the server would, and greets again.
func (s *Session) encrypt(ctx context.Context) error {
	policy := s.m.TLS.Policy.Value
	if policy == NoTLS || s.clear {
		return nil
	}
	if !s.conn.Capabilities().Has("STARTTLS") {
		if policy == Required {
			meaning, _ := s.m.Replies.find(StartTLS, missing, other)
			return s.refuse(meaning, StartTLS, client.Reply{}, errNotOffered)
		}
		return nil
	}
	s.conn.SetTimeout(s.within(s.m.Timeouts.StartTLS.Value))
	reply, err := s.conn.Cmd("STARTTLS")
	switch {
	case err != nil || reply.Code == 421:
		return s.refused(StartTLS, reply, err)
	case reply.Code != 220:
		return s.remedy(s.m.TLS.Refused.Value, reply, nil)
	}
	if err := s.conn.Handshake(ctx); err != nil {
		return s.remedy(s.m.TLS.Failed.Value, client.Reply{}, err)
	}
	if err := s.verify(); err != nil {
		if err := s.remedy(s.m.TLS.Untrusted.Value, client.Reply{}, err); err != nil {
			return err
		}
	}
	return s.hello(ctx)
}

// remedy does what the server does where TLS isn't as it should be; nil: the session goes on.
func (s *Session) remedy(remedy Remedy, reply client.Reply, err error) error {
	if s.m.TLS.Policy.Value == Required {
		remedy = Defer
	}
	switch remedy {
	case GoOn:
		return nil
	case Redial:
		s.cut()
		return errRedial
	}
	if err == nil {
		return s.refused(StartTLS, reply, nil)
	}
	s.cut()
	return &Refused{Verdict: Deferred, Stage: StartTLS, Err: err, Connected: true}
}

// tlsConfig lets the handshake pass whatever the certificate is: servers look at it behind that.
func (s *Session) tlsConfig() *tls.Config {
	config := &tls.Config{}
	if s.o.TLS != nil {
		config = s.o.TLS.Clone()
	}
	config.InsecureSkipVerify = true // verify does it
	if !s.m.TLS.SNI.Value {
		config.ServerName = ""
	}
	return config
}

// verify looks at the relay's certificate.
func (s *Session) verify() error {
	chain := s.conn.TLSState().PeerCertificates
	wanted := x509.VerifyOptions{Intermediates: x509.NewCertPool()}
	if s.o.TLS != nil {
		wanted.Roots, wanted.DNSName = s.o.TLS.RootCAs, s.o.TLS.ServerName
		if s.o.TLS.Time != nil {
			wanted.CurrentTime = s.o.TLS.Time()
		}
	}
	for _, certificate := range chain[1:] {
		wanted.Intermediates.AddCert(certificate)
	}
	if _, err := chain[0].Verify(wanted); err != nil {
		return fmt.Errorf("%w: %w", errUntrusted, err)
	}
	return nil
}
