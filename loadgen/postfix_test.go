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

// againstSink compares the relay with Postfix's smtp-sink under our client. smtp-sink has neither BDAT nor TLS.
func (b *bench) againstSink(t *loadgen.Table) error {
	sink := b.sink(t)
	if sink == nil {
		return nil
	}
	return b.compare(t, "relay / smtp-sink", b.launch(relayServer), sink, []line{
		{how: "pipelined", pace: pipelined, shape: shape{kib, 1}, target: loadgen.AtLeast(1.2)},
		{how: "pipelined", pace: pipelined, shape: shape{10 * kib, 1}},
		{how: "pipelined", pace: pipelined, shape: shape{100 * kib, 1}},
		{how: "pipelined", pace: pipelined, shape: shape{kib, 50}, target: loadgen.AtLeast(2.5)},
		{how: "one burst a message", pace: burst, shape: shape{kib, 1}, target: loadgen.AtLeast(1.2)},
		{how: "one burst a message", pace: burst, shape: shape{kib, 50}, target: loadgen.AtLeast(2.5)},
		{how: "BDAT beside one burst a message", pace: chunked, other: burst, shape: shape{kib, 1}, target: loadgen.AtLeast(1.2)},
		{how: "a connection a message", pace: anew, shape: shape{kib, 1}},
	})
}

// sink gives what starts smtp-sink; nil, which the table tells, where it isn't installed or isn't to be used.
func (b *bench) sink(t *loadgen.Table) launch {
	if b.alone {
		return nil
	}
	program, ok := find("smtp-sink")
	if !ok {
		t.Say(b.group + ": smtp-sink isn't installed (apt-get install postfix): lines left out")
		return nil
	}
	return func() (*process, error) { return startSink(program) }
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

// run is one call of smtp-source.
type run struct {
	name      string
	shape     shape
	messages  int // up to what a user may send in a day: each call has a sender of its own
	reconnect bool
	target    loadgen.Target
}

// underSource compares both under smtp-source: lock-step, 10 sessions.
func (b *bench) underSource(t *loadgen.Table) (err error) {
	sink := b.sink(t)
	if sink == nil {
		return nil
	}
	source, ok := find("smtp-source")
	if !ok {
		t.Say(b.group + ": smtp-source isn't installed (apt-get install postfix): lines left out")
		return nil
	}
	relay, err := b.serve(relayServer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, relay.stop()) }()
	peer, err := sink()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.stop()) }()
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
		if !b.wants(name) {
			continue
		}
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
