package mta

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/session"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
	"github.com/relayspec/relayspec/fakes/relay"
)

// told gives the verdicts in their order, each with its recipient's local part.
func (st *stage) told() []string {
	st.mu.Lock()
	defer st.mu.Unlock()
	var all []string
	for _, e := range st.events {
		local, _, _ := strings.Cut(e.Recipient, "@")
		all = append(all, string(e.Verdict)+" "+local)
	}
	return all
}

// TestQmailBouncesWhenAMessageIsFinished: one recipient is refused at once, another is deferred twice; the sender is told
// once, when both are done.
func TestQmailBouncesWhenAMessageIsFinished(t *testing.T) {
	script := relay.Script{Rcpt: relay.Rules{relay.Refuse("bob@*", daily, 0), relay.Refuse("r002@*", "450 4.2.1 Peak", 2)}}
	play(t, Options{Profile: named(t, "qmail")}, script, func(t *testing.T, st *stage) {
		if _, err := st.Submit(t.Context(), submission(2)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []string{"bounced bob", "deferred r002", "deferred r002", "delivered r002", "delivered alice"}
		if diff := cmp.Diff(want, st.told()); diff != "" {
			t.Errorf("verdicts (-want +got):\n%s", diff)
		}
		messages := st.relay.Messages()
		bounce := messages[len(messages)-1]
		if bounce.Sender != "" || !strings.Contains(string(bounce.Content), "<bob@example.net>:") || strings.Contains(string(bounce.Content), "<r002@example.net>:") {
			t.Errorf("the bounce is %q:\n%s", bounce.Sender, bounce.Content)
		}
	})
}

// TestSendmailWarnsOnceAndReturnsAfterFiveDays has a relay that defers for ever what isn't for alice.
func TestSendmailWarnsOnceAndReturnsAfterFiveDays(t *testing.T) {
	script := relay.Script{Rcpt: relay.Rules{relay.Refuse("bob@*", "450 4.2.1 Peak", 0)}}
	play(t, Options{Profile: named(t, "sendmail")}, script, func(t *testing.T, st *stage) {
		start := time.Now()
		if _, err := st.Submit(t.Context(), submission(1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * 24 * time.Hour)
		synctest.Wait()
		var got []string
		for _, e := range st.events {
			if e.Verdict != session.Deferred {
				got = append(got, e.Recipient+" "+string(e.Verdict)+" "+e.At.Sub(start).String())
			}
		}
		want := []string{
			"bob@example.net warned 4h0m0s", "alice@corp.example delivered 4h0m0s",
			"bob@example.net expired 120h0m0s", "alice@corp.example delivered 120h0m0s",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("verdicts (-want +got):\n%s", diff)
		}
		if c := st.Counts(); c.Expired != 1 || c.Bounces != 2 || c.BouncesDelivered != 2 || c.Queued != 0 || c.Deferred != 120*6 {
			t.Errorf("counts %+v", c)
		}
	})
}

// TestDoubleBounces: nobody can be told of a message without a sender.
func TestDoubleBounces(t *testing.T) {
	for server, want := range map[string]string{"postfix": "bounced", "sendmail": "bounced", "exim": "frozen"} {
		play(t, Options{Profile: named(t, server)}, refuseRcpt("bob@*", daily), func(t *testing.T, st *stage) {
			if _, err := st.Submit(t.Context(), without(submission(3))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * 24 * time.Hour)
			synctest.Wait()
			if got := st.told(); !slices.Contains(got, want+" bob") || !slices.Contains(got, "delivered r002") || len(got) != 3 {
				t.Errorf("%s: %v", server, got)
			}
			queued := st.Queue()
			if frozen := len(queued) == 1 && queued[0].Frozen && slices.Equal(queued[0].Recipients, []string{"bob@example.net"}); frozen != (want == "frozen") {
				t.Errorf("%s: queue %+v", server, queued)
			}
			if n := len(st.relay.Sessions()); n != 1 {
				t.Errorf("%s: %d connections", server, n)
			}
		})
	}
}

// TestRecipientsThatAreTooManyFollowAtOnce has a server that sends another transaction for those refused with 452.
func TestRecipientsThatAreTooManyFollowAtOnce(t *testing.T) {
	for _, c := range []struct {
		profile *Profile
		want    string
		counts  [2]int // delivered, deferred
	}{
		{named(t, "sendmail"), "1c/3m/9r x3 QUIT1", [2]int{5, 0}}, {named(t, "exim"), "3c/3m/9r x1 QUIT3", [2]int{5, 0}},
		{named(t, "postfix"), "1c/1m/5r x1 QUIT1", [2]int{2, 3}},
	} {
		script := relay.Script{Ext: allExtensions(), MaxRcpt: 2}
		play(t, Options{Profile: c.profile}, script, func(t *testing.T, st *stage) {
			if _, err := st.Submit(t.Context(), submission(5)); err != nil {
				t.Fatal(err)
			}
			if err := st.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if got := strings.ReplaceAll(st.summary(), " RSET2", ""); got != c.want {
				t.Errorf("%s: %s, want %s", c.profile.Name, got, c.want)
			}
			if n := st.Counts(); n.Delivered != c.counts[0] || n.Deferred != c.counts[1] {
				t.Errorf("%s: %+v", c.profile.Name, n)
			}
		})
	}
}

// TestTroubleIsShared: of many messages that wait one tries the relay, and all are deferred.
func TestTroubleIsShared(t *testing.T) {
	for server, want := range map[string]int{"postfix": 1, "sendmail": 1, "exim": 1, "qmail": 30} {
		script := relay.Script{Greeting: closing("421 4.7.0 later")}
		play(t, Options{Profile: named(t, server), Hold: true}, script, func(t *testing.T, st *stage) {
			if _, err := st.Submit(t.Context(), slices.Repeat([]mail.Submission{submission(1)}, 30)...); err != nil {
				t.Fatal(err)
			}
			st.Flush(t.Context())
			if err := st.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n, c := len(st.relay.Sessions()), st.Counts(); n != want || c.Deferred != 30 || c.Queued != 30 {
				t.Errorf("%s: %d connections, want %d, %+v", server, n, want, c)
			}
		})
	}
}

// TestAFolderOutlivesItsServer closes a server while its relay says nothing, and starts another one on the same folder.
func TestAFolderOutlivesItsServer(t *testing.T) {
	folder := t.TempDir()
	silent := relay.Script{End: relay.Rules{{Match: "bob@*", Silent: true}}}
	play(t, Options{Profile: named(t, "postfix"), Queue: folder}, silent, func(t *testing.T, st *stage) {
		if _, err := st.Submit(t.Context(), submission(1), submission(2)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
	})
	play(t, Options{Profile: named(t, "postfix"), Queue: folder}, relay.Script{}, func(t *testing.T, st *stage) {
		st.finish(t)
		if got := st.relay.Messages(); len(got) != 2 {
			t.Errorf("%d messages came", len(got))
		}
		want := Counts{Delivered: 3, Attempts: 2}
		got := st.Counts()
		got.Connections = 0
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
	})
	if left, err := filepath.Glob(filepath.Join(folder, "*.*")); err != nil || len(left) > 0 {
		t.Errorf("the folder has %v: %v", left, err)
	}
}

// TestAFolderThatCantBeWrittenIsTold: nothing is queued by halves, and what is queued isn't lost.
func TestAFolderThatCantBeWrittenIsTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	postfix := named(t, "postfix")
	if _, err := New(Options{Profile: postfix, Relay: "127.0.0.2:25", Queue: file}); err == nil || !strings.Contains(err.Error(), "name one that can be written") {
		t.Errorf("a file: %v", err)
	}
	folder := filepath.Join(t.TempDir(), "queue")
	s, err := newServer(Options{Profile: postfix, Relay: "127.0.0.2:25", Queue: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	ids, err := s.Submit(t.Context(), submission(1))
	if !errors.Is(err, os.ErrNotExist) || len(ids) != 0 || s.Counts() != (Counts{}) {
		t.Errorf("submitted %v: %v, %+v", ids, err, s.Counts())
	}
}

// TestSubmitRefuses what a server doesn't take.
func TestSubmitRefuses(t *testing.T) {
	s, err := newServer(Options{Profile: named(t, "exim"), Relay: "127.0.0.2:25", Hold: true})
	if err != nil {
		t.Fatal(err)
	}
	long := submission(1)
	long.Content = []byte("Subject: long\r\n\r\n" + strings.Repeat("x", 2500) + "\r\n")
	nobody := submission(1)
	nobody.Recipients = nil
	lines := submission(2)
	lines.Recipients[1] = "bob@example.net>\r\nRSET"
	for want, m := range map[string]mail.Submission{"2500": long, "it has no recipients": nobody, "has a line end": lines} {
		ids, err := s.Submit(t.Context(), submission(1), m, submission(1))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "submit message 2 of 3: ") || len(ids) != 1 {
			t.Errorf("%v: %v, want %s", ids, err, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Submit(t.Context(), submission(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestNewSaysWhatOptionsLack(t *testing.T) {
	postfix := named(t, "postfix")
	for want, o := range map[string]Options{
		"needs a Profile":                {Relay: "127.0.0.2:25"},
		"needs to know where":            {Profile: postfix},
		"documented or vendor, not soon": {Profile: postfix, Relay: "127.0.0.2:25", Retry: "soon"},
		"must not be negative":           {Profile: postfix, Relay: "127.0.0.2:25", AtOnce: -1},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// names is a Resolver that knows some.
type names struct {
	mx    map[string][]*net.MX
	hosts map[string][]string
}

func (n names) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	if records, ok := n.mx[name]; ok {
		return records, nil
	}
	return nil, errors.New("no MX")
}

func (n names) LookupHost(_ context.Context, name string) ([]string, error) {
	if hosts, ok := n.hosts[name]; ok {
		return hosts, nil
	}
	return nil, errors.New("no address")
}

func TestServersFindTheirRelaysAsTheirProfilesSay(t *testing.T) {
	dns := names{
		mx: map[string][]*net.MX{"smtp-relay.gmail.com": {{Host: "b.example.", Pref: 20}, {Host: "a.example.", Pref: 10}}},
		hosts: map[string][]string{
			"smtp-relay.gmail.com": {"::1", "127.0.0.2"}, "a.example": {"127.0.0.3"}, "b.example": {"127.0.0.4", "::1"}, "inside.example": {"127.0.0.9"},
		},
	}
	qmail := named(t, "qmail").Clone()
	qmail.Route.Domains = map[string]sourced.Value[string]{"internal.example": {Value: "inside.example:2525"}, "away.example": {Value: "nowhere.example"}}
	for _, c := range []struct {
		profile   *Profile
		resolve   Resolver
		relay     string
		recipient string
		want      []string
	}{
		{named(t, "postfix"), dns, "", "x@y.example", []string{"127.0.0.3:25", "127.0.0.4:25"}},
		{named(t, "qmail"), dns, "", "x@y.example", []string{"127.0.0.2:25"}},
		{named(t, "exim"), dns, "", "x@y.example", []string{"[::1]:25", "127.0.0.2:25"}},
		{named(t, "sendmail"), dns, "", "x@y.example", []string{"127.0.0.3:25", "127.0.0.4:25", "[::1]:25"}},
		{named(t, "sendmail"), dns, "127.0.0.7:99", "x@y.example", []string{"127.0.0.7:99"}},
		{qmail, dns, "127.0.0.7:99", "x@Internal.Example", []string{"127.0.0.9:2525"}},
		{qmail, dns, "", "x@other.example", []string{"127.0.0.2:25"}},
		{qmail, dns, "", "x@away.example", nil},
	} {
		s, err := newServer(Options{Profile: c.profile, Resolve: c.resolve, Relay: c.relay})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.addresses(t.Context(), s.relayOf(c.recipient))
		if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.want != nil) {
			t.Errorf("%s to %s: %v (-want +got):\n%s", c.profile.Name, c.recipient, err, diff)
		}
		s.Close()
	}
}
