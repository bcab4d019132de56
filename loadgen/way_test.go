//go:build unix

package loadgen_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/reference"
)

// cover is how a session is encrypted.
type cover string

const (
	inTheClear cover = ""
	fullTLS    cover = "STARTTLS"                  // each session does the whole handshake
	resumedTLS cover = "STARTTLS, session resumed" // each but a way's first goes by the ticket of the one before
)

// way is how a session is opened. It belongs to one goroutine.
type way struct {
	cover  cover
	dialer *client.Dialer
	used   bool // a ticket is there
}

// way makes one to address. What is resumed is resumed only with tickets of its own.
func (b *bench) way(address string, c cover) (way, error) {
	w := way{cover: c, dialer: &client.Dialer{Address: address, Timeout: 20 * time.Second}}
	if c == inTheClear {
		return w, nil
	}
	certificate, err := reference.SelfMade(b.authority, serverName)
	if err != nil {
		return way{}, err
	}
	w.dialer.TLS = &tls.Config{RootCAs: certificate.Authority, ServerName: serverName}
	if c == resumedTLS {
		w.dialer.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	return w, nil
}

// serverName is in the servers' certificates.
const serverName = "relay.example"

// open opens a session up to the reply to EHLO, the second one where there is TLS.
func (w *way) open() (*client.Conn, error) {
	conn, err := w.dialer.Dial(context.Background())
	if err != nil {
		return nil, err
	}
	if err := w.begin(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (w *way) begin(conn *client.Conn) error {
	if err := positive(conn.ReadReply()); err != nil {
		return err
	}
	if err := positive(conn.Hello(hello)); err != nil || w.cover == inTheClear {
		return err
	}
	if err := positive(conn.StartTLS(context.Background())); err != nil {
		return err
	}
	if got, want := conn.TLSState().DidResume, w.cover == resumedTLS && w.used; got != want {
		return fmt.Errorf("the TLS session was resumed: %v, want %v", got, want)
	}
	w.used = true
	return positive(conn.Hello(hello)) // with this reply the ticket comes
}

func positive(reply client.Reply, err error) error {
	if err == nil && !reply.Positive() {
		err = fmt.Errorf("the session was refused: %v", reply)
	}
	return err
}

// secured gives what a server shows in TLS, of the authority that is kept in directory; "": no TLS.
func secured(directory string) (*tls.Config, error) {
	if directory == "" {
		return nil, nil
	}
	certificate, err := reference.SelfMade(directory, serverName)
	if err != nil {
		return nil, err
	}
	return certificate.TLS, nil
}

// authorize makes the authority of a run, which all servers and clients share.
func (b *bench) authorize() (forget func(), err error) {
	if b.authority, err = os.MkdirTemp("", "relayspec-bench-"); err != nil {
		return nil, err
	}
	if _, err = reference.SelfMade(b.authority, serverName); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.authority))
	}
	return func() { os.RemoveAll(b.authority) }, nil
}
