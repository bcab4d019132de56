package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/relayspec/relayspec/reports/transcript"
)

// DefaultTimeout is how long a reply is waited for when Dialer.Timeout is 0. Source: RFC 5321 §4.5.3.2.1 to .3 (initial
// 220, MAIL and RCPT; DATA would have 2 minutes and the final dot 10).
const DefaultTimeout = 5 * time.Minute

// Buffers of a connection, in octets: the count of reads and writes decides how fast it is.
const (
	readBuffer  = 16 << 10 // replies to some hundred commands; more than maxReplyLine
	writeBuffer = 64 << 10
)

// Dialer opens sessions to a relay. It may be used by several goroutines.
type Dialer struct {
	// Address is the relay's host:port.
	Address string
	// Source is the local address, in 127.0.0.0/8 or ::1; zero: the system's choice. DialContext does without it.
	Source netip.Addr
	// DialContext connects in place of a net.Dialer; nil: TCP.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// ImplicitTLS begins with the TLS handshake, as on port 465. Source: RFC 8314 §3.3.
	ImplicitTLS bool
	// TLS is for ImplicitTLS and Conn.StartTLS; nil: the system's roots and the host of Address.
	TLS *tls.Config
	// Timeout is how long to connect, to wait for one reply and for one write; 0: DefaultTimeout; -1: none.
	Timeout time.Duration
	// Transcript records the session; nil: none.
	Transcript *transcript.Transcript
	// Name is the session's name in the transcript.
	Name string
}

// Dial connects, with TLS where ImplicitTLS says so. The greeting isn't read yet: that is the first ReadReply.
func (d *Dialer) Dial(ctx context.Context) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout())
	defer cancel()
	socket, err := d.connect(ctx)
	if err != nil {
		d.Transcript.Note(d.Name, "not connected: "+err.Error())
		return nil, fmt.Errorf("connect to %s: %w", d.Address, err)
	}
	d.Transcript.Note(d.Name, "connected to "+d.Address)
	c := d.newConn(socket)
	if d.ImplicitTLS {
		if err := c.Handshake(ctx); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

func (d *Dialer) connect(ctx context.Context) (net.Conn, error) {
	if d.DialContext != nil {
		return d.DialContext(ctx, "tcp", d.Address)
	}
	var dialer net.Dialer
	if d.Source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(d.Source, 0))
	}
	return dialer.DialContext(ctx, "tcp", d.Address)
}

func (d *Dialer) newConn(socket net.Conn) *Conn {
	c := &Conn{
		link: &link{Conn: socket, timeout: d.timeout()},
		tls:  d.tlsConfig(),
		log:  d.Transcript,
		name: d.Name,
	}
	c.in.in = bufio.NewReaderSize(c.link, readBuffer)
	c.out = bufio.NewWriterSize(c.link, writeBuffer)
	if d.Transcript != nil {
		c.logLine = func(line string) { c.log.Server(c.name, line) }
	}
	return c
}

// noTimeout is a century: long enough for -1, and no special case.
const noTimeout = 100 * 365 * 24 * time.Hour

func (d *Dialer) timeout() time.Duration {
	switch {
	case d.Timeout < 0:
		return noTimeout
	case d.Timeout == 0:
		return DefaultTimeout
	}
	return d.Timeout
}

func (d *Dialer) tlsConfig() *tls.Config {
	config := d.TLS
	if config == nil {
		config = &tls.Config{}
	}
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(d.Address)
		if err == nil {
			config = config.Clone()
			config.ServerName = host
		}
	}
	return config
}
