package main

import (
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"time"
)

// hop is the next hop, and the name this relay has there.
type hop struct{ address, name string }

// deliver hands a message on to all of its recipients, or to none, and gives the reply that the client gets.
func (h hop) deliver(sender string, recipients []string, content []byte) (code int, text string) {
	refused := new(textproto.Error)
	switch err := h.send(sender, recipients, content); {
	case err == nil:
		return 250, "Delivered to the next hop"
	case errors.As(err, &refused) && refused.Code/100 == 5:
		return 554, "The next hop refuses it"
	}
	return 451, "The next hop doesn't take it now"
}

// patience is how long the next hop may take for a message.
const patience = time.Minute

func (h hop) send(sender string, recipients []string, content []byte) error {
	conn, err := net.DialTimeout("tcp", h.address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(h.address)
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	if err := client.Hello(h.name); err != nil {
		return err
	}
	if err := client.Mail(sender); err != nil {
		return err
	}
	for _, recipient := range recipients {
		if err := client.Rcpt(recipient); err != nil {
			return err
		}
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(content); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return err
	}
	client.Quit() // the message is accepted, whatever comes of that
	return nil
}
