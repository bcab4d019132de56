package mx

import (
	"net"
	"sync"
)

// listener remembers its connections, so that Close can end them: go-smtp either ends sessions and doesn't wait for
// them, or waits and doesn't end them.
type listener struct {
	net.Listener

	mu     sync.Mutex
	conns  map[*conn]struct{}
	closed bool
}

// conn is forgotten when it is closed.
type conn struct {
	net.Conn
	listener *listener
}

func (l *listener) Accept() (net.Conn, error) {
	socket, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &conn{Conn: socket, listener: l}
	if l.closed {
		socket.Close()
		return c, nil // its session ends at its first read
	}
	l.conns[c] = struct{}{}
	return c, nil
}

// Close stops listening and ends every connection.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for c := range l.conns {
		c.Conn.Close()
	}
	clear(l.conns)
	return l.Listener.Close()
}

func (c *conn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.conns, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
