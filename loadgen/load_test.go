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
	server   *process
	mail     *mail
	sessions []session
}

type session struct {
	way    way
	conn   *client.Conn
	writer writer
}

// open starts a server and opens sessions to it.
func (b *bench) open(kind server, s shape, sessions int) (*side, error) {
	p, err := b.serve(kind)
	if err != nil {
		return nil, err
	}
	return b.opened(p, s, inTheClear, sessions)
}

// opened opens sessions to a server. When that fails p is stopped.
func (b *bench) opened(p *process, s shape, c cover, sessions int) (*side, error) {
	d := &side{server: p, mail: newMail(s)}
	for range sessions {
		w, err := b.way(p.address, c)
		if err != nil {
			return nil, errors.Join(err, d.close())
		}
		conn, err := w.open()
		if err != nil {
			return nil, errors.Join(err, d.close())
		}
		d.sessions = append(d.sessions, session{w, conn, writer{mail: d.mail}})
	}
	return d, nil
}

func (d *side) close() error {
	var errs []error
	for _, s := range d.sessions {
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(append(errs, d.server.stop())...)
}

// pace sends over one session until the time is over, and tells how many messages were accepted.
type pace func(s *session, until time.Time) (accepted int, err error)

// burst sends the next envelope behind each dot: one round trip a message.
func burst(s *session, until time.Time) (accepted int, err error) {
	return many(s.conn.SendMany, s, until)
}

// chunked sends each message as one chunk: one round trip. It is an error where that can't be had.
func chunked(s *session, until time.Time) (accepted int, err error) {
	if !s.conn.Capabilities().Has("CHUNKING") {
		return 0, errNoChunks
	}
	return many(s.conn.SendManyChunked, s, until)
}

var errNoChunks = errors.New("the server announces no CHUNKING")

// many sends in one of the client's ways to send many.
func many(
	send func(context.Context, int, func(int) client.Message, func(int, client.Outcome) bool) error, s *session, until time.Time,
) (accepted int, err error) {
	var refused error
	err = send(context.Background(), -1, s.writer.message, func(_ int, o client.Outcome) bool {
		if refused = refusal(o); refused == nil {
			accepted++
		}
		return refused == nil && time.Now().Before(until)
	})
	return accepted, errors.Join(err, refused)
}

// lockstep waits for each reply: four round trips a message of one recipient.
func lockstep(s *session, until time.Time) (accepted int, err error) {
	return s.repeat(until, func(i int) error { return s.send(s.conn, i, client.Lockstep) })
}

// pipelined sends the envelope at once and waits for the content's turn: two round trips a message.
func pipelined(s *session, until time.Time) (accepted int, err error) {
	return s.repeat(until, func(i int) error { return s.send(s.conn, i, client.Pipelined) })
}

// anew opens a session for each message, TLS and all, and says goodbye.
func anew(s *session, until time.Time) (accepted int, err error) {
	return s.repeat(until, func(i int) error {
		conn, err := s.way.open()
		if err != nil {
			return err
		}
		err = s.send(conn, i, client.Pipelined)
		_, gone := conn.Quit()
		return errors.Join(err, gone)
	})
}

// repeat sends message after message, one at least, until the time is over.
func (s *session) repeat(until time.Time, send func(i int) error) (accepted int, err error) {
	for time.Now().Before(until) || accepted == 0 {
		if err := send(accepted); err != nil {
			return accepted, err
		}
		accepted++
	}
	return accepted, nil
}

// send sends message i.
func (s *session) send(conn *client.Conn, i int, mode client.Mode) error {
	o, err := conn.Send(s.writer.message(i), mode)
	if err == nil {
		err = refusal(o)
	}
	return err
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
