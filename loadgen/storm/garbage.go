package storm

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// Garbage is what came of the sessions that said garbage.
type Garbage struct {
	Sessions int
	Octets   int64  // that were said
	Replies  [6]int // by the first digit of their code, where they were read
	// What a relay must never do.
	Unreached int      // connections that weren't accepted
	Endless   int      // sessions that the relay left open although the client had ended its part
	Odd       []string // lines in the clear that are no replies; some of them
	Err       error    // why the first connection wasn't accepted; nil: all were
}

// Faults tells how often the relay did what it must never do.
func (g *Garbage) Faults() int { return g.Unreached + g.Endless + len(g.Odd) }

func (g *Garbage) String() string {
	return fmt.Sprintf("%d sessions, %d octets; replies read: %d of 2xx, %d of 3xx, %d of 4xx, %d of 5xx; %d not accepted, %d left open, %d odd lines",
		g.Sessions, g.Octets, g.Replies[2], g.Replies[3], g.Replies[4], g.Replies[5], g.Unreached, g.Endless, len(g.Odd))
}

func (g *Garbage) add(other *Garbage) {
	g.Sessions += other.Sessions
	g.Octets += other.Octets
	for i, n := range other.Replies {
		g.Replies[i] += n
	}
	g.Unreached += other.Unreached
	g.Endless += other.Endless
	g.Odd = append(g.Odd, other.Odd...)
	if g.Err == nil {
		g.Err = other.Err
	}
}

// thrower says garbage in one session after the other.
type thrower struct {
	storm  *storm
	random *rand.Rand
	tally  Garbage
}

// pelt lets the garbage sessions through.
func (s *storm) pelt(ctx context.Context) Garbage {
	throwers := make([]thrower, min(s.AtOnce, s.Garbage))
	for i := range throwers {
		throwers[i] = thrower{storm: s, random: rand.New(rand.NewPCG(s.Seed, uint64(i)))}
	}
	s.spread(ctx, s.Garbage, func(ctx context.Context, worker, i int) error {
		throwers[worker].session(ctx, i)
		return nil
	})
	var all Garbage
	for i := range throwers {
		all.add(&throwers[i].tally)
	}
	return all
}

// session is one of them: in the clear, to the port of TLS, or, now and then, within TLS.
func (t *thrower) session(ctx context.Context, i int) {
	address, inTLS := t.storm.Address, false
	if t.storm.TLSAddress != "" && t.random.IntN(4) == 0 {
		address, inTLS = t.storm.TLSAddress, t.random.IntN(4) == 0
	}
	t.tally.Sessions++
	conn, err := t.storm.dial(ctx, i, address)
	if err != nil {
		t.tally.Unreached++
		if t.tally.Err == nil {
			t.tally.Err = err
		}
		return
	}
	defer conn.Close()
	if inTLS {
		secured := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // whoever it is: garbage is no secret
		if secured.HandshakeContext(ctx) != nil {
			return // in a storm it may take too long
		}
		conn = secured
	}
	t.throw(conn, t.garbage(), address == t.storm.Address || inTLS)
}

// garbage is one of the corpus as it is, or the beginning of one with the end of another.
func (t *thrower) garbage() []byte {
	one := t.storm.Corpus[t.random.IntN(len(t.storm.Corpus))]
	if t.random.IntN(2) == 0 {
		return one
	}
	other := t.storm.Corpus[t.random.IntN(len(t.storm.Corpus))]
	return slices.Concat(one[:t.random.IntN(len(one)+1)], other[t.random.IntN(len(other)+1):])
}

// throw says octets and ends the session: most often as one should, then the relay has to end it too; or it breaks it off.
func (t *thrower) throw(conn net.Conn, octets []byte, readable bool) {
	t.tally.Octets += int64(len(octets))
	switch t.random.IntN(4) {
	case 0:
		conn.Write(octets)
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0) // the end is a reset
		}
	case 1:
		conn.Write(octets) // and nobody reads
	default:
		t.talk(conn, octets, readable)
	}
}

// talk says octets in two pieces, says that there is no more, and reads meanwhile until the relay ends it.
func (t *thrower) talk(conn net.Conn, octets []byte, readable bool) {
	said := make(chan struct{})
	cut := t.random.IntN(len(octets) + 1)
	go func() {
		defer close(said)
		conn.Write(octets[:cut])
		conn.Write(octets[cut:])
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
	}()
	err := t.read(conn, readable)
	conn.SetDeadline(time.Now()) // what couldn't be said yet needn't be
	<-said
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.tally.Endless++
	}
}

// oddAtMost bounds the odd lines that are kept of a thrower.
const oddAtMost = 5

// read counts the replies. Behind the second 220 TLS begins, which isn't to be read.
func (t *thrower) read(conn net.Conn, readable bool) error {
	in := bufio.NewReader(conn)
	for first := true; readable; first = false {
		line, err := in.ReadString('\n')
		if err != nil {
			if line != "" && errors.Is(err, io.EOF) {
				t.odd(line)
			}
			return err
		}
		switch {
		case !isReply(line):
			t.odd(line)
			readable = false
		case line[3] == ' ':
			t.tally.Replies[line[0]-'0']++
			readable = first || !strings.HasPrefix(line, "220")
		}
	}
	_, err := io.Copy(io.Discard, in)
	return err
}

func (t *thrower) odd(line string) {
	if len(t.tally.Odd) < oddAtMost {
		t.tally.Odd = append(t.tally.Odd, line)
	}
}

// isReply tells whether line is one of a reply. Source: RFC 5321 §4.2.1.
func isReply(line string) bool {
	return len(line) >= 6 && strings.HasSuffix(line, "\r\n") && line[0] >= '2' && line[0] <= '5' &&
		line[1] >= '0' && line[1] <= '9' && line[2] >= '0' && line[2] <= '9' && (line[3] == ' ' || line[3] == '-')
}
