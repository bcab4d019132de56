package storm

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// idle is a session that waits for nothing. It is a bare connection, so that ten thousand cost the client little.
type idle struct {
	conn net.Conn
	rest string // what makes a command of what was said so far
}

// openIdle opens the idle sessions: a third of them greeted, a third after EHLO, a third within a command.
func (s *storm) openIdle(ctx context.Context) ([]idle, error) {
	all := make([]idle, s.Idle)
	err := s.spread(ctx, s.Idle, func(ctx context.Context, _, i int) error {
		conn, err := s.greeted(ctx, i)
		all[i].conn = conn
		if err != nil {
			return err
		}
		all[i].rest = "NOOP\r\n"
		switch i % 3 {
		case 1:
			return s.say(conn, "EHLO "+s.Hello+"\r\n", "250")
		case 2:
			all[i].rest = "O " + s.Hello + "\r\n"
			return s.say(conn, "EHL", "")
		}
		return nil
	})
	return all, err
}

// greeted opens a session and reads its greeting.
func (s *storm) greeted(ctx context.Context, i int) (net.Conn, error) {
	conn, err := s.dial(ctx, i, s.Address)
	if err != nil {
		return nil, err
	}
	return conn, s.say(conn, "", "220")
}

// say says octets and reads a reply that must have this code; no code: nothing is read.
func (s *storm) say(conn net.Conn, octets, code string) error {
	if err := conn.SetDeadline(time.Now().Add(s.Wait)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte(octets)); err != nil || code == "" {
		return err
	}
	var reply [2048]byte
	for n := 0; ; {
		got, err := conn.Read(reply[n:])
		if n += got; err != nil {
			return fmt.Errorf("after %q came %q: %w", octets, reply[:n], err)
		}
		if last, whole := lastLine(reply[:n]); whole {
			if !bytes.HasPrefix(last, []byte(code)) {
				return fmt.Errorf("after %q came %q, want %s", octets, reply[:n], code)
			}
			return nil
		}
	}
}

// lastLine gives the last line of a reply once all of it is there.
func lastLine(reply []byte) (line []byte, whole bool) {
	if !bytes.HasSuffix(reply, []byte("\r\n")) {
		return nil, false
	}
	line = reply[bytes.LastIndexByte(reply[:len(reply)-1], '\n')+1:]
	return line, len(line) > 3 && line[3] == ' '
}

// askedAtMost bounds how many idle sessions are asked at the end.
const askedAtMost = 100

// ask has some of the idle sessions go on and tells how many are served.
func (s *storm) ask(all []idle) Held {
	h := Held{Opened: len(all)}
	step := max(1, len(all)/askedAtMost)
	for i := 0; i < len(all); i += step {
		h.Asked++
		if s.say(all[i].conn, all[i].rest, "250") == nil {
			h.Served++
		}
	}
	return h
}

func closeAll(all []idle) {
	for i := range all {
		if all[i].conn != nil {
			all[i].conn.Close()
		}
	}
}

// slow are the sessions that drip.
type slow struct {
	stop    chan struct{}
	ended   sync.Once
	running sync.WaitGroup
	opened  atomic.Int64
	cut     atomic.Int64
}

// openSlow opens the slow sessions: a third drips commands, a third a command that has no end, a third a message.
func (s *storm) openSlow(ctx context.Context) (*slow, error) {
	all := &slow{stop: make(chan struct{})}
	err := s.spread(ctx, s.Slow, func(ctx context.Context, _, i int) error {
		conn, err := s.greeted(ctx, i)
		if err != nil {
			return err
		}
		octets := [...]string{"NOOP\r\n", "x", "a line of a message\r\n"}[i%3]
		if i%3 == 2 {
			err = s.beginMessage(conn)
		}
		if err != nil {
			conn.Close()
			return err
		}
		all.opened.Add(1)
		all.running.Go(func() { all.drip(conn, octets, s.Drip) })
		return nil
	})
	return all, err
}

// beginMessage takes a session to the content of a message.
func (s *storm) beginMessage(conn net.Conn) error {
	m := s.Message(0)
	for _, step := range [][2]string{
		{"EHLO " + s.Hello + "\r\n", "250"}, {"MAIL FROM:<" + m.Sender + ">\r\n", "250"},
		{"RCPT TO:<" + m.Recipients[0] + ">\r\n", "250"}, {"DATA\r\n", "354"},
	} {
		if err := s.say(conn, step[0], step[1]); err != nil {
			return err
		}
	}
	return nil
}

// drip says octets over and over, one at a time, until it is stopped or cut.
func (all *slow) drip(conn net.Conn, octets string, every time.Duration) {
	defer conn.Close()
	conn.SetDeadline(time.Time{}) // an octet never waits
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
			if _, err := conn.Write([]byte{octets[i%len(octets)]}); err != nil {
				all.cut.Add(1)
				return
			}
		case <-all.stop:
			return
		}
	}
}

// close ends them all. The second time it does nothing.
func (all *slow) close() Held {
	all.ended.Do(func() { close(all.stop) })
	all.running.Wait()
	return Held{Opened: int(all.opened.Load()), Cut: int(all.cut.Load())}
}
