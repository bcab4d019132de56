package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/relayspec/relayspec/reference/policy"
)

// ruleProxy is what a connection goes by that a proxy should have introduced: the PROXY protocol, §2.
const ruleProxy policy.RuleID = "PROXY-2/header"

// trusted tells whether addr may, and then must, say with a PROXY header who its client is.
func (s *Server) trusted(addr netip.Addr) bool {
	for _, prefix := range s.config.ProxyFrom {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// introduce reads the PROXY header that a trusted peer begins with, below TLS, and takes the client's address from it.
// Without a good one, and in time, the connection is closed without a word: whoever it is, it isn't said. From any other
// peer such a header is no more than a bad command.
func (s *session) introduce() bool {
	if !s.server.trusted(s.facts.Peer) {
		return true
	}
	s.stage = "proxy"
	client, err := s.readIntroduction()
	if err != nil {
		rule := ruleProxy
		if errors.Is(err, errDraining) { // which is no fault of the header's
			rule = ""
		}
		s.tellRule(rule, fmt.Sprintf("wire: PROXY header: %v", err))
		s.closing, s.broken = true, err
		return false
	}
	if client.IsValid() {
		s.facts.Peer = client
	}
	s.stage = ""
	return true
}

// readIntroduction gives the client's address. Invalid: the proxy speaks for itself (LOCAL of version 2), or doesn't know
// (UNKNOWN of version 1), and the peer's own address stands.
func (s *session) readIntroduction() (netip.Addr, error) {
	if s.unoccupied() {
		return netip.Addr{}, errDraining
	}
	timeout := proxyproto.SetReadHeaderTimeout(max(s.server.config.Deadlines.Proxy, 0)) // there 0 is for ever
	conn := &introduced{proxyproto.NewConn(awaited{s.raw, s.unoccupied}, proxyproto.WithPolicy(proxyproto.REQUIRE), timeout), s.raw}
	header := conn.ProxyHeader()
	switch {
	case header == nil && s.unoccupied():
		return netip.Addr{}, errDraining // the interruption looks like a header that came too late
	case header == nil:
		_, err := conn.Read(nil) // says why
		return netip.Addr{}, err
	}
	s.base = conn
	s.stream.conn = s.server.config.Tap(conn)
	if header.Command.IsLocal() || header.TransportProtocol.IsUnspec() {
		return netip.Addr{}, nil
	}
	source, _, ok := header.TCPAddrs()
	if !ok {
		return netip.Addr{}, errors.New("it names no TCP address")
	}
	return plainAddr(source), nil
}

// awaited is a connection whose PROXY header is still to come.
type awaited struct {
	net.Conn
	unoccupied func() bool
}

// SetReadDeadline asks whether the server drains after the deadline is set, so that an interruption can't be missed.
func (c awaited) SetReadDeadline(t time.Time) error {
	if err := c.Conn.SetReadDeadline(t); err != nil {
		return err
	}
	if c.unoccupied() {
		return errDraining
	}
	return nil
}

// introduced is a connection behind its PROXY header, whose last octets may have come with it.
type introduced struct {
	*proxyproto.Conn
	raw net.Conn
}

// SetReadDeadline goes past awaited: the header has come.
func (c *introduced) SetReadDeadline(t time.Time) error { return c.raw.SetReadDeadline(t) }

// CloseWrite ends the writer's side, where the connection below can.
func (c *introduced) CloseWrite() error {
	if half, ok := c.raw.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// plainAddr is an address as policy knows them: no IPv4 in IPv6, no zone.
func plainAddr(tcp *net.TCPAddr) netip.Addr { return tcp.AddrPort().Addr().Unmap().WithZone("") }

// defaultProxy is how long a PROXY header may take.
const defaultProxy = 10 * time.Second
