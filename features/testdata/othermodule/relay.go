// Package relay stands for somebody else's relay, in a module of its own: a few lines on go-smtp's server. Its test judges
// it by relayspec's features.
package relay

import (
	"io"
	"log"
	"net"
	"strings"
	"sync"

	"github.com/emersion/go-smtp"
)

// Relay takes all mail and keeps it. The zero value isn't usable: see Start.
type Relay struct {
	server   *smtp.Server
	listener net.Listener

	mu   sync.Mutex
	kept []Mail
}

// Mail is a message that was accepted.
type Mail struct {
	Sender     string
	Recipients []string
	Content    string
}

// Start listens on the loopback and serves until Close.
func Start() (*Relay, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Relay{listener: listener}
	r.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{relay: r}, nil }))
	r.server.Domain = "relay.othermodule.example"
	r.server.ErrorLog = log.New(io.Discard, "", 0)
	go r.server.Serve(listener)
	return r, nil
}

// Address is where it listens.
func (r *Relay) Address() string { return r.listener.Addr().String() }

// Close ends it.
func (r *Relay) Close() error { return r.server.Close() }

// With gives the mail whose content holds token.
func (r *Relay) With(token string) []Mail {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []Mail
	for _, m := range r.kept {
		if strings.Contains(m.Content, token) {
			found = append(found, m)
		}
	}
	return found
}

// session is one connection.
type session struct {
	relay *Relay
	mail  Mail
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.Sender = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.Recipients = append(s.mail.Recipients, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail.Content = string(content)
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.kept = append(s.relay.kept, s.mail)
	return nil
}

func (s *session) Reset() { s.mail = Mail{} }

func (s *session) Logout() error { return nil }
