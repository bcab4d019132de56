package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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

// oddity is what a relay does at its next turn: what is usual, or something else.
type oddity struct {
	usual bool
	pause time.Duration // before
	says  string        // in place of the usual
	ends  bool          // the connection, behind it
}

// oddRelay is a relay that goes by no rule: at each turn, the greeting's first, it does the next of its oddities, and
// behind the last it is silent.
type oddRelay struct {
	offers string // what EHLO announces
	turns  []oddity
	heard  *[]string // what it was told, if anybody wants to know
}

// oddRelays draws one.
func oddRelays(t *rapid.T) oddRelay {
	said := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "220 hello\r\n", "250 ok\r\n", "354 go\r\n", "354-go\r\n354 on\r\n", "221 bye\r\n", "421 4.7.0 later\r\n",
			"450 4.2.1 peak\r\n", "452 4.5.3 too many\r\n", "503 5.5.1 no\r\n", "550 5.4.5 daily\r\n", "554 5.7.1 no\r\n",
			"535 5.7.8 no\r\n", "235 2.7.0 yes\r\n", "334 \r\n", "250 ok\r\n250 ok\r\n", "250 ok\r\n421 later\r\n", "250-", "250 half",
			"nonsense\r\n", "250 ok\n", "999 what\r\n", "250-a\r\n550 b\r\n", "250-mail\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
		}),
		rapid.Map(rapid.IntRange(200, 599), func(code int) string { return fmt.Sprintf("%d any\r\n", code) }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
	)
	turn := rapid.Custom(func(t *rapid.T) oddity {
		return oddity{
			usual: rapid.IntRange(0, 5).Draw(t, "usual") > 0,
			pause: rapid.SampledFrom([]time.Duration{0, 0, 0, 0, 0, 0, 0, 0, time.Second, time.Hour, 100 * time.Hour}).Draw(t, "pause"),
			says:  said.Draw(t, "says"),
			ends:  rapid.IntRange(0, 29).Draw(t, "ends") == 29,
		}
	})
	return oddRelay{
		offers: rapid.SampledFrom([]string{
			"250 mail\r\n", "250-mail\r\n250-PIPELINING\r\n250 SIZE\r\n", "250-mail\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
			"250-mail\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE\r\n250 CHUNKING\r\n",
		}).Draw(t, "offers"),
		turns: rapid.SliceOfN(turn, 5, 40).Draw(t, "turns"),
	}
}

// meet plays the relay to one connection.
func (o oddRelay) meet(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	reply := "220 hello\r\n"
	for _, turn := range o.turns {
		time.Sleep(turn.pause)
		if !turn.usual {
			reply = turn.says
		}
		if _, err := io.WriteString(conn, reply); err != nil || turn.ends && !turn.usual {
			return
		}
		var err error
		if reply, err = o.hear(in, strings.HasPrefix(reply, "354")); err != nil {
			return
		}
	}
	for err := error(nil); err == nil; _, err = o.line(in) {
	}
}

// hear takes what the sender says next, and gives what is usual to reply.
func (o oddRelay) hear(in *bufio.Reader, content bool) (string, error) {
	line, err := o.line(in)
	for ; content && err == nil && line != ".\r\n"; line, err = o.line(in) {
	}
	verb, argument, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch verb {
	case "EHLO":
		return o.offers, err
	case "DATA":
		return "354 go\r\n", err
	case "STARTTLS":
		return "454 not now\r\n", err
	case "AUTH":
		return "235 yes\r\n", err
	case "BDAT":
		var octets int
		if _, scanErr := fmt.Sscan(argument, &octets); scanErr != nil {
			return "501 how many?\r\n", err
		}
		_, err = in.Discard(octets)
	}
	return "250 ok\r\n", err
}

// line takes a line.
func (o oddRelay) line(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if o.heard != nil && line != "" {
		*o.heard = append(*o.heard, strings.TrimSpace(line))
	}
	return line, err
}

// ordeal is what a server is put through: the relay's two connections, and what it sends.
type ordeal struct {
	relays   [2]oddRelay
	user     string
	messages [3]struct {
		recipients int
		next       Next
	}
	ending Ending
}

