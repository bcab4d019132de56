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

// readLine gives the next line without its CRLF, good until the next read; with what is wrong with a line comes how it
// begins, as far as its verb goes. Limit says how long the line may be, CRLF
// included, when it is told how the line begins. A line that ends in a bare LF is an errBadLine at once, so that a
// client that sends no CR is told so and not left waiting.
func (c *stream) readLine(limit func(start []byte) int) ([]byte, error) {
	for searched := 0; ; {
		line := c.pending()
		end := bytes.IndexByte(line[searched:], '\n')
		if end >= 0 {
			line = line[:searched+end+1]
			c.r += len(line)
			if len(line) > limit(line) {
				return line, errLongLine
			}
			return checkLine(line)
		}
		if len(line) >= limit(line) {
			start := bytes.Clone(line[:longestVerb+1]) // each limit is larger
			return start, c.skipLine()
		}
		searched = len(line)
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// checkLine cuts CRLF off line, which ends in LF.
func checkLine(line []byte) ([]byte, error) {
	end := len(line) - 2
	if end < 0 || bytes.IndexByte(line, '\r') != end || bytes.IndexByte(line, 0) >= 0 {
		return line, errBadLine
	}
	return line[:end], nil
}

// skipLine takes the rest of a line that is too long off the stream.
func (c *stream) skipLine() error {
	for skipped := 0; skipped < maxDiscard; {
		line := c.pending()
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			c.r += end + 1
			return errLongLine
		}
		skipped += len(line)
		c.r = c.w
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
