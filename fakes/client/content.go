package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/relayspec/relayspec/reports/transcript"
)

// dotWriter adds a dot in front of each line that begins with one. A line begins after CRLF only: a bare LF begins none.
// Source: RFC 5321 §4.5.2.
type dotWriter struct {
	out  *bufio.Writer
	last [2]byte // the last two octets before those to come
}

func newDotWriter(out *bufio.Writer) dotWriter {
	return dotWriter{out: out, last: [2]byte{'\r', '\n'}}
}

// Write writes p. Only a failed connection makes it fail.
func (w *dotWriter) Write(p []byte) (int, error) {
	length := len(p)
	for {
		at := w.nextDot(p)
		if at < 0 {
			break
		}
		w.out.Write(p[:at])
		w.out.WriteString("..")
		w.last = [2]byte{'.', '.'}
		p = p[at+1:]
	}
	w.advance(p)
	_, err := w.out.Write(p)
	return length, err
}

// nextDot finds the next dot at the beginning of a line, -1 when there is none.
func (w *dotWriter) nextDot(p []byte) int {
	switch {
	case len(p) >= 1 && p[0] == '.' && w.last == [2]byte{'\r', '\n'}:
		return 0
	case len(p) >= 2 && p[1] == '.' && w.last[1] == '\r' && p[0] == '\n':
		return 1
	}
	if at := bytes.Index(p, []byte("\r\n.")); at >= 0 {
		return at + 2
	}
	return -1
}

func (w *dotWriter) advance(p []byte) {
	switch n := len(p); n {
	case 0:
	case 1:
		w.last = [2]byte{w.last[1], p[0]}
	default:
		w.last = [2]byte{p[n-2], p[n-1]}
	}
}

// finish ends the last line where it isn't, and writes the final dot.
func (w *dotWriter) finish() {
	w.endLine()
	w.out.WriteString(".\r\n")
}

// endLine ends the last line where it isn't.
func (w *dotWriter) endLine() {
	if w.last != [2]byte{'\r', '\n'} {
		w.out.WriteString("\r\n")
	}
}

// errContent wraps what Message.Write failed with.
var errContent = errors.New("write the content of the message")

// composeContent puts the content of m and the final dot into the buffer.
func (c *Conn) composeContent(m *Message) error {
	w := newDotWriter(c.out)
	if m.Write == nil {
		c.recordContent(m.Data)
		w.Write(m.Data)
	} else if err := c.composeWritten(m, &w); err != nil {
		return err
	}
	w.finish()
	c.log.Client(c.name, ".")
	return nil
}

// composeWritten has m write its content.
func (c *Conn) composeWritten(m *Message, w *dotWriter) error {
	kept := c.newKept()
	if err := m.Write(io.MultiWriter(w, kept)); err != nil {
		return fmt.Errorf("%w: %w", errContent, err)
	}
	kept.record()
	return nil
}

// WriteContent sends data as the content of a message goes behind DATA, with the dots that RFC 5321 §4.5.2 adds and a CRLF
// at its end, but without the final dot.
func (c *Conn) WriteContent(data []byte) error {
	c.recordContent(data)
	w := newDotWriter(c.out)
	w.Write(data)
	w.endLine()
	return c.flush()
}

// maxRecorded is up to how many octets of content the transcript has in full.
const maxRecorded = 2048

// recordContent records data as it is sent: line by line when it is short, else how long it is, and for programs what it
// is made of.
func (c *Conn) recordContent(data []byte) {
	switch {
	case c.log == nil || len(data) == 0:
	case c.brief || len(data) > maxRecorded:
		c.recordLong(data)
	default:
		var sent bytes.Buffer
		out := bufio.NewWriter(&sent)
		w := newDotWriter(out)
		w.Write(data)
		out.Flush()
		recordLines(c.log, c.name, sent.String())
	}
}

func (c *Conn) recordLong(data []byte) {
	if len(data) <= maxRecorded { // one of many
		c.log.Call(c.name, ContentCall, contentCall{Octets: int64(len(data)), Plain: data})
		c.log.Note(c.name, fmt.Sprintf("content of %d octets", len(data)))
		return
	}
	kept := c.newKept()
	kept.Write(data)
	kept.record()
}

// recordLines records lines, or one entry of raw octets when there is a line end that is no CRLF.
func recordLines(log *transcript.Transcript, session, sent string) {
	lines := strings.Split(strings.TrimSuffix(sent, "\r\n"), "\r\n")
	for _, line := range lines {
		if strings.ContainsAny(line, "\r\n") {
			log.Raw(session, sent)
			return
		}
	}
	for _, line := range lines {
		log.Client(session, line)
	}
}
