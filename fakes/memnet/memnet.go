// Package memnet is a network in memory, for tests that run in virtual time (testing/synctest).
//
// It behaves like TCP where a test needs it to: writes go into a bounded buffer and return, each direction closes by
// itself, deadlines work, and both ends have the addresses that the test chose. It has no segments, resets or loss.
// Listener and connections must be made in the bubble that uses them.
//
// Start with Listen and Listener.Dial.
package memnet

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

const backlog = 128

// Listener accepts connections that Dial makes.
type Listener struct {
	// Buffer is how many octets each direction of a new connection holds before a write blocks. 0: 65,536.
	Buffer int

	address net.Addr
	queue   chan *Conn
	closed  chan struct{}
	once    sync.Once
}

var _ net.Listener = (*Listener)(nil)

// Listen gives a listener whose address is at. Nothing else knows of it: only its own Dial leads there.
func Listen(at netip.AddrPort) *Listener {
	return &Listener{
		address: net.TCPAddrFromAddrPort(at),
		queue:   make(chan *Conn, backlog),
		closed:  make(chan struct{}),
	}
}

// Dial connects from the address that the other end shall see. Like TCP it doesn't wait for Accept.
func (l *Listener) Dial(from netip.AddrPort) (*Conn, error) {
	client, server := pair(net.TCPAddrFromAddrPort(from), l.address, l.Buffer)
	select {
	case <-l.closed:
	default:
		select {
		case l.queue <- server:
			return client, nil
		case <-l.closed:
		}
	}
	return nil, fmt.Errorf("dial %v: %w", l.address, syscall.ECONNREFUSED)
}

// Accept waits for the next connection. Error: net.ErrClosed once the listener is closed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, fmt.Errorf("accept on %v: %w", l.address, net.ErrClosed)
	default:
	}
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, fmt.Errorf("accept on %v: %w", l.address, net.ErrClosed)
	}
}

// Close ends Accept and Dial, and closes the connections that wait for Accept.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	for {
		select {
		case c := <-l.queue:
			c.Close()
		default:
			return nil
		}
	}
}

// Addr is the address given to Listen.
func (l *Listener) Addr() net.Addr { return l.address }

// Pair gives the two ends of a connection without a listener.
func Pair(a, b netip.AddrPort) (*Conn, *Conn) {
	return pair(net.TCPAddrFromAddrPort(a), net.TCPAddrFromAddrPort(b), 0)
}
