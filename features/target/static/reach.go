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
	for c, source := range map[target.Capability]string{target.SourceIPv4: "127.0.0.2", target.SourceIPv6: "::1"} {
		if !r.declares(c) || r.reachable(ctx, netip.MustParseAddr(source)) {
			continue
		}
		if i := slices.Index(r.profile.Capabilities, c); i >= 0 {
			text := fmt.Sprintf("%s: no session comes to the relay from %s; begin sessions with a PROXY header (proxy: v2) where the relay takes one, or leave it out", c, source)
			faults = append(faults, r.profile.fault(text, fmt.Sprintf("capabilities[%d]", i)))
			continue
		}
		r.barred = append(r.barred, c)
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
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
