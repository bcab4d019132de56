package static

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/relayspec/relayspec/features/target"
)

// reach sees from where sessions can come to the relay. With a PROXY header they come from anywhere; else only where the
// relay is on the loopback. What the profile declares and can't be had is a fault; what only the driver declares of
// itself isn't judged, for the driver can't know where this harness is.
func (r *Relay) reach(ctx context.Context) error {
	if r.profile.proxy() > 0 {
		return nil
	}
	var faults Faults
	for i, c := range r.profile.Capabilities {
		if source, missing := r.missing(ctx, c); missing {
			text := fmt.Sprintf("%s: no session comes to the relay from %s; begin sessions with a PROXY header (proxy: v2) where the relay takes one, or leave it out", c, source)
			faults = append(faults, r.profile.fault(text, fmt.Sprintf("capabilities[%d]", i)))
		}
	}
	if len(faults) > 0 {
		return faults
	}
	for _, c := range r.said.Capabilities {
		if slices.Contains(r.profile.Capabilities, c) {
			continue
		}
		if _, missing := r.missing(ctx, c); missing {
			r.barred = append(r.barred, c)
		}
	}
	return nil
}

// missing tells whether c says that sessions come from somewhere, source, and they don't.
func (r *Relay) missing(ctx context.Context, c target.Capability) (source netip.Addr, missing bool) {
	switch c {
	case target.SourceIPv4:
		source = netip.AddrFrom4([4]byte{127, 0, 0, 2})
	case target.SourceIPv6:
		source = netip.IPv6Loopback()
	default:
		return source, false
	}
	return source, !r.reachable(ctx, source)
}

// reachable tells whether a connection from source comes to the relay's first port.
func (r *Relay) reachable(ctx context.Context, source netip.Addr) bool {
	if !r.loopback {
		return false
	}
	address := r.addresses[r.first()]
	if source.Is6() {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return false
		}
		address = net.JoinHostPort(source.String(), port)
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0)), Timeout: min(r.profile.timeout(), 5*time.Second)}
	socket, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	socket.Close() // that it connects is enough
	return true
}
