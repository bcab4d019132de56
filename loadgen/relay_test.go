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

// pair opens the two sides of a line and lets measure compare them.
func (b *bench) pair(first, second server, s shape, measure func(first, second *side) error) (err error) {
	a, err := b.open(first, s, connections)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	c, err := b.open(second, s, connections)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	for _, d := range []*side{a, c} { // what is only slow at first isn't measured
		if _, _, err := d.send(pipelined, b.window/2); err != nil {
			return err
		}
	}
	return measure(a, c)
}

// againstGoSMTP compares the relay, all rules on, with go-smtp's bare server under the same pipelined client.
func (b *bench) againstGoSMTP(t *loadgen.Table) error {
	for _, line := range []struct {
		shape  shape
		target loadgen.Target
	}{
		{shape{kib, 1}, loadgen.AtLeast(1.7)},
		{shape{kib, 50}, loadgen.AtLeast(8)},
		{shape{100 * kib, 1}, loadgen.AtLeast(3.5)},
	} {
		err := b.pair(relayServer, goSMTPServer, line.shape, func(relay, bare *side) error {
			return b.ratio(t, "relay / go-smtp bare, pipelined, "+line.shape.String(), line.target, "messages/s",
				relay.rate(pipelined, b.window), bare.rate(pipelined, b.window))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rules compares the relay with the same wire server whose Engine accepts everything.
func (b *bench) rules(t *loadgen.Table) error {
	for _, line := range []struct {
		name   string
		pace   pace
		shape  shape
		target loadgen.Target
	}{
		{"lock-step", lockstep, shape{kib, 1}, loadgen.AtMost(1.07)},
		{"pipelined", pipelined, shape{kib, 1}, loadgen.Target{}},
		{"pipelined", pipelined, shape{kib, 50}, loadgen.AtMost(1.4)},
	} {
		err := b.pair(relayServer, openServer, line.shape, func(on, off *side) error {
			return b.ratio(t, fmt.Sprintf("rules on / off, server CPU, %s, %s", line.name, line.shape), line.target, "us a message",
				on.cost(line.pace, b.window), off.cost(line.pace, b.window))
		})
		if err != nil {
			return err
		}
	}
	const name = "rules on / off, pipelined, "
	s := shape{kib, 50}
	return b.pair(relayServer, openServer, s, func(on, off *side) error {
		return b.ratio(t, name+s.String(), loadgen.Target{}, "messages/s", on.rate(pipelined, b.window), off.rate(pipelined, b.window))
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
	d, err := opened(p, p.address, shape{kib, 1}, 1) // the first one brings what all share
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	before, err := p.usage("memory")
	if err != nil {
		return err
	}
	for range b.idle {
		conn, err := dial(p.address)
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
