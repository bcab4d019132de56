package bills

import (
	"errors"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/simulator/relaytest"
)

// refused tells whether err is the relay's 550 5.4.5.
func refused(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && reply.Code == 550 && strings.HasPrefix(reply.Msg, "5.4.5 ")
}

// Bills are sent until the day's 10,000 are used up, of which others have sent all but a few; a day later they go on.
func TestTheDaysLimitAndItsEnd(t *testing.T) {
	t.Parallel()
	relay := relaytest.New(t)
	shop := Sender{Relay: relay.Address()}
	const few = 25
	relay.Use(relaytest.Usage{Counter: relaytest.UserMessages, User: "anna@acme.example", Amount: 10_000 - few})

	sent := 0
	var refusal error
	for refusal == nil && sent <= few {
		if refusal = shop.Send(sent+1, "bob@other.example"); refusal == nil {
			sent++
		}
	}
	if sent != few || !refused(refusal) {
		t.Fatalf("%d bills went through before %v; want %d before 550 5.4.5", sent, refusal, few)
	}
	if bill := relay.WaitForMessage(relaytest.Subject("Bill 25")); bill.Sender != "anna@acme.example" {
		t.Errorf("the last bill is from %s", bill.Sender)
	}

	relay.Advance(24*time.Hour - time.Second)
	if err := shop.Send(26, "bob@other.example"); !refused(err) {
		t.Errorf("a second before the day is over: %v", err)
	}
	relay.Advance(time.Second)
	if err := shop.Send(26, "bob@other.example"); err != nil {
		t.Errorf("a day later: %v", err)
	}
	relay.WaitForMessage(relaytest.Subject("Bill 26"), relaytest.To("bob@other.example"))
}
