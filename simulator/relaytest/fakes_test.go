package relaytest_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/mta"
	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/session"
	"github.com/relayspec/relayspec/simulator/relaytest"
)

// fleet is one fake of each kind before one relay, by whose clock they go.
type fleet struct {
	t       *testing.T
	relay   *relaytest.Relay
	servers map[string]*mta.Server

	mu    sync.Mutex
	tries map[string]map[time.Duration]bool // by server: when it tried a message of the peak's, from when that began
	since time.Time
}

func newFleet(t *testing.T, relay *relaytest.Relay) *fleet {
	t.Helper()
	f := &fleet{t: t, relay: relay, servers: map[string]*mta.Server{}, tries: map[string]map[time.Duration]bool{}, since: relay.Now()}
	for _, name := range mta.Names() {
		profile, err := mta.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		f.tries[name] = map[time.Duration]bool{}
		s, err := mta.New(mta.Options{
			Profile: profile, Relay: relay.Address(), Host: "mail.acme.example", Clock: relay, AtOnce: 8,
			TLS:     &tls.Config{RootCAs: relay.Authority()},
			Observe: func(e mta.Event) { f.note(name, e) },
			Trouble: func(err error) { t.Error(err) },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		f.servers[name] = s
	}
	return f
}

// note keeps when a message was tried.
func (f *fleet) note(name string, e mta.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.HasPrefix(e.Recipient, "peak-") {
		f.tries[name][e.At.Sub(f.since)] = true
	}
	if e.Verdict != session.Delivered && (e.Verdict != session.Deferred || e.Reply.Code != 450 || !strings.HasPrefix(e.Recipient, "peak-")) {
		f.t.Errorf("%s: %s is %s: %v %v", name, e.Recipient, e.Verdict, e.Reply, e.Err)
	}
}

// submit has each server send messages, all of them at once, each to a recipient of its own.
func (f *fleet) submit(kind string, messages int) {
	f.t.Helper()
	var work sync.WaitGroup
	for name, s := range f.servers {
		work.Go(func() {
			for n := range messages {
				_, err := s.Submit(f.t.Context(), mail.Submission{
					Sender: "alice@acme.example", Recipients: []string{recipient(kind, name, n)}, HelloName: "ws1.acme.example",
					Content: fmt.Appendf(nil, "From: alice@acme.example\r\nTo: bob@other.example\r\nSubject: %d\r\n\r\nHello.\r\n", n),
				})
				if err != nil {
					f.t.Error(err)
				}
			}
			if err := s.Wait(f.t.Context()); err != nil {
				f.t.Error(err)
			}
		})
	}
	work.Wait()
}

func recipient(kind, name string, n int) string {
	return fmt.Sprintf("%s-%s-%d@other.example", kind, name, n)
}

// advance moves the clock up to an end, and has each server do what is due when it is.
func (f *fleet) advance(by time.Duration) {
	end := f.relay.Now().Add(by)
	for f.relay.Now().Before(end) {
		next := end
		for _, s := range f.servers {
			if due, ok := s.NextDue(); ok && due.Before(next) {
				next = due
			}
		}
		f.relay.Advance(max(0, next.Sub(f.relay.Now())))
		for _, s := range f.servers {
			s.RunDue(f.relay.Now())
		}
	}
}

// once checks that the relay has what each server sent, one time each.
func (f *fleet) once(kind string, messages int) {
	f.t.Helper()
	got := map[string]int{}
	for _, m := range f.relay.Messages() {
		for _, r := range m.Recipients {
			got[r]++
		}
	}
	wrong := 0
	for name := range f.servers {
		for n := range messages {
			if got[recipient(kind, name, n)] != 1 {
				wrong++
			}
		}
		if c := f.servers[name].Counts(); c.Queued != 0 || c.Bounces != 0 {
			f.t.Errorf("%s: %+v", name, c)
		}
	}
	if wrong > 0 || len(got) == 0 {
		f.t.Errorf("%d of %d messages didn't come once", wrong, messages*len(f.servers))
	}
}

// TestTenFakesRelayThroughTheReference has ten fakes of a thousand messages each before the reference relay at once, and
// then all of them run into a peak limit: what was refused comes back on each one's own schedule until it is delivered.
//
// Source: sending-servers.md §2; the relay's window of 10 minutes is LIM-CUST-PEAK's.
func TestTenFakesRelayThroughTheReference(t *testing.T) {
	messages := 1000
	if testing.Short() {
		messages = 50
	}
	relay := relaytest.NewWith(t, relaytest.Options{Keep: 20_000})
	f := newFleet(t, relay)
	f.submit("plain", messages)
	f.once("plain", messages)

	relay.Use(relaytest.Usage{Counter: relaytest.CustomerPeak, Amount: 18_000})
	f.submit("peak", 5)
	f.advance(time.Hour)
	f.once("peak", 5)
	minutes := map[string][]float64{
		"exchange-hub": {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, "exchange-edge": {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
		"exchange-2003": {0, 1, 2, 5, 10}, "domino": {0, 1, 3, 6, 10}, "groupwise": {0, 20}, "sendmail": {0, 10}, "exim": {0, 30},
		"qmail": {0, 400. / 60, 1600. / 60}, "postfix": {0, 5, 10}, "osx": {0, 5, 10},
	}
	for name, ages := range minutes {
		want := map[time.Duration]bool{}
		for _, age := range ages {
			want[time.Duration(age*60+0.5)*time.Second] = true
		}
		if diff := cmp.Diff(want, f.tries[name]); diff != "" {
			t.Errorf("%s tried at other times (-want +got):\n%s", name, diff)
		}
	}
}
