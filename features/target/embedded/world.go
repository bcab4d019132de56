package embedded

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/policy"
)

// cheapest is bcrypt's lowest cost: these passwords guard nothing.
const cheapest = 4

// directoryOf makes the relay's directory of the judge's world.
func directoryOf(w target.World) (*directory.Directory, error) {
	var customers []*policy.Customer
	var users []*policy.User
	for _, c := range w.Customers {
		customer, err := customerOf(c)
		if err != nil {
			return nil, fmt.Errorf("customer %s: %w", c.ID, err)
		}
		customers = append(customers, customer)
		for _, u := range c.Users {
			user, err := userOf(u, customer)
			if err != nil {
				return nil, fmt.Errorf("user %s: %w", u.Address, err)
			}
			users = append(users, user)
		}
	}
	return directory.New(customers, users)
}

func customerOf(c target.Customer) (*policy.Customer, error) {
	customer := &policy.Customer{
		ID: c.ID, Licences: c.Licences, Edition: policy.Workspace, Paid: !c.Unpaid, Trial: c.Trial, Domains: c.Domains,
	}
	if c.Edition != "" {
		customer.Edition = policy.Edition(c.Edition)
	}
	for _, s := range c.Settings {
		setting, err := settingOf(s)
		if err != nil {
			return nil, fmt.Errorf("setting %q: %w", s.Description, err)
		}
		customer.Settings = append(customer.Settings, setting)
	}
	return customer, nil
}

func settingOf(s target.Setting) (policy.Setting, error) {
	var ranges []policy.Range
	for _, a := range s.Addresses {
		prefix, err := prefixOf(a.Range)
		if err != nil {
			return policy.Setting{}, err
		}
		ranges = append(ranges, policy.Range{Description: a.Description, Prefix: prefix, Enabled: !a.Disabled})
	}
	return policy.Setting{
		Description: s.Description, Enabled: !s.Disabled, Senders: policy.Senders(s.Senders),
		ByAddress: s.ByAddress, Addresses: policy.NewAddressList(ranges), RequireAuth: s.RequireAuth, RequireTLS: s.RequireTLS,
	}, nil
}

// prefixOf reads CIDR, or a bare address. Source: IP-CIDR.
func prefixOf(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

func userOf(u target.User, c *policy.Customer) (*policy.User, error) {
	user := &policy.User{ID: strings.ToLower(u.Address), Address: addressOf(u.Address), Customer: c}
	for _, a := range u.Aliases {
		user.Aliases = append(user.Aliases, addressOf(a))
	}
	for _, t := range u.Tokens {
		token, err := directory.NewToken(t.Value, t.Expires)
		if err != nil {
			return nil, err
		}
		user.Tokens = append(user.Tokens, token)
	}
	if u.Password == "" {
		return user, nil
	}
	hash, err := directory.HashPassword(u.Password, cheapest)
	user.PasswordHash = hash
	return user, err
}

func addressOf(s string) policy.Address {
	local, domain, _ := strings.Cut(s, "@")
	return policy.Address{Local: local, Domain: strings.ToLower(domain)}
}
