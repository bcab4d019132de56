package directory

import (
	"net/netip"
	"slices"

	"github.com/relayspec/relayspec/reference/policy"
)

// Directory holds customers and users. It never changes and may be used from many goroutines at once.
type Directory struct {
	customers []*policy.Customer
	users     []*policy.User
	byID      map[string]*policy.Customer
	domains   map[string]registration
	primary   map[string]*policy.User // by lower-case address
	aliases   map[string]*policy.User // by lower-case address
	bearers   map[tokenKey][]bearer
	listed    policy.AddressList // enabled entries of enabled by-address settings
	decoy     []byte             // a hash that no password fits, for users that have none
	warnings  []Finding
}

var _ policy.Directory = (*Directory)(nil)

// registration is a domain and whose it is.
type registration struct {
	customer *policy.Customer
	domain   string // canonical
}

// Customers gives all customers in the order of the world. The slice is the caller's, what it points to is not.
func (d *Directory) Customers() []*policy.Customer { return slices.Clone(d.customers) }

// Users gives all users in the order of the world. The slice is the caller's, what it points to is not.
func (d *Directory) Users() []*policy.User { return slices.Clone(d.users) }

// Customer gives the customer with this ID, nil when there is none.
func (d *Directory) Customer(id string) *policy.Customer { return d.byID[id] }

// Warnings gives what is allowed but unwise in this world, in the order of the file.
// Source: SND-ANY-WARN, IP-NARROW, IP-PUBLIC.
func (d *Directory) Warnings() []Finding { return slices.Clone(d.warnings) }

// Owner gives the customer of the longest registered domain that is domain or a parent of it, and that registered
// domain. ASCII letters match without case, U-labels match their A-labels; one trailing dot is allowed. An address literal
// is nobody's.
//
// Source: relay-rules 2.13, assumed: on a label boundary, two labels at least (a registered domain has two or more).
func (d *Directory) Owner(domain string) (c *policy.Customer, matched string) {
	domain = policy.ToASCII(trimDot(domain))
	var buffer [maxDomain]byte
	if len(domain) > len(buffer) {
		return nil, ""
	}
	name := appendLower(buffer[:0], domain)
	for start := 0; start < len(name); {
		if name[start] == '.' || name[start] == '[' {
			return nil, "" // an empty label or an address literal: no domain
		}
		if r, ok := d.domains[string(name[start:])]; ok {
			return r.customer, r.domain
		}
		dot := slices.Index(name[start:], '.')
		if dot < 0 {
			return nil, ""
		}
		start += dot + 1
	}
	return nil, ""
}

// User gives the registered user whose primary address is a, nil when there is none.
// Source: SND-REGISTERED; relay-rules 2.29 (ASCII letters without case) and 2.30 (no plus folding), assumed.
func (d *Directory) User(a policy.Address) *policy.User {
	var buffer [maxAddress]byte
	return d.primary[string(appendKey(buffer[:0], a))]
}

// Alias gives the registered user that has a among its aliases, nil when there is none. Source: relay-rules 2.30.
func (d *Directory) Alias(a policy.Address) *policy.User {
	var buffer [maxAddress]byte
	return d.aliases[string(appendKey(buffer[:0], a))]
}

// Listed tells whether peer stands in an enabled entry of an enabled by-address setting of any customer.
// Source: AUTH-IP, IP-ENABLE, CON-IP-TOGGLE; relay-rules 2.15.
func (d *Directory) Listed(peer netip.Addr) bool { return d.listed.Contains(peer) }
