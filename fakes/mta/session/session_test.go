package session

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/relay"
	"github.com/relayspec/relayspec/reports/transcript"
)

// begun opens a session, which must work.
func begun(t *testing.T, o Options) *Session {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.End(ByEOF) })
	return s
}

// delivers sends one message, which must be delivered.
func delivers(t *testing.T, s *Session, next Next) {
	t.Helper()
	e := Envelope{Sender: "a@x", Recipients: []string{"b@x"}, Content: []byte("hello\r\n")}
	fates, _, err := s.Send(context.Background(), e, next)
	if err != nil || len(fates) != 1 || fates[0].Verdict != Delivered {
		t.Fatalf("%v, %v", fates, err)
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct{ server, host, want string }{
		{"postfix", "srv1", "srv1.localdomain"}, {"osx", "srv1", "srv1.localdomain"}, {"sendmail", "srv1", "srv1"},
		{"exim", "srv1", "srv1"}, {"qmail", "srv1", "srv1"}, {"postfix", "a.b", "a.b"},
	} {
		peer, o := against(t, tt.server, `{}`)
		o.Host = tt.host
		delivers(t, begun(t, o), Nothing)
		if got := peer.Sessions()[0].Hello; got != tt.want {
			t.Errorf("%s on %s says %s, want %s", tt.server, tt.host, got, tt.want)
		}
	}
}

// A second stage of Exim's queue run goes on without RSET; Postfix and Sendmail say it, alone.
func TestBetweenMessages(t *testing.T) {
	for server, want := range map[string]string{
		"exim":     "EHLO MAIL+RCPT+BDAT MAIL+RCPT+BDAT+QUIT",
		"postfix":  "EHLO MAIL+RCPT+DATA . RSET MAIL+RCPT+DATA .+QUIT",
		"sendmail": "EHLO MAIL RCPT+DATA . RSET MAIL RCPT+DATA . QUIT",
	} {
		peer, o := against(t, server, `{"ext": [`+everything+`]}`)
		s := begun(t, o)
		delivers(t, s, Another)
		delivers(t, s, Nothing)
		if got := story(t, peer); got != want {
			t.Errorf("%s: %s, want %s", server, got, want)
		}
	}
}

// After a refused chunk the transaction is still open at the relay.
func TestBetweenRefusedMessages(t *testing.T) {
	peer, o := against(t, "exim", `{"ext": [`+everything+`], "data_rules": [["*", "450 4.2.1 peak", 1]]}`)
	s := begun(t, o)
	e := Envelope{Sender: "a@x", Recipients: []string{"b@x"}, Content: []byte("hello\r\n")}
	if fates, again, err := s.Send(context.Background(), e, Another); err != nil || !again || fates[0].Verdict != Deferred {
		t.Fatalf("%v, %v, %v", fates, again, err)
	}
	delivers(t, s, Nothing)
	if got, want := story(t, peer), "EHLO MAIL+RCPT+BDAT RSET MAIL+RCPT+BDAT+QUIT"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestIdle(t *testing.T) {
	peer, o := against(t, "postfix", `{}`)
	o.Scale = 0.5
	s := begun(t, o)
	delivers(t, s, Perhaps)
	after, by := s.Idle()
	if after != time.Second || by != ByEOF {
		t.Errorf("idle for %v, then %s", after, by)
	}
	s.End(by)
	s.End(ByQuit) // it has ended
	if got := story(t, peer); got != "EHLO MAIL RCPT DATA ." || peer.Sessions()[0].End != relay.ByEOF {
		t.Errorf("%s, ended %s", got, peer.Sessions()[0].End)
	}
	if _, _, err := s.Send(context.Background(), Envelope{}, Nothing); !errors.Is(err, ErrOver) {
		t.Errorf("an ended session: %v", err)
	}
}

// A relay that closes a kept connection costs no message its try.
func TestStale(t *testing.T) {
	peer, o := against(t, "postfix", `{"rset": [{"reply": "421 4.4.2 idle too long", "close": true}]}`)
	s := begun(t, o)
	delivers(t, s, Perhaps)
	fates, again, err := s.Send(context.Background(), Envelope{Sender: "a@x", Recipients: []string{"b@x", "c@x"}}, Nothing)
	if !errors.Is(err, ErrStale) || again || len(fates) != 2 || fates[1].Verdict != Deferred {
		t.Errorf("%v, %v, %v", fates, again, err)
	}
	if got := story(t, peer); got != "EHLO MAIL RCPT DATA . RSET" {
		t.Errorf("it says %s", got)
	}
}

func TestUnfit(t *testing.T) {
	unfit := errors.New("8-bit, and the relay takes 7")
	for server, want := range map[string]string{"exchange-2003": "EHLO RSET QUIT", "exchange-hub": "EHLO QUIT"} {
		peer, o := against(t, server, `{}`)
		o.Convert = func(_ []byte, eightBit bool) ([]byte, error) {
			if eightBit {
				t.Error("the relay offers no 8BITMIME")
			}
			return nil, unfit
		}
		s := begun(t, o)
		e := Envelope{Sender: "a@x", Recipients: []string{"b@x"}, Content: []byte("\xff\r\n")}
		fates, again, err := s.Send(context.Background(), e, Nothing)
		if err != nil || again || fates[0].Verdict != Bounced || !errors.Is(fates[0].Err, unfit) {
			t.Errorf("%v, %v, %v", fates, again, err)
		}
		if got := story(t, peer); got != want {
			t.Errorf("%s: %s, want %s", server, got, want)
		}
	}
}

func TestConverted(t *testing.T) {
	peer, o := against(t, "postfix", `{"ext": ["8BITMIME", "SIZE"]}`)
	o.Convert = func(content []byte, eightBit bool) ([]byte, error) {
		if !eightBit {
			t.Error("the relay offers 8BITMIME")
		}
		return append([]byte("X: y\r\n"), content...), nil
	}
	e := Envelope{Sender: "a@x", Recipients: []string{"b@x"}, Content: []byte("\r\n\xff\r\n")}
	if _, _, err := begun(t, o).Send(context.Background(), e, Nothing); err != nil {
		t.Fatal(err)
	}
	m := peer.Messages()[0]
	if string(m.Content) != "X: y\r\n\r\n\xff\r\n" || strings.TrimSpace(m.Parameters) != "SIZE=11 BODY=8BITMIME" {
		t.Errorf("%q, %q", m.Content, m.Parameters)
	}
}

func TestTLSRequired(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         string // "": it is delivered
	}{
		{"trusted", `{"ext": ["STARTTLS"], "certificate": "trusted"}`, ""},
		{"not offered", `{}`, "deferred at starttls: the relay doesn't offer STARTTLS"},
		{"refused for good", `{"ext": ["STARTTLS"], "starttls": "502 5.5.1 no"}`, "deferred at starttls: 502"},
		{"self-signed", `{"ext": ["STARTTLS"]}`, "deferred at starttls: the relay's certificate can't be verified"},
		{"of another name", `{"ext": ["STARTTLS"], "certificate": "wrong-name"}`, "deferred at starttls: the relay's certificate"},
		{"expired", `{"ext": ["STARTTLS"], "certificate": "expired"}`, "deferred at starttls: the relay's certificate"},
		{"no handshake", `{"ext": ["STARTTLS"], "starttls": [{"reply": "220 go\n500 nonsense", "close": true}]}`, "deferred at starttls"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, o := against(t, "postfix", tt.script)
			o.Manner.TLS.Policy.Value = Required
			o.TLS.ServerName = relay.DefaultName
			s, err := Open(context.Background(), o)
			if tt.want == "" {
				if err != nil || !s.TLS() {
					t.Fatal(err)
				}
				delivers(t, s, Nothing)
				return
			}
			var refused *Refused
			if !errors.As(err, &refused) || !refused.Connected || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

func TestSNI(t *testing.T) {
	for sni, want := range map[bool]string{true: relay.DefaultName, false: ""} {
		peer, o := against(t, "postfix", `{"ext": ["STARTTLS"], "certificate": "trusted"}`)
		o.Manner.TLS.SNI.Value, o.TLS.ServerName = sni, relay.DefaultName
		delivers(t, begun(t, o), Nothing)
		if got := peer.Sessions()[0].SNI; got != want {
			t.Errorf("SNI %t: %q", sni, got)
		}
	}
}

func TestUnconnected(t *testing.T) {
	why := errors.New("connection refused")
	_, err := Open(context.Background(), Options{
		Manner: manner(t, "sendmail"), Host: "a.b", Dial: func(context.Context) (net.Conn, error) { return nil, why },
	})
	var refused *Refused
	if !errors.As(err, &refused) || !errors.Is(err, why) || refused.Connected || refused.Verdict != Deferred || refused.Stage != client.Connect {
		t.Errorf("%#v", err)
	}
}

// What a session says stands in its transcript; what it authenticates with doesn't.
func TestTranscript(t *testing.T) {
	_, o := against(t, "sendmail", `{"ext": ["AUTH PLAIN", "PIPELINING"]}`)
	o.Transcript, o.Name, o.User, o.Password = &transcript.Transcript{}, "one", "user", "secret"
	s := begun(t, o)
	delivers(t, s, Perhaps)
	if s.Begun() != 1 || s.TLS() || s.Peer() == nil {
		t.Errorf("begun %d, TLS %t, peer %v", s.Begun(), s.TLS(), s.Peer())
	}
	var b strings.Builder
	for _, e := range o.Transcript.Entries() {
		b.WriteString(e.String() + "\n")
	}
	for _, want := range []string{"C: MAIL From:<a@x>", "C: RCPT To:<b@x>", "S: 354", "C: AUTH PLAIN [redacted]"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the transcript lacks %s:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "AHNlY3JldA") {
		t.Errorf("the transcript has the password:\n%s", b.String())
	}
}
