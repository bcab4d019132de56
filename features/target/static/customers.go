package static

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/target"
)

// The words of a customer.
func billings() []string { return []string{"paid", "unpaid"} }
func editions() []string { return []string{"workspace", "legacy-free"} }
func senders() []string {
	return []string{string(target.RegisteredUsers), string(target.MyDomains), string(target.AnyAddress)}
}

func (c *checker) customers() {
	if c.has("customers") && len(c.Customers) == 0 && c.wellFormed("customers") {
		c.fault("customers", "customers is an empty list; write one customer or more, or leave it out")
	}
	seen := map[string]string{}
	for i, customer := range c.Customers {
		path := fmt.Sprintf("customers[%d]", i)
		if c.wellFormed(path) {
			c.customer(path, customer, seen)
		}
	}
}

// customer checks one; seen are the IDs and domains so far, with where they stand.
func (c *checker) customer(path string, customer Customer, seen map[string]string) {
	c.required(path, "id", customer.ID, "id: and a name for the customer, such as acme")
	c.once(path+".id", "customer "+customer.ID, seen)
	if !c.has(path + ".licences") {
		c.fault(path, "%s.licences is missing; write how many, or any: scenarios ask for customers with as many", path)
	}
	c.word(path+".billing", customer.Billing, billings())
	c.word(path+".edition", customer.Edition, editions())
	if len(customer.Domains) == 0 && c.wellFormed(path+".domains") {
		c.fault(path+".domains", "%s has no domain; write domains: and a list of one or more", path)
	}
	for i, domain := range customer.Domains {
		c.once(fmt.Sprintf("%s.domains[%d]", path, i), "domain "+strings.ToLower(domain), seen)
	}
	for i, user := range customer.Users {
		inner := fmt.Sprintf("%s.users[%d]", path, i)
		c.required(inner, "address", user.Address, "address: and user@domain")
		c.address(inner+".address", user.Address)
		c.once(inner+".address", "user "+strings.ToLower(user.Address), seen)
		if _, domain, _ := strings.Cut(user.Address, "@"); domain != "" && !slices.ContainsFunc(customer.Domains, func(d string) bool { return strings.EqualFold(d, domain) }) {
			c.fault(inner+".address", "%s is in no domain of the customer; write one of %s", user.Address, strings.Join(customer.Domains, ", "))
		}
	}
	for i, setting := range customer.Settings {
		c.setting(fmt.Sprintf("%s.settings[%d]", path, i), setting)
	}
}

// once asks that what stands at path stands nowhere else.
func (c *checker) once(path, what string, seen map[string]string) {
	if !c.has(path) || !c.wellFormed(path) {
		return
	}
	if first, again := seen[what]; again {
		c.fault(path, "%s stands already at line %d; write it once", what, c.at(first).Line)
		return
	}
	seen[what] = path
}

// word asks for one of a few words; nothing said is fine.
func (c *checker) word(path, word string, known []string) {
	if word != "" && !slices.Contains(known, word) {
		c.fault(path, "%s: %q is unknown; %s", path, word, instead(word, known))
	}
}

func (c *checker) setting(path string, setting Setting) {
	c.required(path, "senders", setting.Senders, "senders: "+strings.Join(senders(), ", or "))
	c.word(path+".senders", setting.Senders, senders())
	for i, entry := range setting.Addresses {
		if _, err := prefixOf(entry.Range); err != nil {
			c.fault(fmt.Sprintf("%s.addresses[%d]", path, i), "%q is no range of addresses; write 192.0.2.0/24 or a bare address", entry.Range)
		}
	}
}

// prefixOf reads a range, or a bare address.
func prefixOf(text string) (netip.Prefix, error) {
	if bare, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(bare, bare.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}