func ordeals(t *rapid.T) (o ordeal) {
	o.relays = [2]oddRelay{oddRelays(t), oddRelays(t)}
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
			relay := o.relays[dials-1]
			relays.Go(func() { relay.meet(there) })
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
	for _, server := range names(t) {
		m := manner(t, server)
		for answered, want := range []time.Duration{
			m.Timeouts.Greeting.Value, m.Timeouts.Hello.Value, m.Timeouts.Mail.Value, m.Timeouts.Rcpt.Value, m.Timeouts.Data.Value,
			m.Timeouts.EndOfData.Value,
		} {
			t.Run(fmt.Sprint(server, answered), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					if got := patience(t, m, answered); got < want || got > want+time.Second {
						t.Errorf("it waits %v, want %v", got, want)
					}
				})
			})
		}
	}
}

// patience is how long a server stays with a relay that falls silent.
func patience(t *testing.T, m *Manner, answered int) time.Duration {
	begun := time.Now()
	s, err := Open(context.Background(), Options{Manner: m, Host: "mail.corp.example", Dial: silentAfter(answered)})
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

// silentAfter connects to a relay that falls silent after so many turns.
func silentAfter(turns int) func(context.Context) (net.Conn, error) {
	silent := oddRelay{offers: "250 mail\r\n"}
	for range turns {
		silent.turns = append(silent.turns, oddity{usual: true})
	}
	return silent.dial
}

// dial connects to the relay.
func (o oddRelay) dial(context.Context) (net.Conn, error) {
	here, there := memnet.Pair(netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.2:25"))
	go o.meet(there)
	return here, nil
}

// What no relay should say: the server does no harm, and says what it does in the ends of sessions.
func TestOddReplies(t *testing.T) {
	const all = "250-mail\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
	for _, tt := range []struct {
		name, server string
		turns        []string // "": the usual; what comes behind them is usual
		want         string
		fates        string
	}{
		{"354 although nobody is there", "postfix", []string{"", "", "", "550 no\r\n"},
			"EHLO x.y|MAIL FROM:<a@x>|RCPT TO:<b@x>|DATA|.|QUIT", "bounced rcpt 550"},
		{"421 to DATA when nobody is left", "postfix", []string{"", "", "", "550 no\r\n", "421 bye\r\n"},
			"EHLO x.y|MAIL FROM:<a@x>|RCPT TO:<b@x>|DATA", "bounced rcpt 550"},
		{"421 to RCPT after MAIL was refused", "postfix", []string{"", "", "550 no\r\n", "421 bye\r\n"},
			"EHLO x.y|MAIL FROM:<a@x>|RCPT TO:<b@x>|DATA", "bounced mail 550"},
		{"a chunk is taken although nobody is there", "exim", []string{"", "", "", "550 no\r\n"},
			"EHLO x.y|MAIL FROM:<a@x>|RCPT TO:<b@x>|BDAT 6 LAST|QUIT", "bounced rcpt 550"},
		{"250 to DATA", "sendmail", []string{"", "", "", "", "250 ok\r\n"},
			"EHLO x.y|MAIL From:<a@x>|RCPT To:<b@x>|DATA|QUIT", "deferred data 250"},
		{"354 to MAIL", "postfix", []string{"", "", "354 go\r\n"}, "", "deferred mail 354"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				odd := oddRelay{offers: all, heard: &[]string{}}
				for _, says := range tt.turns {
					odd.turns = append(odd.turns, oddity{usual: says == "", says: says})
				}
				odd.turns = append(odd.turns, make([]oddity, 5)...)
				for i := len(tt.turns); i < len(odd.turns); i++ {
					odd.turns[i].usual = true
				}
				s := begun(t, Options{Manner: manner(t, tt.server), Host: "x.y", Dial: odd.dial})
				e := Envelope{Sender: "a@x", Recipients: []string{"b@x"}, Content: []byte("text\r\n")}
				fates, again, err := s.Send(context.Background(), e, Nothing)
				if err != nil || again {
					t.Error(again, err)
				}
				synctest.Wait()
				if got := fmt.Sprint(fates[0].Verdict, " ", fates[0].Stage, " ", fates[0].Reply.Code); got != tt.fates {
					t.Errorf("fate %s, want %s", got, tt.fates)
				}
				if got := strings.Join(*odd.heard, "|"); tt.want != "" && got != tt.want {
					t.Errorf("it says\n%s, want\n%s", got, tt.want)
				}
			})
		})
	}
}

// Whoever stops a session isn't kept waiting.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begun := time.Now()
		s, err := Open(ctx, Options{Manner: manner(t, "sendmail"), Host: "x.example", Dial: silentAfter(2)})
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
