package reference

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The files of a self-made authority.
const (
	authorityFile    = "ca.pem"     // give this one to clients that shall trust the relay
	authorityKeyFile = "ca-key.pem" // readable by the owner only
)

// Certificate is what a relay shows in TLS.
type Certificate struct {
	TLS       *tls.Config
	Authority *x509.CertPool // what a client must trust; nil for a certificate of the user's own
	File      string         // where the authority's certificate stands; empty for none
}

// LoadCertificate reads a certificate chain and its key, in PEM.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s with the key %s: %w", certFile, keyFile, err)
	}
	return &Certificate{TLS: config(pair)}, nil
}

// SelfMade makes a certificate for names, signed by an authority that is kept in dir and made when it isn't there yet.
// A dir of "" keeps nothing. Names may be host names and addresses.
func SelfMade(dir string, names ...string) (*Certificate, error) {
	authority, err := openAuthority(dir)
	if err != nil {
		return nil, err
	}
	pair, err := authority.issue(names)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	c := &Certificate{TLS: config(pair), Authority: x509.NewCertPool()}
	c.Authority.AddCert(authority.cert)
	if dir != "" {
		c.File = filepath.Join(dir, authorityFile)
	}
	return c, nil
}

// config is what the relay serves TLS with: 1.2 and newer, as the real one shows (relay-rules 3.11).
func config(pair tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

// authority signs the relay's certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// openAuthority reads the authority of dir, or makes it where there is none.
func openAuthority(dir string) (*authority, error) {
	if dir == "" {
		return newAuthority()
	}
	certFile, keyFile := filepath.Join(dir, authorityFile), filepath.Join(dir, authorityKeyFile)
	if _, err := os.Stat(certFile); err == nil {
		return readAuthority(certFile, keyFile)
	}
	a, err := newAuthority()
	if err != nil {
		return nil, err
	}
	if err := a.write(certFile, keyFile); err != nil {
		return nil, fmt.Errorf("keep the relay's own authority: %w", err)
	}
	return a, nil
}

// readAuthority reads the authority that is there. One that can't be used is an error: clients trust it, and each of them
// would refuse another in its place.
func readAuthority(certFile, keyFile string) (*authority, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("read the relay's own authority, %s and %s: %w; remove %[1]s to have a new one made", certFile, keyFile, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || time.Now().After(pair.Leaf.NotAfter) || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("%s is no authority that still holds; remove it to have a new one made", certFile)
	}
	return &authority{cert: pair.Leaf, key: key}, nil
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "relayspec test authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make an authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the authority just made: %w", err)
	}
	return &authority{cert: cert, key: key}, nil
}

// issue makes a certificate for names, ECDSA P-256 as the real relay has (relay-rules 3.11).
func (a *authority) issue(names []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: names[0]},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}, nil
}

// write keeps the authority; the key can be read by the owner only.
func (a *authority) write(certFile, keyFile string) error {
	if err := os.MkdirAll(filepath.Dir(certFile), 0o755); err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return err
	}
	if err := os.Remove(keyFile); err != nil && !errors.Is(err, fs.ErrNotExist) { // else its mode would stay
		return err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o644)
}

// serial is 127 random bits. Source: RFC 5280 §4.1.2.2.
func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic("no randomness: " + err.Error())
	}
	return n
}
