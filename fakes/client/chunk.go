package client

import (
	"bytes"
	"fmt"
	"strconv"
)

// sendChunked sends the whole transaction at once. The content goes out before anything is known of the envelope, so
// every reply is read, whatever came before it: a relay answers BDAT also where it had refused MAIL.
func (c *Conn) sendChunked(m *Message, out *Outcome) error {
	c.put(batch{envelope: m, chunked: true})
	if err := c.readRecipients(m, out); err != nil || out.over() {
		return err
	}
	if err := c.readChunk(out); err != nil || out.over() {
		return err
	}
	c.resetAfter(out, nil)
	return nil
}

// readChunk reads the reply to the last chunk. A refused chunk doesn't end the transaction, RSET does.
// Source: RFC 3030 §2.
func (c *Conn) readChunk(out *Outcome) error {
	reply, err := c.awaitAt(EndOfData, out, bdatCommand)
	if err != nil {
		return err
	}
	if reply.Positive() {
		c.open = false
	}
	out.endOfData(reply)
	if out.over() {
		c.giveUp()
	}
	c.settle()
	return nil
}

// composeChunk puts BDAT LAST and the content of m, octet by octet, into the buffer.
func (c *Conn) composeChunk(m *Message) error {
	data := m.Data
	if m.Write != nil {
		var content bytes.Buffer
		if err := m.Write(&content); err != nil {
			return fmt.Errorf("%w: %w", errContent, err)
		}
		data = content.Bytes()
	}
	c.scratch = strconv.AppendInt(append(c.scratch[:0], "BDAT "...), int64(len(data)), 10)
	c.scratch = append(c.scratch, " LAST"...)
	c.composeLine(c.scratch)
	switch {
	case c.log == nil || len(data) == 0:
	case c.brief || len(data) > maxRecorded:
		c.recordLong(data)
	default:
		c.log.Raw(c.name, string(data))
	}
	c.out.Write(data) // an error stays with the buffer until Flush
	return nil
}
