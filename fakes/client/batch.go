package client

import (
	"errors"
)

// batch is what goes to the relay in one write: what ends one transaction, then what begins the next.
type batch struct {
	content  *Message // its content and the final dot
	dot      bool     // a lone dot: 354 came although nobody is there to get the message
	reset    bool     // RSET
	envelope *Message // MAIL, every RCPT, DATA
	chunked  bool     // in place of DATA the envelope ends with the content, as one chunk
}

func (b *batch) empty() bool { return *b == batch{} }

// fits tells whether the batch surely fits into one buffer: then writing it can't block, since the relay has read all
// that came before.
func (b *batch) fits() bool {
	const line = 64 // octets around an address
	octets := line
	if m := b.content; m != nil {
		if m.Write != nil {
			return false
		}
		octets += len(m.Data) + len(m.Data)/16
	}
	if m := b.envelope; m != nil {
		if b.chunked && m.Write != nil {
			return false
		}
		octets += 2*line + len(m.Sender) + len(m.Parameters)
		for _, recipient := range m.Recipients {
			octets += line/4 + len(recipient)
		}
		if b.chunked {
			octets += len(m.Data)
		}
	}
	return octets <= writeBuffer
}

// put writes b. A batch that may block is written by a goroutine of its own, so that the replies are read meanwhile:
// else both sides could wait for the other to read. settle or giveUp waits for it. Source: RFC 2920 §3.1.
func (c *Conn) put(b batch) {
	if b.empty() {
		return
	}
	if b.fits() {
		c.writeErr = c.write(b)
		return
	}
	c.aside = make(chan error, 1)
	go func() { c.aside <- c.write(b) }()
}

// write composes b and flushes. When the content can't be had the session is broken off.
func (c *Conn) write(b batch) error {
	if err := c.compose(b); err != nil {
		c.link.Close()
		return err
	}
	return c.out.Flush()
}

func (c *Conn) compose(b batch) error {
	if b.content != nil {
		if err := c.composeContent(b.content); err != nil {
			return err
		}
	}
	if b.dot {
		c.composeLine([]byte("."))
	}
	if b.reset {
		c.composeLine([]byte("RSET"))
	}
	if b.envelope == nil {
		return nil
	}
	c.composeEnvelope(b.envelope)
	if b.chunked {
		return c.composeChunk(b.envelope)
	}
	c.composeLine([]byte("DATA"))
	return nil
}

func (c *Conn) composeEnvelope(m *Message) {
	c.scratch = m.appendMail(c.scratch[:0])
	c.composeLine(c.scratch)
	for i, recipient := range m.Recipients {
		c.scratch = appendRcpt(c.scratch[:0], recipient)
		if c.brief && i > 0 {
			c.composeUnrecorded(c.scratch)
			continue
		}
		c.composeLine(c.scratch)
	}
	if c.brief {
		c.recordRecipients(m.Recipients[min(1, len(m.Recipients)):])
	}
}

func (c *Conn) composeLine(line []byte) {
	if c.log != nil {
		c.log.Client(c.name, string(line))
	}
	c.composeUnrecorded(line)
}

func (c *Conn) composeUnrecorded(line []byte) {
	c.out.Write(line) // an error stays with the buffer until Flush
	c.out.WriteString("\r\n")
}

// settle waits until what was put is written.
func (c *Conn) settle() {
	if c.aside != nil {
		c.writeErr = <-c.aside
		c.aside = nil
	}
}

// giveUp stops what is being written. Nothing can be sent after it when that was in the middle.
func (c *Conn) giveUp() {
	if c.aside != nil {
		c.link.cutWrite()
		c.settle()
	}
}

// await reads the reply to a command of a batch.
func (c *Conn) await(command string) (Reply, error) {
	c.command = command
	if command != rcptCommand {
		c.recordCount()
	}
	if err := c.writeErr; err != nil && !Ended(err) {
		return Reply{}, c.writeFailed(err)
	}
	reply, err := c.readBriefly(command)
	if err == nil {
		return reply, nil
	}
	c.giveUp()
	if c.writeErr != nil && !errors.Is(c.writeErr, errCut) && !Ended(c.writeErr) {
		return Reply{}, c.writeFailed(c.writeErr)
	}
	return Reply{}, err
}

// writeFailed gives the error of a batch its type.
func (c *Conn) writeFailed(err error) error {
	if errors.Is(err, errContent) {
		c.end("by the client: the content can't be had")
		return err
	}
	return c.failed(err)
}

// readBriefly reads a reply. In brief one accepted recipient is recorded, then how many are like it, and every refusal.
func (c *Conn) readBriefly(command string) (Reply, error) {
	if !c.brief || command != rcptCommand || c.log == nil {
		return c.ReadReply()
	}
	c.link.newReply()
	reply, err := c.in.read(nil)
	if err != nil {
		c.recordCount()
		return Reply{}, c.failed(err)
	}
	c.recordAlike(reply)
	return reply, nil
}

// What errors call the commands of a batch.
const (
	mailCommand = "MAIL"
	rcptCommand = "RCPT"
	dataCommand = "DATA"
	dotCommand  = "."
	bdatCommand = "BDAT"
	rsetCommand = "RSET"
)
