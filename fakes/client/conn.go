package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reports/transcript"
)

// Conn is a session with a relay. Its methods are called one at a time.
type Conn struct {
	link *link
	in   replyReader
	out  *bufio.Writer
	tls  *tls.Config

	log     *transcript.Transcript
	name    string
	logLine func(line string) // records a line of a reply; nil: nothing is recorded

	command      string       // what the next reply answers, credentials left out
	challenged   bool         // the last reply was 334: what is said next is a credential
	open         bool         // MAIL was accepted and its transaction hasn't ended
	capabilities Capabilities // of the last EHLO
	state        *tls.ConnectionState
	gone         bool // the transcript has the end of the connection
	closed       bool

	brief    bool       // the transcript gets only part of a batch
	alike    alike      // replies to RCPT in a brief batch
	scratch  []byte     // the line that is being composed
	aside    chan error // result of a batch that is written by a goroutine of its own
	writeErr error      // of the last batch
}

// ReadReply reads one reply. At the beginning of a session that is the greeting.
//
// Errors: *TimeoutError, *ProtocolError (no reply, or the connection ended; see Ended).
func (c *Conn) ReadReply() (Reply, error) {
	c.link.newReply()
	reply, err := c.in.read(c.logLine)
	if err != nil {
		return Reply{}, c.failed(err)
	}
	c.challenged = reply.Code == 334
	return reply, nil
}

// Cmd sends line, without its CRLF, and reads the reply. After a 334 line is recorded as a secret. The reply to EHLO
// sets Capabilities.
func (c *Conn) Cmd(line string) (Reply, error) {
	if err := c.WriteLine(line); err != nil {
		return c.lastWord(err)
	}
	reply, err := c.ReadReply()
	if err == nil {
		c.learn(line, reply)
	}
	return reply, err
}

// WriteLine sends line and CRLF at once and reads no reply.
func (c *Conn) WriteLine(line string) error {
	c.said(transcript.Entry{Kind: transcript.Client, Text: line, Secret: c.challenged})
	c.out.WriteString(line)
	c.out.WriteString("\r\n")
	return c.flush()
}

// WriteRaw sends octets as they are. After a 334 they are recorded as a secret.
func (c *Conn) WriteRaw(octets []byte) error {
	c.said(transcript.Entry{Kind: transcript.Raw, Text: string(octets), Secret: c.challenged})
	c.out.Write(octets)
	return c.flush()
}

// Quit says QUIT, reads the reply and closes the connection whatever it is.
func (c *Conn) Quit() (Reply, error) {
	reply, err := c.Cmd("QUIT")
	if closeErr := c.Close(); err == nil && closeErr != nil && !Ended(closeErr) {
		err = closeErr
	}
	return reply, err
}

// Close ends the connection, with TLS's own goodbye where it is on. The second time it does nothing.
func (c *Conn) Close() error {
	if !c.end("by the client") {
		return nil
	}
	if err := c.link.Close(); err != nil {
		return fmt.Errorf("close the connection: %w", err)
	}
	return nil
}

// drainTime bounds how long Drop waits for the relay to see the end.
const drainTime = 250 * time.Millisecond

// Drop ends the connection as when a client dies: no QUIT and no goodbye of TLS. It is no reset: the relay reads to the
// end of what was sent, because what the relay still says is read, for up to a quarter of a second, and thrown away.
func (c *Conn) Drop() error {
	if !c.end("by the client, without a word") {
		return nil
	}
	socket := c.link.Conn
	if encrypted, ok := socket.(*tls.Conn); ok {
		socket = encrypted.NetConn()
	}
	if half, ok := socket.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		if socket.SetReadDeadline(time.Now().Add(drainTime)) == nil {
			io.Copy(io.Discard, socket) // only its end matters
		}
	}
	if err := socket.Close(); err != nil {
		return fmt.Errorf("drop the connection: %w", err)
	}
	return nil
}

// LocalAddr is the client's end of the connection.
func (c *Conn) LocalAddr() net.Addr { return c.link.LocalAddr() }

// TLS tells whether the session is encrypted.
func (c *Conn) TLS() bool { return c.state != nil }

// TLSState gives what the handshake agreed on; nil before it.
func (c *Conn) TLSState() *tls.ConnectionState { return c.state }

// said records what is about to be sent and remembers it for errors.
func (c *Conn) said(e transcript.Entry) {
	e.Session = c.name
	c.log.Add(e)
	command := strings.TrimRight(e.Redacted(), "\r\n")
	c.command = command[:min(len(command), shownOfLine)]
}

func (c *Conn) flush() error {
	if err := c.out.Flush(); err != nil {
		return c.failed(err)
	}
	return nil
}

// lastWord reads what a relay said before it closed a connection that could no longer be written to: a 421 or the like.
// Where nothing is there, the failure to write is the result.
func (c *Conn) lastWord(writeErr error) (Reply, error) {
	if !Ended(writeErr) {
		return Reply{}, writeErr
	}
	c.link.newReply()
	reply, err := c.in.read(c.logLine)
	if err != nil {
		return Reply{}, writeErr
	}
	return reply, nil
}

// failed records that the connection failed and gives the error its type.
func (c *Conn) failed(err error) error {
	var wrong *ProtocolError
	if errors.As(err, &wrong) {
		wrong.Command = c.command
		c.log.Note(c.name, wrong.Reason+": "+wrong.Line)
		if wrong.Err != nil {
			c.recordEnd("by the relay")
		}
		return wrong
	}
	if timedOut(err) {
		c.log.Note(c.name, "timeout")
		return &TimeoutError{Command: c.command, After: c.link.timeout, Err: err}
	}
	wrong = &ProtocolError{Command: c.command, Reason: "the connection failed", Err: err}
	var partial *partialReply
	if errors.As(err, &partial) {
		wrong.Lines, wrong.Err = partial.lines, partial.err
	}
	if Ended(err) {
		wrong.Reason = "the connection ended"
		c.recordEnd("by the relay")
	}
	return wrong
}

// end marks the session as ended; false: it was already.
func (c *Conn) end(by string) bool {
	if c.closed {
		return false
	}
	c.closed = true
	c.recordEnd(by)
	return true
}

// recordEnd records the end of the connection; who ended it first did.
func (c *Conn) recordEnd(by string) {
	if !c.gone {
		c.gone = true
		c.log.Closed(c.name, by)
	}
}

// Until closes the connection when ctx ends, so that what is being waited for fails at once. The function it gives ends the
// watch, and tells whether that was in time.
func (c *Conn) Until(ctx context.Context) (release func() bool) {
	socket := c.link.Conn // what STARTTLS puts over it ends with it
	return context.AfterFunc(ctx, func() { socket.Close() })
}

// watch is Until; the function it gives tells, too, whether that happened.
func (c *Conn) watch(ctx context.Context) (stop func(err error) error) {
	release := c.Until(ctx)
	return func(err error) error {
		if !release() && err != nil && ctx.Err() != nil {
			return fmt.Errorf("session given up: %w", context.Cause(ctx))
		}
		return err
	}
}
