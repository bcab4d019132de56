//go:build unix

package loadgen_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/relayspec/relayspec/loadgen"
)

// find looks for one of Postfix's test programs where it is installed.
func find(program string) (path string, ok bool) {
	if path, err := exec.LookPath(program); err == nil {
		return path, true
	}
	path, err := exec.LookPath(filepath.Join("/usr/sbin", program))
	return path, err == nil
}

// againstSink compares the relay with Postfix's smtp-sink: under smtp-source, and under the pipelined client.
func (b *bench) againstSink(t *loadgen.Table) error {
	if b.alone {
		return nil
	}
	sink, haveSink := find("smtp-sink")
	source, haveSource := find("smtp-source")
	if !haveSink {
		t.Say("smtp-sink: not installed (apt-get install postfix): line left out")
		return nil
	}
	if err := b.pipelinedSink(t, sink); err != nil {
		return err
	}
	if !haveSource {
		t.Say("smtp-source: not installed (apt-get install postfix): line left out")
		return nil
	}
	return b.underSource(t, sink, source)
}

// startSink starts smtp-sink, which needs a port that is free and, as root, a user to be.
func startSink(program string) (*process, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{address: l.Addr().String()}
	l.Close()
	arguments := []string{p.address, "128"}
	if os.Geteuid() == 0 {
		arguments = append([]string{"-u", "nobody"}, arguments...)
	}
	p.command = exec.Command(program, arguments...)
	p.command.Stderr = os.Stderr
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start smtp-sink: %w", err)
	}
	for range 100 {
		conn, err := net.DialTimeout("tcp4", p.address, time.Second)
		if err == nil {
			return p, conn.Close()
		}
		time.Sleep(20 * time.Millisecond) // it says nothing when it is ready
	}
	return nil, errors.Join(fmt.Errorf("smtp-sink doesn't listen on %s", p.address), killed(p))
}

// killed ends a server that takes no other word.
func killed(p *process) error {
	if err := p.command.Process.Kill(); err != nil {
		return err
	}
	var exit *exec.ExitError
	if err := p.command.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// pipelinedSink compares both under the pipelined client.
func (b *bench) pipelinedSink(t *loadgen.Table, sink string) error {
	for _, line := range []struct {
		shape  shape
		target loadgen.Target
	}{{shape{kib, 1}, loadgen.AtLeast(1.2)}, {shape{kib, 50}, loadgen.AtLeast(2.5)}} {
		if err := b.pipelinedSinkLine(t, sink, line.shape, line.target); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) pipelinedSinkLine(t *loadgen.Table, sink string, s shape, target loadgen.Target) (err error) {
	relay, err := b.open(relayServer, s, connections)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, relay.close()) }()
	p, err := startSink(sink)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, killed(p)) }()
	peer, err := opened(nil, p.address, s, connections)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.close()) }()
	return b.ratio(t, "relay / smtp-sink, pipelined, "+s.String(), target, "messages/s",
		relay.rate(pipelined, b.window), peer.rate(pipelined, b.window))
}

// run is one call of smtp-source.
type run struct {
	name      string
	shape     shape
	messages  int // up to what a user may send in a day: each call has a sender of its own
	reconnect bool
	target    loadgen.Target
}

// underSource compares both under smtp-source: lock-step, 10 sessions.
func (b *bench) underSource(t *loadgen.Table, sink, source string) (err error) {
	relay, err := b.serve(relayServer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, relay.stop()) }()
	peer, err := startSink(sink)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, killed(peer)) }()
	calls := uint64(0)
	for _, r := range []run{
		{"", shape{kib, 1}, 3000, false, loadgen.AtLeast(0.9)},
		{"", shape{10 * kib, 1}, 2000, false, loadgen.AtLeast(1.25)},
		{"", shape{100 * kib, 1}, 600, false, loadgen.AtLeast(3.5)},
		{", a connection each", shape{kib, 1}, 1000, true, loadgen.AtLeast(0.85)},
		{"", shape{kib, 50}, 190, false, loadgen.AtLeast(0.85)},
	} {
		measure := func(address string) loadgen.Measure {
			return func() (float64, error) {
				calls++
				return r.rate(source, address, senderOf(calls).String())
			}
		}
		name := "relay / smtp-sink under smtp-source, " + r.shape.String() + r.name
		if err := b.ratio(t, name, r.target, "messages/s", measure(relay.address), measure(peer.address)); err != nil {
			return err
		}
	}
	return nil
}

// rate calls smtp-source and tells messages a second, its start included.
func (r *run) rate(source, address, sender string) (float64, error) {
	arguments := []string{
		"-N", "-s", strconv.Itoa(connections), "-m", strconv.Itoa(r.messages), "-l", strconv.Itoa(r.shape.octets),
		"-r", strconv.Itoa(r.shape.recipients), "-M", hello, "-f", sender, "-t", "to@" + recipientDomain,
	}
	if !r.reconnect {
		arguments = append(arguments, "-d")
	}
	started := time.Now()
	out, err := exec.Command(source, append(arguments, address)...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("smtp-source %v: %w: %s", arguments, err, out)
	}
	return float64(r.messages) / time.Since(started).Seconds(), nil
}
