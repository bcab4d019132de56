package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/relayspec/relayspec/fakes/memnet"
)

// oddity is what a relay does next: waits for something to be said (or not), pauses, says octets, closes.
type oddity struct {
	listens bool
	pause   time.Duration
	says    string
	closes  bool
}

// oddities draws what a relay may do that goes by no rule.
func oddities(t *rapid.T) []oddity {
	said := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "220 hello\r\n", "250 ok\r\n", "250-mail\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 CHUNKING\r\n",
			"250-mail\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n", "354 go\r\n", "354-go\r\n354 on\r\n", "221 bye\r\n",
			"421 4.7.0 later\r\n", "450 4.2.1 peak\r\n", "452 4.5.3 too many\r\n", "503 5.5.1 no\r\n", "550 5.4.5 daily\r\n",
			"552 5.3.4 large\r\n", "554 5.7.1 no\r\n", "535 5.7.8 no\r\n", "235 2.7.0 yes\r\n", "334 \r\n", "250 ok\r\n250 ok\r\n",
			"250 ok\r\n250 ok\r\n354 go\r\n", "250-", "250 half", "nonsense\r\n", "250 ok\n", "999 what\r\n", "250-a\r\n550 b\r\n",
		}),
		rapid.Map(rapid.IntRange(200, 599), func(code int) string { return fmt.Sprintf("%d any\r\n", code) }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
	)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) oddity {
		return oddity{
			listens: rapid.IntRange(0, 9).Draw(t, "listens") > 0,
			pause:   rapid.SampledFrom([]time.Duration{0, 0, 0, 0, time.Second, time.Hour, 100 * time.Hour}).Draw(t, "pause"),
			says:    said.Draw(t, "says"),
			closes:  rapid.IntRange(0, 29).Draw(t, "closes") == 0,
		}
	}), 0, 16).Draw(t, "oddities")
}

// odd plays oddities to one connection; behind the last it is silent until the other end goes.
func odd(conn net.Conn, script []oddity) {
	defer conn.Close()
	heard := make([]byte, 1<<16)
	for _, o := range script {
		if o.listens {
			if _, err := conn.Read(heard); err != nil {
				return
			}
		}
		time.Sleep(o.pause)
		if _, err := conn.Write([]byte(o.says)); err != nil || o.closes {
			return
		}
	}
	for {
		if _, err := conn.Read(heard); err != nil {
			return
		}
	}
}

// ordeal is what a server is put through: the relay's two connections, and what it sends.
type ordeal struct {
	relays   [2][]oddity
	user     string
	messages [3]struct {
		recipients int
		next       Next
	}
	ending Ending
}

func ordeals(t *rapid.T) (o ordeal) {
	o.relays = [2][]oddity{oddities(t), oddities(t)}
	o.user = rapid.SampledFrom([]string{"", "user"}).Draw(t, "user")
	for i := range o.messages {
		o.messages[i].recipients = rapid.IntRange(1, 5).Draw(t, "recipients")
		o.messages[i].next = rapid.SampledFrom([]Next{Nothing, Another, Perhaps}).Draw(t, "next")
	}
	o.ending = rapid.SampledFrom([]Ending{ByQuit, ByEOF}).Draw(t, "ending")
	return o
}

// Whatever a relay says, or doesn't: each server comes to an end in time, with one fate a recipient.
func TestAnyRelay(t *testing.T) {
	for _, server := range names(t) {
		m := manner(t, server)
		t.Run(server, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				o := ordeals(rt)
				var err error
				synctest.Test(t, func(*testing.T) {
					err = o.run(m)
				})
				if err != nil {
					rt.Fatal(err)
				}
			})
		})
	}
}

