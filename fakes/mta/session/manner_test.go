package session

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

func TestProfilesHold(t *testing.T) {
	for _, server := range names(t) {
		if faults := manner(t, server).Check(); len(faults) > 0 {
			t.Errorf("%s: %v", server, faults)
		}
	}
}

func TestCheck(t *testing.T) {
	meanings := func(m *Manner) Meanings { return m.Replies.Any }
	for _, tt := range []struct {
		name  string
		spoil func(m *Manner)
		want  string
	}{
		{"a count", func(m *Manner) { m.Envelope.Size.Value = "stored * 2" }, "envelope.size: \"stored * 2\"; write none, or"},
		{"a verb", func(m *Manner) { m.Envelope.Mail.Value = "MAIL FORM:" }, "envelope.mail: \"MAIL FORM:\"; write \"MAIL FROM:\""},
		{"a command", func(m *Manner) { m.Grouping.Together.Value = []string{"mail noop"} },
			"grouping.together[0]: \"noop\" is no command; write some of mail"},
		{"behind DATA", func(m *Manner) { m.Grouping.Together.Value = []string{"quit", "data content"} },
			"grouping.together[1]: content follows data"},
		{"behind QUIT", func(m *Manner) { m.Grouping.Together.Value = []string{"quit rset"} }, "grouping.together[0]: rset follows quit"},
		{"a key", func(m *Manner) { meanings(m)["6yz"] = meanings(m)["5yz"] }, "replies.any.6yz: no reply is called so"},
		{"a meaning", func(m *Manner) { meanings(m)["4yz"] = sourced.Value[Meaning]{Value: "later"} },
			"replies.any.4yz: \"later\"; write one of deferred keep, deferred quit"},
		{"a missing key", func(m *Manner) { delete(meanings(m), "drop") }, "replies.any: it lacks drop"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := manner(t, "postfix")
			tt.spoil(m)
			faults := m.Check()
			if len(faults) != 1 || !strings.HasPrefix(faults[0].Error(), tt.want) {
				t.Errorf("got %v, want %s", faults, tt.want)
			}
		})
	}
}

func TestCount(t *testing.T) {
	content := []byte("Received: x\r\nSubject: y\r\n\r\nbody\r\n") // 33 octets, what was received is 20 in 3 lines
	for _, tt := range []struct {
		count    Count
		received int64
		want     int64 // -1: not said
	}{
		{"none", 20, -1}, {"stored", 0, 33}, {"stored+1023", 20, 1056}, {"stored-1", 20, 32}, {"stored-lines", 20, 29},
		{"stored+lines", 20, 37}, {"received", 20, 20}, {"received", 0, -1}, {"received-lines", 20, 17}, {"received-lines", 500, 496},
		{"stored-99", 0, 0}, {"received-lines", 0, -1},
	} {
		got, ok := tt.count.of(content, tt.received)
		if !ok {
			got = -1
		}
		if got != tt.want {
			t.Errorf("%s of %d received: %d, want %d", tt.count, tt.received, got, tt.want)
		}
	}
}

func TestTogether(t *testing.T) {
	m := &Manner{}
	m.Grouping.Together.Value = []string{"rcpt data", "mail rcpt bdat quit"}
	var got []string
	all := []word{sayMail, sayRcpt, sayData, sayContent, sayBdat, sayRset, sayQuit}
	for _, a := range all {
		for _, b := range all {
			if m.together(a, b) {
				got = append(got, string(a+" "+b))
			}
		}
	}
	want := []string{"mail rcpt", "rcpt rcpt", "rcpt data", "rcpt bdat", "bdat quit"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("together (-want +got):\n%s", diff)
	}
}

// What a stage says comes before what any says, and what is nearer before what is wider.
func TestMeanings(t *testing.T) {
	as := func(m Meaning) sourced.Value[Meaning] { return sourced.Value[Meaning]{Value: m} }
	r := &Replies{
		Rcpt: Meanings{"5yz": as("bounced quit"), "552": as("deferred keep"), "552-": as("deferred close")},
		Any:  Meanings{"5yz": as("bounced keep"), "551": as("deferred quit"), "other": as("deferred quit")},
	}
	for _, tt := range []struct {
		stage client.Stage
		code  int
		lines int
		want  Meaning
	}{
		{client.Rcpt, 550, 1, "bounced quit"}, {client.Rcpt, 551, 1, "bounced quit"}, {client.Rcpt, 552, 1, "deferred keep"},
		{client.Rcpt, 552, 2, "deferred close"}, {client.Rcpt, 550, 2, "bounced quit"}, {client.Mail, 550, 1, "bounced keep"},
		{client.Mail, 551, 1, "deferred quit"}, {client.Mail, 354, 1, "deferred quit"},
	} {
		got := r.of(tt.stage, client.Reply{Code: tt.code, Lines: make([]string, tt.lines)})
		if got != tt.want {
			t.Errorf("%d of %d lines at %s: %s, want %s", tt.code, tt.lines, tt.stage, got, tt.want)
		}
	}
	if m := Meaning("bounced quit"); m.Verdict() != Bounced || m.Then() != Leave {
		t.Errorf("%s: %s, %s", m, m.Verdict(), m.Then())
	}
}

// The words of each type are those that profiles may write, and the zero value is none of them.
func TestWords(t *testing.T) {
	for _, w := range []interface{ Words() []string }{
		Verb(""), Fallback(""), Marked(""), Order(""), Chunking(""), Policy(""), Remedy(""), Mechanism(""), Stage(""), Between(""),
		Ending(""), Rest(""), TooMany(""), Meaning(""),
	} {
		words := w.Words()
		seen := map[string]bool{"": true}
		for _, word := range words {
			if seen[word] {
				t.Errorf("%T: %q twice, or empty", w, word)
			}
			seen[word] = true
		}
		if len(words) < 2 {
			t.Errorf("%T: %v", w, words)
		}
	}
}
