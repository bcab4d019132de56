package fidelity

import (
	"slices"
	"strings"
	"testing"

	"github.com/relayspec/relayspec/fakes/relay"
)

// The script that is made of a recording answers as its relay did, and what is the same differs in nothing.
func TestARecordingThatIsSaidAgainDiffersInNothing(t *testing.T) {
	for _, r := range all(t) {
		t.Run(r.Server+"-"+r.Case, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(r.Case, "h_") || strings.HasPrefix(r.Case, "f_") {
				return // times are compared in these; see below
			}
			for _, d := range Compare(r, &Played{Sessions: play(t, r, r.Sessions)}, 0) {
				if !strings.Contains(d.Text, "recorded ended by EOF") || r.Server != "exim" {
					t.Error(d)
				}
			}
		})
	}
}

// asRecorded is what was played when it was just this.
func asRecorded(sessions []relay.Session) *Played {
	return &Played{Sessions: sessions, AtOnce: parallel(conversations(sessions))}
}

// What is laid beside itself differs in nothing.
func TestTheSameDiffersInNothing(t *testing.T) {
	for _, r := range all(t) {
		for _, d := range Compare(r, asRecorded(r.Sessions), 20) {
			t.Errorf("%s: %s", r.File, d)
		}
	}
}

// changed gives the recording's sessions, changed.
func changed(r *Recording, change func(sessions []relay.Session) []relay.Session) []relay.Session {
	var copies []relay.Session
	for _, s := range r.Sessions {
		s.Steps, s.Messages = slices.Clone(s.Steps), slices.Clone(s.Messages)
		copies = append(copies, s)
	}
	return change(copies)
}

// stepOf is the index of the n-th step of a verb, from 0.
func stepOf(s relay.Session, verb string, n int) int {
	for i, step := range s.Steps {
		if step.Verb == verb {
			if n == 0 {
				return i
			}
			n--
		}
	}
	panic("there is no " + verb)
}

