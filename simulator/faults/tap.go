package faults

import (
	"bytes"
	"errors"
	"net"
)

// Tap wraps what a session writes to, inside TLS too (wire.Config.Tap): it closes where Engine has decided to close without
// a word, and writes what was said before that.
func (s *Set) Tap(conn net.Conn) net.Conn { return &tap{conn, []byte(s.mark)} }

func (s *Set) tapAround(wrap func(net.Conn) net.Conn) func(net.Conn) net.Conn {
	return func(conn net.Conn) net.Conn { return s.Tap(wrap(conn)) }
}

// tap is a connection that closes at the reply with its mark. A reply is always in one Write, and nobody else knows the mark.
type tap struct {
	net.Conn
	mark []byte
}

func (c *tap) Write(p []byte) (int, error) {
	at := bytes.Index(p, c.mark)
	if at < 0 {
		return c.Conn.Write(p)
	}
	before := p[:beginning(p[:at])]
	if len(before) > 0 {
		if n, err := c.Conn.Write(before); err != nil {
			return n, err
		}
	}
	return len(before), errors.Join(net.ErrClosed, c.Conn.Close())
}

// beginning is where the reply begins whose second line is marked at the end of p.
func beginning(p []byte) int {
	const crlf = "\r\n"
	first := bytes.LastIndex(p, []byte(crlf))
	before := bytes.LastIndex(p[:max(first, 0)], []byte(crlf))
	if before < 0 {
		return 0
	}
	return before + len(crlf)
}

// CloseWrite ends the writer's side, where the connection below can.
func (c *tap) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
