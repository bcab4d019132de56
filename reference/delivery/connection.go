package delivery

import (
	"context"
	"net"
	"time"

	"github.com/emersion/go-smtp"
)

// quitTimeout is how long the next hop may take to say goodbye. Real time.
const quitTimeout = 2 * time.Second

// connection is a connection to the next hop that has said EHLO.
type connection struct {
	client *smtp.Client
	net    net.Conn
	used   bool      // has carried a transaction before
	since  time.Time // unused since
}

// dial connects and says EHLO. An end of ctx ends it at once.
func (t *Transport) dial(ctx context.Context) (*connection, error) {
	limited, cancel := context.WithTimeout(ctx, t.hop.commandTimeout())
	defer cancel()
	raw, err := t.hop.Dial(limited, "tcp", t.hop.Address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	c := &connection{net: raw, client: smtp.NewClient(&pacedConn{raw, t.hop.commandTimeout()})}
	c.client.CommandTimeout = t.hop.commandTimeout()
	c.client.SubmissionTimeout = t.hop.dotTimeout()
	if err := c.client.Hello(t.hop.Hello); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

// quit says goodbye and closes.
func (c *connection) quit() {
	c.client.CommandTimeout = quitTimeout
	if c.client.Quit() != nil {
		_ = c.net.Close()
	}
}

// pacedConn gives each write a deadline: go-smtp has none while the message goes out, and a next hop that stops reading
// would hold the connection for ever. Source: RFC 5321 §4.5.3.2.5.
type pacedConn struct {
	net.Conn
	timeout time.Duration
}

func (c *pacedConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
