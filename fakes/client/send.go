package client

// Send sends one message and tells how that ended. The session can be used for another one afterwards, unless the relay
// ended it: what is left of a refused transaction is reset.
//
// An error comes with the Stage that was being waited for, and ends the session: *TimeoutError, *ProtocolError, or that
// of Message.Write.
func (c *Conn) Send(m Message, mode Mode) (Outcome, error) {
	send := c.sendLockstep
	switch mode {
	case Pipelined:
		send = c.sendPipelined
	case Chunked:
		send = c.sendChunked
	}
	var out Outcome
	err := send(&m, &out)
	return out, err
}

func (c *Conn) sendLockstep(m *Message, out *Outcome) error {
	if err := c.lockstepEnvelope(m, out); err != nil || out.decided() {
		c.resetAfter(out, err)
		return err
	}
	reply, err := c.exchange(Data, out, "DATA")
	if err != nil {
		return err
	}
	if !out.data(reply) {
		c.resetAfter(out, nil)
		return nil
	}
	return c.finish(batch{content: m}, out)
}

// lockstepEnvelope says MAIL and each RCPT, until one reply decides.
func (c *Conn) lockstepEnvelope(m *Message, out *Outcome) error {
	reply, err := c.exchange(Mail, out, string(m.appendMail(nil)))
	if err != nil {
		return err
	}
	out.mail(reply)
	c.open = reply.Positive()
	for _, recipient := range m.Recipients {
		if out.decided() {
			return nil
		}
		reply, err := c.exchange(Rcpt, out, string(appendRcpt(nil, recipient)))
		if err != nil {
			return err
		}
		out.rcpt(reply)
	}
	out.rcptsDone()
	return nil
}

// exchange says one line in lock-step; an error leaves the stage in out.
func (c *Conn) exchange(stage Stage, out *Outcome, line string) (Reply, error) {
	reply, err := c.Cmd(line)
	if err != nil {
		out.Stage = stage
	}
	return reply, err
}

func (c *Conn) sendPipelined(m *Message, out *Outcome) error {
	c.put(batch{envelope: m})
	awaited, err := c.readEnvelope(m, out)
	switch {
	case err != nil:
		return err
	case out.over():
		return nil
	case awaited && out.decided():
		return c.finish(batch{dot: true}, out)
	case awaited:
		return c.finish(batch{content: m}, out)
	}
	c.resetAfter(out, nil)
	return nil
}

// readEnvelope reads the replies to MAIL, every RCPT and DATA of a batch; awaited: 354 came. After 421 it reads no more.
func (c *Conn) readEnvelope(m *Message, out *Outcome) (awaited bool, err error) {
	if err := c.readRecipients(m, out); err != nil || out.over() {
		return false, err
	}
	reply, err := c.awaitAt(Data, out, dataCommand)
	if err != nil {
		return false, err
	}
	c.settle()
	return out.data(reply), nil
}

// readRecipients reads the replies to MAIL and every RCPT of a batch. After 421 it reads no more and gives up the rest.
func (c *Conn) readRecipients(m *Message, out *Outcome) error {
	reply, err := c.awaitAt(Mail, out, mailCommand)
	if err != nil {
		return err
	}
	out.mail(reply)
	c.open = reply.Positive()
	for range m.Recipients {
		if out.over() {
			break
		}
		if reply, err = c.awaitAt(Rcpt, out, rcptCommand); err != nil {
			return err
		}
		out.rcpt(reply)
	}
	if out.over() {
		c.giveUp()
		return nil
	}
	out.rcptsDone()
	return nil
}

// finish writes b, which holds the content or a lone dot, and reads the reply to the dot.
func (c *Conn) finish(b batch, out *Outcome) error {
	c.put(b)
	if err := c.readEndOfData(out); err != nil {
		return err
	}
	if out.over() {
		c.giveUp()
	}
	c.settle()
	return nil
}

func (c *Conn) readEndOfData(out *Outcome) error {
	reply, err := c.awaitAt(EndOfData, out, dotCommand)
	if err != nil {
		return err
	}
	c.open = false // RFC 5321 §4.1.1.4: accepted or not, the buffers are cleared
	out.endOfData(reply)
	return nil
}

func (c *Conn) awaitAt(stage Stage, out *Outcome, command string) (Reply, error) {
	reply, err := c.await(command)
	if err != nil {
		out.Stage = stage
	}
	return reply, err
}

// resetAfter ends a transaction that a refusal left open. That the connection fails meanwhile doesn't unsay the refusal:
// the transcript has it, and the next command meets it.
func (c *Conn) resetAfter(out *Outcome, err error) {
	if err != nil || out.over() || !c.open {
		return
	}
	c.open = false
	c.Cmd(rsetCommand)
}
