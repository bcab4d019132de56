//go:build unix

package loadgen_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/emersion/go-smtp"

	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/services"
	"github.com/relayspec/relayspec/reference/wire"
)

// server names what a process of its own serves. Each throws messages away.
type server string

const (
	relayServer  server = "relay"     // as shipped, all rules on
	openServer   server = "rules-off" // the same wire server, with an Engine that accepts everything
	goSMTPServer server = "go-smtp"   // go-smtp's server with a backend that accepts everything
)

// serveUntilEOF is the server's process, with TLS that the authority in a directory vouches for: it prints its address, then usage as JSON for each line of standard input.
func serveUntilEOF(kind server, authority string) (err error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	secret, err := secured(authority)
	if err != nil {
		return err
	}
	stop, err := start(kind, l, secret)
	if err != nil {
		return fmt.Errorf("start %s: %w", kind, err)
	}
	defer func() { err = errors.Join(err, stop()) }()
	fmt.Println(l.Addr())
	out := json.NewEncoder(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if err := out.Encode(usageNow(in.Text() == "memory")); err != nil {
			return err
		}
	}
	return nil
}

func start(kind server, l net.Listener, secret *tls.Config) (stop func() error, err error) {
	switch kind {
	case relayServer:
		return startRelay(l, secret, nil)
	case openServer:
		return startRelay(l, secret, func(wire.Engine) wire.Engine { return open{} })
	case goSMTPServer:
		return startGoSMTP(l, secret)
	}
	return nil, fmt.Errorf("no server is called %q", kind)
}

func startRelay(l net.Listener, secret *tls.Config, engine func(wire.Engine) wire.Engine) (stop func() error, err error) {
	service, err := services.Load(services.Default, nil)
	if err != nil {
		return nil, err
	}
	world, err := newWorld()
	if err != nil {
		return nil, err
	}
	relay, err := reference.Start(reference.Options{
		Service: service, Directory: world, Keeper: mailbox.Discard(), Engine: engine, TLS: secret,
		Listeners: map[policy.Role][]net.Listener{policy.Port25: {l}},
	})
	if err != nil {
		return nil, err
	}
	return relay.Close, nil
}

// open is an Engine without rules.
type open struct{}

func (open) Decide(context.Context, policy.Stage, *policy.Facts) (policy.Decision, error) {
	return policy.Decision{}, nil
}

func (open) Commit(_ context.Context, _ *policy.Facts, body io.Reader) (policy.Decision, error) {
	_, err := io.Copy(io.Discard, body)
	return policy.Decision{}, err
}

func (open) Release(*policy.Facts) {}

func startGoSMTP(l net.Listener, secret *tls.Config) (stop func() error, err error) {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return bare{}, nil }))
	s.Domain, s.TLSConfig = "go-smtp.example", secret
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return func() error {
		err := s.Close()
		if ended := <-served; !errors.Is(ended, smtp.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}, nil
}

// bare is a session of go-smtp's server that accepts everything.
type bare struct{}

func (bare) Reset()                               {}
func (bare) Logout() error                        { return nil }
func (bare) Mail(string, *smtp.MailOptions) error { return nil }
func (bare) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (bare) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }

// usage is what a server's process has used.
type usage struct {
	CPU    int64 // nanoseconds since it began
	Memory int64 // octets of heap in use and stacks, after garbage was collected; 0: not asked for
}

func usageNow(memory bool) usage {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return usage{}
	}
	u := usage{CPU: r.Utime.Nano() + r.Stime.Nano()}
	if memory {
		u.Memory = inUse()
	}
	return u
}

// inUse collects garbage, twice since pools keep theirs once, and tells what is left.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc + stats.StackInuse)
}

// process is a server that runs.
type process struct {
	address string
	command *exec.Cmd
	in      io.WriteCloser // nil: it takes no word
	out     *bufio.Reader
}

// serve starts a server in a process of its own: what it uses is its own, and so is its garbage collector.
func (b *bench) serve(kind server) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{command: exec.Command(program, "-bench.serve="+string(kind), "-bench.authority="+b.authority, "-bench.profile="+b.profile)}
	p.command.Stderr = os.Stderr
	p.command.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // else each server takes a second to end in tests with -race
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", kind, err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", kind, err), p.stop())
	}
	p.address = line[:len(line)-1]
	return p, nil
}

// usage asks for what has been used; what is "cpu" or "memory".
func (p *process) usage(what string) (u usage, err error) {
	if _, err := fmt.Fprintln(p.in, what); err != nil {
		return u, fmt.Errorf("ask the server for its %s: %w", what, err)
	}
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &u)
	}
	if err != nil {
		return u, fmt.Errorf("ask the server for its %s: %w", what, err)
	}
	return u, nil
}

// stop ends the process and waits for it.
func (p *process) stop() error {
	if p.in == nil {
		return killed(p)
	}
	return errors.Join(p.in.Close(), p.command.Wait())
}
