package directory

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// builder checks a world piece by piece and keeps what it found. Each check takes the place that a fault is told with,
// so that a world file and New are held to the same rules.
type builder struct {
	faults   Faults
	warnings []Finding
	first    map[string]Position // where an ID, a domain or an address was first seen
}

func newBuilder() *builder { return &builder{first: make(map[string]Position)} }

// New makes a Directory of customers and users that are made in code, and sets each User.ID. They must not change afterwards.
// The error is Faults, each with what it is about: customer "acme".
func New(customers []*policy.Customer, users []*policy.User) (*Directory, error) {
	b := newBuilder()
	for _, c := range customers {
		b.customer(Position{File: "customer " + quote(c.ID)}, c)
	}
	for _, u := range users {
		b.user(Position{File: "user " + quote(u.Address.String())}, u, customers)
	}
	return b.finish(customers, users)
}

// finish makes the Directory, or gives all faults.
func (b *builder) finish(customers []*policy.Customer, users []*policy.User) (*Directory, error) {
	byPlace(b.faults)
	byPlace(b.warnings)
	if len(b.faults) > 0 {
		return nil, b.faults
	}
	d := &Directory{
		customers: customers,
		users:     users,
		byID:      make(map[string]*policy.Customer),
		domains:   make(map[string]registration),
		primary:   make(map[string]*policy.User),
		aliases:   make(map[string]*policy.User),
		bearers:   make(map[tokenKey][]bearer),
		listed:    listedRanges(customers),
		decoy:     decoyHash(users),
		warnings:  b.warnings,
	}
	for _, c := range customers {
		d.byID[c.ID] = c
		for _, name := range c.Domains {
			name = canonical(name)
			d.domains[name] = registration{c, name}
		}
	}
	for _, u := range users {
		u.ID = string(appendKey(nil, u.Address))
		d.primary[u.ID] = u
		for _, a := range u.Aliases {
			d.aliases[string(appendKey(nil, a))] = u
		}
		for _, t := range u.Tokens {
			d.bearers[keyOf(t.Hash)] = append(d.bearers[keyOf(t.Hash)], bearer{t, u})
		}
	}
	return d, nil
}

// listedRanges joins the entries that count for Listed.
func listedRanges(customers []*policy.Customer) policy.AddressList {
	var all []policy.Range
	for _, c := range customers {
		for i := range c.Settings {
			if s := &c.Settings[i]; s.Enabled && s.ByAddress {
				all = append(all, s.Addresses.Ranges()...)
			}
		}
	}
	return policy.NewAddressList(all)
}

// customer checks all of c that is made in code.
func (b *builder) customer(at Position, c *policy.Customer) {
	b.id(at, c.ID)
	b.licences(at, c.Licences)
	b.edition(at, c)
	if len(c.Domains) == 0 {
		b.fault(at, "", "the customer has no domain; give it one")
	}
	for _, name := range c.Domains {
		b.domain(at, name)
	}
	descriptions := make(map[string]Position)
	for i := range c.Settings {
		b.setting(at, &c.Settings[i], descriptions)
	}
}

// setting checks all of s that is made in code. descriptions are those of the customer so far.
func (b *builder) setting(at Position, s *policy.Setting, descriptions map[string]Position) {
	b.description(at, s.Description, descriptions)
	b.senders(at, s.Senders)
	b.methods(at, s)
	ranges := s.Addresses.Ranges()
	for _, r := range ranges {
		if !r.Prefix.IsValid() {
			b.fault(at, "IP-CIDR", "setting "+quote(s.Description)+" has an entry without a range; give it one")
			return
		}
		b.entry(at, r.Prefix.Masked())
	}
	if i, sum := overflow(ranges); i >= 0 {
		b.tooMany(at, s.Description, sum)
	}
}

// user checks all of u that is made in code.
func (b *builder) user(at Position, u *policy.User, customers []*policy.Customer) {
	known := false
	for _, c := range customers {
		known = known || c == u.Customer
	}
	if !known {
		b.fault(at, "", "the user belongs to no customer of this directory; set Customer to one of them")
		return
	}
	for _, a := range append([]policy.Address{u.Address}, u.Aliases...) {
		if _, fault := parseAddress(a.String()); fault != "" {
			b.fault(at, "", fault)
			continue
		}
		b.address(at, a, u.Customer)
	}
	for _, t := range u.Tokens {
		b.token(at, t)
	}
	if u.PasswordHash != "" {
		if fault := hashFault(u.PasswordHash); fault != "" {
			b.fault(at, "", fault)
		}
	}
}

func (b *builder) fault(at Position, rule policy.RuleID, text string) {
	b.faults = append(b.faults, Finding{at, rule, text})
}

func (b *builder) warn(at Position, rule policy.RuleID, text string) {
	b.warnings = append(b.warnings, Finding{at, rule, text})
}

// seen tells where name was seen before, and notes it otherwise.
func (b *builder) seen(kind, name string, at Position) (first Position, again bool) {
	first, again = b.first[kind+name]
	if !again {
		b.first[kind+name] = at
	}
	return first, again
}

