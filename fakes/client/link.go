package client

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// link is the connection with a deadline on each reply that is waited for and on each write. Sockets go by the real clock.
type link struct {
	net.Conn // replaced by STARTTLS
	timeout  time.Duration
	writing  time.Duration // bounds a write; 0: timeout does
	awaiting bool          // the deadline of the present reply is set
	cut      atomic.Bool
}

var errCut = errors.New("writing was given up")

// newReply makes the next read set a deadline: what is in the buffer already needs none.
func (l *link) newReply() { l.awaiting = false }

// Read sets the deadline once a reply, so that a relay that trickles can't prolong it. Source: RFC 5321 §4.5.3.2.
func (l *link) Read(p []byte) (int, error) {
	if !l.awaiting {
		if err := l.SetReadDeadline(time.Now().Add(l.timeout)); err != nil {
			return 0, err
		}
		l.awaiting = true
	}
	return l.Conn.Read(p)
}

func (l *link) Write(p []byte) (int, error) {
	within := l.writing
	if within <= 0 {
		within = l.timeout
	}
	if err := l.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return 0, err
	}
	if l.cut.Load() {
		return 0, errCut
	}
	return l.Conn.Write(p)
}

// cutWrite makes a write that is under way in another goroutine, and all later ones, fail.
func (l *link) cutWrite() {
	l.cut.Store(true)
	l.SetWriteDeadline(time.Unix(1, 0)) // a closed connection is cut as well
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
