package client

import (
	"time"
)

// Part is a command, or a content, that may share a write with others.
type Part struct {
	Line    string // a command without its CRLF; "" where Content or Chunk is
	Content []byte // what goes behind DATA: with the dots of RFC 5321 §4.5.2, a CRLF at its end and the final dot
	Chunk   []byte // what goes behind BDAT n LAST, which stands before it: as it is. Source: RFC 3030 §2
	Chunked bool   // there is a Chunk, empty or not
	Dotted  bool   // there is a Content, empty or not
}

// Put sends parts in one write, as far as a buffer goes, and reads nothing: Await reads the replies, in their order. What
// may be more than the relay takes before its replies are read is written aside, while they are; Settle ends that. within
// bounds each write, as Dialer.Timeout says it.
//
// A failure to write is told by the next Await, where the relay said nothing before.
func (c *Conn) Put(within time.Duration, parts ...Part) {
	c.link.writing = (&Dialer{Timeout: within}).timeout()
	octets := 0
	for i := range parts {
		octets += parts[i].octets()
	}
	if octets <= writeBuffer {
		c.writeErr = c.writeParts(parts)
		return
	}
	c.aside = make(chan error, 1)
	go func() { c.aside <- c.writeParts(parts) }()
}

// octets is what a part is at most, but for dots in great number.
func (p *Part) octets() int {
	const around = 64 // a CRLF, a BDAT or a final dot
	return around + len(p.Line) + len(p.Content) + len(p.Content)/16 + len(p.Chunk)
}

func (c *Conn) writeParts(parts []Part) error {
	for i := range parts {
		if err := c.composePart(&parts[i]); err != nil {
			return err
		}
	}
	return c.out.Flush()
}

func (c *Conn) composePart(p *Part) error {
	switch {
	case p.Dotted:
		return c.composeContent(&Message{Data: p.Content})
	case p.Chunked:
		return c.composeChunk(&Message{Data: p.Chunk})
	}
	c.composeLine([]byte(p.Line))
	return nil
}

// Await reads the reply to a part; command is what errors call it. Errors: as ReadReply's.
func (c *Conn) Await(command string) (Reply, error) { return c.await(command) }

// Settle waits until all that was Put is written: the replies to it were read.
func (c *Conn) Settle() { c.settle() }

// GiveUp stops writing what was Put: its replies aren't waited for. Nothing more can be sent then.
func (c *Conn) GiveUp() { c.giveUp() }

// SetTimeout sets how long a reply is waited for from here on, as Dialer.Timeout says it.
func (c *Conn) SetTimeout(d time.Duration) { c.link.timeout = (&Dialer{Timeout: d}).timeout() }
