package relaytest_test

import (
	"fmt"
	"net/smtp"
	"time"

	"github.com/relayspec/relayspec/simulator/relaytest"
)

// relayOne sends one message from anna to bob, the way that net/smtp does.
func relayOne(address string) error {
	c, err := smtp.Dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Hello("mail.acme.example"); err != nil { // by itself it would say localhost, and be refused
		return err
	}
	if err := c.Mail("anna@acme.example"); err != nil {
		return err
	}
	if err := c.Rcpt("bob@other.example"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err // here limits speak
	}
	fmt.Fprint(w, "Subject: The bill\r\n\r\nThank you.\r\n")
	return w.Close()
}

// In a test t is the *testing.T, and the relay ends with it.
func Example() {
	t := newFake()
	defer t.end()

	relay := relaytest.New(t)
	fmt.Println(relayOne(relay.Address()))
	fmt.Println(relay.WaitForMessage(relaytest.To("bob@other.example")).Subject())

	relay.Use(relaytest.Usage{Counter: relaytest.UserMessages, User: "anna@acme.example", Amount: 10_000})
	fmt.Println(relayOne(relay.Address()) != nil, relay.Refusals()[0].Enhanced, relay.Refusals()[0].Rule)

	relay.Advance(24 * time.Hour)
	fmt.Println(relayOne(relay.Address()))
	// Output:
	// <nil>
	// The bill
	// true 5.4.5 LIM-USER-MSGS
	// <nil>
}
