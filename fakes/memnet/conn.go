package memnet

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

const defaultBuffer = 1 << 16

// Conn is one end of a connection. It has the CloseWrite of a *net.TCPConn.
type Conn struct {
	in, out       *direction
	local, remote net.Addr
}

var _ net.Conn = (*Conn)(nil)

func pair(a, b net.Addr, size int) (*Conn, *Conn) {
	if size <= 0 {
		size = defaultBuffer
	}
	there, back := newDirection(size), newDirection(size)
	return &Conn{in: back, out: there, local: a, remote: b}, &Conn{in: there, out: back, local: b, remote: a}
}

// Read takes what has come, waiting for the first octet. Errors: io.EOF after the other end closed, net.ErrClosed,
// os.ErrDeadlineExceeded.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.named("read", err)
}

// Write waits until everything is in the buffer. Errors: EPIPE if the other end is gone, though as with TCP the first
// write after that may still be lost without one; net.ErrClosed; os.ErrDeadlineExceeded.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.named("write", err)
}

// named leaves io.EOF as it is and gives every other error the shape of a *net.OpError.
func (c *Conn) named(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "memnet", Source: c.local, Addr: c.remote, Err: err}
}

// Close closes both directions. The other end still reads what was written before.
func (c *Conn) Close() error {
	c.out.closeWrite(net.ErrClosed)
	c.in.closeRead()
	return nil
}

// CloseWrite ends this direction: the other end reads io.EOF after what was written, and may go on writing.
func (c *Conn) CloseWrite() error {
	c.out.closeWrite(syscall.EPIPE)
	return nil
}

// LocalAddr is a *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is a *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines. The zero time: none. A blocked Read or Write obeys at once.
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.readers.set(t)
	c.out.writers.set(t)
	return nil
}

// SetReadDeadline is as SetDeadline, for Read.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.readers.set(t)
	return nil
}

// SetWriteDeadline is as SetDeadline, for Write.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.writers.set(t)
	return nil
}

func (c *Conn) String() string { return fmt.Sprintf("%v>%v", c.local, c.remote) }
