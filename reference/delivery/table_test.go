package delivery

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
)

// Source: RFC 5321 §4.5.4.1.
func TestScheduleDoublesUpToMostAndGivesUp(t *testing.T) {
	received := time.Date(2026, 7, 27, 12, 0, 0, 0, time.UTC)
	s := Schedule{First: time.Minute, Most: 5 * time.Minute, GiveUp: 20 * time.Minute}
	var got []time.Duration
	now := received
	for attempts := 1; ; attempts++ {
		due, ok := s.Next(received, now, attempts)
		if !ok {
			break
		}
		got = append(got, due.Sub(received))
		now = due
	}
	minutes := func(m ...time.Duration) (d []time.Duration) {
		for _, n := range m {
			d = append(d, n*time.Minute)
		}
		return d
	}
	if diff := cmp.Diff(minutes(1, 3, 7, 12, 17, 20), got); diff != "" {
		t.Errorf("attempts after receipt (-want +got):\n%s", diff)
	}
}

func TestScheduleDefaults(t *testing.T) {
	received := time.Date(2026, 7, 27, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		attempts int
		wait     time.Duration
	}{{1, 5 * time.Minute}, {2, 10 * time.Minute}, {5, 80 * time.Minute}, {6, 2 * time.Hour}, {1000000, 2 * time.Hour}} {
		due, ok := Schedule{First: -1}.Next(received, received, c.attempts)
		if !ok || due.Sub(received) != c.wait {
			t.Errorf("after %d attempts: %v, %v", c.attempts, due.Sub(received), ok)
		}
	}
	if _, ok := (Schedule{}).Next(received, received.Add(giveUpTime), 3); ok {
		t.Error("not given up after 5 days")
	}
	if due, ok := (Schedule{}).Next(received, received.Add(giveUpTime-time.Second), 3); !ok || due != received.Add(giveUpTime) {
		t.Errorf("the last attempt is at %v, %v", due, ok)
	}
}

// Source: HELO-UNIQUE, HELO-FORBIDDEN.
func TestNextHopIsChecked(t *testing.T) {
	for _, c := range []struct {
		address, hello, fault string
	}{
		{"192.0.2.1:25", "relay.acme.example", ""},
		{"[::1]:25", "[192.0.2.1]", ""},
		{"192.0.2.1", "relay.acme.example", "give host:port"},
		{"192.0.2.1:", "relay.acme.example", "give host:port"},
		{"192.0.2.1:25", "", "no name for EHLO"},
		{"192.0.2.1:25", "localhost", "names no one"},
		{"192.0.2.1:25", "LocalHost.localdomain.", "names no one"},
		{"192.0.2.1:25", "x.localhost", "names no one"},
		{"192.0.2.1:25", "smtp-relay.gmail.com", "names no one"},
		{"192.0.2.1:25", "relay", "one label"},
		{"192.0.2.1:25", "relay.acme.example\r\nRSET", "can't stand in EHLO"},
	} {
		_, err := NewTransport(NextHop{Address: c.address, Hello: c.hello})
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%q %q: %v", c.address, c.hello, err)
		}
	}
}

// Source: RFC 5321 §4.1.2.
func TestPathPutsQuotesBack(t *testing.T) {
	for want, a := range map[string]policy.Address{
		"":                        {},
		"Postmaster":              {Local: "Postmaster"},
		"anna.b+c@acme.example":   {Local: "anna.b+c", Domain: "acme.example"},
		`"a b"@acme.example`:      {Local: "a b", Domain: "acme.example"},
		`"a\"\\b"@[192.0.2.1]`:    {Local: `a"\b`, Domain: "[192.0.2.1]"},
		`".a"@acme.example`:       {Local: ".a", Domain: "acme.example"},
		`"a@b"@acme.example`:      {Local: "a@b", Domain: "acme.example"},
		`""@acme.example`:         {Domain: "acme.example"},
		"grün@acme.example":       {Local: "grün", Domain: "acme.example"},
		`"a..b"@acme.example`:     {Local: "a..b", Domain: "acme.example"},
		"!#$%&'*+-/=?^_`{|}~@a.b": {Local: "!#$%&'*+-/=?^_`{|}~", Domain: "a.b"},
	} {
		if got := path(a); got != want {
			t.Errorf("path(%+v) = %s, want %s", a, got, want)
		}
	}
}

