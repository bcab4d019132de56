package policy_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/services"
)

// world is a small directory: acme and beta relay, legacy may not, idle has no enabled setting.
type world struct {
	customers map[string]*policy.Customer
	users     map[string]*policy.User
	aliases   map[string]*policy.User
}

var (
	office  = netip.MustParseAddr("192.0.2.1")
	outside = netip.MustParseAddr("198.51.100.1")
)

func newWorld() *world {
	w := &world{customers: map[string]*policy.Customer{}, users: map[string]*policy.User{}, aliases: map[string]*policy.User{}}
	acme := &policy.Customer{ID: "acme", Licences: 100, Edition: policy.Workspace, Paid: true, Settings: []policy.Setting{byAddress(policy.RegisteredUsers)}}
	w.add(acme, "acme.example", "anna", "postmaster")
	w.add(acme, "acme.test")
	w.aliases["info@acme.example"] = w.users["anna@acme.example"]
	w.add(&policy.Customer{ID: "beta", Licences: 1, Edition: policy.Workspace, Paid: true, Settings: []policy.Setting{byAddress(policy.AnyAddress)}}, "beta.example", "bob")
	w.add(&policy.Customer{ID: "legacy", Licences: 10, Edition: policy.LegacyFree, Paid: true, Settings: []policy.Setting{byAddress(policy.AnyAddress)}}, "legacy.example", "lea")
	w.add(&policy.Customer{ID: "idle", Licences: 10, Edition: policy.Workspace, Paid: true}, "idle.example", "ida")
	return w
}

func byAddress(senders policy.Senders) policy.Setting {
	return policy.Setting{
		Description: "office", Enabled: true, Senders: senders, ByAddress: true,
		Addresses: policy.NewAddressList([]policy.Range{{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Enabled: true}}),
	}
}

func (w *world) add(c *policy.Customer, domain string, users ...string) {
	c.Domains = append(c.Domains, domain)
	w.customers[domain] = c
	for _, name := range users {
		id := name + "@" + domain
		w.users[id] = &policy.User{ID: id, Address: policy.Address{Local: name, Domain: domain}, Customer: c, PasswordHash: "secret of " + name}
	}
}

func (w *world) Owner(domain string) (*policy.Customer, string) {
	for name := strings.TrimSuffix(strings.ToLower(domain), "."); name != ""; {
		if c := w.customers[name]; c != nil {
			return c, name
		}
		_, name, _ = strings.Cut(name, ".")
	}
	return nil, ""
}

func (w *world) User(a policy.Address) *policy.User  { return w.users[strings.ToLower(a.String())] }
func (w *world) Alias(a policy.Address) *policy.User { return w.aliases[strings.ToLower(a.String())] }
func (w *world) Listed(peer netip.Addr) bool         { return peer == office }
func (w *world) CheckPassword(u *policy.User, password string) bool {
	return u != nil && u.PasswordHash == password
}

// Bearer: "token of anna" is anna@acme.example's until noon, and so on.
func (w *world) Bearer(token string, now time.Time) *policy.User {
	for _, u := range w.users {
		if token == "token of "+u.Address.Local && now.Before(noon) {
			return u
		}
	}
	return nil
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// settings replaces the settings of the customer that owns domain.
func (w *world) settings(domain string, settings ...policy.Setting) *world {
	w.customers[domain].Settings = settings
	return w
}

// relay gives a policy over w with switches set.
func relay(t *testing.T, w *world, switches ...string) *policy.Policy {
	t.Helper()
	overrides := map[string]string{}
	for _, s := range switches {
		name, value, _ := strings.Cut(s, "=")
		overrides[name] = value
	}
	s, err := services.Load(services.Default, overrides)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Policy{Service: s, Directory: w}
}

func address(s string) policy.Address {
	local, domain, _ := strings.Cut(s, "@")
	return policy.Address{Local: local, Domain: domain}
}

// from gives the facts of a transaction from the office.
func from(sender string, change ...func(*policy.Facts)) *policy.Facts {
	f := &policy.Facts{Peer: office, Helo: "mta.elsewhere.example", Extended: true, Port: policy.Port587, Sender: address(sender)}
	for _, c := range change {
		c(f)
	}
	return f
}

func peer(a netip.Addr) func(*policy.Facts) { return func(f *policy.Facts) { f.Peer = a } }
func helo(name string) func(*policy.Facts)  { return func(f *policy.Facts) { f.Helo = name } }
func as(user string) func(*policy.Facts)    { return func(f *policy.Facts) { f.User, f.TLS = user, true } }
func inTLS(f *policy.Facts)                 { f.TLS = true }
func to(rcpts ...string) func(*policy.Facts) {
	return func(f *policy.Facts) {
		for _, r := range rcpts {
			f.Recipients = append(f.Recipients, address(r))
		}
	}
}
