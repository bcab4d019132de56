package main

import (
	"bufio"
	"bytes"
	"errors"
)

// Limits of RFC 5321 §4.5.3.1, in octets, CRLF included.
const (
	maxCommand = 512  // §4.5.3.1.4
	maxText    = 1000 // §4.5.3.1.6, without the dot that was added
	maxMessage = 10 << 20
)

// What is wrong with a line, or with a message, that was read to its end all the same.
var (
	errTooLong  = errors.New("line too long")
	errTooLarge = errors.New("message too large")
	errBare     = errors.New("bare CR or LF in the message")
)

// lines reads lines that end in CRLF: nothing else is the end of a line. Source: RFC 5321 §2.3.8.
type lines struct{ in *bufio.Reader }

// next reads one line and takes its CRLF off. A line of more than most octets is read to its end and is errTooLong.
func (l lines) next(most int) ([]byte, error) {
	var line []byte
	length, last := 0, byte(0)
	for {
		octet, err := l.in.ReadByte()
		if err != nil {
			return nil, err
		}
		if length++; length <= most {
			line = append(line, octet)
		}
		if last == '\r' && octet == '\n' {
			break
		}
		last = octet
	}
	if length > most {
		return nil, errTooLong
	}
	return line[:length-2], nil
}

// message reads up to CRLF.CRLF and takes off the dots that the client added. What is wrong with the message is told when
// it has been read: the client listens only then. Source: RFC 5321 §4.5.2.
func (l lines) message() ([]byte, error) {
	var content []byte
	var wrong error
	for {
		line, err := l.next(maxText + 1)
		switch {
		case err != nil && !errors.Is(err, errTooLong):
			return nil, err
		case err == nil && string(line) == ".":
			return content, wrong
		case err == nil:
			line = bytes.TrimPrefix(line, []byte("."))
			err = fault(line, len(content))
		}
		if wrong == nil {
			wrong = err
		}
		if wrong == nil {
			content = append(append(content, line...), "\r\n"...)
		}
	}
}

// fault says what is wrong with a line of a message that has size octets before it.
func fault(line []byte, size int) error {
	switch {
	case len(line) > maxText-2:
		return errTooLong
	case size+len(line) > maxMessage:
		return errTooLarge
	case bytes.ContainsAny(line, "\r\n"):
		return errBare // RFC 5321 §2.3.8: nobody may send one, and what the next hop would make of it nobody knows
	}
	return nil
}
