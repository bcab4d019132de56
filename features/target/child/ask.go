package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Bounds of a question.
const (
	maxAnswer  = 1 << 20     // octets of an answer
	heldWithin = time.Second // for what holds the output open of a program that has ended
)

// Question is something that a program is asked. Command must be given.
type Question struct {
	Command []string
	Env     []string // besides the environment, NAME=value each
	Dir     string
	Input   []byte        // on standard input, which ends then
	Within  time.Duration // how long the answer may take; 0: no bound but the context's
}

// Answer is what a program said to a question.
type Answer struct {
	Output []byte // on standard output, at most 1 MiB
	Code   int    // the exit status
	Tail   string // what it said last on standard error, for an error: "; it said last:" and lines, or "; it said nothing"
}

// Ask runs a program to its end. Whatever the program leaves in its process group is ended with it.
//
// Errors: it can't be started, it takes too long, it says too much, it is ended by a signal, or it leaves a process that
// holds its output open. An exit status is none.
func Ask(ctx context.Context, q Question) (Answer, error) {
	if q.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, q.Within, fmt.Errorf("no answer within %s", q.Within))
		defer cancel()
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	command := exec.CommandContext(ctx, q.Command[0], q.Command[1:]...)
	out, log := &bounded{stop: stop}, &output{line: func(string) {}}
	faults := &stream{output: log}
	command.Dir, command.Env, command.Stdin = q.Dir, slices.Concat(os.Environ(), q.Env, []string{ours()}), bytes.NewReader(q.Input)
	command.Stdout, command.Stderr = out, faults
	inGroup(command)
	command.Cancel = func() error { killGroup(command); return nil }
	command.WaitDelay = heldWithin
	runtime.LockOSThread() // the process ends with this thread
	defer runtime.UnlockOSThread()
	if err := command.Start(); err != nil {
		return Answer{}, fmt.Errorf("start %s: %w", q.Command[0], err)
	}
	err := command.Wait()
	killGroup(command)
	faults.flush()
	answer := Answer{Output: out.kept.Bytes(), Code: command.ProcessState.ExitCode(), Tail: log.tail()}
	switch cause := context.Cause(ctx); {
	case errors.Is(err, exec.ErrWaitDelay):
		return answer, errors.New("it ended and left a process that holds its output open; let that close its output, or wait for it")
	case cause != nil:
		return answer, fmt.Errorf("%w%s", cause, answer.Tail)
	case answer.Code < 0:
		return answer, fmt.Errorf("%s%s", command.ProcessState, answer.Tail)
	case err != nil && answer.Code == 0:
		return answer, fmt.Errorf("read its answer: %w", err)
	}
	return answer, nil
}

// bounded keeps what is written, up to maxAnswer.
type bounded struct {
	kept bytes.Buffer
	stop context.CancelCauseFunc
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.kept.Len()+len(p) > maxAnswer {
		err := fmt.Errorf("it answers with more than %d octets, beginning with %q", maxAnswer, Beginning(b.kept.Bytes()))
		b.stop(err)
		return 0, err
	}
	return b.kept.Write(p)
}

// Beginning gives the first words of what a program said, on one line.
func Beginning(said []byte) string {
	const most = 60
	words := strings.Join(strings.Fields(string(said[:min(len(said), 4*most)])), " ")
	if len(words) > most {
		return words[:most] + "..."
	}
	return words
}
