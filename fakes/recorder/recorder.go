// Package recorder stands between a sending server and its relay, and writes down what they say.
//
// It hands on every octet as it came, in both directions, and understands just as much of the dialogue as it takes to see
// where TLS begins, where a message is, and what is a credential. TLS ends here and begins anew towards the relay, so that
// what is said in it can be read. It answers nothing by itself. Credentials never stand in what it writes.
//
// A transcript is written while its session goes on, so that what is kept in memory has a bound: some MiB a session.
//
// Start with Start; session.go hands on, reader.go understands, writer.go writes.
package recorder

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"sync"
	"time"
)

// Options say what is recorded. Listen and Upstream must be given.
type Options struct {
	Listen      string // host:port, where the sending server connects
	Upstream    string // host:port of the relay
	ListenTLS   bool   // sessions begin with TLS here
	UpstreamTLS bool   // and there
	// TLS is how TLS towards the relay is done; nil: any certificate will do.
	TLS *tls.Config
	// Certificate is what senders are shown; nil: a self-made one.
	Certificate *tls.Certificate
	// Idle is how long a session may be silent. 0: 10 min (RFC 5321 §4.5.3.2 has no longer one).
	Idle time.Duration
	// Open gives where the transcript of a session is written, while it goes on; name is a number from 1. It is called from
	// many goroutines. nil: nowhere.
	Open func(name string) (io.WriteCloser, error)
	// Ended is told of each session that ended, one at a time, when its transcript has been closed. An error says why that
	// isn't whole; the session went on all the same. nil: nobody wants to know.
	Ended func(name string, err error)
}

// most is how many sessions are recorded at once; more wait.
const most = 100

// Recorder is a recording under way.
type Recorder struct {
	options     Options
	listener    net.Listener
	certificate tls.Certificate
	ctx         context.Context
	stop        context.CancelFunc
	all         sync.WaitGroup
	places      chan struct{}
	telling     sync.Mutex
}

// Start listens and records until Close, or until ctx ends.
func Start(ctx context.Context, o Options) (*Recorder, error) {
	r := &Recorder{options: o, places: make(chan struct{}, most)}
	if o.Open == nil {
		r.options.Open = func(string) (io.WriteCloser, error) { return nowhere{}, nil }
	}
	var err error
	if o.Certificate != nil {
		r.certificate = *o.Certificate
	} else if r.certificate, err = SelfMade(); err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	if r.listener, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, fmt.Errorf("listen for senders: %w", err)
	}
	r.ctx, r.stop = context.WithCancel(ctx)
	context.AfterFunc(r.ctx, func() { r.listener.Close() })
	r.all.Go(r.accept)
	return r, nil
}

// Address is where senders connect.
func (r *Recorder) Address() string { return r.listener.Addr().String() }

// Close ends the recording. Sessions that are open end, and are told of as all others.
func (r *Recorder) Close() error {
	r.stop()
	r.all.Wait()
	return nil
}

// Wait waits until the recording ends.
func (r *Recorder) Wait() { r.all.Wait() }

func (r *Recorder) accept() {
	for number := 1; ; {
		select {
		case r.places <- struct{}{}:
		case <-r.ctx.Done():
			return
		}
		conn, err := r.listener.Accept()
		if err != nil {
			if r.ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				<-r.places
				time.Sleep(10 * time.Millisecond) // too many files are open: some session will end
				continue
			}
			return
		}
		name := strconv.Itoa(number)
		number++
		r.all.Go(func() {
			defer func() { <-r.places }()
			err := r.record(name, conn)
			r.telling.Lock()
			defer r.telling.Unlock()
			if r.options.Ended != nil {
				r.options.Ended(name, err)
			}
		})
	}
}

// nowhere keeps nothing.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Close() error                { return nil }

// port is the documented port that the relay's sessions are to; 0: none.
func (o Options) port() int {
	_, port, _ := net.SplitHostPort(o.Upstream)
	switch n, _ := strconv.Atoi(port); {
	case o.UpstreamTLS:
		return 465
	case n == 25 || n == 587:
		return n
	}
	return 0
}

// SelfMade makes a certificate for this machine that signs itself.
func SelfMade() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "relayspec record"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * 24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
