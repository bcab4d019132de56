package mutants

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/policy"
)

// methods are relays that get addresses, AUTH and settings wrong.
func methods() []Mutant {
	return slices.Concat(lists(), methodsOfSetting(), auth(), entries(), families())
}

// lists are relays that get the list of addresses wrong.
func lists() []Mutant {
	return []Mutant{
		{Name: "the list of addresses is ignored", Breaks: []string{"AUTH-IP", "AUTH-METHODS", "IP-V6", "IP-ENABLE", "CON-IP-TOGGLE", "IP-V6-SPELLINGS"}, Relay: sees(func(next reference.Decider, f *policy.Facts) {
			f.Peer = listed(next, f.Peer)
		})},
		{Name: "nobody's address is on the list", Breaks: []string{"AUTH-IP", "AUTH-METHODS"}, Relay: settings(func(s *target.Setting) {
			if s.ByAddress {
				s.Addresses = nil
			}
		})},
		{Name: "only the first entry of the list counts", Breaks: []string{"AUTH-IP", "IP-ENABLE", "CON-IP-TOGGLE", "IP-V6"}, Relay: settings(func(s *target.Setting) {
			s.Addresses = s.Addresses[:min(1, len(s.Addresses))]
		})},
		{Name: "a listed range is only its first address", Breaks: []string{"AUTH-IP"}, Relay: settings(func(s *target.Setting) {
			s.Addresses = slices.Clone(s.Addresses)
			for i := range s.Addresses {
				s.Addresses[i].Range, _, _ = strings.Cut(s.Addresses[i].Range, "/")
			}
		})},
	}
}

// methodsOfSetting are relays that get wrong which methods a setting asks for.
func methodsOfSetting() []Mutant {
	return []Mutant{
		{Name: "with both boxes ticked nobody relays", Breaks: []string{"AUTH-METHODS"}, Relay: settings(func(s *target.Setting) {
			if s.RequireAuth && s.ByAddress {
				s.Addresses = nil
			}
		})},
		{Name: "with both boxes ticked the second is ignored", Breaks: []string{"AUTH-METHODS"}, Noted: true, Relay: settings(func(s *target.Setting) {
			s.RequireAuth = s.RequireAuth && !s.ByAddress
		})},
		{Name: "required AUTH isn't required", Breaks: []string{"AUTH-SMTP", "AUTH-METHODS", "AUTH-PLAIN-IPONLY"}, Relay: settings(func(s *target.Setting) {
			if s.RequireAuth && !s.ByAddress {
				s.RequireAuth, s.ByAddress = false, true
				s.Addresses = []target.AddressEntry{{Description: "all IPv4", Range: "127.0.0.0/24"}, {Description: "IPv6", Range: "::1"}}
			}
		})},
	}
}

// auth are relays that get SMTP AUTH wrong.
func auth() []Mutant {
	return []Mutant{
		{Name: "AUTH is refused to everybody", Breaks: []string{"AUTH-SMTP", "AUTH-CREDS", "EXTRA-IDENT"}, Relay: decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			if stage == policy.Auth {
				return policy.Decision{Reply: serviceOf(next).Replies[policy.ReplyCredentials], Rule: "AUTH-CREDS"}
			}
			return next.Decide(stage, f)
		})},
		{Name: "any password will do", Breaks: []string{"AUTH-CREDS"}, Relay: decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			d := next.Decide(stage, f)
			if stage == policy.Auth && f.TLS && d.Refused() && f.Offered != nil {
				return policy.Decision{Reply: serviceOf(next).Replies[policy.ReplyAuthenticated], User: f.Offered.User}
			}
			return d
		})},
		{Name: "AUTH is accepted in clear text", Breaks: []string{"AUTH-TLS", "AUTH-PLAIN-IPONLY"}, Relay: embedded.Options{Listener: acceptingAuth}},
		{Name: "AUTH is offered in clear text", Breaks: []string{"AUTH-TLS"}, Noted: true, Relay: embedded.Options{Service: func(s *policy.Service) {
			s.Capabilities = append(slices.Clone(s.Capabilities), "AUTH LOGIN PLAIN")
		}}},
		{Name: "a plaintext session needs no AUTH", Breaks: []string{"AUTH-PLAIN-IPONLY", "AUTH-SMTP"}, Relay: decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
			d := next.Decide(stage, f)
			if stage != policy.Auth && !f.TLS && d.Rule == "AUTH-SMTP" {
				other := *f
				other.User = f.Sender.String()
				return next.Decide(stage, &other)
			}
			return d
		})},
	}
}

// entries are relays that get a customer's entries and settings wrong.
func entries() []Mutant {
	return []Mutant{
		{Name: "disabled entries count", Breaks: []string{"IP-ENABLE", "CON-IP-TOGGLE"}, Relay: settings(func(s *target.Setting) {
			s.Addresses = slices.Clone(s.Addresses)
			for i := range s.Addresses {
				s.Addresses[i].Disabled = false
			}
		})},
		{Name: "an entry that was disabled once stays so", Breaks: []string{"CON-IP-TOGGLE", "IP-ENABLE"}, Relay: embedded.Options{World: staysDisabled()}},
		{Name: "only the first setting counts", Breaks: []string{"CON-ADD-MODES"}, Relay: customers(func(c *target.Customer) { c.Settings = c.Settings[:min(1, len(c.Settings))] })},
		{Name: "only the last setting counts", Breaks: []string{"CON-ADD-MODES"}, Relay: customers(func(c *target.Customer) { c.Settings = c.Settings[max(0, len(c.Settings)-1):] })},
	}
}

// families are relays that get IPv6 wrong.
func families() []Mutant {
	return []Mutant{
		{Name: "IPv6 peers match nothing", Breaks: []string{"IP-V6", "IP-V6-SPELLINGS"}, Relay: sees(func(_ reference.Decider, f *policy.Facts) {
			if f.Peer.Is6() && !f.Peer.Is4In6() {
				f.Peer = netip.IPv4Unspecified()
			}
		})},
		{Name: "every IPv6 peer matches", Breaks: []string{"IP-V6", "AUTH-IP"}, Relay: sees(func(next reference.Decider, f *policy.Facts) {
			if f.Peer.Is6() {
				f.Peer = listed(next, f.Peer)
			}
		})},
		{Name: "only the shortest spelling of an IPv6 address is known", Breaks: []string{"IP-V6-SPELLINGS"}, Relay: settings(func(s *target.Setting) {
			s.Addresses = slices.DeleteFunc(slices.Clone(s.Addresses), func(a target.AddressEntry) bool {
				prefix, err := netip.ParsePrefix(a.Range)
				address, bare := netip.ParseAddr(a.Range)
				return err == nil && prefix.String() != a.Range || bare == nil && address.String() != a.Range
			})
		})},
	}
}

// listed gives an address that an enabled entry of the world holds; peer itself when there is none.
func listed(next reference.Decider, peer netip.Addr) netip.Addr {
	for _, c := range directoryOf(next).(*directory.Directory).Customers() {
		for _, s := range c.Settings {
			for _, r := range s.Addresses.Ranges() {
				if s.Enabled && r.Enabled {
					return r.Prefix.Addr()
				}
			}
		}
	}
	return peer
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
