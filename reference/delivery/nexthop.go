package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// NextHop says where mail goes and how. Address and Hello have no default.
type NextHop struct {
	Address string // host:port; a host name is looked up by the system's resolver, an IP address is not looked up at all
	Hello   string // the argument of EHLO: a name of this relay's own, with a dot (HELO-UNIQUE, HELO-FORBIDDEN)

	// Timeout bounds each wait: for the connection, a reply, a block of the message. Real time.
	// 0: 5 minutes, and 10 after the final dot (RFC 5321 §4.5.3.2).
	Timeout time.Duration
	// Connections bounds the connections at one time. 0: 2. Deliver waits for its turn.
	Connections int
	// Idle is how long an unused connection may still be used again. Real time. 0: 30 s; -1: never again.
	Idle time.Duration
	// Dial opens a connection; nil: TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const (
	commandTimeout = 5 * time.Minute  // RFC 5321 §4.5.3.2.1 to 4.5.3.2.3
	dotTimeout     = 10 * time.Minute // RFC 5321 §4.5.3.2.6
	idle           = 30 * time.Second
	connections    = 2
)

// withDefaults gives h with every zero filled in, or says what is wrong with it.
func (h NextHop) withDefaults() (NextHop, error) {
	if _, port, err := net.SplitHostPort(h.Address); err != nil || port == "" {
		return h, fmt.Errorf("next hop %q: give host:port", h.Address)
	}
	if err := checkHello(h.Hello); err != nil {
		return h, fmt.Errorf("next hop %s: %w", h.Address, err)
	}
	h.Connections = cmp.Or(max(h.Connections, 0), connections)
	h.Idle = cmp.Or(h.Idle, idle)
	if h.Dial == nil {
		h.Dial = (&net.Dialer{}).DialContext
	}
	return h, nil
}

// checkHello refuses what a relay must not call itself. Source: HELO-UNIQUE, HELO-FORBIDDEN; RFC 5321 §4.1.4.
func checkHello(name string) error {
	bare := strings.ToLower(strings.TrimSuffix(name, "."))
	first, _, _ := strings.Cut(bare, ".")
	switch {
	case bare == "":
		return errors.New("no name for EHLO; give this relay's own, such as relay.acme.example")
	case first == "localhost", strings.HasSuffix(bare, ".localhost"), bare == "smtp-relay.gmail.com":
		return fmt.Errorf("%q in EHLO names no one; give this relay's own name, such as relay.acme.example", name)
	case !strings.Contains(bare, ".") && !strings.HasPrefix(bare, "["):
		return fmt.Errorf("%q in EHLO has one label; give the name in full, such as relay.acme.example", name)
	case strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7F }):
		return fmt.Errorf("%q can't stand in EHLO; give a name of ASCII letters, such as relay.acme.example", name)
	}
	return nil
}

func (h *NextHop) commandTimeout() time.Duration { return cmp.Or(h.Timeout, commandTimeout) }
func (h *NextHop) dotTimeout() time.Duration     { return cmp.Or(h.Timeout, dotTimeout) }
