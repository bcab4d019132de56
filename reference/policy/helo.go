package policy

import (
	"net/netip"
	"strings"
)

// helo refuses names that say nothing about who is there.
//
// Reply: ReplyHeloRefused (421), and the connection is closed. localhost, its subdomains and localhost.*, the relay's
// own name and loopback literals are always refused; a name of one label is refused only once its peer has used up its
// bucket (Decision.Bucket), for real relays refuse those sometimes.
// Source: HELO-DOS-SOMETIMES, HELO-FORBIDDEN, documented as possible; which names and when: relay-rules 2.21, observed.
func (p *Policy) helo(f *Facts) Decision {
	if p.Service.Switches.GenericHeloPasses {
		return Decision{}
	}
	name := strings.TrimSuffix(strings.ToLower(f.Helo), ".")
	single := !strings.ContainsAny(name, ".:[")
	if !single && !p.generic(name) || single && name != "localhost" && p.Service.Limits.SingleLabelBurst < 0 {
		return Decision{}
	}
	d := p.say(ReplyHeloRefused, "HELO-DOS-SOMETIMES")
	d.Close = true
	d.Bucket = single && name != "localhost"
	return d
}

// generic tells whether name, in lower case, is one that any host could give.
func (p *Policy) generic(name string) bool {
	if name == p.Service.Host || name == "localhost" || strings.HasPrefix(name, "localhost.") || strings.HasSuffix(name, ".localhost") {
		return true
	}
	literal, found := strings.CutPrefix(name, "[")
	if !found {
		return false
	}
	literal = strings.TrimPrefix(strings.TrimSuffix(literal, "]"), "ipv6:")
	address, err := netip.ParseAddr(literal)
	return err == nil && address.Unmap().IsLoopback()
}
