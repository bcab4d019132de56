package mx

import (
	"io"
	"time"

	"github.com/emersion/go-smtp"
)

// session is one connection of a relay. go-smtp calls its methods one at a time.
type session struct {
	sink       *Sink
	sender     string
	recipients []string
}

var _ smtp.Session = (*session)(nil)

// Mail begins a transaction.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.sender = from
	return nil
}

// Rcpt takes a recipient unless Options.Refuse objects.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if refuse := s.sink.options.Refuse; refuse != nil {
		if refusal := refuse(s.sender, to); refusal != nil {
			return refusal
		}
	}
	s.recipients = append(s.recipients, to)
	return nil
}

// Data reads the message to its end and keeps it.
func (s *session) Data(r io.Reader) error {
	m := Message{Sender: s.sender, Recipients: s.recipients, Received: time.Now()}
	s.recipients = nil // the message's own from here on
	if s.sink.options.Discard {
		octets, err := io.Copy(io.Discard, r)
		if err == nil {
			s.sink.take(m, octets)
		}
		return err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.Data = data
	s.sink.take(m, int64(len(data)))
	return nil
}

// Reset forgets the transaction.
func (s *session) Reset() { s.sender, s.recipients = "", nil }

// Logout ends the session; there is nothing to let go of.
func (s *session) Logout() error { return nil }
