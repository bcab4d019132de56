package policy

import (
	"net/netip"
	"slices"
)

// Range is one entry of a setting's list of addresses. Source: IP-ADD, IP-CIDR, IP-ENABLE.
type Range struct {
	Description string
	Prefix      netip.Prefix // a bare address is a /32 or a /128
	Enabled     bool         // a disabled entry grants nothing
}

// AddressList is a list of addresses that answers fast, however long it is. The zero list holds nothing.
type AddressList struct {
	ranges []Range
	spans  []span // enabled ones, sorted, without overlaps
}

// span is first to last, both included.
type span struct{ first, last netip.Addr }

// NewAddressList makes a list of ranges, kept as they are for those who show them.
func NewAddressList(ranges []Range) AddressList {
	l := AddressList{ranges: ranges}
	for _, r := range ranges {
		if r.Enabled {
			p := r.Prefix.Masked()
			l.spans = append(l.spans, span{p.Addr(), lastOf(p)})
		}
	}
	slices.SortFunc(l.spans, func(a, b span) int { return a.first.Compare(b.first) })
	l.spans = merge(l.spans)
	return l
}

// Contains tells whether an enabled entry holds a. An IPv4 address mapped into IPv6 is that IPv4 address.
func (l AddressList) Contains(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	at, exact := slices.BinarySearchFunc(l.spans, a, func(s span, a netip.Addr) int { return s.first.Compare(a) })
	if exact {
		return true
	}
	return at > 0 && a.Compare(l.spans[at-1].last) <= 0 && a.BitLen() == l.spans[at-1].first.BitLen()
}

// Ranges gives the entries as they were given, disabled ones included.
func (l AddressList) Ranges() []Range { return l.ranges }

// merge joins spans that overlap. Prefixes either nest or don't touch, so the later of two that overlap lies inside the earlier.
func merge(spans []span) []span {
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.last.Compare(out[n-1].last) <= 0 {
			continue
		}
		out = append(out, s)
	}
	return out
}

// lastOf is the highest address of p, which must be masked.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}
