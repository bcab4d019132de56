//go:build unix

package loadgen_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/loadgen"
)

// connections is how many load a server at once.
const connections = 10

// side is a server and the sessions that load it.
type side struct {
	server   *process // nil: somebody else's
	mail     *mail
	sessions []session
}

type session struct {
	conn   *client.Conn
	writer writer
}

// open starts a server and opens sessions to it.
func (b *bench) open(kind server, s shape, sessions int) (*side, error) {
	p, err := b.serve(kind)
	if err != nil {
		return nil, err
	}
	return opened(p, p.address, s, sessions)
}

// opened opens sessions to address. When that fails p is stopped.
func opened(p *process, address string, s shape, sessions int) (*side, error) {
	d := &side{server: p, mail: newMail(s)}
	for range sessions {
		conn, err := dial(address)
		if err != nil {
			return nil, errors.Join(err, d.close())
		}
		d.sessions = append(d.sessions, session{conn, writer{mail: d.mail}})
	}
	return d, nil
}

// dial opens a session up to the reply to EHLO.
func dial(address string) (*client.Conn, error) {
	conn, err := (&client.Dialer{Address: address, Timeout: 20 * time.Second}).Dial(context.Background())
	if err != nil {
		return nil, err
	}
	greeting, err := conn.ReadReply()
	if err == nil && greeting.Positive() {
		greeting, err = conn.Hello(hello)
	}
	if err == nil && !greeting.Positive() {
		err = fmt.Errorf("%s refused the session: %v", address, greeting)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (d *side) close() error {
	var errs []error
	for _, s := range d.sessions {
		errs = append(errs, s.conn.Close())
	}
	if d.server != nil {
		errs = append(errs, d.server.stop())
	}
	return errors.Join(errs...)
}

// pace sends over one session until the time is over, and tells how many messages were accepted.
type pace func(s *session, until time.Time) (accepted int, err error)

// pipelined sends the next envelope behind each dot: one round trip a message.
func pipelined(s *session, until time.Time) (accepted int, err error) {
	var refused error
	err = s.conn.SendMany(context.Background(), -1, s.writer.message, func(_ int, o client.Outcome) bool {
		if refused = refusal(o); refused == nil {
			accepted++
		}
		return refused == nil && time.Now().Before(until)
	})
	return accepted, errors.Join(err, refused)
}

// lockstep waits for each reply: four round trips a message of one recipient.
func lockstep(s *session, until time.Time) (accepted int, err error) {
	for time.Now().Before(until) || accepted == 0 {
		o, err := s.conn.Send(s.writer.message(accepted), client.Lockstep)
		if err == nil {
			err = refusal(o)
		}
		if err != nil {
			return accepted, err
		}
		accepted++
	}
	return accepted, nil
}

// refusal is an error when not every recipient of a message was accepted: then it isn't the work that was to be measured.
func refusal(o client.Outcome) error {
	switch {
	case !o.Accepted:
		return fmt.Errorf("a message was refused at %s: %v", o.Stage, o.Reply)
	case o.Refused() > 0:
		return fmt.Errorf("%d recipients were refused", o.Refused())
	}
	return nil
}

// send loads the server for a window over all sessions at once.
func (d *side) send(p pace, window time.Duration) (accepted int, took time.Duration, err error) {
	counts, errs := make([]int, len(d.sessions)), make([]error, len(d.sessions))
	started := time.Now()
	var running sync.WaitGroup
	for i := range d.sessions {
		running.Go(func() { counts[i], errs[i] = p(&d.sessions[i], started.Add(window)) })
	}
	running.Wait()
	took = time.Since(started)
	for _, n := range counts {
		accepted += n
	}
	return accepted, took, errors.Join(errs...)
}

// rate measures messages a second.
func (d *side) rate(p pace, window time.Duration) loadgen.Measure {
	return func() (float64, error) {
		accepted, took, err := d.send(p, window)
		return float64(accepted) / took.Seconds(), err
	}
}

// cost measures the server's CPU time a message, in microseconds.
func (d *side) cost(p pace, window time.Duration) loadgen.Measure {
	return func() (float64, error) {
		before, err := d.server.usage("cpu")
		if err != nil {
			return 0, err
		}
		accepted, _, err := d.send(p, window)
		if err != nil {
			return 0, err
		}
		after, err := d.server.usage("cpu")
		return float64(after.CPU-before.CPU) / 1000 / float64(accepted), err
	}
}
