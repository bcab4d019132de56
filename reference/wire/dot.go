package wire

import (
	"bytes"
	"errors"
	"io"
)

// What Engine.Commit gets from body instead of io.EOF when the message can't be taken. A connection that ends or stalls
// in the message gives io.ErrUnexpectedEOF, or an error that wraps os.ErrDeadlineExceeded.
var (
	ErrMalformed = errors.New("wire: message with a bare CR, a bare LF or a NUL") // RFC 5321 §2.3.8, §4.1.1.4
	ErrTooBig    = errors.New("wire: message over the maximum size")              // RFC 1870 §6.3
)

// errFlood ends a session whose message goes on and on though it was refused.
var errFlood = errors.New("wire: refused message doesn't end")

// maxDrain is how many octets of a message that can't be taken are still read, in the hope for its end.
const maxDrain = 64 << 20

// dotReader reads the message after 354: dots un-stuffed, up to the line with the single dot, which isn't part of it
// (RFC 5321 §4.5.2). Only CRLF ends a line, so only CRLF.CRLF ends a message; a message with any other CR or LF, or with
// a NUL, is read to that same end and then refused: what another server might take for an end must not pass here.
//
// It scans what is in the stream's buffer in bulk and copies it once.
type dotReader struct {
	in    *stream
	limit int64 // octets; 0 or less: none
	most  int   // hops; 0 or less: any number

	good  int   // so many pending octets are message, un-stuffed and checked
	bol   bool  // the next pending octet begins a line
	size  int64 // octets of message found so far
	hops  hopCounter
	spoil error // ErrMalformed, ErrTooBig or ErrLoop: nothing more is delivered
	spilt int64 // octets that were thrown away
	done  error // nil until the end; then io.EOF or what broke the stream
}

func (d *dotReader) begin(in *stream, c *Config) {
	*d = dotReader{in: in, limit: c.MaxSize, most: c.MaxHops, bol: true, hops: hopCounter{over: c.MaxHops <= 0}}
	in.await(c.Deadlines.Message)
	in.patience = c.Deadlines.Data
}

// Read delivers the message. After a CR that isn't followed by LF and the like nothing is delivered any more.
func (d *dotReader) Read(p []byte) (int, error) { return readPiece(d, p) }

// WriteTo delivers the message from where it lies.
func (d *dotReader) WriteTo(w io.Writer) (int64, error) { return writePieces(d, w) }

// find sees to it that there is something to deliver, or tells why there will be nothing.
func (d *dotReader) find() error {
	for d.good == 0 {
		switch {
		case d.spoil != nil:
			return d.spoil
		case d.done != nil:
			return d.done
		}
		d.scan()
	}
	return nil
}

func (d *dotReader) piece() []byte { return d.in.pending()[:d.good] }

func (d *dotReader) use(n int) {
	d.in.r += n
	d.good -= n
}

// spill throws away what hasn't been delivered.
func (d *dotReader) spill() {
	d.spilt += int64(d.good)
	d.use(d.good)
}

// drain reads to the end of the message, and tells what is wrong with it: nil, ErrMalformed, ErrTooBig, ErrLoop, or
// what broke the stream.
func (d *dotReader) drain() error {
	for d.done == nil {
		d.spill()
		if d.scan(); d.spilt > maxDrain {
			d.done = errFlood
		}
	}
	d.spill()
	if d.done != io.EOF {
		return d.done
	}
	return d.spoil
}

// scan looks at what is pending, once d.good has been used: it finds more of the message, or its end, or fills.
func (d *dotReader) scan() {
	data := d.in.pending()
	if d.bol && len(data) > 0 && data[0] == '.' {
		d.dot(data)
		return
	}
	n := d.run(data)
	if n == 0 {
		d.more()
		return
	}
	d.size += int64(n)
	if d.limit > 0 && d.size > d.limit && d.spoil == nil {
		d.spoil = ErrTooBig
	}
	if d.most > 0 && d.hops.count > d.most && d.spoil == nil {
		d.spoil = ErrLoop
	}
	d.good = n
	if d.spoil != nil {
		d.spill()
	}
}

// dot decides on a dot that begins a line.
func (d *dotReader) dot(data []byte) {
	switch {
	case len(data) >= 3 && data[1] == '\r' && data[2] == '\n':
		d.in.r += 3
		d.done = io.EOF
	case len(data) == 1, len(data) == 2 && data[1] == '\r':
		d.more()
	default: // stuffed
		d.in.r++
		d.bol = false
	}
}

// run finds how many octets of data belong to the message as they are: up to the next line that begins with a dot, or
// up to a final CR, whose LF may be still on its way. It checks them.
func (d *dotReader) run(data []byte) int {
	n, lines := 0, 0
	for n < len(data) {
		if d.bol && data[n] == '.' {
			break
		}
		end := bytes.IndexByte(data[n:], '\n')
		if end < 0 {
			tail := len(data)
			if data[tail-1] == '\r' {
				tail--
			}
			d.bol = d.bol && tail == n
			if !d.hops.over && tail > n {
				d.hops.look(data[n:tail])
			}
			n = tail
			break
		}
		if !d.hops.over {
			d.hops.look(data[n : n+end+1])
		}
		n += end + 1
		d.bol = n > 1 && data[n-2] == '\r'
		if !d.bol {
			d.spoil = ErrMalformed
		}
		lines++
	}
	if bytes.Count(data[:n], []byte{'\r'}) != lines || bytes.IndexByte(data[:n], 0) >= 0 {
		d.spoil = ErrMalformed
	}
	return n
}

func (d *dotReader) more() { d.done = d.in.fillMessage() }
