package mailbox

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// Envelope is what is known of a message beside its content.
type Envelope struct {
	Received   time.Time // by the clock of the relay; zero: Box.Now
	Session    string    // the session's id, as it stood in replies
	Customer   string
	Peer       netip.Addr
	Helo       string           // argument of HELO or EHLO
	User       string           // the identity that AUTH proved, empty: none
	Given      policy.Address   // MAIL FROM
	Sender     policy.Address   // envelope sender after a rewrite (SND-POSTMASTER-REWRITE); Given where there was none
	Recipients []policy.Address // in the order of RCPT
	UTF8       bool             // it came with SMTPUTF8, and has to go on so (RFC 6531 §3.6)
	DSN        policy.DSN       // what the client asked to be told
	Rules      []policy.RuleID  // the rules that had a say in its acceptance
}

// Message is a message that is kept.
type Message struct {
	ID   string // sorts by order of receipt and begins with its time
	Size int64  // of the content, in octets
	Envelope
}

// record is the form of a Message on disk: one JSON object, stable names, addresses as in SMTP.
type record struct {
	ID         string          `json:"id"`
	Received   time.Time       `json:"received"`
	Size       int64           `json:"size"`
	Session    string          `json:"session,omitempty"`
	Customer   string          `json:"customer,omitempty"`
	Peer       netip.Addr      `json:"peer"`
	Helo       string          `json:"helo,omitempty"`
	User       string          `json:"user,omitempty"`
	Given      string          `json:"given"` // "" is the null reverse-path
	Sender     string          `json:"sender"`
	Recipients []string        `json:"recipients"`
	UTF8       bool            `json:"utf8,omitempty"`
	DSN        policy.DSN      `json:"dsn,omitzero"`
	Rules      []policy.RuleID `json:"rules,omitempty"`
}

// MarshalJSON writes the form that stands on disk and that a command prints.
func (m Message) MarshalJSON() ([]byte, error) {
	r := record{
		ID: m.ID, Received: m.Received, Size: m.Size, Session: m.Session, Customer: m.Customer, Peer: m.Peer, Helo: m.Helo,
		User: m.User, Given: m.Given.String(), Sender: m.Sender.String(), Recipients: make([]string, len(m.Recipients)), UTF8: m.UTF8, DSN: m.DSN,
		Rules: m.Rules,
	}
	for i, a := range m.Recipients {
		r.Recipients[i] = a.String()
	}
	return json.Marshal(r)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Message) UnmarshalJSON(data []byte) error {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	*m = Message{ID: r.ID, Size: r.Size, Envelope: Envelope{
		Received: r.Received, Session: r.Session, Customer: r.Customer, Peer: r.Peer, Helo: r.Helo, User: r.User,
		Given: address(r.Given), Sender: address(r.Sender), UTF8: r.UTF8, DSN: r.DSN, Rules: r.Rules,
	}}
	for _, s := range r.Recipients {
		m.Recipients = append(m.Recipients, address(s))
	}
	return nil
}

// address reads what policy.Address.String writes. A domain has no @, so the last one divides.
func address(s string) policy.Address {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		return policy.Address{Local: s[:at], Domain: s[at+1:]}
	}
	return policy.Address{Local: s}
}

// Filter chooses messages. The zero Filter chooses the newest 100.
type Filter struct {
	Limit     int            // messages; 0: 100; at most 10,000
	Customer  string         // empty: any
	Sender    policy.Address // given or rewritten; zero: any
	Recipient policy.Address // one of them; zero: any
	Session   string         // empty: any
	Since     time.Time      // received then or later; zero: from the beginning
}

// Bounds of Filter.Limit.
const (
	defaultLimit = 100
	maxLimit     = 10_000
)

func (f *Filter) limit() int {
	if f.Limit <= 0 {
		return defaultLimit
	}
	return min(f.Limit, maxLimit)
}

func (f *Filter) matches(m *Message) bool {
	return (f.Customer == "" || f.Customer == m.Customer) &&
		(f.Session == "" || f.Session == m.Session) &&
		!m.Received.Before(f.Since) &&
		(f.Sender.Null() || f.Sender.Equal(m.Given) || f.Sender.Equal(m.Sender)) &&
		(f.Recipient.Null() || holds(m.Recipients, f.Recipient))
}

func holds(list []policy.Address, a policy.Address) bool {
	for _, b := range list {
		if a.Equal(b) {
			return true
		}
	}
	return false
}
