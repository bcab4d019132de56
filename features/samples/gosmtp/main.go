// Command gosmtp is a small, honest relay on the server and the client of emersion/go-smtp: somebody else's relay, that
// the judge is shown on. It takes mail of some sender domains, or of a user who has authenticated behind TLS, and delivers
// it before it answers. Nothing of it is made to please the judge: what go-smtp does otherwise than RFC 5321, it does.
//
// Its profile is target.yaml. Start with main, then session.go.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// relay is what the options say.
type relay struct {
	name     string
	senders  []string // domains whose mail is taken without AUTH
	user     string   // who may authenticate
	password string
	nextHop  string // host:port
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gosmtp:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	r := &relay{}
	flags := flag.NewFlagSet("gosmtp", flag.ContinueOnError)
	flags.StringVar(&r.name, "name", "gosmtp.sample.example", "what the relay calls itself")
	flags.StringVar(&r.nextHop, "next-hop", "", "where it delivers to, host:port")
	flags.StringVar(&r.user, "user", "", "who may authenticate")
	flags.StringVar(&r.password, "password", "", "the user's password")
	senders := flags.String("senders", "", "domains whose mail is taken without AUTH, comma-separated")
	host := flags.String("host", "127.0.0.1", "the address to listen at, on ports of the system's choice")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if r.nextHop == "" {
		return fmt.Errorf("give -next-hop host:port")
	}
	r.senders = strings.Split(strings.ToLower(*senders), ",")
	return r.serve(*host)
}

// serve listens on three ports, prints where they are, and serves until one of them fails.
func (r *relay) serve(host string) error {
	certificate, err := selfSigned(r.name)
	if err != nil {
		return err
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{relay: r, conn: c}, nil
	}))
	server.Domain = r.name
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.MaxMessageBytes = 10 << 20
	server.ReadTimeout, server.WriteTimeout = 5*time.Minute, 5*time.Minute
	server.EnableSMTPUTF8 = true
	server.ErrorLog = log.New(io.Discard, "", 0)

	ended := make(chan error)
	var where []string
	for _, port := range []int{25, 465, 587} {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return err
		}
		where = append(where, fmt.Sprintf("port%d=%s", port, listener.Addr()))
		if port == 465 {
			listener = tls.NewListener(listener, server.TLSConfig)
		}
		go func() { ended <- server.Serve(listener) }()
	}
	fmt.Println("ready", strings.Join(where, " "))
	return <-ended
}

// selfSigned makes a certificate for a day.
func selfSigned(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
