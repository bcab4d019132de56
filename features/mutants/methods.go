package mutants

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/policy"
)

// methods are relays that get addresses, AUTH and settings wrong.
func methods() []Mutant {
	return []Mutant{
		{"the list of addresses is ignored", []string{"AUTH-IP", "AUTH-METHODS", "IP-V6"}, settings(func(s *target.Setting) {
			if s.ByAddress {
				s.Addresses = []target.AddressEntry{{Range: "0.0.0.0/0"}, {Range: "::/0"}}
			}
		})},
		{"nobody's address is on the list", []string{"AUTH-IP", "AUTH-METHODS"}, settings(func(s *target.Setting) {
			if s.ByAddress {
				s.Addresses = nil
			}
		})},
		{"a listed range is only its first address", []string{"AUTH-IP"}, settings(func(s *target.Setting) {
			s.Addresses = slices.Clone(s.Addresses)
			for i := range s.Addresses {
				s.Addresses[i].Range, _, _ = strings.Cut(s.Addresses[i].Range, "/")
			}
		})},
		{"with both boxes ticked the second is ignored", []string{"AUTH-METHODS"}, settings(func(s *target.Setting) {
			s.RequireAuth = s.RequireAuth && !s.ByAddress
		})},
		{"required AUTH isn't required", []string{"AUTH-SMTP", "AUTH-METHODS", "AUTH-PLAIN-IPONLY"}, settings(func(s *target.Setting) {
			if s.RequireAuth && !s.ByAddress {
				s.RequireAuth, s.ByAddress = false, true
				s.Addresses = []target.AddressEntry{{Range: "0.0.0.0/0"}, {Range: "::/0"}}
			}
		})},
		{"AUTH is refused to everybody", []string{"AUTH-SMTP", "AUTH-CREDS", "EXTRA-IDENT"}, decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			if stage == policy.Auth {
				return policy.Decision{Reply: serviceOf(next).Replies[policy.ReplyCredentials], Rule: "AUTH-CREDS"}
			}
			return next.Decide(stage, f)
		})},
		{"any password will do", []string{"AUTH-CREDS"}, decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			d := next.Decide(stage, f)
			if stage == policy.Auth && f.TLS && d.Refused() && f.Offered != nil {
				return policy.Decision{Reply: serviceOf(next).Replies[policy.ReplyAuthenticated], User: f.Offered.User}
			}
			return d
		})},
		{"AUTH is accepted in clear text", []string{"AUTH-TLS", "AUTH-PLAIN-IPONLY"}, decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			if stage != policy.Auth {
				return next.Decide(stage, f)
			}
			other := *f
			other.TLS = true
			return next.Decide(stage, &other)
		})},
		{"AUTH is offered in clear text", []string{"AUTH-TLS"}, embedded.Options{Service: func(s *policy.Service) {
			s.Capabilities = append(slices.Clone(s.Capabilities), "AUTH LOGIN PLAIN")
		}}},
		{"a plaintext session needs no AUTH", []string{"AUTH-PLAIN-IPONLY", "AUTH-SMTP"}, decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			d := next.Decide(stage, f)
			if stage != policy.Auth && !f.TLS && d.Rule == "AUTH-SMTP" {
				other := *f
				other.User = f.Sender.String()
				return next.Decide(stage, &other)
			}
			return d
		})},
		{"disabled entries count", []string{"IP-ENABLE", "CON-IP-TOGGLE"}, settings(func(s *target.Setting) {
			s.Addresses = slices.Clone(s.Addresses)
			for i := range s.Addresses {
				s.Addresses[i].Disabled = false
			}
		})},
		{"an entry that was disabled once stays so", []string{"CON-IP-TOGGLE", "IP-ENABLE"}, embedded.Options{World: staysDisabled()}},
		{"only the first setting counts", []string{"CON-ADD-MODES"}, customers(func(c *target.Customer) { c.Settings = c.Settings[:min(1, len(c.Settings))] })},
		{"only the last setting counts", []string{"CON-ADD-MODES"}, customers(func(c *target.Customer) { c.Settings = c.Settings[max(0, len(c.Settings)-1):] })},
		{"IPv6 peers match nothing", []string{"IP-V6", "IP-V6-SPELLINGS"}, sees(func(_ reference.Decider, f *policy.Facts) {
			if f.Peer.Is6() && !f.Peer.Is4In6() {
				f.Peer = netip.IPv4Unspecified()
			}
		})},
		{"every IPv6 peer matches", []string{"IP-V6", "AUTH-IP"}, settings(func(s *target.Setting) {
			s.Addresses = append(slices.Clone(s.Addresses), target.AddressEntry{Range: "::/0"})
		})},
		{"only the shortest spelling of an IPv6 address is known", []string{"IP-V6-SPELLINGS"}, settings(func(s *target.Setting) {
			s.Addresses = slices.DeleteFunc(slices.Clone(s.Addresses), func(a target.AddressEntry) bool {
				prefix, err := netip.ParsePrefix(a.Range)
				address, bare := netip.ParseAddr(a.Range)
				return err == nil && prefix.String() != a.Range || bare == nil && address.String() != a.Range
			})
		})},
	}
}

// staysDisabled keeps an entry disabled for ever once it was.
func staysDisabled() func(target.World) target.World {
	was := map[string]bool{}
	return func(w target.World) target.World {
		for _, c := range w.Customers {
			for i := range c.Settings {
				c.Settings[i].Addresses = slices.Clone(c.Settings[i].Addresses)
				for j := range c.Settings[i].Addresses {
					a := &c.Settings[i].Addresses[j]
					key := c.ID + c.Settings[i].Description + a.Range
					was[key] = was[key] || a.Disabled
					a.Disabled = was[key]
				}
			}
		}
		return w
	}
}
