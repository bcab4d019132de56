package wire

import "errors"

// ErrLoop is what Engine.Commit gets from body instead of io.EOF when the message has come a longer way than it may.
var ErrLoop = errors.New("wire: message over the maximum of hops") // RFC 5321 §6.3

// hopCounter counts the hops of a message: the Received fields of its header, as it passes by.
type hopCounter struct {
	over  bool // the header is, or nobody wants to know
	state int  // of the line: so many octets of the field's name are there, or one of those below
	count int
}

// The other states of a line.
const (
	elsewhere = -1 // it is something else
	blank     = -2 // so far it is nothing but CR
)

const receivedField = "RECEIVED"

// look takes the next piece of a line; the line ends with its LF.
func (h *hopCounter) look(piece []byte) {
	for i := 0; i < len(piece) && h.state != elsewhere; i++ {
		h.step(piece[i])
	}
	if h.state == elsewhere && piece[len(piece)-1] == '\n' {
		h.state = 0
	}
}

func (h *hopCounter) step(c byte) {
	switch {
	case h.state == blank:
		h.over = c == '\n'
		h.state = elsewhere
	case h.state == 0 && c == '\r':
		h.state = blank
	case h.state < len(receivedField) && upperCase(c) == receivedField[h.state]:
		h.state++
	case h.state == len(receivedField) && (c == ' ' || c == '\t'): // RFC 5322 §4.5.3: obsolete, and still a Received field
	case h.state == len(receivedField) && c == ':':
		h.count++
		h.state = elsewhere
	default:
		h.state = elsewhere
	}
}
