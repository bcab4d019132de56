package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"

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
	// Proxy begins each connection, below TLS, with a header of the PROXY protocol of this version, 1 or 2: then Source may
	// be any address, and only the header says it. 0: none. Source: the PROXY protocol, §2.
	Proxy int
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
	if err := d.introduce(c.link); err != nil {
		c.Close()
		return nil, fmt.Errorf("say the PROXY header to %s: %w", d.Address, err)
	}
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
	if d.Source.IsValid() && d.Proxy == 0 {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(d.Source, 0))
	}
	return dialer.DialContext(ctx, "tcp", d.Address)
}

// introduce says the PROXY header: that the connection comes from Source, or where that isn't given from where it does.
func (d *Dialer) introduce(l *link) error {
	if d.Proxy == 0 {
		return nil
	}
	from, to := tcpAddr(l.LocalAddr()), tcpAddr(l.RemoteAddr())
	if d.Source.IsValid() {
		from = netip.AddrPortFrom(d.Source, from.Port())
	}
	if from.Addr().Is4() != to.Addr().Is4() { // a header has one family: the relay is on the loopback of that one
		loopback := netip.IPv6Loopback()
		if from.Addr().Is4() {
			loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		to = netip.AddrPortFrom(loopback, to.Port())
	}
	header := proxyproto.HeaderProxyFromAddrs(byte(d.Proxy), net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(to))
	d.Transcript.Note(d.Name, fmt.Sprintf("PROXY header, version %d: from %s", d.Proxy, from))
	_, err := header.WriteTo(l)
	return err
}

// tcpAddr is an end of a TCP connection; zero: it isn't one.
func tcpAddr(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		at := tcp.AddrPort()
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	return netip.AddrPort{}
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
