package directory

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

const (
	// maxAddresses is how many addresses a setting may list, disabled entries included.
	// Source: IP-MAX-65536, documented; what is summed: relay-rules 2.28, assumed.
	maxAddresses = 65536
	// wideBits is from how many host bits on an entry is called wide: more than 256 addresses. Source: IP-NARROW, assumed.
	wideBits = 9
)

// parseRange reads an address or a range in CIDR form. A bare address is a /32 or a /128. Source: IP-CIDR, IP-V6.
func parseRange(s string) (p netip.Prefix, fault string) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return p, "bad address " + quote(s) + "; write an IP address or a range in CIDR form, such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/120"
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ""
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, "bad range " + quote(s) + "; write CIDR form, such as 192.0.2.0/24 or 2001:db8::/120"
	}
	p = unmapPrefix(p)
	if p != p.Masked() {
		return p, fmt.Sprintf("range %q has host bits set; write %s, or %s for that one address", s, p.Masked(), p.Addr())
	}
	return p, ""
}

// unmapPrefix turns a range of IPv4 addresses that are written as IPv6 into what it is.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// hostBits is the binary logarithm of how many addresses p has.
func hostBits(p netip.Prefix) int { return p.Addr().BitLen() - p.Bits() }

// entryWarnings gives what is unwise about an entry. Source: IP-NARROW, IP-PUBLIC.
func entryWarnings(p netip.Prefix) (warnings []Finding) {
	if hostBits(p) >= wideBits {
		warnings = append(warnings, Finding{Rule: "IP-NARROW", Text: fmt.Sprintf("%s is wide; list only the addresses that send", p)})
	}
	if kind := notPublic(p.Addr()); kind != "" {
		warnings = append(warnings, Finding{Rule: "IP-PUBLIC", Text: fmt.Sprintf("%s is %s, not public; list the address that the relay sees", p, kind)})
	}
	return warnings
}

// notPublic says what kind of address a is that no public network routes. Loopback isn't reported: a relay that
// listens on loopback sees no other. Nor are addresses for documentation, which stand for public ones.
func notPublic(a netip.Addr) string {
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10) // RFC 6598 §7
	switch {
	case a.IsPrivate():
		return "private"
	case a.IsLinkLocalUnicast():
		return "link-local"
	case a.IsMulticast():
		return "multicast"
	case a.IsUnspecified():
		return "unspecified"
	case shared.Contains(a):
		return "shared by a provider's customers"
	}
	return ""
}

// overflow gives the first entry with which ranges hold more addresses than a setting may list, and the sum up to it; -1: none.
func overflow(ranges []policy.Range) (at int, sum string) {
	total := 0
	for i, r := range ranges {
		if bits := hostBits(r.Prefix); bits > 16 {
			return i, fmt.Sprintf("2^%d", bits)
		}
		total += 1 << hostBits(r.Prefix)
		if total > maxAddresses {
			return i, fmt.Sprint(total)
		}
	}
	return -1, ""
}
