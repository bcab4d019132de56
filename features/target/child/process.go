package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of a program.
const (
	termWithin = 5 * time.Second // between asking it to end and ending it
	killWithin = 2 * time.Second // for what holds its output open when it has ended itself
	keptLines  = 12              // of its output, for errors
	maxLine    = 4096            // octets of a line of its output
)

// Process is a relay that the harness started, with all processes that it started itself.
type Process struct {
	command *exec.Cmd
	output  *output
	over    chan struct{} // closed when it has ended
	err     error         // how; valid when over is closed
}

// Start starts command in dir, with env besides the environment. Each line of its output is told to line.
func Start(command, env []string, dir string, line func(string)) (*Process, error) {
	return start(command, env, dir, nil, line)
}

// Converse is Start for a program that is told things: what is written to input is its standard input, until that is closed.
func Converse(command, env []string, dir string, line func(string)) (p *Process, input io.WriteCloser, err error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	defer theirs.Close() // the program has its own
	if p, err = start(command, env, dir, theirs, line); err != nil {
		ours.Close()
		return nil, nil, err
	}
	return p, ours, nil
}

func start(command, env []string, dir string, input *os.File, line func(string)) (*Process, error) {
	p := &Process{command: exec.Command(command[0], command[1:]...), over: make(chan struct{})}
	p.output = &output{line: line}
	out, faults := &stream{output: p.output}, &stream{output: p.output} // each its own, so that lines aren't mixed
	p.command.Dir, p.command.Env = dir, slices.Concat(os.Environ(), env, []string{ours()})
	p.command.Stdout, p.command.Stderr = out, faults
	if input != nil {
		p.command.Stdin = input
	}
	p.command.WaitDelay = killWithin // a child of its own may hold its output open
	inGroup(p.command)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the process ends with this thread
		defer runtime.UnlockOSThread()
		err := p.command.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = p.command.Wait()
		out.flush()
		faults.flush()
		close(p.over)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	return p, nil
}

// Over is closed when it has ended.
func (p *Process) Over() <-chan struct{} { return p.over }

// Tail gives the last lines of its output, for an error.
func (p *Process) Tail() string { return p.output.tail() }

// Ended gives an error with the last lines of its output when the process is over.
func (p *Process) Ended() error {
	select {
	case <-p.over:
	default:
		return nil
	}
	how := "exit status 0"
	if p.err != nil && !errors.Is(p.err, exec.ErrWaitDelay) {
		how = p.err.Error()
	}
	return fmt.Errorf("the relay ended: %s%s", how, p.output.tail())
}

// lastMoment is how long a process may take to be over that has closed its connections already.
const lastMoment = 300 * time.Millisecond

// EndedSoon is Ended for who has a sign that it may be so.
func (p *Process) EndedSoon() error {
	select {
	case <-p.over:
	case <-time.After(lastMoment):
	}
	return p.Ended()
}

// Close ends the whole group: it is asked to, and made to when it is over, for a child that let go of the output may be
// left, or when it doesn't go.
func (p *Process) Close() error {
	askGroup(p.command)
	select {
	case <-p.over:
	case <-time.After(termWithin):
	}
	killGroup(p.command)
	select {
	case <-p.over:
		return nil
	case <-time.After(2 * killWithin):
		return fmt.Errorf("the relay, process %d, can't be ended", p.command.Process.Pid)
	}
}

// AwaitReady waits until ready is closed. The error says what the relay said last.
func (p *Process) AwaitReady(ctx context.Context, ready <-chan struct{}, within time.Duration) error {
	select {
	case <-ready:
		return nil
	case <-p.over:
		return p.Ended()
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(within):
		return fmt.Errorf("the relay isn't ready within %s: no line of its output fits start.ready%s", within, p.output.tail())
	}
}

// output gathers the lines of several streams.
type output struct {
	line func(string)

	mu   sync.Mutex
	last []string // the newest keptLines
}

// tail gives the last lines for an error.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.last) == 0 {
		return "; it said nothing"
	}
	return "; it said last:\n  " + strings.Join(o.last, "\n  ")
}

func (o *output) add(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = append(o.last, line)
	o.last = o.last[max(0, len(o.last)-keptLines):]
	o.line(line)
}

// stream cuts what is written into lines. os/exec writes from one goroutine.
type stream struct {
	output *output
	rest   []byte
}

func (s *stream) Write(p []byte) (int, error) {
	s.rest = append(s.rest, p...)
	for {
		end := bytes.IndexByte(s.rest, '\n')
		next := end + 1
		if end < 0 && len(s.rest) < maxLine {
			return len(p), nil
		}
		if end < 0 {
			end, next = maxLine, maxLine
		}
		s.output.add(strings.TrimRight(string(s.rest[:end]), "\r"))
		s.rest = s.rest[next:]
	}
}

// flush makes a line of what came behind the last one.
func (s *stream) flush() {
	if len(s.rest) > 0 {
		s.output.add(string(s.rest))
		s.rest = nil
	}
}
