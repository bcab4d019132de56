package mta

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relayspec/relayspec/fakes/memnet"
	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/relay"
)

// allExtensions are what the real servers were offered, but for STARTTLS.
func allExtensions() []string {
	return []string{"SIZE 157286400", "8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8"}
}

// stage is a server before a scripted relay, in virtual time.
type stage struct {
	*Server
	relay  *relay.Relay
	mu     sync.Mutex
	events []Event
	odd    bool // the relay's replies are more or fewer than what it is asked
}

// play runs do with a server before a relay.
func play(t *testing.T, o Options, script relay.Script, do func(*testing.T, *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := memnet.Listen(netip.MustParseAddrPort("127.0.0.2:25"))
		r, err := relay.Start(t.Context(), relay.Options{Listener: listener, Script: script})
		if err != nil {
			t.Fatal(err)
		}
		st := &stage{relay: r}
		o.Observe = func(e Event) {
			st.mu.Lock()
			defer st.mu.Unlock()
			st.events = append(st.events, e)
		}
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			return listener.Dial(netip.MustParseAddrPort("127.0.0.1:1234"))
		}
		o.Trouble = func(err error) { t.Error(err) }
		o.Seed = 1
		if st.Server, err = New(o); err != nil {
			t.Fatal(err)
		}
		do(t, st)
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		r.Close()
	})
}