// deliverer answers as its function does.
type deliverer func(ctx context.Context, e Envelope, body io.Reader) []Outcome

func (d deliverer) Deliver(ctx context.Context, e Envelope, body io.Reader) []Outcome {
	return d(ctx, e, body)
}

func text(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

// TestRunKeepsTheSchedule lets the loop for real time run in a bubble: an hour passes in no time.
func TestRunKeepsTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		q, err := NewQueue(Config{
			Deliverer: deliverer(func(_ context.Context, e Envelope, _ io.Reader) []Outcome {
				at = append(at, time.Since(start))
				return all(e.Recipients, "try", io.ErrUnexpectedEOF)
			}),
			Report:   func(Attempt) {},
			Schedule: Schedule{First: time.Minute, Most: time.Hour},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { q.Run(ctx, time.Now); close(done) }()
		time.Sleep(10 * time.Second)
		m := Message{ID: "m", Envelope: Envelope{Recipients: []policy.Address{{Local: "a", Domain: "b.example"}}}, Received: time.Now(), Open: text("")}
		if err := q.Add(time.Now(), m); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * time.Minute)
		cancel()
		<-done
		want := []time.Duration{10 * time.Second, 70 * time.Second, 190 * time.Second, 430 * time.Second}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

// TestRunGoesOnBesideASlowDelivery lets one delivery take an hour: what comes meanwhile has the other worker.
func TestRunGoesOnBesideASlowDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		at := map[string]time.Duration{}
		q, err := NewQueue(Config{
			Deliverer: deliverer(func(ctx context.Context, e Envelope, body io.Reader) []Outcome {
				id, _ := io.ReadAll(body)
				if strings.HasPrefix(string(id), "slow") {
					select {
					case <-time.After(time.Hour):
					case <-ctx.Done():
					}
				}
				return []Outcome{{Recipient: e.Recipients[0], Status: Delivered}}
			}),
			Report: func(a Attempt) {
				mu.Lock()
				defer mu.Unlock()
				at[a.ID] = a.At.Sub(start)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { q.Run(ctx, time.Now); close(done) }()
		add := func(after time.Duration, id string) {
			time.Sleep(after)
			if err := q.Add(time.Now(), message(id, time.Now(), "a")); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		seen := func(want map[string]time.Duration) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if diff := cmp.Diff(want, at); diff != "" {
				t.Errorf("attempts (-want +got):\n%s", diff)
			}
		}
		add(0, "slow 1")
		add(time.Second, "quick")
		seen(map[string]time.Duration{"quick": time.Second})
		add(time.Second, "slow 2")
		add(time.Second, "third") // both workers are busy until the first hour is over
		seen(map[string]time.Duration{"quick": time.Second})
		time.Sleep(time.Hour)
		synctest.Wait()
		seen(map[string]time.Duration{"quick": time.Second, "slow 1": 0, "third": time.Hour, "slow 2": 2 * time.Second})
		add(0, "slow 3")
		cancel()
		<-done
		if _, reported := at["slow 3"]; !reported {
			t.Error("Run ended before an attempt under way was reported")
		}
	})
}

// A clock that was moved makes due what a sleeping Run has set its alarm for.
func TestRunLooksAgainWhenItIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, ahead := time.Now(), time.Duration(0)
		now := func() time.Time { return time.Now().Add(ahead) }
		var at []time.Duration
		q, err := NewQueue(Config{
			Deliverer: deliverer(func(_ context.Context, e Envelope, _ io.Reader) []Outcome {
				at = append(at, time.Since(start))
				return all(e.Recipients, "try", io.ErrUnexpectedEOF)
			}),
			Report:   func(Attempt) {},
			Schedule: Schedule{First: time.Hour, Most: time.Hour},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { q.Run(ctx, now); close(done) }()
		m := Message{ID: "m", Envelope: Envelope{Recipients: []policy.Address{{Local: "a", Domain: "b.example"}}}, Received: now(), Open: text("")}
		if err := q.Add(now(), m); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ahead = 50 * time.Minute
		q.Wake()
		time.Sleep(11 * time.Minute) // ten of the hour are left
		cancel()
		<-done
		if diff := cmp.Diff([]time.Duration{0, 10 * time.Minute}, at); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}
