package client

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Bounds of what is read. RFC 5321 §4.5.3.1.5 gives a reply line 512 octets; real relays send longer ones.
const (
	maxReplyLine  = 4096 // octets, CRLF included
	maxReplyLines = 256  // lines of one reply
	shownOfLine   = 512  // octets of a wrong line that an error shows
)

// replyReader reads replies off a connection. The common reply of one line that was seen before costs no allocation.
type replyReader struct {
	in     *bufio.Reader // its buffer holds at least maxReplyLine octets
	recent [8]seenReply
	oldest int
}

// seenReply is a reply of one line with the line it was read from.
type seenReply struct {
	line  string
	reply Reply
}

// read reads one reply. each is called with every line, without CRLF; it may be nil. An error of the connection comes
// as it is, everything else as a *ProtocolError; Command is left to the caller.
func (r *replyReader) read(each func(line string)) (Reply, error) {
	line, err := r.line()
	if err != nil {
		return Reply{}, err
	}
	code, more, reason := parseReplyLine(line)
	if reason != "" {
		return Reply{}, wrongLine(line, reason)
	}
	if more {
		return r.readOn(code, string(line), each)
	}
	seen := r.remember(code, line)
	if each != nil {
		each(seen.line)
	}
	return seen.reply, nil
}

// readOn reads the rest of a reply of several lines. Source: RFC 5321 §4.2.1 (the same code on each line).
func (r *replyReader) readOn(code int, first string, each func(line string)) (Reply, error) {
	lines := []string{first}
	for more := true; more; {
		if each != nil {
			each(lines[len(lines)-1])
		}
		line, err := r.line()
		if err != nil {
			return Reply{}, withLines(err, lines)
		}
		var next int
		var reason string
		next, more, reason = parseReplyLine(line)
		switch {
		case reason == "" && next != code:
			reason = "the lines of the reply have different codes"
		case reason == "" && len(lines) == maxReplyLines:
			reason = "the reply has too many lines"
		}
		if reason != "" {
			return Reply{}, withLines(wrongLine(line, reason), lines)
		}
		lines = append(lines, string(line))
	}
	if each != nil {
		each(lines[len(lines)-1])
	}
	reply := Reply{Code: code, Lines: make([]string, len(lines))}
	for i, line := range lines {
		reply.Lines[i] = replyText(line)
	}
	return reply, nil
}

// line reads one line and takes its CRLF off. It is valid until the next read.
func (r *replyReader) line() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull), len(line) > maxReplyLine:
		return nil, wrongLine(line, "the line is too long")
	case err == io.EOF && len(line) > 0:
		return nil, &ProtocolError{Line: shown(line), Reason: "the connection ended within a line", Err: io.ErrUnexpectedEOF}
	case err != nil:
		return nil, err
	case len(line) < 2 || line[len(line)-2] != '\r':
		return nil, wrongLine(line, "the line ends in a bare LF")
	}
	return line[:len(line)-2], nil
}

// remember gives the reply of one line, the same value for the same line while it is among the recent ones.
func (r *replyReader) remember(code int, line []byte) *seenReply {
	for i := range r.recent {
		if seen := &r.recent[i]; seen.line == string(line) {
			return seen
		}
	}
	seen := &r.recent[r.oldest]
	r.oldest = (r.oldest + 1) % len(r.recent)
	text := string(line)
	*seen = seenReply{line: text, reply: Reply{Code: code, Lines: []string{replyText(text)}}}
	return seen
}

// parseReplyLine reads the code of a reply line and whether more lines follow. reason says what is wrong with it.
// The second digit isn't held to 0..5: a client goes by the first one where it doesn't know the code (RFC 5321 §4.3.2).
// Source: RFC 5321 §4.2 (Reply-line; a code alone is a last line).
func parseReplyLine(line []byte) (code int, more bool, reason string) {
	if len(line) < 3 {
		return 0, false, "the line has no reply code"
	}
	for _, digit := range line[:3] {
		if digit < '0' || digit > '9' {
			return 0, false, "the line has no reply code"
		}
		code = code*10 + int(digit-'0')
	}
	switch {
	case code < 200 || code > 599:
		return 0, false, "the reply code is out of range"
	case len(line) > 3 && line[3] != ' ' && line[3] != '-':
		return 0, false, "neither a blank nor a hyphen follows the reply code"
	case bytes.IndexByte(line, 0) >= 0, bytes.IndexByte(line, '\r') >= 0:
		return 0, false, "the line has a NUL or a bare CR"
	}
	return code, len(line) > 3 && line[3] == '-', ""
}

// replyText is a reply line without its code and separator.
func replyText(line string) string { return line[min(4, len(line)):] }

func wrongLine(line []byte, reason string) *ProtocolError {
	return &ProtocolError{Line: shown(bytes.TrimRight(line, "\r\n")), Reason: reason}
}

func shown(line []byte) string { return string(line[:min(len(line), shownOfLine)]) }

// withLines adds the lines of the reply that came before the failure to err.
func withLines(err error, lines []string) error {
	var wrong *ProtocolError
	if errors.As(err, &wrong) {
		wrong.Lines = lines
		return wrong
	}
	return &partialReply{lines: lines, err: err}
}

// partialReply is an error of the connection in the middle of a reply.
type partialReply struct {
	lines []string
	err   error
}

func (e *partialReply) Error() string { return e.err.Error() }
func (e *partialReply) Unwrap() error { return e.err }
