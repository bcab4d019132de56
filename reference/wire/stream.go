package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Buffer sizes in octets. An idle session holds a small input buffer and nothing else.
const (
	smallInput = 4 << 10
	bigInput   = 32 << 10 // while a message or an AUTH response is longer than the small one
	fullOutput = 4 << 10  // replies are written when more than this is waiting
	outputSize = fullOutput + 1<<10
)

// errDraining tells that a read was given up since the server drains and nothing is going on in the session.
var errDraining = errors.New("wire: draining")

// pools lend the buffers of all sessions.
type pools struct{ small, big, out *sync.Pool }

func newPools() pools {
	of := func(size int) *sync.Pool {
		return &sync.Pool{New: func() any {
			b := make([]byte, size)
			return &b
		}}
	}
	return pools{small: of(smallInput), big: of(bigInput), out: of(outputSize)}
}

// stream is both directions of a connection. Its reader's side holds the octets that came and aren't used yet, its
// writer's side gathers what is to be written until a read would have to wait (RFC 2920 §3.2).
type stream struct {
	conn  net.Conn
	pools *pools

	lent *[]byte // from pools.small or pools.big
	r, w int     // (*lent)[r:w] has come and isn't used yet
	most bool    // the last read gave as much as there was room for

	out *[]byte // from pools.out while there is something to write; else nil

	total    time.Duration // for the reads of a wait together; -1: for ever
	until    time.Time     // when total is over; zero: it hasn't begun
	patience time.Duration // for each read; -1: for ever
	write    time.Duration // for a write; -1: for ever
	idle     func() bool   // tells at an interruption that the read is to be given up
	broken   error         // of the writer's side: nothing is written any more
}

// pending is what has come and isn't used yet.
func (c *stream) pending() []byte { return (*c.lent)[c.r:c.w] }

// await allows the reads from the next one on d together, and each of them as much as there is left. -1: for ever.
func (c *stream) await(d time.Duration) { c.total, c.until, c.patience = d, time.Time{}, -1 }

// awaitUntil is await with an end: no read waits for longer than to latest. Zero: there is none.
func (c *stream) awaitUntil(d time.Duration, latest time.Time) {
	c.await(d)
	c.until = latest
	if soon := time.Now().Add(d); d > 0 && (latest.IsZero() || soon.Before(latest)) {
		c.until = soon
	}
}

// deadline is when the next read has waited long enough. Zero: never.
func (c *stream) deadline() time.Time {
	now := time.Now()
	if c.total > 0 && c.until.IsZero() {
		c.until = now.Add(c.total)
	}
	if next := now.Add(c.patience); c.patience > 0 && (c.until.IsZero() || next.Before(c.until)) {
		return next
	}
	return c.until
}

// fill writes what is gathered, then waits for at least one more octet. It keeps what is pending, at another place in
// memory, and takes a big buffer when the small one has become too small.
func (c *stream) fill() error {
	if err := c.flush(); err != nil {
		return err
	}
	c.makeRoom()
	for deadline := c.deadline(); ; {
		if err := c.conn.SetReadDeadline(deadline); err != nil {
			return err
		}
		if c.idle() { // after the deadline is set, so that an interruption can't be missed
			return errDraining
		}
		n, err := c.conn.Read((*c.lent)[c.w:])
		if n > 0 {
			c.w += n
			c.most = c.w == len(*c.lent)
			return nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && (deadline.IsZero() || time.Now().Before(deadline)) {
			continue // interrupted by Shutdown, which a transaction may outlive
		}
		if err != nil {
			return err
		}
	}
}

// fillMessage is fill within a message, where the end of the stream isn't expected.
func (c *stream) fillMessage() error {
	err := c.fill()
	switch {
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	case err != nil:
		return fmt.Errorf("wire: read message: %w", err)
	}
	return nil
}

func (c *stream) makeRoom() {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	full := c.w-c.r == len(*c.lent)
	if (c.most || full) && len(*c.lent) < bigInput {
		c.swap(c.pools.big, c.pools.small)
	} else if c.r > 0 {
		c.w = copy(*c.lent, c.pending())
		c.r = 0
	}
	c.most = false
}

// swap moves what is pending to a buffer of another size.
func (c *stream) swap(to, from *sync.Pool) {
	next := to.Get().(*[]byte)
	n := copy(*next, c.pending())
	from.Put(c.lent)
	c.lent, c.r, c.w, c.most = next, 0, n, false
}

// shrink gives a big buffer back, if what is pending fits into a small one.
func (c *stream) shrink() {
	if len(*c.lent) > smallInput && c.w-c.r < smallInput {
		c.swap(c.pools.small, c.pools.big)
	}
}

// gather gives the buffer to append replies to; put takes it back.
func (c *stream) gather() []byte {
	if c.out == nil {
		c.out = c.pools.out.Get().(*[]byte)
		*c.out = (*c.out)[:0]
	}
	return *c.out
}

func (c *stream) put(out []byte) {
	*c.out = out
	if len(out) > fullOutput {
		c.flush()
	}
}

// flush writes what is gathered. After an error nothing is written any more.
func (c *stream) flush() error {
	if c.out == nil {
		return c.broken
	}
	if c.broken == nil && len(*c.out) > 0 {
		c.broken = c.send(*c.out)
	}
	if cap(*c.out) <= 2*outputSize {
		c.pools.out.Put(c.out)
	}
	c.out = nil
	return c.broken
}

func (c *stream) send(p []byte) error {
	if c.write > 0 {
		if err := c.conn.SetWriteDeadline(time.Now().Add(c.write)); err != nil {
			return err
		}
	}
	_, err := c.conn.Write(p)
	return err
}

// release gives the buffers back: the stream is not used any more.
func (c *stream) release() {
	if len(*c.lent) > smallInput {
		c.pools.big.Put(c.lent)
	} else {
		c.pools.small.Put(c.lent)
	}
	c.lent = nil
}

// Bounds of linger.
const (
	lingerTime  = time.Second
	lingerBytes = 256 << 10
)

// linger ends the writer's side and reads on for a little: octets that nobody reads would make the closing a reset,
// and a reset can take the last reply away from the client.
func (c *stream) linger() {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || c.broken != nil || half.CloseWrite() != nil {
		return
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(lingerTime)); err != nil {
		return
	}
	for rest := lingerBytes; rest > 0; {
		n, err := c.conn.Read(*c.lent)
		if err != nil {
			return
		}
		rest -= n
	}
}
