//go:build unix

package loadgen_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/loadgen"
)

const kib = 1 << 10

// line is what is compared under one load.
type line struct {
	how    string
	pace   pace
	other  pace // of the second side, where it can't do as the first does; nil: the same
	shape  shape
	cover  cover // "": in the clear
	plain  bool  // the second side is in the clear whatever cover is
	target loadgen.Target
}

func (l *line) String() string { return l.how + ", " + l.shape.String() }

// launch starts a server.
type launch func() (*process, error)

func (b *bench) launch(kind server) launch { return func() (*process, error) { return b.serve(kind) } }

// pair opens the two sides of a line and lets measure compare them.
func (b *bench) pair(first, second launch, l *line, measure func(first, second *side) error) (err error) {
	var sides [2]*side
	for i, start := range []launch{first, second} {
		p, err := start()
		if err != nil {
			return err
		}
		d, err := b.opened(p, l.shape, l.coverOf(i), connections)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.close()) }()
		sides[i] = d
	}
	for i, p := range []pace{l.pace, l.otherPace()} { // what is only slow at first isn't measured
		if _, _, err := sides[i].send(p, b.window/2); err != nil {
			return err
		}
	}
	return measure(sides[0], sides[1])
}

func (l *line) otherPace() pace {
	if l.other != nil {
		return l.other
	}
	return l.pace
}

func (l *line) coverOf(side int) cover {
	if side > 0 && l.plain {
		return inTheClear
	}
	return l.cover
}

// compare measures those of lines that are wanted: the relay, all rules on, and a peer under the same client.
func (b *bench) compare(t *loadgen.Table, name string, first, second launch, lines []line) error {
	for _, l := range lines {
		called := name + ", " + l.String()
		if !b.wants(called) {
			continue
		}
		err := b.pair(first, second, &l, func(relay, peer *side) error {
			return b.ratio(t, called, l.target, "messages/s", relay.rate(l.pace, b.window), peer.rate(l.otherPace(), b.window))
		})
		if errors.Is(err, errNoChunks) {
			t.Say(called + ": the relay announces no CHUNKING: line left out")
			err = nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", called, err)
		}
	}
	return nil
}

// againstGoSMTP compares the relay with go-smtp's bare server.
func (b *bench) againstGoSMTP(t *loadgen.Table) error {
	return b.compare(t, "relay / go-smtp bare", b.launch(relayServer), b.launch(goSMTPServer), []line{
		{how: "pipelined", pace: pipelined, shape: shape{kib, 1}, target: loadgen.AtLeast(1.7)},
		{how: "pipelined", pace: pipelined, shape: shape{10 * kib, 1}},
		{how: "pipelined", pace: pipelined, shape: shape{100 * kib, 1}, target: loadgen.AtLeast(3.5)},
		{how: "pipelined", pace: pipelined, shape: shape{kib, 50}, target: loadgen.AtLeast(8)},
		{how: "one burst a message", pace: burst, shape: shape{kib, 1}, target: loadgen.AtLeast(1.7)},
		{how: "one burst a message", pace: burst, shape: shape{kib, 50}, target: loadgen.AtLeast(8)},
		{how: "BDAT", pace: chunked, shape: shape{kib, 1}, target: loadgen.AtLeast(3)},
		{how: "BDAT", pace: chunked, shape: shape{10 * kib, 1}},
		{how: "BDAT", pace: chunked, shape: shape{100 * kib, 1}},
		{how: "a connection a message", pace: anew, shape: shape{kib, 1}},
		{how: "a session a message, STARTTLS", pace: anew, shape: shape{kib, 1}, cover: fullTLS},
		{how: "a session a message, STARTTLS resumed", pace: anew, shape: shape{kib, 1}, cover: resumedTLS},
	})
}

// tlsAgainstPlain compares the relay with itself: sessions that are encrypted and go on, and such that aren't.
func (b *bench) tlsAgainstPlain(t *loadgen.Table) error {
	return b.compare(t, "relay in TLS / in the clear", b.launch(relayServer), b.launch(relayServer), []line{
		{how: "lock-step", pace: lockstep, shape: shape{kib, 1}, cover: fullTLS, plain: true, target: loadgen.AtLeast(0.9)},
	})
}

// rules compares the relay with the same wire server whose Engine accepts everything.
func (b *bench) rules(t *loadgen.Table) error {
	for _, l := range []line{
		{how: "lock-step", pace: lockstep, shape: shape{kib, 1}, target: loadgen.AtMost(1.07)},
		{how: "one burst a message", pace: burst, shape: shape{kib, 1}},
		{how: "one burst a message", pace: burst, shape: shape{kib, 50}, target: loadgen.AtMost(1.4)},
	} {
		called := "rules on / off, server CPU, " + l.String()
		if !b.wants(called) {
			continue
		}
		err := b.pair(b.launch(relayServer), b.launch(openServer), &l, func(on, off *side) error {
			return b.ratio(t, called, l.target, "us a message", on.cost(l.pace, b.window), off.cost(l.pace, b.window))
		})
		if err != nil {
			return err
		}
	}
	return b.compare(t, "rules on / off", b.launch(relayServer), b.launch(openServer), []line{
		{how: "one burst a message", pace: burst, shape: shape{kib, 50}},
	})
}

// latency compares how long one message takes on one connection, with nothing else going on.
func (b *bench) latency(t *loadgen.Table) (err error) {
	d, err := b.open(relayServer, shape{kib, 1}, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	return b.ratio(t, "p50 of a message, pipelined / lock-step, 1 connection", loadgen.AtMost(1), "us",
		d.median(client.Pipelined, b.window), d.median(client.Lockstep, b.window))
}

// median measures how long the median message takes, in microseconds.
func (d *side) median(mode client.Mode, window time.Duration) loadgen.Measure {
	return func() (float64, error) {
		s := &d.sessions[0]
		var took []time.Duration
		for started := time.Now(); len(took) == 0 || time.Since(started) < window/2; {
			m := s.writer.message(len(took))
			before := time.Now()
			o, err := s.conn.Send(m, mode)
			took = append(took, time.Since(before))
			if err == nil {
				err = refusal(o)
			}
			if err != nil {
				return 0, err
			}
		}
		slices.Sort(took)
		return float64(took[len(took)/2].Nanoseconds()) / 1000, nil
	}
}

// idleConnections tells what sessions that wait for a command cost the relay, extrapolated to 10,000.
func (b *bench) idleConnections(t *loadgen.Table) (err error) {
	p, err := b.serve(relayServer)
	if err != nil {
		return err
	}
	d, err := b.opened(p, shape{kib, 1}, inTheClear, 1) // the first one brings what all share
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	before, err := p.usage("memory")
	if err != nil {
		return err
	}
	for range b.idle {
		conn, err := d.sessions[0].way.open()
		if err != nil {
			return err
		}
		d.sessions = append(d.sessions, session{conn: conn})
	}
	after, err := p.usage("memory")
	if err != nil {
		return err
	}
	each := float64(after.Memory-before.Memory) / float64(b.idle)
	t.Add(loadgen.Line{
		Name: "10,000 idle connections, the relay's heap and stacks", Unit: "MiB", Figure: loadgen.Exactly(each * 10_000 / (1 << 20)),
		Target: loadgen.AtMost(150), Note: fmt.Sprintf("%s octets each, of %s opened; the kernel's not counted", loadgen.Number(each), loadgen.Number(float64(b.idle))),
	})
	return nil
}
