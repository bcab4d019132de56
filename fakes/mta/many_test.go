package mta

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/session"
)

// steady is a clock that its test moves.
type steady struct {
	mu  sync.Mutex
	now time.Time
}

func (s *steady) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// advance moves the clock, and runs what falls due of a server on the way.
func (s *steady) advance(by time.Duration, server *Server) {
	for end := s.Now().Add(by); ; {
		next, ok := server.NextDue()
		if !ok || next.After(end) {
			next = end
		}
		s.mu.Lock()
		s.now = next
		s.mu.Unlock()
		if next.Equal(end) {
			return
		}
		server.RunDue(next)
	}
}

// closed gives a server whose relay greets with 421, on a clock of the test's.
func closed(tb testing.TB, profile *Profile) (*Server, *steady) {
	tb.Helper()
	clock := &steady{now: time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)}
	s, err := newServer(Options{Profile: profile, Relay: "127.0.0.2:25", Clock: clock, Hold: true, Seed: 1})
	if err != nil {
		tb.Fatal(err)
	}
	s.open = func(context.Context, string, string) (line, error) {
		return nil, &session.Refused{Verdict: session.Deferred, Stage: client.Connect, Reply: client.Reply{Code: 421, Lines: []string{"4.7.0 try later"}}}
	}
	s.run()
	return s, clock
}

// TestADayOfRetriesForHundredThousand has a hundred thousand deferred messages tried for a day at a relay that can't be
// spoken to: every one by its schedule, none lost, in less time than is bound below.
func TestADayOfRetriesForHundredThousand(t *testing.T) {
	if underRace || testing.Short() {
		t.Skip("it measures")
	}
	const messages, bound = 100_000, 5 * time.Second
	s, clock := closed(t, named(t, "postfix"))
	defer s.Close()
	for range messages / 1000 {
		if _, err := s.Submit(t.Context(), slices.Repeat([]mail.Submission{submission(1)}, 1000)...); err != nil {
			t.Fatal(err)
		}
	}
	s.Flush(t.Context())
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	clock.advance(24*time.Hour, s)
	took := time.Since(begun)
	c := s.Counts()
	t.Logf("%s for %d tries over %d connections", took.Round(time.Millisecond), c.Deferred, c.Connections)
	// At 0, 5, 10, 20, 40 and 80 minutes, and then at the first run of the queue behind each 4,000 s.
	if want := 25 * messages; c.Deferred != want || s.tries() != want || c.Queued != messages {
		t.Errorf("%d tries, want %d: %+v", s.tries(), want, c)
	}
	if took > bound {
		t.Errorf("a day took %s, want %s at most", took, bound)
	}
}

// tries sums the tries of all messages that wait.
func (s *Server) tries() (n int) {
	for _, l := range s.Queue() {
		n += l.Attempts
	}
	return n
}

// TestThousandFakesLiveInOneProcess starts a hundred of each, and has each relay a message.
func TestThousandFakesLiveInOneProcess(t *testing.T) {
	before := runtime.NumGoroutine()
	var servers []*Server
	for _, name := range Names() {
		profile := named(t, name) // they share it
		for range 100 {
			s, err := newServer(Options{Profile: profile, Relay: "127.0.0.2:25"})
			if err != nil {
				t.Fatal(err)
			}
			s.open = func(context.Context, string, string) (line, error) { return &taker{}, nil }
			s.run()
			servers = append(servers, s)
		}
	}
	for _, s := range servers {
		if _, err := s.Submit(t.Context(), submission(1)); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range servers {
		if err := s.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c := s.Counts(); c.Delivered != 1 || c.Queued != 0 {
			t.Errorf("%s: %+v", s.Profile().Name, c)
		}
	}
	if n := runtime.NumGoroutine() - before; n > 2*len(servers) {
		t.Errorf("%d goroutines for %d servers that have nothing to do", n, len(servers))
	}
	for _, s := range servers {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// taker is a connection whose relay takes all.
type taker struct{}

func (*taker) Send(_ context.Context, e session.Envelope, next session.Next) ([]session.Fate, bool, error) {
	fates := make([]session.Fate, len(e.Recipients))
	for i, recipient := range e.Recipients {
		fates[i] = session.Fate{Recipient: recipient, Verdict: session.Delivered, Stage: client.EndOfData, Reply: client.Reply{Code: 250, Lines: []string{"OK"}}}
	}
	return fates, next != session.Nothing, nil
}

func (*taker) Idle() (time.Duration, session.Ending) { return 0, session.ByQuit }
func (*taker) End(session.Ending)                    {}
func (*taker) TLS() bool                             { return false }

// BenchmarkSubmit is what it takes to queue one message, and to send it over a connection that costs nothing.
func BenchmarkSubmit(b *testing.B) {
	p, err := Load("postfix")
	if err != nil {
		b.Fatal(err)
	}
	s, err := newServer(Options{Profile: p, Relay: "127.0.0.2:25"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	s.open = func(context.Context, string, string) (line, error) { return &taker{}, nil }
	s.run()
	message := submission(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Submit(b.Context(), message); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRetries is what one try of one deferred message takes, where the relay can't be spoken to.
func BenchmarkRetries(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			p, err := Load(name)
			if err != nil {
				b.Fatal(err)
			}
			s, clock := closed(b, p)
			defer s.Close()
			if _, err := s.Submit(b.Context(), slices.Repeat([]mail.Submission{submission(1)}, 10_000)...); err != nil {
				b.Fatal(err)
			}
			s.Flush(b.Context())
			if err := s.Wait(b.Context()); err != nil {
				b.Fatal(err)
			}
			from := s.Counts().Deferred
			for b.Loop() {
				clock.advance(time.Hour, s)
			}
			if n := s.Counts().Deferred - from; n > 0 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/try")
			}
		})
	}
}