func named(t testing.TB, name string) *Profile {
	t.Helper()
	p, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// submission is a message to so many recipients: bob first.
func submission(recipients int) mail.Submission {
	s := mail.Submission{
		Sender: "alice@corp.example", HelloName: "ws1.corp.example", Client: "ws1.corp.example",
		Content: []byte("From: Alice <alice@corp.example>\r\nTo: Bob <bob@example.net>\r\nSubject: test\r\n" +
			"Date: Mon, 06 Jan 2025 10:00:00 +0000\r\nMessage-ID: <1@ws1.corp.example>\r\n\r\nHello Bob.\r\n"),
	}
	for i := range recipients {
		s.Recipients = append(s.Recipients, fmt.Sprintf("r%03d@example.net", i+1))
	}
	s.Recipients[0] = "bob@example.net"
	return s
}

// summary counts what came to the relay as sending-servers.md does.
func (st *stage) summary() string {
	verbs, ends := map[string]int{}, map[relay.Ending]int{}
	most, parallel := 0, 0
	sessions := st.relay.Sessions()
	for _, s := range sessions {
		mails := 0
		for _, verb := range s.Commands(false) {
			verbs[verb]++
			if verb == "MAIL" {
				mails++
			}
		}
		most = max(most, mails)
		ends[s.End]++
		at := 0
		for _, other := range sessions {
			if !other.Opened.After(s.Opened) && (other.Closed.IsZero() || other.Closed.After(s.Opened)) {
				at++
			}
		}
		parallel = max(parallel, at)
	}
	text := fmt.Sprintf("%dc/%dm/%dr", len(sessions), verbs["MAIL"], verbs["RCPT"])
	if verbs["RSET"] > 0 {
		text += fmt.Sprintf(" RSET%d", verbs["RSET"])
	}
	text += fmt.Sprintf(" x%d", most)
	for _, end := range []relay.Ending{relay.ByEOF, relay.ByQuit, relay.ByServer, relay.ByError} {
		if ends[end] > 0 {
			text += fmt.Sprintf(" %s%d", end, ends[end])
		}
	}
	return text
}

// finish waits until nothing is under way and no connection is kept.
func (st *stage) finish(t *testing.T) {
	t.Helper()
	if err := st.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	time.Sleep(10 * time.Second)
	synctest.Wait()
}

func refuseRcpt(pattern, reply string) relay.Script {
	return relay.Script{Ext: allExtensions(), Rcpt: relay.Rules{relay.Refuse(pattern, reply, 0)}}
}

// closing gives a reply behind which the relay closes the connection.
func closing(reply string) relay.Rules { return relay.Rules{{Reply: reply, Close: true}} }

const daily = "550 5.4.5 Daily SMTP relay limit exceeded for user. sink-1 - gsmtp"

// TestServersOpenTheConnectionsThatRealOnesDo plays cases whose counts were observed with the real servers.
//
// Source: sending-servers.md §1, count table.
func TestServersOpenTheConnectionsThatRealOnesDo(t *testing.T) {
	full := relay.Script{Ext: allExtensions()}
	for _, c := range []struct {
		name     string
		script   relay.Script
		messages []mail.Submission
		want     map[string]string
	}{
		{"a_plain", relay.Script{}, []mail.Submission{submission(1)}, map[string]string{
			"postfix": "1c/1m/1r x1 QUIT1", "sendmail": "1c/1m/1r x1 QUIT1", "exim": "1c/1m/1r x1 QUIT1", "qmail": "1c/1m/1r x1 QUIT1",
		}},
		{"c_rcpt550", refuseRcpt("bob@*", daily), []mail.Submission{submission(1)}, map[string]string{
			"postfix": "2c/2m/2r RSET1 x1 QUIT2", "osx": "2c/2m/2r RSET1 x1 QUIT2", "sendmail": "1c/2m/2r RSET2 x2 QUIT1",
			"exim": "2c/2m/2r x1 QUIT2", "qmail": "2c/2m/2r x1 QUIT2",
		}},
		{"c_rcpt450", refuseRcpt("bob@*", "450 4.2.1 Peak"), []mail.Submission{submission(1)}, map[string]string{
			"postfix": "1c/1m/1r RSET1 x1 QUIT1", "sendmail": "1c/1m/1r RSET1 x1 QUIT1", "exim": "1c/1m/1r x1 QUIT1", "qmail": "1c/1m/1r x1 QUIT1",
		}},
		{"c_data550", relay.Script{Ext: allExtensions(), End: relay.Rules{relay.Refuse("bob@*", daily, 0)}}, []mail.Submission{submission(1)}, map[string]string{
			"postfix": "2c/2m/2r x1 QUIT2", "sendmail": "1c/2m/2r RSET1 x2 QUIT1", "exim": "2c/2m/2r x1 QUIT2", "qmail": "2c/2m/2r x1 QUIT2",
		}},
		{"c_greet421", relay.Script{Greeting: closing("421 4.7.0 later")}, []mail.Submission{submission(1)}, map[string]string{
			"postfix": "1c/0m/0r x0 server1", "sendmail": "1c/0m/0r x0 server1", "exim": "1c/0m/0r x0 server1", "qmail": "1c/0m/0r x0 server1",
		}},
		{"c_greet554", relay.Script{Greeting: relay.Always("554 5.7.1 no")}, []mail.Submission{submission(1)}, map[string]string{
			"postfix": "1c/0m/0r x0 QUIT1", "sendmail": "1c/0m/0r x0 QUIT1", "exim": "1c/0m/0r x0 QUIT1", "qmail": "1c/0m/0r x0 QUIT1",
		}},
		{"c_ehlo421", relay.Script{EHLO: closing("421 4.7.0 later")}, []mail.Submission{submission(1)}, map[string]string{
			"postfix": "1c/0m/0r x0 server1", "sendmail": "1c/0m/0r x0 server1", "exim": "1c/0m/0r x0 server1", "qmail": "1c/1m/1r x1 QUIT1",
		}},
		{"c_mail421", relay.Script{Ext: allExtensions(), Mail: closing("421 4.7.0 later")}, []mail.Submission{submission(1)}, map[string]string{
			"sendmail": "1c/1m/0r x1 server1", "qmail": "1c/1m/0r x1 server1",
		}},
		{"c_mail550", relay.Script{Ext: allExtensions(), Mail: relay.Rules{relay.Refuse("alice@*", daily, 0)}}, []mail.Submission{submission(1)}, map[string]string{
			"postfix": "2c/2m/2r RSET1 x1 QUIT2", "sendmail": "1c/2m/1r RSET1 x2 QUIT1", "exim": "2c/2m/2r x1 QUIT2", "qmail": "2c/2m/1r x1 QUIT2",
		}},
		{"c_drop", relay.Script{Ext: allExtensions(), Content: relay.Rules{{Close: true, Octets: 100}}}, []mail.Submission{submission(1)}, map[string]string{
			"postfix": "1c/1m/1r x1 server1", "sendmail": "1c/1m/1r x1 server1", "exim": "1c/1m/1r x1 server1", "qmail": "1c/1m/1r x1 server1",
		}},
		{"d_150max100", relay.Script{Ext: allExtensions(), MaxRcpt: 100}, []mail.Submission{submission(150)}, map[string]string{
			"postfix": "3c/3m/150r x1 EOF2 QUIT1", "sendmail": "1c/2m/150r RSET1 x2 QUIT1", "exim": "2c/2m/150r x1 QUIT2", "qmail": "150c/150m/150r x1 QUIT150",
		}},
		{"d_3rcpt", refuseRcpt("r002@*", daily), []mail.Submission{submission(3)}, map[string]string{
			"postfix": "2c/2m/4r x1 QUIT2", "sendmail": "1c/2m/4r RSET1 x2 QUIT1", "exim": "2c/2m/4r x1 QUIT2", "qmail": "4c/4m/4r x1 QUIT4",
		}},
		{"d_150dom", full, []mail.Submission{submission(150)}, map[string]string{
			"postfix": "3c/3m/150r x1 EOF2 QUIT1", "sendmail": "1c/2m/150r RSET1 x2 QUIT1", "exim": "2c/2m/150r x1 QUIT2", "qmail": "150c/150m/150r x1 QUIT150",
		}},
		{"d_150rcpt", refuseRcpt("r149@*", daily), []mail.Submission{submission(150)}, map[string]string{
			"postfix": "4c/4m/151r x1 EOF2 QUIT2", "sendmail": "1c/3m/151r RSET2 x3 QUIT1", "exim": "3c/3m/151r x1 QUIT3", "qmail": "151c/151m/151r x1 QUIT151",
		}},
		{"e_null3", full, []mail.Submission{without(submission(3))}, map[string]string{
			"postfix": "1c/1m/3r x1 QUIT1", "sendmail": "1c/1m/3r x1 QUIT1", "exim": "1c/1m/3r x1 QUIT1", "qmail": "3c/3m/3r x1 QUIT3",
		}},
		{"e_null3rej", refuseRcpt("r00?@*", "550 5.5.3 One recipient"), []mail.Submission{without(submission(3))}, map[string]string{
			"postfix": "1c/1m/3r x1 QUIT1", "sendmail": "1c/1m/3r x1 QUIT1", "exim": "1c/1m/3r x1 QUIT1", "qmail": "3c/3m/3r x1 QUIT3",
		}},
	} {
		for server, want := range c.want {
			t.Run(c.name+"/"+server, func(t *testing.T) {
				play(t, Options{Profile: named(t, server)}, c.script, func(t *testing.T, st *stage) {
					if _, err := st.Submit(t.Context(), c.messages...); err != nil {
						t.Fatal(err)
					}
					st.finish(t)
					if got := st.summary(); got != want {
						t.Errorf("got %s, want %s", got, want)
					}
				})
			})
		}
	}
}

// without is a message without a sender.
func without(s mail.Submission) mail.Submission {
	s.Sender = ""
	return s
}

// TestServersFlushTheirQueues plays ten messages that wait, and then a run of the queue.
//
// Source: sending-servers.md §1, f_queue10 and f_queue10_qq; where the real run depends on timing, as this engine has it.
func TestServersFlushTheirQueues(t *testing.T) {
	twoStage := named(t, "exim").Clone()
	twoStage.Connections.Reuse.Value = AfterFirst
	clear := relay.Script{Ext: allExtensions()}
	encrypted := relay.Script{Ext: append(allExtensions(), "STARTTLS")}
	for name, c := range map[string]struct {
		profile *Profile
		script  relay.Script
		want    string
	}{
		"sendmail":         {named(t, "sendmail"), clear, "1c/10m/10r RSET9 x10 QUIT1"},
		"exim":             {named(t, "exim"), clear, "10c/10m/10r x1 QUIT10"},
		"exim, two-stage":  {twoStage, clear, "2c/10m/10r x9 QUIT2"},
		"qmail":            {named(t, "qmail"), clear, "10c/10m/10r x1 QUIT10"},
		"groupwise":        {named(t, "groupwise"), clear, "10c/10m/10r x1 QUIT10"},
		"exchange-hub":     {named(t, "exchange-hub"), clear, "1c/10m/10r RSET9 x10 QUIT1"},
		"postfix in TLS":   {named(t, "postfix"), encrypted, "10c/10m/10r x1 QUIT10"},
		"sendmail in TLS":  {named(t, "sendmail"), encrypted, "1c/10m/10r RSET9 x10 QUIT1"},
		"exim, untrusting": {named(t, "exim"), encrypted, "20c/10m/10r x1 EOF10 QUIT10"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, Options{Profile: c.profile, Hold: true}, c.script, func(t *testing.T, st *stage) {
				if _, err := st.Submit(t.Context(), slices.Repeat([]mail.Submission{submission(1)}, 10)...); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if n := len(st.relay.Sessions()); n > 0 {
					t.Fatalf("%d connections before the flush", n)
				}
				st.Flush(t.Context())
				st.finish(t)
				if got := st.summary(); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		})
	}
}

// TestExchangeSendsTwentyMessagesAConnection, and opens one more for each twenty that wait.
//
// Source: sending-servers.md §3.1 and §3.3.
func TestExchangeSendsTwentyMessagesAConnection(t *testing.T) {
	for _, name := range []string{"exchange-hub", "exchange-edge", "exchange-2003"} {
		play(t, Options{Profile: named(t, name), Hold: true}, relay.Script{Ext: allExtensions()}, func(t *testing.T, st *stage) {
			if _, err := st.Submit(t.Context(), slices.Repeat([]mail.Submission{submission(1)}, 85)...); err != nil {
				t.Fatal(err)
			}
			st.Flush(t.Context())
			st.finish(t)
			for i, s := range st.relay.Sessions() {
				if len(s.Messages) > 20 {
					t.Errorf("%s: connection %d has %d messages", name, i+1, len(s.Messages))
				}
			}
			if n := len(st.relay.Sessions()); n < 5 || n > 8 || len(st.relay.Messages()) != 85 {
				t.Errorf("%s: %s", name, st.summary())
			}
		})
	}
}

// TestPostfixKeepsConnectionsUnderBacklog: the first connection says QUIT, the others are used again and end after two
// seconds without a word; messages that come one by one have one each.
func TestPostfixKeepsConnectionsUnderBacklog(t *testing.T) {
	play(t, Options{Profile: named(t, "postfix"), Hold: true}, relay.Script{Ext: allExtensions()}, func(t *testing.T, st *stage) {
		if _, err := st.Submit(t.Context(), slices.Repeat([]mail.Submission{submission(1)}, 40)...); err != nil {
			t.Fatal(err)
		}
		st.Flush(t.Context())
		st.finish(t)
		sessions := st.relay.Sessions()
		mails := 0
		for i, s := range sessions {
			resets := 0
			for _, verb := range s.Commands(false) {
				switch verb {
				case "MAIL":
					mails++
				case "RSET":
					resets++
				}
			}
			want, idle := relay.ByEOF, 2*time.Second
			if i == 0 {
				want, idle = relay.ByQuit, 0
			}
			last := s.Steps[len(s.Steps)-1].At
			if got := s.Closed.Sub(last); s.End != want || got != idle {
				t.Errorf("connection %d ended by %s after %s, want %s after %s", i+1, s.End, got, want, idle)
			}
			if resets != len(s.Messages)-1 {
				t.Errorf("connection %d: %d RSET for %d messages", i+1, resets, len(s.Messages))
			}
		}
		if len(sessions) > 20 || mails != 40 || len(sessions) == 40 {
			t.Errorf("%s", st.summary())
		}
	})
	play(t, Options{Profile: named(t, "postfix")}, relay.Script{Ext: allExtensions()}, func(t *testing.T, st *stage) {
		for range 5 {
			if _, err := st.Submit(t.Context(), submission(1)); err != nil {
				t.Fatal(err)
			}
			st.finish(t)
		}
		if got, want := st.summary(), "5c/5m/5r x1 QUIT5"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// TestServersTryAgainUntilDelivered plays a peak limit that ends at the fourth try.
func TestServersTryAgainUntilDelivered(t *testing.T) {
	for server, want := range map[string]string{
		"postfix": "0s 5m0s 10m0s 20m0s", "sendmail": "0s 10m0s 20m0s 30m0s", "exim": "0s 30m0s 1h0m0s 1h30m0s",
		"qmail": "0s 6m40s 26m40s 1h0m0s", "exchange-2003": "0s 1m0s 2m0s 5m0s",
	} {
		t.Run(server, func(t *testing.T) {
			script := relay.Script{Rcpt: relay.Rules{relay.Refuse("bob@*", "450 4.2.1 Peak", 3)}}
			play(t, Options{Profile: named(t, server)}, script, func(t *testing.T, st *stage) {
				start := time.Now()
				if _, err := st.Submit(t.Context(), submission(1)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(3 * time.Hour)
				synctest.Wait()
				var at []string
				for _, s := range st.relay.Sessions() {
					at = append(at, s.Opened.Sub(start).Round(time.Second).String())
				}
				if got := strings.Join(at, " "); got != want {
					t.Errorf("tries at %s, want %s", got, want)
				}
				if c := st.Counts(); c.Delivered != 1 || c.Deferred != 3 || c.Queued != 0 || c.Attempts != 4 {
					t.Errorf("counts %+v", c)
				}
			})
		})
	}
}
