// Package target is the contract between the judge and a relay under test.
//
// A Target is a relay that sessions can be opened to. What more the judge may ask of it (make a world, move the clock,
// show what was delivered) are small optional interfaces, verbs; a scenario names the verbs and capabilities that it
// needs. The package has its own World type and imports nothing of the relay.
package target

import (
	"context"
	"errors"
	"time"
)

// Target is a relay under test.
type Target interface {
	Describe() Description
	// Address is where role is served, host:port; empty: not served.
	Address(role Role) string
}

// Role is a documented port. Source: PORT-PLAIN, PORT-587-TLS.
type Role int

// The documented ports.
const (
	Port25  Role = 25
	Port465 Role = 465 // implicit TLS
	Port587 Role = 587
)

// Description says what a target is and what it declares of itself.
type Description struct {
	Name         string       `json:"name"`
	Version      string       `json:"version,omitempty"`
	Driver       string       `json:"driver"`       // embedded, control, exec, static
	Capabilities []Capability `json:"capabilities"` // declared
}

// Capability is something a scenario may need: a verb or a property of the relay. Known lists them all.
type Capability string

// Verbs and properties.
const (
	CanApply     Capability = "world"           // Applier, or Binder
	CanReset     Capability = "reset"           // Resetter
	CanUsage     Capability = "usage"           // UsageSetter
	CanClock     Capability = "clock"           // Clock
	CanDelivered Capability = "deliveries"      // Deliveries
	SourceIPv4   Capability = "source-address"  // sessions from anywhere in 127.0.0.0/8
	SourceIPv6   Capability = "source-ipv6"     // sessions from ::1
	Sliding      Capability = "sliding-windows" // windows slide (relay-rules 2.1, 2.2); absent: fixed
	Exact        Capability = "exact-factors"   // 130 and 9 a licence hold exactly (2.6); absent: about
	HeloSuffix   Capability = "helo-suffix"     // a subdomain of a customer's domain in HELO names the customer (2.13)
	Over100      Capability = "over-100"        // more than 100 recipients a transaction (2.7)
	Volume       Capability = "volume"          // may be sent 10,000 messages and more
)

// Extensions that a relay announces in reply to EHLO, by their keyword in lower case, and mechanisms of AUTH. A scenario
// about an extension needs it; a relay that neither announces nor declares it isn't judged by it.
const (
	ExtSize         Capability = "size"                // RFC 1870
	Ext8BitMIME     Capability = "8bitmime"            // RFC 6152
	ExtPipelining   Capability = "pipelining"          // RFC 2920
	ExtChunking     Capability = "chunking"            // RFC 3030
	ExtSMTPUTF8     Capability = "smtputf8"            // RFC 6531
	ExtStartTLS     Capability = "starttls"            // RFC 3207
	ExtEnhanced     Capability = "enhancedstatuscodes" // RFC 2034
	ExtDSN          Capability = "dsn"                 // RFC 3461
	ExtAuth         Capability = "auth"                // RFC 4954: some mechanism, with TLS or without
	AuthPlain       Capability = "auth-plain"          // RFC 4616
	AuthLogin       Capability = "auth-login"          // draft-murchison-sasl-login
	AuthXOAuth2     Capability = "auth-xoauth2"        // the service maker's own, with a bearer token
	AuthOAuthBearer Capability = "auth-oauthbearer"    // RFC 7628
)

// Known is every Capability there is, in the order of the declaration.
func Known() []Capability {
	return append([]Capability{
		CanApply, CanReset, CanUsage, CanClock, CanDelivered, SourceIPv4, SourceIPv6, Sliding, Exact, HeloSuffix, Over100, Volume,
	}, Extensions()...)
}

// Extensions is every Capability that EHLO announces.
func Extensions() []Capability {
	return []Capability{
		ExtSize, Ext8BitMIME, ExtPipelining, ExtChunking, ExtSMTPUTF8, ExtStartTLS, ExtEnhanced, ExtDSN,
		ExtAuth, AuthPlain, AuthLogin, AuthXOAuth2, AuthOAuthBearer,
	}
}

// ErrUnsupported is what a verb answers that this target can't do.
var ErrUnsupported = errors.New("the target can't do that")

// Caster names what exists on a relay that nobody can steer. The judge of the protocol asks it first; where a target has
// no Caster, or one that names no Sender, it makes what it needs with Applier.
type Caster interface {
	Roles() Roles
}

