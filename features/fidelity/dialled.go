package fidelity

import (
	"context"
	"net"
	"sync"
)

// dialled counts the connections that a fake has open: the fake's side knows when it has closed one, before the relay does.
type dialled struct {
	mu      sync.Mutex
	open    int
	highest int
}

func (d *dialled) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open++
	d.highest = max(d.highest, d.open)
	return &counted{TCPConn: conn.(*net.TCPConn), by: d}, nil
}

// most is how many were open at one time.
func (d *dialled) most() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.highest
}

// counted is a connection that is counted until it is closed.
type counted struct {
	*net.TCPConn
	by   *dialled
	once sync.Once
}

// Close closes the connection.
func (c *counted) Close() error {
	c.once.Do(func() {
		c.by.mu.Lock()
		defer c.by.mu.Unlock()
		c.by.open--
	})
	return c.TCPConn.Close()
}
