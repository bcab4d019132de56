package client

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/reports/transcript"
)

// A script is what a relay does, a line a step:
//
//	S: 220 ready     says a line
//	S~ "250 x\n"     sends Go-quoted octets
//	C: EHLO x        awaits a line
//	C~ "a\n"         awaits a line with its end, Go-quoted
//	TLS              does the handshake
//	EOF              awaits the end
//
// Behind the last step it closes. Several C: before the next S: can only be had from a client that pipelines.
func runScript(socket net.Conn, script string, config *tls.Config) error {
	defer func() { socket.Close() }()
	in := bufio.NewReader(socket)
	for number, line := range strings.Split(strings.TrimSpace(script), "\n") {
		verb, text, _ := strings.Cut(strings.TrimLeft(line, "\t"), " ")
		if verb == "" {
			continue
		}
		var err error
		switch verb {
		case "S:":
			_, err = socket.Write([]byte(text + "\r\n"))
		case "S~":
			var octets string
			if octets, err = strconv.Unquote(text); err == nil {
				_, err = socket.Write([]byte(octets))
			}
		case "C~":
			var octets string
			if octets, err = strconv.Unquote(text); err == nil {
				err = await(in, octets)
			}
		case "C:":
			err = await(in, text+"\r\n")
		case "TLS":
			encrypted := tls.Server(socket, config)
			err = encrypted.Handshake()
			socket, in = encrypted, bufio.NewReader(encrypted)
		case "EOF":
			if octet, readErr := in.ReadByte(); readErr == nil {
				err = fmt.Errorf("got %q, want the end", octet)
			}
		default:
			err = fmt.Errorf("unknown step")
		}
		if err != nil {
			return fmt.Errorf("script line %d, %s: %w", number+1, line, err)
		}
	}
	return nil
}

func await(in *bufio.Reader, want string) error {
	got, err := in.ReadString('\n')
	if got != want {
		return fmt.Errorf("got %q (%v)", got, err)
	}
	return nil
}

// scripted starts a relay that plays script to one connection, and fails the test where the client doesn't play along.
func scripted(t *testing.T, script string) *Dialer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certificate, roots := selfSigned(t)
	done := make(chan error, 1)
	go func() {
		socket, err := listener.Accept()
		if err == nil {
			socket.SetDeadline(time.Now().Add(10 * time.Second))
			err = runScript(socket, script, &tls.Config{Certificates: []tls.Certificate{certificate}})
		}
		done <- err
	}()
	t.Cleanup(func() {
		listener.Close()
		if err := <-done; err != nil {
			t.Errorf("the relay: %v", err)
		}
	})
	return &Dialer{
		Address:    listener.Addr().String(),
		TLS:        &tls.Config{RootCAs: roots},
		Timeout:    10 * time.Second,
		Transcript: &transcript.Transcript{},
	}
}

// dial connects to a scripted relay.
func dial(t *testing.T, script string) *Conn {
	t.Helper()
	c, err := scripted(t, script).Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// greeted connects and reads the greeting.
func greeted(t *testing.T, script string) *Conn {
	t.Helper()
	c := dial(t, "S: 220 ready\n"+script)
	must(t)(c.ReadReply())
	return c
}

// must gives the reply of a call that may not fail.
func must(t *testing.T) func(Reply, error) Reply {
	t.Helper()
	return func(r Reply, err error) Reply {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// said gives the transcript's dialogue, a line an entry.
func said(log *transcript.Transcript) string {
	var b strings.Builder
	for _, e := range log.Entries() {
		if e.Kind != transcript.Note || !strings.HasPrefix(e.Text, "connected") {
			e.At = 0
			b.WriteString(strings.TrimPrefix(e.String(), "+0.000000 ") + "\n")
		}
	}
	return b.String()
}

// lines makes the indented lines of a test into text.
func lines(s string) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(s), "\n") {
		b.WriteString(strings.TrimLeft(line, "\t") + "\n")
	}
	return b.String()
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
