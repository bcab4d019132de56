package main

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one connection. go-smtp calls its methods one at a time.
type session struct {
	relay         *relay
	conn          *smtp.Conn
	authenticated bool
	sender        string
	recipients    []string
	utf8          bool
}

var _ smtp.AuthSession = (*session)(nil)

// AuthMechanisms offers PLAIN; go-smtp does so only behind TLS.
func (s *session) AuthMechanisms() []string {
	if s.relay.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth checks the user and the password. go-smtp leaves it to its user to know the mechanism.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if mechanism != sasl.Plain {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	return sasl.NewPlainServer(func(_, user, password string) error {
		same := subtle.ConstantTimeCompare([]byte(user+"\x00"+password), []byte(s.relay.user+"\x00"+s.relay.password))
		if same != 1 {
			return smtp.ErrAuthFailed
		}
		s.authenticated = true
		return nil
	}), nil
}

// Mail takes mail of the relay's sender domains, of its user, and bounces.
func (s *session) Mail(from string, options *smtp.MailOptions) error {
	_, domain, _ := strings.Cut(strings.ToLower(from), "@")
	if from != "" && !s.authenticated && !slices.Contains(s.relay.senders, domain) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Mail of this sender isn't relayed"}
	}
	s.sender, s.utf8 = from, options.UTF8 // go-smtp says Reset where recipients are to be forgotten
	return nil
}

// Rcpt takes every recipient: the next hop decides.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.recipients = append(s.recipients, to)
	return nil
}

// Data delivers the message before it is answered for, so that the order is kept and nothing has to be queued.
func (s *session) Data(r io.Reader) error {
	sender, recipients, utf8 := s.sender, s.recipients, s.utf8
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	trace := fmt.Sprintf("Received: from %s (%s)\r\n\tby %s with ESMTP; %s\r\n",
		s.conn.Hostname(), s.conn.Conn().RemoteAddr(), s.relay.name, time.Now().Format(time.RFC1123Z))
	return s.relay.deliver(sender, recipients, utf8, io.MultiReader(strings.NewReader(trace), bytes.NewReader(content)))
}

// Reset forgets the transaction.
func (s *session) Reset() { s.sender, s.recipients, s.utf8 = "", nil, false }

// Logout ends the session; there is nothing to let go of.
func (s *session) Logout() error { return nil }

// deliver hands a message to the next hop. What the next hop refuses is refused in its words.
func (r *relay) deliver(sender string, recipients []string, utf8 bool, content io.Reader) error {
	client, err := smtp.Dial(r.nextHop)
	if err != nil {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 4, 1}, Message: "The next hop can't be reached"}
	}
	defer client.Close()
	if err := client.Hello(r.name); err != nil {
		return err
	}
	if err := client.Mail(sender, &smtp.MailOptions{UTF8: utf8}); err != nil {
		return err
	}
	for _, recipient := range recipients {
		if err := client.Rcpt(recipient, nil); err != nil {
			return err
		}
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := io.Copy(body, content); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return err
	}
	return client.Quit()
}
