package mta

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/queue"
	"github.com/relayspec/relayspec/fakes/mta/session"
)

// Submit takes messages as from the server's users, in their order. ids names those that were taken: they are queued, and
// tried at once unless Options.Hold says otherwise. None is taken after one that isn't, and nothing of that one.
//
// Errors: the server refuses a message (mail.Unfit), its queue folder can't take it, ErrClosed, or ctx has ended.
func (s *Server) Submit(ctx context.Context, submissions ...mail.Submission) (ids []ID, err error) {
	for n, submission := range submissions {
		if err := ctx.Err(); err != nil {
			return ids, fmt.Errorf("submit message %d: %w", n+1, err)
		}
		id, err := s.accept(submission)
		if err != nil {
			return ids, fmt.Errorf("submit message %d of %d: %w", n+1, len(submissions), err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// accept queues one message, once for each relay that its recipients have.
func (s *Server) accept(submission mail.Submission) (ID, error) {
	if err := sound(submission); err != nil {
		return "", err
	}
	now := s.clock.Now()
	content, received, err := s.profile.Mail.Accept(submission, s.host, s.ids, now)
	if err != nil {
		return "", err
	}
	m := queue.Message{ID: string(s.name(content)), Sender: submission.Sender, Received: received, Born: now}
	items, err := s.enqueue(m, submission.Recipients, content)
	if err != nil {
		return "", err
	}
	if s.options.Hold {
		for _, i := range items {
			s.trouble(s.queue.PutBack(i, nil, queue.State{}, s.nextRun(now)))
		}
		s.Wake()
		return ID(m.ID), nil
	}
	s.begin(items, false)
	return ID(m.ID), nil
}

// sound says why no server would take a submission.
func sound(s mail.Submission) error {
	if len(s.Recipients) == 0 {
		return errors.New("it has no recipients")
	}
	for _, address := range append([]string{s.Sender}, s.Recipients...) {
		if strings.ContainsAny(address, "\r\n\x00") {
			return fmt.Errorf("the address %q has a line end, or the octet 0", address)
		}
	}
	return nil
}

// enqueue queues a message for each relay, all of them or none.
func (s *Server) enqueue(m queue.Message, recipients []string, content []byte) (items []*queue.Item, err error) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	relays, those := s.routed(recipients)
	for _, relay := range relays {
		m.Relay, m.Recipients = relay, those[relay]
		i, err := s.queue.Add(m, content)
		if err != nil {
			for _, i := range items {
				s.trouble(s.queue.Remove(i))
			}
			return nil, err
		}
		items = append(items, i)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Submitted++
	s.counts.Recipients += len(recipients)
	return items, nil
}

// never is when a held message of a server without queue runs is due: Flush comes before.
const never = 100 * 365 * 24 * time.Hour

// nextRun is the first run of the queue after now.
func (s *Server) nextRun(now time.Time) time.Time {
	every := s.rule.QueueRun.Value
	if every <= 0 {
		return now.Add(never)
	}
	return s.started.Add((now.Sub(s.started)/every + 1) * every)
}

// sessionOptions are those of a connection to relay.
func (s *Server) sessionOptions(relay, name string) session.Options {
	host, _, _ := net.SplitHostPort(relay)
	config := s.options.TLS
	if config == nil || config.ServerName == "" {
		config = config.Clone() // of nil it is nil
		if config == nil {
			config = &tls.Config{}
		}
		config.ServerName = host
	}
	return session.Options{
		Manner: &s.profile.Session, Host: s.options.Host, TLS: config,
		Dial: func(ctx context.Context) (net.Conn, error) { return s.dial(ctx, relay) },
		User: s.options.User, Password: s.options.Password,
		Convert:    s.profile.Mail.Convert,
		Transcript: s.options.Transcript, Name: name, Scale: s.options.Scale,
	}
}

// name gives a message its name: the one that its trace says, with its number where that doesn't name one message alone: a
// process's number, or a version.
func (s *Server) name(content []byte) ID {
	n := s.named.Add(1)
	id := mail.IDOf(content)
	if len(id) < shortestName || strings.Contains(id, ".") {
		id += "-" + strconv.FormatUint(n, 10)
	}
	return ID(strings.TrimPrefix(id, "-"))
}

// shortestName is how long the names are, in octets, that a server doesn't use again.
const shortestName = 10
