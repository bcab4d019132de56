package policy

import "strings"

// maxNamed bounds the domains that a denial lists: a HELO name of a hundred labels is answered briefly.
const maxNamed = 10

// deny refuses with one of the two 550 replies: ReplyRelayDenied (5.7.0) where neither the peer nor MAIL FROM's or
// HELO's domain belongs to a customer that relays, else ReplyInvalidRelay (5.7.1). AUTH doesn't rescue from 5.7.0.
// Source: relay-rules 2.15, inferred from observed cases; texts 3.7 and 3.8.
func (p *Policy) deny(f *Facts, rule RuleID) Decision {
	name := ReplyRelayDenied
	switch p.Service.Switches.Denial {
	case DenyByCustomer:
		if p.known(f) {
			name = ReplyInvalidRelay
		}
	case DenyAlways571:
		name = ReplyInvalidRelay
	}
	return p.withNames(f, p.say(name, rule))
}

// known tells whether anything about the client points to a customer that relays.
func (p *Policy) known(f *Facts) bool {
	if p.Directory.Listed(f.Peer) {
		return true
	}
	if c, _ := p.Directory.Owner(f.Sender.Domain); c != nil && c.relays() {
		return true
	}
	c, _ := p.heloOwner(f)
	return c != nil && c.relays()
}

// withNames fills in the peer and the domains that were looked for.
func (p *Policy) withNames(f *Facts, d Decision) Decision {
	names := strings.NewReplacer("{", "", "}", "").Replace(strings.Join(p.lookedUp(f), ", ")) // no {placeholder} of the client's
	d.Reply = d.Reply.Expand("peer", f.Peer.Unmap().String(), "domains", names)
	return d
}

// printable makes a name fit for a reply.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return '?'
		}
		return r
	}, name)
}

// lookedUp lists what the relay looked for in HELO: its parents of two labels or more, the longest first, then the name
// itself; naively split, even in an address literal. Source: relay-rules 3.8, inferred.
func (p *Policy) lookedUp(f *Facts) []string {
	var names []string
	rest := f.Helo
	for len(names) < maxNamed {
		_, parent, found := strings.Cut(rest, ".")
		if !found || !strings.Contains(parent, ".") {
			break
		}
		names = append(names, parent)
		rest = parent
	}
	names = append(names, f.Helo)
	if p.Service.Switches.DeniedListsSender && f.Sender.Domain != "" {
		names = append(names, printable(ToASCII(f.Sender.Domain))) // a reply is ASCII: RFC 6531 §3.7.4.1
	}
	return names
}
