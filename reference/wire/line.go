package wire

import (
	"bytes"
	"errors"
)

// Bounds of lines, CRLF included. RFC 5321 §4.5.3.1.4 asks for 512 octets and more with each extension (RFC 1870 §3,
// RFC 4954 §3); one bound for all commands is simpler and no client can tell.
const (
	maxLine     = 1000
	maxAuthLine = 12_288   // RFC 4954 §4, also for "AUTH mechanism initial-response"
	maxDiscard  = 64 << 10 // of a line that is too long; then the session ends
)

// What can be wrong with a line. The line has been taken off the stream and the session may go on.
var (
	errBadLine  = errors.New("wire: line with a bare CR, a bare LF or a NUL")
	errLongLine = errors.New("wire: line too long")
)

// errEndlessLine is an errLongLine whose end didn't come within maxDiscard octets.
var errEndlessLine = errors.New("wire: endless line")

// errBrokenLine is an errLongLine with a bare LF in it: what stands behind may be another line for somebody else.
var errBrokenLine = errors.New("wire: line too long, with a bare LF")

// readLine gives the next line without its CRLF, good until the next read; with what is wrong with a line comes how it
// begins, as far as its verb goes. Limit says how long the line may be, CRLF included, when it is told how the line begins.
// A bare LF ends nothing: what stands behind it belongs to the same line, which is an errBadLine when its CRLF comes.
// RFC 5321 §2.3.8, §2.4.
func (c *stream) readLine(limit func(start []byte) int) ([]byte, error) {
	for searched := 0; ; {
		line := c.pending()
		end := bytes.Index(line[searched:], []byte(crlf))
		if end >= 0 {
			line = line[:searched+end+len(crlf)]
			c.r += len(line)
			if len(line) > limit(line) {
				return line, errLongLine
			}
			return checkLine(line)
		}
		if len(line) >= limit(line) {
			return c.skipLongLine(line)
		}
		searched = len(line) - endsInCR(line)
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// skipLongLine takes a line that is too long off the stream and gives its beginning.
//
//go:noinline
func (c *stream) skipLongLine(line []byte) ([]byte, error) {
	start := bytes.Clone(line[:longestVerb+1]) // each limit is larger
	return start, c.skipLine()
}

const crlf = "\r\n"

// endsInCR is 1 where line ends in a CR, whose LF may be on its way, else 0.
func endsInCR(line []byte) int {
	if len(line) > 0 && line[len(line)-1] == '\r' {
		return 1
	}
	return 0
}

// checkLine cuts CRLF off line, which ends in it.
func checkLine(line []byte) ([]byte, error) {
	line = line[:len(line)-len(crlf)]
	if bytes.IndexByte(line, '\r') >= 0 || bytes.IndexByte(line, '\n') >= 0 || bytes.IndexByte(line, 0) >= 0 {
		return line, errBadLine
	}
	return line, nil
}

// skipLine takes the rest of a line that is too long off the stream.
func (c *stream) skipLine() error {
	broken := false
	for skipped := 0; skipped < maxDiscard; {
		line := c.pending()
		if end := bytes.Index(line, []byte(crlf)); end >= 0 {
			c.r += end + len(crlf)
			if broken || bytes.IndexByte(line[:end], '\n') >= 0 {
				return errBrokenLine
			}
			return errLongLine
		}
		broken = broken || bytes.IndexByte(line, '\n') >= 0
		skipped += len(line)
		c.r = c.w - endsInCR(line)
		c.most = false // what is thrown away needs no big buffer
		if err := c.fill(); err != nil {
			return err
		}
	}
	return errEndlessLine
}

// commandLimit is the limit of a command line.
func commandLimit(start []byte) int {
	if len(start) > 4 && start[4] == ' ' && bytes.EqualFold(start[:4], []byte("AUTH")) {
		return maxAuthLine
	}
	return maxLine
}

func authLimit([]byte) int { return maxAuthLine }
