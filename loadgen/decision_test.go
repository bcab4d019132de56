//go:build unix

package loadgen_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/loadgen"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/wire"
)

// decider drives the Engine of a relay that nobody connects to, as wire does.
type decider struct {
	engine wire.Engine
	facts  policy.Facts
	stop   func() error
}

func newDecider() (*decider, error) {
	d := &decider{facts: policy.Facts{
		Session: "session", Peer: netip.MustParseAddr("127.0.0.1"), Port: policy.Port25, Helo: hello, Extended: true,
	}}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d.stop, err = startRelay(l, nil, func(e wire.Engine) wire.Engine {
		d.engine = e
		return e
	})
	return d, err
}

// accept takes a message from DATA to its acceptance.
func (d *decider) accept(sender policy.Address, to []policy.Address) error {
	d.facts.Sender, d.facts.Recipients, d.facts.Hold = sender, to, nil
	decision, err := d.engine.Decide(context.Background(), policy.Data, &d.facts)
	if err == nil && !decision.Refused() {
		decision, err = d.engine.Commit(context.Background(), &d.facts, strings.NewReader(""))
	}
	if err == nil && decision.Refused() {
		err = fmt.Errorf("refused: %v", decision.Reply)
	}
	return err
}

// mailing is the messages of one round: made before the clock runs, for both sides.
type mailing struct {
	first      uint64 // number of the first message
	senders    []policy.Address
	recipients int // a message
	text       []string
	addresses  []policy.Address
}

func newMailing(round, messages, each int) *mailing {
	m := &mailing{first: uint64(round * messages), recipients: each}
	m.text = recipients(nil, m.first*uint64(each), messages*each)
	for _, text := range m.text {
		m.addresses = append(m.addresses, policy.Address{Local: text[:len(text)-len(recipientDomain)-1], Domain: recipientDomain})
	}
	for n := range messages {
		m.senders = append(m.senders, senderOf(m.first+uint64(n)))
	}
	return m
}

// decisions compares Decide at DATA and Commit, ledger and all, with keeping in a map when each address last got mail.
func (b *bench) decisions(t *loadgen.Table) error {
	for _, each := range []int{1, 50} {
		if err := b.decision(t, each); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) decision(t *loadgen.Table, each int) (err error) {
	d, err := newDecider()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	messages := min(b.live, 200_000) / (each + 3) // about as long for either size
	last := map[string]time.Time{}
	var rounds [2]int
	next := func(side int) *mailing {
		rounds[side]++
		m := newMailing(rounds[side], messages, each)
		runtime.GC() // each side finds the heap as the other one did
		return m
	}
	engine := func() (float64, error) {
		m := next(0)
		started := time.Now()
		for n, sender := range m.senders {
			if err := d.accept(sender, m.addresses[n*each:][:each]); err != nil {
				return 0, err
			}
		}
		return float64(time.Since(started).Nanoseconds()) / float64(messages), nil
	}
	bareMap := func() (float64, error) {
		m := next(1)
		started := time.Now()
		for n := range m.senders {
			now := time.Now()
			for _, address := range m.text[n*each:][:each] {
				last[address] = now
			}
		}
		return float64(time.Since(started).Nanoseconds()) / float64(messages), nil
	}
	if _, err := loadgen.Compare(2, engine, bareMap); err != nil { // what is only slow at first isn't measured
		return err
	}
	name := fmt.Sprintf("Decide at DATA + Commit / bare map, time, %s new", plural(each, "recipient"))
	return b.ratio(t, name, loadgen.Target{}, "ns a message", engine, bareMap)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// allocations counts those of accepting a message to recipients that count already.
func (b *bench) allocations(t *loadgen.Table) (err error) {
	const each = 50
	m := newMailing(0, 200, each)
	l := newLedgerMail(1, 2*len(m.text)) // so that all of them count all the time
	d, err := newDecider()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	var failed error
	count := func(accept func(n int) error) float64 {
		for n := range m.senders {
			failed = errors.Join(failed, accept(n))
		}
		n := 0
		return testing.AllocsPerRun(len(m.senders)*2, func() {
			failed = errors.Join(failed, accept(n%len(m.senders)))
			n++
		})
	}
	t.Add(loadgen.Line{
		Name: "allocations on accept, ledger, 50 known recipients", Unit: "a message", Target: loadgen.AtMost(0),
		Figure: loadgen.Exactly(count(func(n int) error { return l.send(0, m.addresses[n*each:][:each]) })),
	})
	t.Add(loadgen.Line{
		Name: "allocations on accept, Decide at DATA + Commit, the same", Unit: "a message",
		Figure: loadgen.Exactly(count(func(n int) error { return d.accept(m.senders[n], m.addresses[n*each:][:each]) })),
	})
	return failed
}
