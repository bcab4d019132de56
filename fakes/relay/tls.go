package relay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// Authority issues the certificates of scripted relays. Senders that are to trust them are given Pool.
type Authority struct {
	now  func() time.Time
	cert *x509.Certificate
	key  *ecdsa.PrivateKey

	mu     sync.Mutex
	issued map[issue]*tls.Certificate
}

// issue is what a certificate is made for.
type issue struct {
	kind Certificate
	name string
}

// NewAuthority makes an authority. now is when its certificates hold (a day before and ten years after); nil: the real time.
func NewAuthority(now func() time.Time) (*Authority, error) {
	if now == nil {
		now = time.Now
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("the authority's key: %w", err)
	}
	a := &Authority{now: now, key: key, issued: map[issue]*tls.Certificate{}}
	template := a.template("scripted relays' authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("the authority's certificate: %w", err)
	}
	a.cert, err = x509.ParseCertificate(der)
	return a, err
}

// Pool is what a sender trusts that trusts a.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Certificate gives the authority's own certificate: what stands in a file of roots.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// Issue gives the certificate of that kind for a relay of that name; the same one when it is asked again.
func (a *Authority) Issue(kind Certificate, name string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wanted := issue{kind, name}
	if a.issued[wanted] != nil {
		return a.issued[wanted], nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("the relay's key: %w", err)
	}
	if kind == WrongName {
		name = "other." + name
	}
	template := a.template(name)
	signer, by := a.cert, a.key
	switch kind {
	case Expired:
		template.NotAfter = a.now().Add(-time.Hour)
		template.NotBefore = template.NotAfter.AddDate(-1, 0, 0)
	case SelfSigned, "":
		signer, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, by)
	if err != nil {
		return nil, fmt.Errorf("the relay's certificate: %w", err)
	}
	a.issued[wanted] = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return a.issued[wanted], nil
}

func (a *Authority) template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // it can't fail
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:    a.now().AddDate(0, 0, -1),
		NotAfter:     a.now().AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// encryption gives what the relay shows a sender under its script.
func (r *Relay) encryption(s *Script) (*tls.Config, error) {
	if r.options.TLS != nil {
		return r.options.TLS, nil
	}
	certificate, err := r.authority.Issue(s.Certificate, s.name())
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS10, Time: r.options.now()}, nil
}
