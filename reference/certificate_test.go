package reference_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/reference"
)

// handshake lets a client that trusts roots meet a server with config, and gives what the client saw.
func handshake(t *testing.T, config *tls.Config, roots *x509.CertPool, name string) (tls.ConnectionState, error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		if conn, err := l.Accept(); err == nil {
			conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name})
	if err != nil {
		<-served
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	<-served
	return conn.ConnectionState(), nil
}

// trusting reads ca.pem as a client would.
func trusting(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		t.Fatalf("%s holds no certificate", file)
	}
	return pool
}

func selfMade(t *testing.T, dir string, names ...string) *reference.Certificate {
	t.Helper()
	c, err := reference.SelfMade(dir, names...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAClientThatTrustsTheAuthorityVerifiesTheRelay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	c := selfMade(t, dir, "smtp-relay.gmail.com", "127.0.0.1", "::1")
	if want := filepath.Join(dir, "ca.pem"); c.File != want {
		t.Errorf("the authority stands in %q, want %q", c.File, want)
	}
	for _, name := range []string{"smtp-relay.gmail.com", "127.0.0.1", "::1"} {
		state, err := handshake(t, c.TLS, trusting(t, c.File), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if key, ok := state.PeerCertificates[0].PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
			t.Errorf("%s: the key isn't ECDSA P-256 (relay-rules 3.11)", name)
		}
	}
	if _, err := handshake(t, c.TLS, trusting(t, c.File), "relay.acme.example"); err == nil {
		t.Error("it holds for a name that wasn't asked for")
	}
	if _, err := handshake(t, c.TLS, x509.NewCertPool(), "127.0.0.1"); err == nil {
		t.Error("it holds for a client that trusts nobody")
	}
}

func TestTLSBefore12IsRefused(t *testing.T) {
	c := selfMade(t, "", "127.0.0.1")
	if c.File != "" {
		t.Errorf("nothing should be kept, but %q is", c.File)
	}
	if c.TLS.MinVersion != tls.VersionTLS12 {
		t.Errorf("TLS from %s on", tls.VersionName(c.TLS.MinVersion))
	}
}

func TestTheAuthorityIsKeptAndUsedAgain(t *testing.T) {
	dir := t.TempDir()
	file := selfMade(t, dir, "127.0.0.1").File
	key := filepath.Join(dir, "ca-key.pem")
	info, err := os.Stat(key)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v, want 0600", info.Mode().Perm())
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	trusted := trusting(t, file)

	again := selfMade(t, dir, "127.0.0.1")
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("the authority has changed (%v)", err)
	}
	if _, err := handshake(t, again.TLS, trusted, "127.0.0.1"); err != nil {
		t.Errorf("a client that trusted the first run doesn't trust the second: %v", err)
	}
}

func TestAKeyThatOthersCouldReadIsReplaced(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "ca-key.pem")
	if err := os.WriteFile(key, []byte("left over"), 0o644); err != nil {
		t.Fatal(err)
	}
	selfMade(t, dir, "127.0.0.1")
	info, err := os.Stat(key)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	selfMade(t, dir, "127.0.0.1")
}

// selfSigned writes a certificate and its key.
func selfSigned(t *testing.T, certFile, keyFile string, signer any, public any, change func(*x509.Certificate)) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func ecdsaSigned(t *testing.T, certFile, keyFile string, change func(*x509.Certificate)) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	selfSigned(t, certFile, keyFile, key, key.Public(), change)
}

// What clients trust is never replaced in silence: each of these is an error that says what to remove.
func TestAnAuthorityThatCannotBeUsedIsAnError(t *testing.T) {
	tests := map[string]func(t *testing.T, cert, key string){
		"no certificate": func(t *testing.T, cert, _ string) { write(t, cert, "nothing\n") },
		"no key":         func(t *testing.T, _, key string) { write(t, key, "nothing\n") },
		"empty":          func(t *testing.T, cert, _ string) { write(t, cert, "") },
		"key missing": func(t *testing.T, _, key string) {
			if err := os.Remove(key); err != nil {
				t.Fatal(err)
			}
		},
		"key of another": func(t *testing.T, _, key string) {
			ecdsaSigned(t, filepath.Join(t.TempDir(), "other.pem"), key, func(*x509.Certificate) {})
		},
		"expired": func(t *testing.T, cert, key string) {
			ecdsaSigned(t, cert, key, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
		},
		"no authority": func(t *testing.T, cert, key string) {
			ecdsaSigned(t, cert, key, func(c *x509.Certificate) { c.IsCA = false })
		},
		"another kind of key": func(t *testing.T, cert, key string) {
			signer, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				t.Fatal(err)
			}
			selfSigned(t, cert, key, signer, signer.Public(), func(*x509.Certificate) {})
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			selfMade(t, dir, "127.0.0.1")
			cert, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem")
			spoil(t, cert, key)
			before, err := os.ReadFile(cert)
			if err != nil {
				t.Fatal(err)
			}
			_, err = reference.SelfMade(dir, "127.0.0.1")
			if err == nil || !strings.Contains(err.Error(), "ca.pem") || !strings.Contains(err.Error(), "remove ") {
				t.Errorf("got %v, want what to remove", err)
			}
			if after, err := os.ReadFile(cert); err != nil || string(after) != string(before) {
				t.Errorf("ca.pem has changed (%v)", err)
			}
			if err := os.Remove(cert); err != nil {
				t.Fatal(err)
			}
			selfMade(t, dir, "127.0.0.1") // as the error said
		})
	}
}

func TestADirectoryThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	if _, err := reference.SelfMade(filepath.Join(file, "tls"), "127.0.0.1"); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want it to name %s", err, file)
	}
}

func TestACertificateOfTheUsersOwn(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ecdsaSigned(t, cert, key, func(*x509.Certificate) {})
	c, err := reference.LoadCertificate(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	if c.Authority != nil || c.File != "" {
		t.Error("it has an authority of ours")
	}
	if _, err := handshake(t, c.TLS, trusting(t, cert), "127.0.0.1"); err != nil {
		t.Error(err)
	}
	for name, files := range map[string][2]string{
		"absent": {filepath.Join(dir, "absent.pem"), key}, "swapped": {key, cert}, "the same twice": {cert, cert},
	} {
		if _, err := reference.LoadCertificate(files[0], files[1]); err == nil || !strings.Contains(err.Error(), files[0]) || !strings.Contains(err.Error(), files[1]) {
			t.Errorf("%s: got %v, want both files named", name, err)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