func (o ordeal) run(m *Manner) error {
	var relays sync.WaitGroup
	defer relays.Wait()
	dials, begun := 0, time.Now()
	s, err := Open(context.Background(), Options{Manner: m, Host: "mail", User: o.user, Password: "secret",
		Dial: func(context.Context) (net.Conn, error) {
			if dials++; dials > 2 {
				return nil, errors.New("it dials too often")
			}
			here, there := memnet.Pair(netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.2:25"))
			relays.Go(func() { odd(there, o.relays[dials-1]) })
			return here, nil
		}})
	if err == nil {
		err = o.send(s)
	} else {
		var refused *Refused
		if errors.As(err, &refused) && (refused.Verdict == Deferred || refused.Verdict == Bounced) {
			err = nil
		}
	}
	if took := time.Since(begun); err == nil && took > 20*24*time.Hour {
		err = fmt.Errorf("it took %v", took)
	}
	if err == nil && dials > 2 {
		err = fmt.Errorf("it dials %d times", dials)
	}
	return err
}

func (o ordeal) send(s *Session) error {
	for _, message := range o.messages {
		e := Envelope{Sender: "a@x", Content: []byte(".hello\r\n")}
		for i := range message.recipients {
			e.Recipients = append(e.Recipients, fmt.Sprintf("r%d@x", i))
		}
		fates, again, err := s.Send(context.Background(), e, message.next)
		if err := check(e, fates); err != nil {
			return err
		}
		switch {
		case err != nil && !errors.Is(err, ErrStale):
			return err
		case message.next == Nothing && again:
			return errors.New("the session goes on although nothing follows")
		case !again:
			if _, _, err := s.Send(context.Background(), e, message.next); !errors.Is(err, ErrOver) {
				return fmt.Errorf("a session that has ended sends: %v", err)
			}
			return nil
		}
	}
	s.End(o.ending)
	return nil
}

// check holds that each recipient has one fate that is one.
func check(e Envelope, fates []Fate) error {
	if len(fates) != len(e.Recipients) {
		return fmt.Errorf("%d fates of %d recipients", len(fates), len(e.Recipients))
	}
	for i, f := range fates {
		switch {
		case f.Recipient != e.Recipients[i]:
			return fmt.Errorf("fate %d is that of %s", i, f.Recipient)
		case f.Verdict == Delivered && (f.Err != nil || !f.Reply.Positive()):
			return fmt.Errorf("delivered, with %v %v", f.Reply, f.Err)
		case f.Verdict != Delivered && f.Verdict != Deferred && f.Verdict != Bounced:
			return fmt.Errorf("%q is no verdict", f.Verdict)
		case f.Verdict != Delivered && f.Err == nil && f.Reply.Code == 0:
			return fmt.Errorf("%s, and nobody knows why", f.Verdict)
		case f.Verdict == Bounced && !f.Reply.Permanent():
			return fmt.Errorf("bounced for %v %v", f.Reply, f.Err)
		}
	}
	return nil
}

// A relay that never answers is waited for as long as the server does, at each stage.
func TestSilence(t *testing.T) {
	begin := []oddity{{says: "220 hello\r\n"}}
	ok := oddity{listens: true, says: "250 ok\r\n"}
	for _, server := range names(t) {
		m := manner(t, server)
		for answered, want := range []time.Duration{
			m.Timeouts.Greeting.Value, m.Timeouts.Hello.Value, m.Timeouts.Mail.Value, m.Timeouts.Rcpt.Value, m.Timeouts.Data.Value,
		} {
			script := begin
			for range answered - 1 {
				script = append(script, ok)
			}
			if answered == 0 {
				script = nil
			}
			t.Run(fmt.Sprint(server, answered), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					if got := patience(t, m, script); got < want || got > want+time.Second {
						t.Errorf("it waits %v, want %v", got, want)
					}
				})
			})
		}
	}
}

// patience is how long a server stays with a relay that falls silent.
func patience(t *testing.T, m *Manner, script []oddity) time.Duration {
	begun := time.Now()
	o := Options{Manner: m, Host: "mail.corp.example", Dial: func(context.Context) (net.Conn, error) {
		here, there := memnet.Pair(netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.2:25"))
		go odd(there, script)
		return here, nil
	}}
	s, err := Open(context.Background(), o)
	if err == nil {
		var fates []Fate
		if fates, _, err = s.Send(context.Background(), Envelope{Sender: "a@x", Recipients: []string{"b@x"}}, Nothing); err == nil {
			err = fates[0].Err
			if fates[0].Verdict != Deferred {
				t.Errorf("a relay that is silent: %s", fates[0].Verdict)
			}
		}
	}
	if err == nil || !strings.Contains(err.Error(), "nothing within") {
		t.Errorf("a relay that is silent: %v", err)
	}
	took := time.Since(begun)
	synctest.Wait()
	return took
}

// Whoever stops a session isn't kept waiting.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begun := time.Now()
		o := Options{Manner: manner(t, "sendmail"), Host: "x.example", Dial: func(context.Context) (net.Conn, error) {
			here, there := memnet.Pair(netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.2:25"))
			go odd(there, []oddity{{says: "220 hello\r\n"}, {listens: true, says: "250 ok\r\n"}})
			return here, nil
		}}
		s, err := Open(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		fates, again, err := s.Send(ctx, Envelope{Sender: "a@x", Recipients: []string{"b@x"}}, Nothing)
		if err != nil || again || fates[0].Verdict != Deferred || time.Since(begun) > 2*time.Second {
			t.Errorf("%v, %v, %v, after %v", fates, again, err, time.Since(begun))
		}
		synctest.Wait()
	})
}
