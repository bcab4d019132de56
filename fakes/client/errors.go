package client

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// ErrSessionOver is what SendMany gives when the relay ended the session with 421 before all was sent.
// The reply itself stands in the Outcome. Source: RFC 5321 §3.8.
var ErrSessionOver = errors.New("the relay ended the session with 421")

// ProtocolError says that no reply could be read: what came is none, or the connection ended.
type ProtocolError struct {
	Command string   // what was to be answered, credentials left out; empty: the greeting
	Line    string   // what was read of the line, without its end; at most 512 octets
	Lines   []string // the whole lines of the reply before it
	Reason  string   // what is wrong with it
	Err     error    // cause, nil when the line itself is wrong; io.EOF: the relay closed the connection
}

func (e *ProtocolError) Error() string {
	s := fmt.Sprintf("%s: %s", awaiting(e.Command), e.Reason)
	if e.Line != "" {
		s += fmt.Sprintf(": %q", e.Line)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *ProtocolError) Unwrap() error { return e.Err }

// TimeoutError says that the relay didn't answer, or take what was sent, in time. It is os.ErrDeadlineExceeded.
type TimeoutError struct {
	Command string        // what was to be answered, credentials left out; empty: the greeting
	After   time.Duration // Dialer.Timeout
	Err     error
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("%s: nothing within %v", awaiting(e.Command), e.After)
}

// Unwrap gives the cause.
func (e *TimeoutError) Unwrap() error { return e.Err }

// Is tells that e is os.ErrDeadlineExceeded, whatever the connection calls it.
func (e *TimeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// Timeout tells that e is a timeout, as net.Error does.
func (e *TimeoutError) Timeout() bool { return true }

func awaiting(command string) string {
	if command == "" {
		return "awaiting the greeting"
	}
	return fmt.Sprintf("awaiting the reply to %q", command)
}

// Ended tells whether err says that the other side ended the connection: orderly, by a reset, or in the middle of a line.
func Ended(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}
