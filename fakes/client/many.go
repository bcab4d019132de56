package client

import "context"

// SendMany sends count messages in a row; -1: until onOutcome says stop. Where the relay announced PIPELINING each costs
// one round trip, because the next envelope rides behind the dot of the one before; else they go in lock-step.
//
// next makes message i. It is called one ahead: message i is used until onOutcome(i) returns, next(i+1) is called before
// that. onOutcome gets each outcome in order and says whether to go on; the Outcome's Recipients are its own only until
// it returns. A message whose envelope is already under way when it says stop, which happens only after a reply to the
// dot, is finished and told as well, and then its answer changes nothing.
//
// The transcript has the first RCPT of a message and its reply, every refusal and the length of the content; and calls for
// the rest, in short, so that PlanOf has it all as long as the transcript does.
//
// Errors: as Send's; ErrSessionOver when the relay said 421 before all was sent; ctx's cause. An error ends the session.
func (c *Conn) SendMany(ctx context.Context, count int, next func(i int) Message, onOutcome func(i int, o Outcome) bool) error {
	t := &train{conn: c, count: count, next: next, onOutcome: onOutcome}
	if c.capabilities.Has("PIPELINING") {
		return t.depart(ctx, t.run)
	}
	return t.depart(ctx, func() error { return t.walk(c.sendLockstep) })
}

// SendManyChunked is SendMany with each transaction in one write, its content as a chunk (Chunked), where the relay
// announced CHUNKING and PIPELINING; else it is SendMany itself. A message costs one round trip, a refused one a second
// for its RSET. next(i+1) is called after onOutcome(i). Source: RFC 3030 §4.2.
func (c *Conn) SendManyChunked(ctx context.Context, count int, next func(i int) Message, onOutcome func(i int, o Outcome) bool) error {
	if !c.capabilities.Has("CHUNKING") || !c.capabilities.Has("PIPELINING") {
		return c.SendMany(ctx, count, next, onOutcome)
	}
	t := &train{conn: c, count: count, next: next, onOutcome: onOutcome}
	return t.depart(ctx, func() error { return t.walk(c.sendChunked) })
}

// train is messages that follow each other.
type train struct {
	conn      *Conn
	count     int
	next      func(i int) Message
	onOutcome func(i int, o Outcome) bool

	cars    [2]Message // message i is in i%2
	out     Outcome
	stopped bool // onOutcome said so
}

// depart goes in one of the ways, until ctx ends.
func (t *train) depart(ctx context.Context, way func() error) error {
	if t.count == 0 {
		return nil
	}
	given := t.conn.watch(ctx)
	t.conn.brief = true
	defer func() { t.conn.brief = false }()
	return given(way())
}

// walk sends one message after the other.
func (t *train) walk(send func(m *Message, out *Outcome) error) error {
	for i := 0; i != t.count; i++ {
		t.begin()
		t.cars[0] = t.next(i)
		if err := send(&t.cars[0], &t.out); err != nil {
			return err
		}
		t.tell(i)
		if t.stopped || t.out.over() {
			return t.ended(i)
		}
	}
	return nil
}

// run sends the messages, each behind the one before.
func (t *train) run() error {
	t.cars[0] = t.next(0)
	t.conn.put(batch{envelope: &t.cars[0]})
	for i := 0; ; i++ {
		if more, err := t.message(i); err != nil || !more {
			return err
		}
	}
}

// message takes message i, whose envelope was put, to its end, and puts the next envelope; more: there is one.
func (t *train) message(i int) (more bool, err error) {
	c := t.conn
	t.begin()
	awaited, err := c.readEnvelope(&t.cars[i%2], &t.out)
	if err != nil {
		return false, err
	}
	refused := t.out.decided()
	if refused {
		t.tell(i) // before the next envelope goes out: here can be stopped
	}
	if t.out.over() {
		return false, t.ended(i)
	}
	rest := t.rest(i, awaited)
	c.put(rest)
	if err := t.readRest(rest); err != nil {
		return false, err
	}
	more = rest.envelope != nil
	if !refused {
		t.tell(i)
		if t.out.over() {
			c.giveUp()
			return false, t.ended(i)
		}
	}
	return more, nil
}

// rest is what ends message i and begins the next.
func (t *train) rest(i int, awaited bool) batch {
	var b batch
	switch {
	case awaited && t.out.decided():
		b.dot = true
	case awaited:
		b.content = &t.cars[i%2]
	default:
		b.reset = t.conn.open
	}
	if !t.stopped && i+1 != t.count {
		t.cars[(i+1)%2] = t.next(i + 1)
		b.envelope = &t.cars[(i+1)%2]
	}
	return b
}

// readRest reads the replies to what ends a message. Those to the envelope behind it are the next message's.
func (t *train) readRest(b batch) error {
	if b.content != nil || b.dot {
		if err := t.conn.readEndOfData(&t.out); err != nil {
			return err
		}
	}
	if b.reset {
		t.conn.open = false
		if _, err := t.conn.await(rsetCommand); err != nil {
			return err
		}
	}
	if b.envelope == nil {
		t.conn.settle()
	}
	return nil
}

func (t *train) begin() { t.out = Outcome{Recipients: t.out.Recipients[:0]} }

func (t *train) tell(i int) {
	if !t.onOutcome(i, t.out) {
		t.stopped = true
	}
}

// ended is how it ends after message i when nothing more can or shall be sent.
func (t *train) ended(i int) error {
	if t.stopped || i+1 == t.count {
		return nil
	}
	return ErrSessionOver
}
