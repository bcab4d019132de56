package policyd_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relayspec/relayspec/fakes/memnet"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/policyd"
)

// bubble runs a service in virtual time. dial connects to it.
func bubble(t *testing.T, change func(*policyd.Options), test func(t *testing.T, s *service, dial func() *postfix)) {
	synctest.Test(t, func(t *testing.T) {
		s, err := newService(change, nil)
		if err != nil {
			t.Fatal(err)
		}
		l := memnet.Listen(netip.MustParseAddrPort("127.0.0.1:10040"))
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		test(t, s, func() *postfix {
			conn, err := l.Dial(netip.MustParseAddrPort("127.0.0.1:40000"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			return &postfix{conn, bufio.NewReader(conn)}
		})
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, policyd.ErrClosed) {
			t.Error(err)
		}
	})
}

// must gives the action, and ends the test where there is none.
func must(t *testing.T, p *postfix, a attributes) string {
	t.Helper()
	action, err := p.try(a)
	if err != nil {
		t.Fatal(err)
	}
	return action
}

func TestAHoldThatNobodyEndsGoesBack(t *testing.T) {
	bubble(t, func(o *policyd.Options) { o.Hold = time.Minute }, func(t *testing.T, s *service, dial func() *postfix) {
		p, q := dial(), dial()
		for i := range 9 {
			must(t, p, attributes{"instance": "a", "sender": "x@pico.example", "recipient": fmt.Sprintf("r%d@other.example", i)})
		}
		if got := must(t, p, at("DATA", "a", "x@pico.example", 9)); got != "DUNNO" {
			t.Fatal(got)
		}
		next := func() string {
			must(t, q, attributes{"instance": "b", "sender": "x@pico.example", "recipient": "r0@other.example"})
			return must(t, q, at("DATA", "b", "x@pico.example", 1))
		}
		time.Sleep(time.Minute - time.Second)
		if got := next(); got[:3] != "450" {
			t.Errorf("a second too early: %s", got)
		}
		time.Sleep(time.Second)
		if got := next(); got != "DUNNO" {
			t.Errorf("after a minute: %s", got)
		}
		// What was gathered is still there, and is asked about anew.
		if got := must(t, p, at("END-OF-MESSAGE", "a", "x@pico.example", 9)); got[:3] != "450" {
			t.Errorf("its place is taken, and it is told %s", got)
		}
		if used := s.ledger.Used(s.Now(), "pico", policy.CustomerPeak, "", policy.Window{Length: 10 * time.Minute}); used != 1 {
			t.Errorf("%d are used", used)
		}
		if len(s.told("<postmaster>")) != 0 {
			t.Error("who was gathered is forgotten")
		}
	})
}

func TestWhoWasGatheredIsForgottenInTheEnd(t *testing.T) {
	bubble(t, func(o *policyd.Options) { o.Idle = -1 }, func(t *testing.T, s *service, dial func() *postfix) {
		p, q := dial(), dial()
		for _, instance := range []string{"a", "b"} {
			for i := range 2 {
				must(t, p, attributes{"instance": instance, "sender": "x@pico.example", "recipient": fmt.Sprintf("r%d@other.example", i)})
			}
		}
		for i, wait := range []time.Duration{time.Hour - time.Second, time.Second} {
			time.Sleep(wait)
			must(t, q, attributes{"instance": fmt.Sprint(i), "recipient": "r0@other.example"})
		}
		if got := must(t, p, at("DATA", "b", "x@pico.example", 2)); got != "DUNNO" {
			t.Error(got)
		}
		if told := s.told("accepted: 2, and asked about: 0"); len(told) != 1 {
			t.Errorf("after an hour it is still known who was gathered: %v", told)
		}
	})
}

func TestASilentConnectionEnds(t *testing.T) {
	for name, test := range map[string]struct {
		said  string
		after time.Duration
	}{"between two requests": {"", 20 * time.Minute}, "in a request": {"request=smtpd_access_policy\n", time.Minute}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, _ *service, dial func() *postfix) {
				p, begun := dial(), time.Now()
				io.WriteString(p, test.said)
				if _, err := p.in.ReadByte(); err != io.EOF {
					t.Fatal(err)
				}
				if got := time.Since(begun); got != test.after {
					t.Errorf("it ended after %s, want %s", got, test.after)
				}
			})
		})
	}
}

func TestCloseDoesntWaitForSilentConnections(t *testing.T) {
	bubble(t, func(o *policyd.Options) { o.Idle = -1 }, func(t *testing.T, _ *service, dial func() *postfix) {
		dial()
		if got := must(t, dial(), attributes{"protocol_state": "MAIL"}); got != "DUNNO" {
			t.Error(got)
		}
		synctest.Wait()
	})
}
