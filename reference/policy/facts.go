package policy

import (
	"net/netip"
	"strings"
	"time"
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
	Local  string // as given, quotes removed
	Domain string // lower case; an address literal keeps its brackets; empty only for <> and <Postmaster>
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
	return strings.EqualFold(a.Local, b.Local) && strings.EqualFold(a.Domain, b.Domain)
}

// Credentials are what a client offered in AUTH.
type Credentials struct {
	Mechanism string // PLAIN or LOGIN
	Identity  string // authorization identity of PLAIN; empty: the user's own
	User      string
	Password  string
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
	User     string // the identity that AUTH proved (Decision.User), "" before that

	Sender     Address   // MAIL FROM
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