// Roles are the parts that a scenario of the protocol casts.
type Roles struct {
	Client string // a name for EHLO that the relay accepts
	// Sender is an envelope sender whose mail the relay takes from this machine, without AUTH and without TLS; with
	// Authenticate, from User alone.
	Sender string
	// Recipients are addresses that it takes mail to from Sender, at least one. "*@domain": every local part.
	Recipients []string
	User       User   // may authenticate; its first token is good. Zero: nobody may
	Other      User   // another user, for what isn't one's own. Zero: there is none
	Expired    string // a token of User's that is good no more; "": none is known
	// Authenticate: the relay relays only for who has authenticated. User has a password then, and says it, in TLS where
	// the relay has that, before a session is of use for mail.
	Authenticate bool
}

// Applier makes customers, domains, users and settings exist: declarative, and harmless when repeated.
type Applier interface {
	Apply(ctx context.Context, w World) error
}

// Resetter sets the counters of one customer to zero.
type Resetter interface {
	Reset(ctx context.Context, customer string) error
}

// UsageSetter preloads a counter, as if it had just been used up.
type UsageSetter interface {
	SetUsage(ctx context.Context, u Usage) error
}

// Clock is the target's own movable clock. It only goes forward, and returns when what fell due has been done.
type Clock interface {
	Now(ctx context.Context) (time.Time, error)
	Advance(ctx context.Context, d time.Duration) error
}

// TokenMark begins every token. A message without one is one that no scenario will ask Deliveries about: a driver that
// runs its own sink may drop such a message once the relay has accepted it, for volume's sake.
const TokenMark = "token-"

// Deliveries shows what left the relay.
type Deliveries interface {
	// Delivered gives the messages whose body holds token, waiting for the first one until ctx ends or wait has passed.
	// A target that knows that nothing more will come answers at once.
	Delivered(ctx context.Context, token string, wait time.Duration) ([]Message, error)
}

// Message is a message as the outside world got it.
type Message struct {
	Sender     string   // envelope sender, "" for <>
	Recipients []string // envelope recipients
	Data       []byte   // header and body
}

// Usage is what has been used of one counter. It is written as drivers get it.
type Usage struct {
	Customer string `json:"customer"`       // World customer ID
	Counter  string `json:"counter"`        // customer-day, customer-peak, user-messages, user-recipients
	User     string `json:"user,omitempty"` // for the user's counters
	Amount   int    `json:"amount"`
}

// World is what must exist on the relay. It is written as drivers get it.
type World struct {
	Customers []Customer `json:"customers"`
}

// Customer is an organisation that relays.
type Customer struct {
	ID       string    `json:"id"`
	Licences int       `json:"licences"`
	Edition  string    `json:"edition,omitempty"` // "workspace" (default when empty) or "legacy-free" (ELIG-LEGACY)
	Unpaid   bool      `json:"unpaid,omitempty"`  // no invoice has been paid yet (LIM-UNPAID-DAY)
	Trial    bool      `json:"trial,omitempty"`   // in the free trial (TRIAL-LOWER)
	Domains  []string  `json:"domains"`
	Users    []User    `json:"users,omitempty"`
	Settings []Setting `json:"settings,omitempty"`
}

// User is a registered user.
type User struct {
	Address  string   `json:"address"`
	Password string   `json:"password,omitempty"`
	Tokens   []Token  `json:"tokens,omitempty"` // bearer tokens for XOAUTH2 and OAUTHBEARER
	Aliases  []string `json:"aliases,omitempty"`
}

// Token is a bearer token of a user.
type Token struct {
	Value   string    `json:"value"`
	Expires time.Time `json:"expires,omitzero"` // by the target's clock; zero: never
}

// Senders is the option "Allowed senders" of a setting. Source: SND-OPTIONS.
type Senders string

// The three options.
const (
	RegisteredUsers Senders = "registered-users"
	MyDomains       Senders = "my-domains"
	AnyAddress      Senders = "any"
)

// Setting is one relay setting of the admin console.
type Setting struct {
	Description string         `json:"description,omitempty"`
	Disabled    bool           `json:"disabled,omitempty"`
	Senders     Senders        `json:"senders"`
	ByAddress   bool           `json:"by_address,omitempty"` // "only accept mail from the specified IP addresses" (AUTH-IP)
	Addresses   []AddressEntry `json:"addresses,omitempty"`
	RequireAuth bool           `json:"require_auth,omitempty"` // AUTH-SMTP
	RequireTLS  bool           `json:"require_tls,omitempty"`  // TLS-REQUIRE
}

// AddressEntry is one line of the list of addresses.
type AddressEntry struct {
	Description string `json:"description,omitempty"`
	Range       string `json:"range"` // CIDR, or a bare address
	Disabled    bool   `json:"disabled,omitempty"`
}
