package policy

import (
	"net/netip"
	"time"
)

// Edition is what a customer subscribes to.
type Edition string

// The editions that matter to the relay. Source: ELIG-LEGACY.
const (
	Workspace  Edition = "workspace"
	LegacyFree Edition = "legacy-free" // the relay is not available
)

// Customer is an organisation with an account.
type Customer struct {
	ID       string
	Licences int // user licences, 1 or more; the customer's limits follow from them (LIM-CUST-LICENCE)
	Edition  Edition
	Paid     bool // an invoice has been paid (LIM-UNPAID-DAY, TRIAL-PAY)
	Trial    bool // in the free trial (TRIAL-LOWER)
	Domains  []string
	Settings []Setting
}

// relays tells whether c has an enabled relay setting.
func (c *Customer) relays() bool {
	for i := range c.Settings {
		if c.Settings[i].Enabled {
			return true
		}
	}
	return false
}

// Senders is the option "Allowed senders" of a setting. Source: SND-OPTIONS.
type Senders string

// The three options.
const (
	RegisteredUsers Senders = "registered-users" // SND-REGISTERED
	MyDomains       Senders = "my-domains"       // SND-DOMAINS
	AnyAddress      Senders = "any"              // SND-ANY
)

// Setting is one relay setting of the console. It admits a transaction when all that it requires holds.
// Source: relay-rules 2.14: AND within a setting, OR across enabled settings.
type Setting struct {
	Description string // unique within the customer (CON-DESC-UNIQUE)
	Enabled     bool   // CON-IP-TOGGLE
	Senders     Senders
	ByAddress   bool // only from Addresses (AUTH-IP)
	Addresses   AddressList
	RequireAuth bool // AUTH-SMTP
	RequireTLS  bool // TLS-REQUIRE
}

// User is a registered user: somebody with a licence.
type User struct {
	ID           string // the primary address in lower case: counters go by it
	Address      Address
	Customer     *Customer
	Aliases      []Address
	PasswordHash string // empty: can't authenticate with a password
	Tokens       []Token
}

// Token is a bearer token, of which only a hash is kept.
type Token struct {
	Hash    [32]byte  // SHA-256
	Expires time.Time // it is good before then; zero: for ever
}

// Directory is what policy asks about who is who. Look-ups don't wait for anything.
type Directory interface {
	// Owner gives the customer of the longest registered domain that is domain or a parent of it, and that registered
	// domain; nil when it is nobody's.
	Owner(domain string) (c *Customer, matched string)
	// User gives the registered user with this primary address, nil when there is none.
	User(a Address) *User
	// Alias gives the registered user with this alias, nil when there is none.
	Alias(a Address) *User
	// Listed tells whether peer stands in an enabled entry of an enabled setting of any customer.
	Listed(peer netip.Addr) bool
	// CheckPassword tells whether password is u's. It takes as long for a nil u, whose answer is no.
	CheckPassword(u *User, password string) bool
	// Bearer gives the user whose token this is, nil when it is nobody's or has expired at now.
	Bearer(token string, now time.Time) *User
}
