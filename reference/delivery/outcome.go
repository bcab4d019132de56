package delivery

import (
	"errors"
	"fmt"

	"github.com/emersion/go-smtp"

	"github.com/relayspec/relayspec/reference/policy"
)

// Status is what became of one recipient of a message.
type Status string

// The statuses.
const (
	Delivered Status = "delivered" // the next hop has taken responsibility (250 to the final dot)
	Deferred  Status = "deferred"  // try again: a 4yz reply, the network, a failure of ours
	Failed    Status = "failed"    // never: a 5yz reply, or given up
)

// Outcome is what became of one recipient.
type Outcome struct {
	Recipient policy.Address
	Status    Status
	Code      int    // of the reply that decided; 0: there was none
	Enhanced  string // class.subject.detail of that reply, empty: none
	Text      string // of that reply, or what happened
	Err       error  // what happened when no reply decided
}

// String gives a line for a log.
func (o Outcome) String() string {
	switch {
	case o.Code == 0:
		return fmt.Sprintf("%s %s: %s", o.Recipient, o.Status, o.Text)
	case o.Enhanced == "":
		return fmt.Sprintf("%s %s: %d %s", o.Recipient, o.Status, o.Code, o.Text)
	}
	return fmt.Sprintf("%s %s: %d %s %s", o.Recipient, o.Status, o.Code, o.Enhanced, o.Text)
}

// outcomeOf turns an error of the client into an Outcome. doing is what was attempted.
func outcomeOf(to policy.Address, doing string, err error) Outcome {
	var reply *smtp.SMTPError
	if !errors.As(err, &reply) {
		return Outcome{Recipient: to, Status: Deferred, Text: doing + ": " + err.Error(), Err: fmt.Errorf("%s: %w", doing, err)}
	}
	o := Outcome{Recipient: to, Status: Deferred, Code: reply.Code, Text: reply.Message}
	if reply.Code/100 == 5 {
		o.Status = Failed
	}
	if e := reply.EnhancedCode; e[0] > 0 {
		o.Enhanced = fmt.Sprintf("%d.%d.%d", e[0], e[1], e[2])
	}
	return o
}

// broken tells whether the connection is of no use after err: anything but a reply, and 421.
func broken(err error) bool {
	var reply *smtp.SMTPError
	return !errors.As(err, &reply) || reply.Code == 421 // RFC 5321 §3.8
}
