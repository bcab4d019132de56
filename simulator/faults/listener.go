package faults

import (
	"context"
	"net"
	"net/netip"

	"golang.org/x/time/rate"
)

// Listener wraps a listener: what strikes where a connection is accepted closes it at once, or slows it down. It works
// below TLS and below a PROXY header. What Connect answers or delays is Engine's.
func (s *Set) Listener(l net.Listener) net.Listener { return &listener{l, s} }

type listener struct {
	net.Listener
	set *Set
}

// Accept gives the next connection that no fault drops.
func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		h := l.set.strike(occasion{stage: Connect, accepted: true, peer: peerOf(conn)})
		switch {
		case h.drop:
			conn.Close()
		case h.rate > 0:
			return newSlow(conn, h.rate), nil
		default:
			return conn, nil
		}
	}
}

func peerOf(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// slow is a connection that takes and gives only so many octets a second in each direction, a few at a time.
type slow struct {
	net.Conn
	piece       int // octets at once
	read, write *rate.Limiter
	open        context.Context // until it is closed
	close       context.CancelFunc
}

// pieces is how many pieces make a second, where there are that many octets.
const pieces = 10

func newSlow(conn net.Conn, octets int) *slow {
	piece := max(octets/pieces, 1)
	c := &slow{Conn: conn, piece: piece, read: rate.NewLimiter(rate.Limit(octets), piece), write: rate.NewLimiter(rate.Limit(octets), piece)}
	c.open, c.close = context.WithCancel(context.Background())
	return c
}

// Read gives a piece of what has come, and then waits as long as that takes.
func (c *slow) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), c.piece)])
	if n > 0 && c.read.WaitN(c.open, n) != nil && err == nil {
		err = net.ErrClosed
	}
	return n, err
}

// Write writes piece after piece.
func (c *slow) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		piece := p[:min(len(p), c.piece)]
		if c.write.WaitN(c.open, len(piece)) != nil {
			return written, net.ErrClosed
		}
		n, err := c.Conn.Write(piece)
		written += n
		if err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, nil
}

// Close ends what waits, too.
func (c *slow) Close() error {
	c.close()
	return c.Conn.Close()
}

// CloseWrite ends the writer's side, where the connection below can.
func (c *slow) CloseWrite() error { return closeWrite(c.Conn) }
