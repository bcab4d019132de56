package policy

import "time"

// Service is an SMTP relay service as data: what it is called, what it allows, what it says, and how it answers what
// its document leaves open. It is read from a file by package services, and never changed afterwards.
type Service struct {
	Name         string // of the service's file, without its ending
	Host         string // the name in the greeting; clients must not use it in HELO (HELO-FORBIDDEN)
	Limits       Limits
	Switches     Switches
	Capabilities []string // EHLO keywords with their parameters, in order
	Mechanisms   []string // AUTH mechanisms, in order
	Replies      map[ReplyName]Reply
}

// Limits are a service's numbers. Recipients are envelope recipients. -1: no limit.
type Limits struct {
	UserMessages      int           // messages a registered user and UserWindow. LIM-USER-MSGS
	UserRecipients    int           // distinct recipients a registered user and UserWindow. LIM-USER-UNIQ
	UserWindow        time.Duration //
	DayPerLicence     int           // recipients a licence and DayWindow. LIM-CUST-DAY
	DayMax            int           // ceiling of a customer. LIM-CUST-DAY-MAX
	DayWindow         time.Duration //
	PeakPerLicence    int           // recipients a licence and PeakWindow. LIM-CUST-PEAK
	PeakMax           int           // ceiling of a customer. LIM-CUST-PEAK-MAX
	PeakWindow        time.Duration //
	UnpaidDay         int           // LIM-UNPAID-DAY
	UnpaidPeak        int           // LIM-UNPAID-PEAK
	TrialDay          int           // TRIAL-LOWER; number assumed, relay-rules 2.24
	TrialPeak         int           // TRIAL-LOWER; number assumed, relay-rules 2.24
	Recipients        int           // a transaction. LIM-RCPT-PER-TX
	MessageSize       int64         // octets, announced with SIZE
	Hops              int           // Received fields of a message. RFC 5321 §6.3
	SingleLabelBurst  int           // HELO names of one label that a peer may use at once (relay-rules 2.21)
	SingleLabelRefill time.Duration // after which one more is allowed
}

// Switches say how a service answers what its document leaves open: section 2 of the rules. The zero value takes every
// default; each field names what is done instead.
type Switches struct {
	FixedDay           bool   // 2.1, 2.25: the 24 h windows don't slide
	FixedPeak          bool   // 2.2: the 10 min window doesn't slide
	LimitStage         Stage  // 2.3: where limits speak: Data (zero value: Connect, read as Data), Rcpt or Accept
	ChargeUnfinished   bool   // 2.4: a transaction that held a place and wasn't accepted is charged all the same
	NullSenderDefers   bool   // 2.8: the second recipient of a null sender gets 452 instead of 550
	NullSenderAuthFree bool   // 2.9: an authenticated client may give a null sender several recipients
	RewriteHeloFirst   bool   // 2.11: the HELO's domain before the AUTH user's
	RewriteNull        bool   // 2.12: <> becomes postmaster@ too
	HeloExact          bool   // 2.13: only a registered domain itself names the customer in HELO, no subdomain
	EitherMethod       bool   // 2.14: with both boxes ticked one is enough
	Denial             Denial // 2.15: which 550
	UnknownUserDenied  bool   // 2.16: 550 5.7.0 for an unknown user instead of 5.7.1
	SenderStage        Stage  // 2.17: where the sender rules speak: Mail (zero value: Connect, read as Mail), Rcpt or Data
	TLSRequiredDenies  bool   // 2.18: plaintext gets the 550 of 2.15 instead of 530
	AuthRequired530    bool   // 2.20: missing AUTH gets 530 instead of the 550 of 2.15
	GenericHeloPasses  bool   // 2.21: localhost and its like are accepted
	UserCapFlat        bool   // 2.23: the customer's daily limit doesn't lower a user's
	PeakBeforeDay      bool   // 2.26: the peak speaks before the day
	AllowIfEmpty       bool   // 2.27: a transaction larger than a window passes while the window is empty
	Aliases            bool   // 2.30: an alias is a registered user, charged to its primary address
	OwnDomainsFree     bool   // 2.31: recipients in the customer's own domains don't count
	LimitCloses        bool   // 2.37: a limit's refusal closes the connection
	EmptyOnlyAny       bool   // 2.40: <> needs the option "any"
	DeniedListsSender  bool   // 3.8: the domains of a denial include MAIL FROM's
}

// Denial says which of the two 550 replies a refused client gets. Source: relay-rules 2.15.
type Denial uint8

// The choices of Denial.
const (
	DenyByCustomer Denial = iota // 5.7.0 where nothing points to a customer that relays, else 5.7.1
	DenyAlways570
	DenyAlways571
)

// Window is the window of a counter.
func (s *Service) Window(c Counter) Window {
	switch c {
	case CustomerDay:
		return Window{Length: s.Limits.DayWindow, Fixed: s.Switches.FixedDay}
	case CustomerPeak:
		return Window{Length: s.Limits.PeakWindow, Fixed: s.Switches.FixedPeak}
	default:
		return Window{Length: s.Limits.UserWindow, Fixed: s.Switches.FixedDay}
	}
}

// limitStage is where the limits speak.
func (s *Service) limitStage() Stage {
	if s.Switches.LimitStage == Connect {
		return Data
	}
	return s.Switches.LimitStage
}

// senderStage is where the sender rules speak.
func (s *Service) senderStage() Stage {
	if s.Switches.SenderStage == Connect {
		return Mail
	}
	return s.Switches.SenderStage
}
