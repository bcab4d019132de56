package mta

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/session"
)

// closed gives a server whose relay greets with 421, on a clock of the test's.
func closed(tb testing.TB, profile *Profile) (*Server, *Movable) {
	tb.Helper()
	clock := NewMovable(time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC))
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

// TestADayOfRetries has many deferred messages tried for a day at a relay that can't be spoken to: every one by its
// schedule, none lost. How long that takes is BenchmarkADayOfRetries'.
func TestADayOfRetries(t *testing.T) {
	const messages = 2000
	s, clock := closed(t, named(t, "postfix"))
	defer s.Close()
	wait(t, s, messages)
	if err := clock.Advance(t.Context(), s, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	// At 0, 5, 10, 20, 40 and 80 minutes, and then at the first run of the queue behind each 4,000 s.
	c := s.Counts()
	if want := 25 * messages; c.Deferred != want || s.tries() != want || c.Queued != messages {
		t.Errorf("%d tries, want %d: %+v", s.tries(), want, c)
	}
}

// wait has many messages queued, and tried once.
func wait(tb testing.TB, s *Server, messages int) {
	tb.Helper()
	for range messages / 1000 {
		if _, err := s.Submit(tb.Context(), slices.Repeat([]mail.Submission{submission(1)}, 1000)...); err != nil {
			tb.Fatal(err)
		}
	}
	s.Flush(tb.Context())
	if err := s.Wait(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkADayOfRetries is a day of a hundred thousand messages that wait for a relay that can't be spoken to; 5 s is the
// aim.
func BenchmarkADayOfRetries(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				s, clock := closed(b, named(b, name))
				wait(b, s, 100_000)
				from := s.Counts().Deferred
				b.StartTimer()
				if err := clock.Advance(b.Context(), s, 24*time.Hour); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				b.ReportMetric(float64(s.Counts().Deferred-from), "tries")
				s.Close()
			}
		})
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
			wait(b, s, 10_000)
			from := s.Counts().Deferred
			for b.Loop() {
				if err := clock.Advance(b.Context(), s, time.Hour); err != nil {
					b.Fatal(err)
				}
			}
			if n := s.Counts().Deferred - from; n > 0 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/try")
			}
		})
	}
}