// each comparison can fail.
func TestWhatDiffersIsFound(t *testing.T) {
	first := func(change func(*relay.Session)) func([]relay.Session) []relay.Session {
		return func(all []relay.Session) []relay.Session { change(&all[0]); return all }
	}
	for name, c := range map[string]struct {
		recording string
		change    func([]relay.Session) []relay.Session
		want      string
	}{
		"spelling": {"sendmail-b_clear", first(func(s *relay.Session) {
			i := stepOf(*s, "MAIL", 0)
			s.Steps[i].Text = strings.Replace(s.Steps[i].Text, "From", "FROM", 1)
		}), `sequence, connection 1: behind EHLO mail.corp.example: recorded "MAIL From:<alice@corp.example> SIZE=n"`},
		"no QUIT": {"qmail-a_plain", first(func(s *relay.Session) {
			i := stepOf(*s, "QUIT", 0)
			s.Steps, s.End = s.Steps[:i], relay.ByEOF
		}), `sequence, connection 1: behind <end-of-data>: recorded "QUIT", the fake says nothing more`},
		"ended otherwise": {"qmail-a_plain", first(func(s *relay.Session) { s.End = relay.ByServer }), "connection, connection 1: recorded ended by QUIT, the fake's by server"},
		"lock-step": {"postfix-b_full", first(func(s *relay.Session) { s.Steps[stepOf(*s, "DATA", 0)].Segment = 99 }),
			"segment, connection 1: recorded [MAIL RCPT DATA] [<end-of-data> QUIT], the fake [MAIL RCPT] [<end-of-data> QUIT]"},
		"in clear":   {"postfix-b_full", first(func(s *relay.Session) { s.TLS = "" }), "connection, connection 1: recorded in TLS, the fake in clear"},
		"no bounce":  {"postfix-c_rcpt550", func(all []relay.Session) []relay.Session { return all[:1] }, "connection: 2 connections recorded, the fake opens 1 connection"},
		"sent twice": {"exim-a_plain", func(all []relay.Session) []relay.Session { return append(all, all[0]) }, "sequence, the fake's connection 1: the real server has none like it"},
		"another size": {"postfix-b_clear", first(func(s *relay.Session) {
			s.Steps[stepOf(*s, "MAIL", 0)].Text = "MAIL FROM:<alice@corp.example> SIZE=900"
		}), "size: SIZE of a message is the content's"},
		"another text": {"postfix-a_plain", first(func(s *relay.Session) {
			s.Messages[0].Content = append([]byte("X-New: 1\r\n"), s.Messages[0].Content...)
		}),
			`content: "test a_plain 1": line 1: recorded "Received: from ws1`},
		"AUTH": {"sendmail-k_auth", first(func(s *relay.Session) {
			s.Steps[stepOf(*s, "AUTH", 0)].Text = "AUTH PLAIN AHJlbGF5dXNlckBjb3JwLmV4YW1wbGUAczNjcmV0"
		}), `recorded "AUTH PLAIN (authzid \"relayuser@corp.example\", user \"relayuser@corp.example\")", the fake says "AUTH PLAIN (authzid \"\"`},
		"no reuse": {"sendmail-f_queue10", func(all []relay.Session) []relay.Session {
			s := all[0]
			s.Steps = s.Steps[:stepOf(s, "RSET", 0)]
			return []relay.Session{s}
		}, "invariant: connections carry up to 10 messages, the fake's only 1"},
		"too many at once": {"exim-f_queue10", func(all []relay.Session) []relay.Session {
			all[1].Opened = all[0].Opened
			return all
		}, "invariant: one connection at a time, the fake has 2 open at once"},
		"an RSET elsewhere": {"postfix-f_queue10", first(func(s *relay.Session) {
			s.Steps[stepOf(*s, "QUIT", 0)].Verb = "RSET"
		}), "invariant: the fake says RSET"},
		"another shape": {"qmail-f_queue10", first(func(s *relay.Session) {
			s.Steps[stepOf(*s, "RCPT", 0)].Segment = s.Steps[stepOf(*s, "MAIL", 0)].Segment
		}),
			"invariant: the fake sends a message as [MAIL RCPT | DATA | <end-of-data>], the real server as [MAIL | RCPT | DATA | <end-of-data>]"},
		"idle for longer": {"postfix-f_queue10", func(all []relay.Session) []relay.Session { all[2].Closed = all[2].Closed.Add(9e9); return all },
			"invariant: an idle connection is closed after 2.02s, the fake's after 11.05s"},
		"a message less": {"qmail-f_queue10", func(all []relay.Session) []relay.Session { return all[1:] }, "invariant: transactions by their number of recipients: recorded 10x1, the fake's 9x1"},
		"too early":      {"postfix-h_retry", func(all []relay.Session) []relay.Session { all[3].Opened = all[3].Opened.Add(-5e9); return all }, "invariant: attempt 4 comes 10.03s after the one before, the fake's 5.03s"},
		"too few":        {"postfix-h_retry", func(all []relay.Session) []relay.Session { return all[:4] }, "invariant: attempt 5 comes after 20.03s, the fake makes only 4"},
		"another name":   {"exim-f_queue10", first(func(s *relay.Session) { s.Steps[stepOf(*s, "EHLO", 0)].Text = "EHLO localhost" }), "invariant: the fake begins a connection with EHLO localhost, the real server with EHLO mail.corp.example"},
		"QUIT for EOF":   {"qmail-f_queue10", first(func(s *relay.Session) { s.End = relay.ByEOF }), "invariant: the fake ends connections by EOF, the real server by QUIT"},
	} {
		t.Run(name, func(t *testing.T) {
			r := named(t, c.recording)
			found := Compare(r, asRecorded(changed(r, c.change)), 20)
			if !slices.ContainsFunc(found, func(d Difference) bool { return strings.Contains(d.String(), c.want) }) {
				t.Errorf("got %q, want %q", found, c.want)
			}
		})
	}
}
