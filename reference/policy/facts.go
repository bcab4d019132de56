package policy

import (
	"net/netip"
	"time"

	"golang.org/x/net/idna"
)

// Stage is a point of the SMTP dialogue at which the relay may speak.
type Stage uint8

// The stages, in the order of a session.
const (
	Connect Stage = iota // before the greeting
	Helo                 // in reply to HELO or EHLO
	Auth                 // in reply to a complete AUTH exchange, or to AUTH where it isn't allowed
	Mail                 // in reply to MAIL FROM
	Rcpt                 // in reply to each RCPT TO
	Data                 // in reply to DATA, before 354, or to the first BDAT
	Accept               // in reply to the final dot, or to the last BDAT
)

var stageNames = [...]string{"connect", "helo", "auth", "mail", "rcpt", "data", "accept"}

func (s Stage) String() string { return stageNames[s] }

// Role is the port a client reached, by its documented purpose. Source: PORT-PLAIN, PORT-587-TLS.
type Role uint16

// The three documented ports. The socket may have another number; the role decides.
const (
	Port25  Role = 25  // SMTP, STARTTLS offered
	Port465 Role = 465 // implicit TLS
	Port587 Role = 587 // submission, STARTTLS offered
)

// Address is a mailbox of the envelope. The zero Address is the null reverse-path <>.
type Address struct {
	Local string // as given, quotes removed; UTF-8 where SMTPUTF8 lets it be
	// Domain has its ASCII letters in lower case; U-labels stay, and an address literal keeps its brackets. It is empty only
	// for <> and <Postmaster>.
	Domain string
}

// Null tells whether a is the null reverse-path <>. Source: RFC 5321 §4.5.5.
func (a Address) Null() bool { return a == Address{} }

// String gives a as it stands between < and >.
func (a Address) String() string {
	if a.Domain == "" {
		return a.Local
	}
	return a.Local + "@" + a.Domain
}

// Equal compares as the service counts: the whole address, ASCII letters without case. Source: relay-rules 2.29, assumed.
func (a Address) Equal(b Address) bool {
	return equalFold(a.Local, b.Local) && equalFold(a.Domain, b.Domain)
}

// equalFold compares with ASCII letters without case. Unicode would fold others to them.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerCase(a[i]) != lowerCase(b[i]) {
			return false
		}
	}
	return true
}

func lowerCase(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// ASCII tells whether a can go where SMTPUTF8 isn't spoken. Source: RFC 6531 §3.4.
func (a Address) ASCII() bool { return isASCII(a.Local) && isASCII(a.Domain) }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// ToASCII gives domain with its U-labels as A-labels: the form that names the same domain everywhere. What is no domain
// comes back as it is. Source: RFC 5890 §2.3.2.1.
func ToASCII(domain string) string {
	if isASCII(domain) {
		return domain
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return domain
	}
	return ascii
}

// Credentials are what a client offered in AUTH.
type Credentials struct {
	Mechanism string // PLAIN, LOGIN, XOAUTH2 or OAUTHBEARER
	Identity  string // authorization identity of PLAIN; empty: the user's own
	User      string // empty only with OAUTHBEARER: whoever the token belongs to
	Password  string
	Token     string // of XOAUTH2 and OAUTHBEARER, never empty there; else empty
}

// Facts are what is known of a session and its transaction when a decision is asked for.
// wire fills them in; policy only reads them. Strings are as the client gave them unless said otherwise.
type Facts struct {
	Session  string // the session's id, as it stands in replies
	Peer     netip.Addr
	Port     Role
	TLS      bool
	Helo     string // the argument of HELO or EHLO
	Extended bool   // EHLO
	Offered  *Credentials
	Now      time.Time // at Auth, set by the Engine: by it tokens expire
	User     string    // the identity that AUTH proved (Decision.User), "" before that

	Sender     Address   // MAIL FROM
	UTF8       bool      // SMTPUTF8 of MAIL
	DSN        DSN       // of MAIL, and of each RCPT that was accepted
	Size       int64     // SIZE= of MAIL in octets, 0: none given
	Recipients []Address // accepted in this transaction, in order
	Rcpt       Address   // at Rcpt: the one that is asked about; not yet in Recipients

	Hold any // the Engine's own note on this transaction; wire only carries it
}

// Decision is the relay's answer at a stage. It is copied at every command, so it stays small.
type Decision struct {
	Reply    Reply         // zero: the service's positive reply for the stage
	Rule     RuleID        // the rule that decided; empty: no rule had an objection
	Close    bool          // close the connection after the reply
	Bucket   bool          // the refusal stands only once the peer's bucket is empty (relay-rules 2.21)
	Delay    time.Duration // wait this long before the reply
	User     string        // at Auth: the identity that was proved
	Sender   Address       // at Data: the envelope sender from here on, after a rewrite
	Customer string        // at Data: the ID of the customer whose mail it is
	Charge   *Charge       // at the stage that charges: what acceptance would use up; nil: nothing
}

// Refused tells whether d is a refusal, that is: a 4yz or 5yz reply.
func (d *Decision) Refused() bool { return d.Reply.Code >= 400 }