func (b *builder) id(at Position, id string) {
	switch {
	case id == "":
		b.fault(at, "", "id is empty; write a name for the customer, such as acme")
		return
	case len(id) > maxID:
		b.fault(at, "", "id is longer than 128 octets; write a shorter one")
		return
	case strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7F || r == '\uFFFD' }):
		b.fault(at, "", "id "+quote(id)+" has a control character; write printable letters")
		return
	}
	if first, again := b.seen("id ", id, at); again {
		b.fault(at, "", fmt.Sprintf("customer %q stands already at %s; give each customer its own id", id, first))
	}
}

func (b *builder) licences(at Position, n int) {
	if n < 1 {
		b.fault(at, "LIM-CUST-LICENCE", fmt.Sprintf("licences is %d; write 1 or more", n))
	}
}

func (b *builder) edition(at Position, c *policy.Customer) {
	switch {
	case c.Edition != policy.Workspace && c.Edition != policy.LegacyFree:
		b.fault(at, "ELIG-LEGACY", "unknown edition "+quote(string(c.Edition))+"; write workspace or legacy-free")
	case c.Edition == policy.LegacyFree && len(c.Settings) > 0:
		b.warn(at, "ELIG-LEGACY", "the legacy-free edition can't relay, so the settings of this customer grant nothing; upgrade it to workspace")
	}
}

// domain checks one registered domain.
func (b *builder) domain(at Position, name string) {
	name = canonical(name)
	if fault := domainFault(name); fault != "" {
		b.fault(at, "", fault)
		return
	}
	if first, again := b.seen("domain ", name, at); again {
		b.fault(at, "", fmt.Sprintf("domain %s is already registered at %s; a domain belongs to one customer, once", name, first))
	}
	if isEverybodys(name) {
		b.warn(at, "", "domain "+name+" is used by everybody; register only domains that the customer owns")
	}
}

// isEverybodys names domains that no single customer owns but that are easily written by mistake.
func isEverybodys(domain string) bool {
	switch domain {
	case "gmail.com", "googlemail.com", "smtp-relay.gmail.com", "yahoo.com", "outlook.com", "hotmail.com", "icloud.com", "localhost.localdomain":
		return true
	}
	return false
}

// address checks a primary address or an alias. A user stands in one of the customer's registered domains itself: a
// subdomain of it is another domain.
func (b *builder) address(at Position, a policy.Address, c *policy.Customer) {
	key := string(appendKey(nil, a))
	if first, again := b.seen("address ", key, at); again {
		b.fault(at, "", fmt.Sprintf("address %s stands already at %s; an address belongs to one user, as primary address or alias", a, first))
	}
	if len(c.Domains) == 0 {
		return // that is the fault, and told
	}
	for _, name := range c.Domains {
		if canonical(name) == canonical(a.Domain) {
			return
		}
	}
	b.fault(at, "SND-REGISTERED", fmt.Sprintf("%s is in none of the domains of customer %q; add %s to its domains or move the user", a, c.ID, a.Domain))
}

func (b *builder) description(at Position, text string, seen map[string]Position) {
	if strings.TrimSpace(text) == "" {
		b.fault(at, "CON-DESC-UNIQUE", "description of a setting is empty; write what the setting is for")
		return
	}
	if first, again := seen[text]; again {
		b.fault(at, "CON-DESC-UNIQUE", fmt.Sprintf("setting %q stands already at %s; give each setting of a customer its own description", text, first))
		return
	}
	seen[text] = at
}

func (b *builder) senders(at Position, s policy.Senders) {
	switch s {
	case policy.RegisteredUsers, policy.MyDomains:
	case policy.AnyAddress:
		b.warn(at, "SND-ANY-WARN", "senders: any lets malware or a badly set-up server send in anybody's name; use registered-users or my-domains where you can")
	default:
		b.fault(at, "SND-OPTIONS", "unknown senders option "+quote(string(s))+"; write registered-users, my-domains or any")
	}
}

// methods checks that a setting asks for an address, for AUTH, or for both. Source: AUTH-METHODS.
func (b *builder) methods(at Position, s *policy.Setting) {
	switch {
	case !s.ByAddress && !s.RequireAuth:
		b.fault(at, "AUTH-METHODS", "setting "+quote(s.Description)+" asks for neither addresses nor AUTH; give addresses, require-auth: true, or both")
	case s.ByAddress && len(s.Addresses.Ranges()) == 0:
		b.warn(at, "AUTH-IP", "setting "+quote(s.Description)+" has an empty list of addresses, so it admits nobody; list one, or leave addresses out")
	}
}

func (b *builder) entry(at Position, p netip.Prefix) {
	for _, w := range entryWarnings(p) {
		b.warn(at, w.Rule, w.Text)
	}
}

func (b *builder) tooMany(at Position, description, sum string) {
	b.fault(at, "IP-MAX-65536", fmt.Sprintf("setting %q lists %s addresses with this entry, %d are allowed (disabled entries count); write narrower ranges", description, sum, maxAddresses))
}

func quote(s string) string { return strconv.Quote(s) }
