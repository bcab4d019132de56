package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/relay"
)

const (
	everything = `"SIZE 1000000", "8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING"`
	peak       = "450 4.2.1 Peak SMTP relay limit exceeded"
	daily      = "550 5.4.5 Daily SMTP relay limit exceeded"
)

// TestCases has what was seen of the real servers besides the transcripts (count table of the sending servers), and what
// is known of the others: what each says, by the write, and what becomes of the message.
func TestCases(t *testing.T) {
	for _, tt := range []struct {
		name, servers string
		script        string
		recipients    int
		next          Next
		want          string // a session a line; commands that shared a write have + between
		fates         string
	}{
		{"HELO after a refusal", "postfix osx sendmail exim exchange-hub exchange-2003", `{"ehlo": "502 no"}`, 1, Nothing,
			"EHLO HELO MAIL RCPT DATA . QUIT", "delivered"},
		{"no EHLO", "qmail", `{"ehlo": "421 no"}`, 1, Nothing, "HELO MAIL RCPT DATA . QUIT", "delivered"},
		{"no pipelining", "postfix sendmail", `{"ext": ["SIZE 1000", "8BITMIME", "CHUNKING"]}`, 2, Nothing,
			"EHLO MAIL RCPT RCPT DATA . QUIT", "delivered delivered"},
		{"chunks without pipelining", "exim exchange-hub exchange-edge exchange-2003", `{"ext": ["CHUNKING"]}`, 2, Nothing,
			"EHLO MAIL RCPT RCPT BDAT QUIT", "delivered delivered"},
		{"chunks", "exchange-hub exchange-edge exchange-2003", `{"ext": [` + everything + `]}`, 2, Nothing,
			"EHLO MAIL+RCPT+RCPT BDAT QUIT", "delivered delivered"},
		{"all together", "domino", `{"ext": [` + everything + `]}`, 2, Nothing,
			"EHLO MAIL+RCPT+RCPT+DATA . QUIT", "delivered delivered"},
		{"one at a time", "groupwise", `{"ext": [` + everything + `]}`, 1, Nothing, "EHLO MAIL RCPT DATA . QUIT", "delivered"},

		{"421 greeting", "postfix osx sendmail exim qmail", `{"greeting": [{"reply": "421 4.7.0 later", "close": true}]}`, 1, Nothing,
			"", "deferred at connect 421"},
		{"554 greeting", "postfix osx qmail", `{"greeting": "554 5.7.1 no"}`, 1, Nothing, "QUIT", "deferred at connect 554"},
		{"554 greeting", "sendmail exim", `{"greeting": "554 5.7.1 no"}`, 1, Nothing, "QUIT", "bounced at connect 554"},
		{"another 2yz", "qmail", `{"greeting": "200 hello"}`, 1, Nothing, "QUIT", "deferred at connect 200"},
		{"another 2yz", "postfix", `{"greeting": "200 hello"}`, 1, Nothing, "EHLO MAIL RCPT DATA . QUIT", "delivered"},
		{"421 to EHLO", "postfix osx sendmail exim", `{"ehlo": [{"reply": "421 4.7.0 later", "close": true}]}`, 1, Nothing,
			"EHLO", "deferred at hello 421"},
		{"421 to MAIL", "postfix osx sendmail exim qmail", `{"ext": [], "mail_rules": [{"reply": "421 4.7.0 later", "close": true}]}`, 1,
			Nothing, "HELLO MAIL", "deferred 421"},

		{"550 to MAIL", "postfix osx", `{"ext": [` + everything + `], "mail_rules": "550 5.7.1 no"}`, 1, Nothing,
			"EHLO MAIL+RCPT+DATA RSET+QUIT", "bounced 550"},
		{"550 to MAIL", "sendmail", `{"ext": [` + everything + `], "mail_rules": "550 5.7.1 no"}`, 1, Nothing,
			"EHLO MAIL QUIT", "bounced 550"},
		{"550 to MAIL", "exim", `{"ext": [` + everything + `], "mail_rules": "550 5.7.1 no"}`, 1, Nothing,
			"EHLO MAIL+RCPT+BDAT+QUIT", "bounced 550"},
		{"550 to MAIL", "qmail", `{"mail_rules": "550 5.7.1 no"}`, 1, Nothing, "HELO MAIL QUIT", "bounced 550"},
		{"450 to DATA", "postfix osx", `{"ext": [` + everything + `], "datacmd_rules": "` + peak + `"}`, 2, Nothing,
			"EHLO MAIL+RCPT+RCPT+DATA RSET+QUIT", "deferred 450 deferred 450"},
		{"450 to DATA", "sendmail", `{"ext": [` + everything + `], "datacmd_rules": "` + peak + `"}`, 2, Nothing,
			"EHLO MAIL RCPT+RCPT+DATA RSET QUIT", "deferred 450 deferred 450"},
		{"450 to RCPT", "exim", `{"rcpt_rules": "` + peak + `"}`, 1, Nothing, "EHLO MAIL RCPT QUIT", "deferred 450"},
		{"450 to RCPT", "qmail", `{"rcpt_rules": "` + peak + `"}`, 1, Nothing, "HELO MAIL RCPT QUIT", "deferred 450"},
		{"one of three", "postfix", `{"ext": [` + everything + `], "rcpt_rules": [["r2@*", "` + daily + `"]]}`, 3, Nothing,
			"EHLO MAIL+RCPT+RCPT+RCPT+DATA .+QUIT", "delivered bounced 550 delivered"},
		{"too many", "sendmail", `{"ext": [` + everything + `], "max_rcpt": 2}`, 3, Perhaps,
			"EHLO MAIL RCPT+RCPT+RCPT+DATA . QUIT", "deferred 452 delivered delivered"},
		{"421 to one of three", "postfix", `{"ext": [` + everything + `], "rcpt_rules": [["r1@*", "` + daily + `"],
			{"match": "r2@*", "reply": "421 4.7.0 later", "close": true}]}`, 3, Nothing,
			"EHLO MAIL+RCPT+RCPT", "bounced 550 deferred 421 deferred 421"},
		{"354 although nobody is there", "postfix", `{"ext": [` + everything + `], "rcpt_rules": "` + daily + `", "datacmd_rules": "354 go"}`,
			1, Nothing, "EHLO MAIL+RCPT+DATA RSET+QUIT", "bounced 550"},
		{"354 of several lines", "exchange-2003", `{"datacmd_rules": "354-go\n354 on"}`, 1, Nothing, "EHLO MAIL RCPT DATA", "deferred 354"},
		{"drop in the content", "postfix sendmail exim qmail", `{"content_rules": [{"octets": 10, "close": true}]}`, 1, Nothing,
			"HELLO MAIL RCPT DATA", "deferred"},
		{"drop at the end", "postfix sendmail exim qmail", `{"data_rules": [{"close": true}]}`, 1, Nothing,
			"HELLO MAIL RCPT DATA .", "deferred"},

		{"535", "postfix osx", `{"ext": ["AUTH LOGIN PLAIN", "STARTTLS"], "auth_after_tls": true, "certificate": "trusted", "auth": "535 5.7.8 no"}`,
			1, Nothing, "EHLO AUTH QUIT", "deferred at auth 535"},
		{"535", "sendmail exim", `{"ext": ["AUTH LOGIN PLAIN", "STARTTLS"], "auth_after_tls": true, "certificate": "trusted", "auth": "535 5.7.8 no"}`,
			1, Nothing, "EHLO STARTTLS EHLO AUTH AUTH MAIL RCPT DATA . QUIT", "delivered"},
		{"421 to AUTH", "sendmail exim postfix", `{"ext": ["AUTH LOGIN PLAIN", "STARTTLS"], "auth_after_tls": true, "certificate": "trusted",
			"auth": [{"reply": "421 4.7.0 later", "close": true}]}`, 1, Nothing, "EHLO STARTTLS EHLO AUTH", "deferred at auth 421"},
		{"AUTH in clear text", "postfix exim", `{"ext": ["AUTH PLAIN"]}`, 1, Nothing, "EHLO MAIL RCPT DATA . QUIT", "delivered"},
		{"no AUTH", "qmail", `{"ext": ["AUTH PLAIN"]}`, 1, Nothing, "HELO MAIL RCPT DATA . QUIT", "delivered"},
		{"a certificate that isn't trusted", "exim", `{"ext": ["STARTTLS"]}`, 1, Nothing,
			"EHLO STARTTLS\nEHLO MAIL RCPT DATA . QUIT", "delivered"},
		{"a certificate that isn't trusted", "postfix sendmail exchange-hub", `{"ext": ["STARTTLS"]}`, 1, Nothing,
			"EHLO STARTTLS EHLO MAIL RCPT DATA . QUIT", "delivered"},
		{"STARTTLS refused", "postfix sendmail exim", `{"ext": ["STARTTLS"], "starttls": "454 4.7.0 not now"}`, 1, Nothing,
			"EHLO STARTTLS MAIL RCPT DATA . QUIT", "delivered"},
		{"no TLS", "osx qmail exchange-2003 domino", `{"ext": ["STARTTLS"]}`, 1, Nothing, "HELLO MAIL RCPT DATA . QUIT", "delivered"},
	} {
		for _, server := range strings.Fields(tt.servers) {
			t.Run(tt.name+"/"+server, func(t *testing.T) {
				peer, o := against(t, server, tt.script)
				if strings.Contains(tt.script, "AUTH") {
					o.User, o.Password = "user", "secret"
				}
				fates := tried(o, tt.recipients, tt.next)
				want := strings.ReplaceAll(tt.want, "HELLO", string(o.Manner.Hello.Verb.Value))
				if strings.HasPrefix(tt.name, "535") && server == "postfix" {
					want = strings.Replace(want, "EHLO", "EHLO STARTTLS EHLO", 1)
				}
				if strings.HasPrefix(tt.name, "535") && server == "osx" { // it has no TLS, and so is offered no AUTH
					want, tt.fates = "EHLO MAIL RCPT DATA . QUIT", "delivered"
				}
				if diff := cmp.Diff(tt.fates, fates); diff != "" {
					t.Errorf("fates (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(want, story(t, peer)); diff != "" {
					t.Errorf("what it said (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// against starts a relay by a script, and gives what a server's sessions need to speak to it.
func against(t *testing.T, server, script string) (*relay.Relay, Options) {
	t.Helper()
	s, err := relay.ParseScript(script)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := relay.Start(context.Background(), relay.Options{Script: *s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	o := Options{Manner: manner(t, server), Host: "mail.corp.example", Dial: dialTo(peer.Address()), TLS: trusting(peer)}
	return peer, o
}

// tried sends one message to r1@x, r2@x ... and tells what became of it.
func tried(o Options, recipients int, next Next) string {
	s, err := Open(context.Background(), o)
	var refused *Refused
	if errors.As(err, &refused) {
		if refused.Err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%s at %s %d", refused.Verdict, refused.Stage, refused.Reply.Code)
	}
	if err != nil {
		return err.Error()
	}
	e := Envelope{Sender: "a@x", Content: []byte("Subject: hello\r\n\r\n.text\r\n"), Received: 20}
	for i := range recipients {
		e.Recipients = append(e.Recipients, fmt.Sprintf("r%d@x", i+1))
	}
	fates, again, err := s.Send(context.Background(), e, next)
	if err != nil {
		return err.Error()
	}
	if again {
		s.End(ByQuit)
	}
	var said []string
	for _, f := range fates {
		said = append(said, string(f.Verdict))
		if f.Verdict != Delivered && f.Reply.Code != 0 {
			said = append(said, fmt.Sprint(f.Reply.Code))
		}
	}
	return strings.Join(said, " ")
}

// story is what a relay was told, a session a line, commands that came in one read with + between.
func story(t *testing.T, peer *relay.Relay) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := peer.Await(ctx, ended); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range peer.Sessions() {
		line, last := "", 0
		for _, step := range s.Steps {
			if step.Segment == 0 || step.Verb == "" {
				continue
			}
			separator := " "
			if step.Segment == last && !(step.Verb == relay.EndOfData && strings.HasSuffix(line, "DATA")) {
				separator = "+"
			}
			last = step.Segment
			line += separator + strings.Replace(step.Verb, relay.EndOfData, ".", 1)
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "\n")
}

func ended(all []relay.Session) bool {
	for _, s := range all {
		if s.Closed.IsZero() {
			return false
		}
	}
	return true
}
