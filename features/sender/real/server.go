package real

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/features/sender"
	"github.com/relayspec/relayspec/features/target/child"
)

// server is a real server that was started. Requests to its driver follow one another.
type server struct {
	profile *Profile
	folder  string // of files for it
	scale   int
	began   time.Time

	process *child.Process // nil: it didn't start
	answers chan string    // lines of the driver's answers
	over    chan struct{}  // closed when no answer is heard any more
	hangUp  sync.Once      // closes over

	mu    sync.Mutex // one request at a time
	input io.WriteCloser
}

var _ sender.Clock = (*server)(nil)

func newServer(p *Profile) *server {
	return &server{profile: p, scale: 1, answers: make(chan string, 1), over: make(chan struct{})}
}

// answerMark begins the lines of the driver's output that are answers.
const answerMark = "> "

func (s *server) start(ctx context.Context, env []string) (err error) {
	heard := func(line string) {
		if answer, is := strings.CutPrefix(line, answerMark); is {
			select {
			case s.answers <- answer:
			case <-s.over:
			}
		}
	}
	s.process, s.input, err = child.Converse(s.profile.command(), env, s.profile.dir, heard)
	if err != nil {
		return err
	}
	s.began = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, startWithin, fmt.Errorf("it isn't ready within %s", startWithin))
	defer cancel()
	_, err = s.answer(ctx)
	return err
}

// answer gathers the lines of one answer.
func (s *server) answer(ctx context.Context) (lines []string, err error) {
	for {
		select {
		case line := <-s.answers:
			verb, rest, _ := strings.Cut(line, " ")
			switch verb {
			case "done":
				return lines, nil
			case "failed":
				return nil, fmt.Errorf("%s: %s%s", s.profile.Name, rest, s.process.Tail())
			}
			lines = append(lines, line)
		case <-s.process.Over():
			return nil, fmt.Errorf("%s ended%s", s.profile.Name, s.tail())
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w%s", s.profile.Name, context.Cause(ctx), s.tail())
		}
	}
}

// tail gives the last lines of the driver's output, where its answers are of no use any more: what still comes is no answer
// to the next question, and nobody waits for it.
func (s *server) tail() string {
	s.hangUp.Do(func() { close(s.over) })
	return s.process.Tail()
}

// isOver tells whether the driver isn't heard any more.
func (s *server) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// request asks the driver for one thing.
func (s *server) request(ctx context.Context, verb string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, answerWithin, fmt.Errorf("no answer to %s within %s", verb, answerWithin))
	defer cancel()
	if s.isOver() {
		return nil, fmt.Errorf("%s: an earlier question wasn't answered in time%s", s.profile.Name, s.process.Tail())
	}
	if _, err := io.WriteString(s.input, verb+"\n"); err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", s.profile.Name, verb, err)
	}
	return s.answer(ctx)
}

// Submit is part of sender.Server: each message in a session of its own, as from another machine of the company's.
func (s *server) Submit(ctx context.Context, messages ...mail.Submission) error {
	for i, m := range messages {
		if err := s.submit(ctx, m); err != nil {
			return fmt.Errorf("message %d of %d: %w", i+1, len(messages), err)
		}
	}
	return nil
}

func (s *server) submit(ctx context.Context, m mail.Submission) error {
	if m.Local {
		return errors.New("the driver takes mail over SMTP only")
	}
	dialer := client.Dialer{Address: s.profile.Listen, Timeout: answerWithin}
	c, err := dialer.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.ReadReply(); err != nil {
		return err
	}
	if _, err := c.Hello(cmp.Or(m.HelloName, "ws1.corp.example")); err != nil {
		return err
	}
	outcome, err := c.Send(client.Message{Sender: m.Sender, Recipients: m.Recipients, Data: m.Content}, client.Lockstep)
	if err != nil {
		return err
	}
	if !outcome.Accepted {
		return fmt.Errorf("%s doesn't take it: %v at %s", s.profile.Name, outcome.Reply, outcome.Stage)
	}
	_, err = c.Quit()
	return err
}

// Flush is part of sender.Server.
func (s *server) Flush(ctx context.Context) error {
	_, err := s.request(ctx, "flush")
	return err
}

// Queue is part of sender.Server.
func (s *server) Queue(ctx context.Context) (all []sender.Queued, err error) {
	lines, err := s.request(ctx, "queue")
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		var one sender.Queued
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			return nil, fmt.Errorf("%s: the driver's answer to queue has %q: %w", s.profile.Name, line, err)
		}
		all = append(all, one)
	}
	return all, nil
}

// Now is part of sender.Clock: the time that has passed, as if timers weren't shortened.
func (s *server) Now() time.Time {
	if s.began.IsZero() {
		return time.Now()
	}
	return s.began.Add(time.Since(s.began) * time.Duration(s.scale))
}

// Advance is part of sender.Clock: it waits as long as d is for a server whose timers are shortened.
func (s *server) Advance(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d / time.Duration(s.scale)):
		return nil
	case <-s.process.Over():
		return fmt.Errorf("%s ended%s", s.profile.Name, s.tail())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop is part of sender.Server: the driver ends with its input, and all that it started with it.
func (s *server) Stop(ctx context.Context) error {
	defer os.RemoveAll(s.folder)
	s.hangUp.Do(func() { close(s.over) })
	if s.process == nil {
		return nil
	}
	s.input.Close()
	select {
	case <-s.process.Over():
	case <-ctx.Done():
	case <-time.After(answerWithin / 3):
	}
	return s.process.Close()
}
