// Package bills stands for somebody else's application, in a module of its own: it sends bills by net/smtp. Its test puts a
// relay beside it.
package bills

import (
	"fmt"
	"net/smtp"
)

// Sender sends bills through a relay.
type Sender struct {
	Relay string // host:port
}

// Send sends one bill. The error is what the relay says.
func (s Sender) Send(number int, to string) error {
	c, err := smtp.Dial(s.Relay)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Hello("shop.acme.example"); err != nil {
		return err
	}
	if err := c.Mail("anna@acme.example"); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "From: anna@acme.example\r\nTo: %s\r\nSubject: Bill %d\r\n\r\nThank you.\r\n", to, number)
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}
