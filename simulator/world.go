package simulator

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/policy"
)

// World is all that exists on a relay: who isn't in it may not relay.
type World struct {
	Customers []Customer `json:"customers"`
}

// Customer is an organisation that relays.
type Customer struct {
	ID       string         `json:"id"`
	Licences int            `json:"licences"` // 1 or more
	Edition  policy.Edition `json:"edition"`  // empty: policy.Workspace
	Unpaid   bool           `json:"unpaid"`   // no invoice has been paid yet
	Trial    bool           `json:"trial"`
	Domains  []string       `json:"domains"` // one or more
	Users    []User         `json:"users"`
	Settings []Setting      `json:"settings"`
}

// User is a registered user.
type User struct {
	Address  string   `json:"address"`
	Password string   `json:"password"` // empty: can't authenticate with one
	Tokens   []Token  `json:"tokens"`
	Aliases  []string `json:"aliases"`
}

// Token is a bearer token.
type Token struct {
	Value   string    `json:"value"`
	Expires time.Time `json:"expires"` // by the relay's clock; zero: never
}

// Setting is a relay setting of the console.
type Setting struct {
	Description string         `json:"description"` // unique within the customer
	Disabled    bool           `json:"disabled"`
	Senders     policy.Senders `json:"senders"`
	ByAddress   bool           `json:"by_address"` // only from Addresses
	Addresses   []AddressEntry `json:"addresses"`
	RequireAuth bool           `json:"require_auth"`
	RequireTLS  bool           `json:"require_tls"`
}

// AddressEntry is one line of a setting's list of addresses.
type AddressEntry struct {
	Description string `json:"description"`
	Range       string `json:"range"` // CIDR, or a bare address
	Disabled    bool   `json:"disabled"`
}

// cheapest is bcrypt's lowest cost: these passwords guard nothing.
const cheapest = 4

// Directory makes the relay's directory of w. The error says which customer or user can't be, and why.
func (w World) Directory() (*directory.Directory, error) {
	var customers []*policy.Customer
	var users []*policy.User
	for _, c := range w.Customers {
		customer, err := c.policy()
		if err != nil {
			return nil, fmt.Errorf("customer %s: %w", c.ID, err)
		}
		customers = append(customers, customer)
		for _, u := range c.Users {
			user, err := u.policy(customer)
			if err != nil {
				return nil, fmt.Errorf("user %s: %w", u.Address, err)
			}
			users = append(users, user)
		}
	}
	return directory.New(customers, users)
}

func (c *Customer) policy() (*policy.Customer, error) {
	customer := &policy.Customer{
		ID: c.ID, Licences: c.Licences, Edition: policy.Workspace, Paid: !c.Unpaid, Trial: c.Trial, Domains: c.Domains,
	}
	if c.Edition != "" {
		customer.Edition = c.Edition
	}
	for _, s := range c.Settings {
		setting, err := s.policy()
		if err != nil {
			return nil, fmt.Errorf("setting %q: %w", s.Description, err)
		}
		customer.Settings = append(customer.Settings, setting)
	}
	return customer, nil
}

func (s *Setting) policy() (policy.Setting, error) {
	var ranges []policy.Range
	for _, a := range s.Addresses {
		prefix, err := prefixOf(a.Range)
		if err != nil {
			return policy.Setting{}, err
		}
		ranges = append(ranges, policy.Range{Description: a.Description, Prefix: prefix, Enabled: !a.Disabled})
	}
	return policy.Setting{
		Description: s.Description, Enabled: !s.Disabled, Senders: s.Senders,
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

func (u *User) policy(c *policy.Customer) (*policy.User, error) {
	user := &policy.User{ID: strings.ToLower(u.Address), Address: ParseAddress(u.Address), Customer: c}
	for _, a := range u.Aliases {
		user.Aliases = append(user.Aliases, ParseAddress(a))
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

// ParseAddress gives the address that s writes, whether or not it can exist: what is wrong with it the directory says.
func ParseAddress(s string) policy.Address {
	local, domain := s, ""
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		local, domain = s[:at], s[at+1:]
	}
	return policy.Address{Local: local, Domain: strings.ToLower(domain)}
}
