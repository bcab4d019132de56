package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reports/transcript"
)

func TestSessionInLockstep(t *testing.T) {
	c := dial(t, `
		S: 220 relay.example ESMTP
		C: EHLO mail.corp.example
		S: 250-relay.example at your service
		S: 250-SIZE 1000
		S: 250-starttls
		S: 250-AUTH LOGIN PLAIN
		S: 250-AUTH XOAUTH
		S: 250 PIPELINING
		C: NOOP
		S: 250 OK
		C: HELO mail.corp.example
		S: 250 hello
		C: QUIT
		S: 221 bye
		EOF`)
	if greeting := must(t)(c.ReadReply()); greeting.Code != 220 || greeting.Text() != "relay.example ESMTP" {
		t.Errorf("greeting %v", greeting)
	}
	must(t)(c.Hello("mail.corp.example"))
	want := Capabilities{"SIZE": "1000", "STARTTLS": "", "AUTH": "LOGIN PLAIN XOAUTH", "PIPELINING": ""}
	if diff := cmp.Diff(want, c.Capabilities()); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	if !c.Capabilities().Has("StartTLS") || c.Capabilities().Has("CHUNKING") {
		t.Error("Has is wrong")
	}
	if diff := cmp.Diff([]string{"LOGIN", "PLAIN", "XOAUTH"}, c.Capabilities().Parameters("auth")); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	must(t)(c.Cmd("NOOP"))
	must(t)(c.Helo("mail.corp.example"))
	if c.Capabilities() != nil {
		t.Error("capabilities outlive HELO")
	}
	if reply := must(t)(c.Quit()); reply.Code != 221 {
		t.Errorf("QUIT got %v", reply)
	}
	wantSaid := lines(`
		S: 220 relay.example ESMTP
		C: EHLO mail.corp.example
		S: 250-relay.example at your service
		S: 250-SIZE 1000
		S: 250-starttls
		S: 250-AUTH LOGIN PLAIN
		S: 250-AUTH XOAUTH
		S: 250 PIPELINING
		C: NOOP
		S: 250 OK
		C: HELO mail.corp.example
		S: 250 hello
		C: QUIT
		S: 221 bye
		X: by the client`)
	if diff := cmp.Diff(wantSaid, said(c.log)); diff != "" {
		t.Errorf("transcript (-want +got):\n%s", diff)
	}
}

func TestRefusalsAreValues(t *testing.T) {
	c := dial(t, `
		S: 421-4.7.0 Try again later
		S: 421 4.7.0  https://x
		EOF`)
	greeting := must(t)(c.ReadReply())
	if greeting.Code != 421 || greeting.Enhanced() != "4.7.0" || greeting.Text() != "Try again later  https://x" {
		t.Errorf("got %#v", greeting)
	}
}

func TestRelayThatCloses(t *testing.T) {
	c := greeted(t, `
		C: EHLO x
		S~ "250-half\r\n250"`)
	_, err := c.Hello("x")
	var wrong *ProtocolError
	if !errors.As(err, &wrong) || !Ended(err) {
		t.Fatalf("got %v, want a *ProtocolError at the end", err)
	}
	if wrong.Command != "EHLO x" || wrong.Line != "250" || len(wrong.Lines) != 1 {
		t.Errorf("got %#v", wrong)
	}
	c.Close()
	if got := said(c.log); !strings.HasSuffix(got, "X: by the relay\n") {
		t.Errorf("transcript ends\n%s", got)
	}
}

func TestRelayThatClosesBetweenReplies(t *testing.T) {
	c := greeted(t, ``)
	_, err := c.ReadReply()
	if !errors.Is(err, io.EOF) || !Ended(err) {
		t.Errorf("got %v, want io.EOF", err)
	}
}

func TestStartTLS(t *testing.T) {
	c := greeted(t, `
		C: EHLO x
		S: 250-hello
		S: 250 STARTTLS
		C: STARTTLS
		S: 220 go
		TLS
		C: EHLO x
		S: 250-hello
		S: 250 AUTH PLAIN
		C: QUIT
		S: 221 bye
		EOF`)
	must(t)(c.Hello("x"))
	if c.TLS() {
		t.Error("TLS before the handshake")
	}
	must(t)(c.StartTLS(context.Background()))
	if !c.TLS() || c.TLSState().Version != tls.VersionTLS13 {
		t.Errorf("no TLS 1.3 after the handshake: %+v", c.TLSState())
	}
	if c.Capabilities() != nil {
		t.Error("capabilities outlive the handshake")
	}
	must(t)(c.Hello("x"))
	must(t)(c.Quit())
}

func TestStartTLSRefused(t *testing.T) {
	c := greeted(t, `
		C: STARTTLS
		S: 454 4.7.0 no
		C: NOOP
		S: 250 OK`)
	if reply := must(t)(c.StartTLS(context.Background())); reply.Code != 454 || c.TLS() {
		t.Errorf("got %v, TLS %v", reply, c.TLS())
	}
	must(t)(c.Cmd("NOOP"))
}

func TestStartTLSWithClearTextBehind(t *testing.T) {
	c := greeted(t, `
		C: STARTTLS
		S~ "220 go\r\n250 injected\r\n"`)
	_, err := c.StartTLS(context.Background())
	var wrong *ProtocolError
	if !errors.As(err, &wrong) || wrong.Line != "250 injected" {
		t.Errorf("got %v, want a *ProtocolError that shows the octets", err)
	}
}

func TestHandshakeFails(t *testing.T) {
	c := greeted(t, `
		C: STARTTLS
		S: 220 go
		S: 250 I know no TLS`)
	_, err := c.StartTLS(context.Background())
	if err == nil || c.TLS() {
		t.Errorf("got %v, TLS %v", err, c.TLS())
	}
}

func TestImplicitTLS(t *testing.T) {
	d := scripted(t, `
		TLS
		S: 220 ready
		EOF`)
	d.ImplicitTLS = true
	c, err := d.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	must(t)(c.ReadReply())
	if !c.TLS() {
		t.Error("no TLS")
	}
	if err := c.Drop(); err != nil {
		t.Error(err)
	}
}

func TestAuth(t *testing.T) {
	c := greeted(t, `
		C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
		S: 235 2.7.0 Accepted
		C: AUTH LOGIN
		S: 334 VXNlcm5hbWU6
		C: YWxpY2U=
		S: 334 UGFzc3dvcmQ6
		C: c2VjcmV0
		S: 535 5.7.8 no
		C: AUTH LOGIN
		S: 334 VXNlcm5hbWU6
		C: YWxpY2U=
		S: 501 5.5.2 what
		C: AUTH PLAIN
		S: 334 
		C: AGFsaWNlAHNlY3JldA==
		S: 235 2.7.0 Accepted
		C: NOOP
		S: 250 OK`)
	for i, want := range []int{235, 535, 501, 334, 235, 250} {
		var reply Reply
		switch i {
		case 0:
			reply = must(t)(c.AuthPlain("alice", "secret"))
		case 1, 2:
			reply = must(t)(c.AuthLogin("alice", "secret"))
		case 3:
			reply = must(t)(c.Cmd("AUTH PLAIN"))
		case 4:
			reply = must(t)(c.Cmd("AGFsaWNlAHNlY3JldA=="))
		case 5:
			reply = must(t)(c.Cmd("NOOP"))
		}
		if reply.Code != want {
			t.Errorf("step %d: got %v, want %d", i, reply, want)
		}
	}
	want := lines(`
		S: 220 ready
		C: AUTH PLAIN [redacted]
		S: 235 2.7.0 Accepted
		C: AUTH LOGIN
		S: 334 VXNlcm5hbWU6
		C: [redacted]
		S: 334 UGFzc3dvcmQ6
		C: [redacted]
		S: 535 5.7.8 no
		C: AUTH LOGIN
		S: 334 VXNlcm5hbWU6
		C: [redacted]
		S: 501 5.5.2 what
		C: AUTH PLAIN
		S: "334 "
		C: [redacted]
		S: 235 2.7.0 Accepted
		C: NOOP
		S: 250 OK`)
	if diff := cmp.Diff(want, said(c.log)); diff != "" {
		t.Errorf("transcript (-want +got):\n%s", diff)
	}
}

func TestAuthPrefersPLAINToLOGIN(t *testing.T) {
	c := greeted(t, `
		C: EHLO a.example
		S: 250-b.example
		S: 250 AUTH login XOAUTH2
		C: AUTH LOGIN
		S: 504 5.5.4 no more
		C: EHLO a.example
		S: 250-b.example
		S: 250 AUTH LOGIN PLAIN
		C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
		S: 235 2.7.0 Accepted
		C: EHLO a.example
		S: 250 b.example
		C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
		S: 502 5.5.1 what`)
	for _, want := range []int{504, 235, 502} {
		must(t)(c.Hello("a.example"))
		if reply := must(t)(c.Auth("alice", "secret")); reply.Code != want {
			t.Errorf("got %v, want %d", reply, want)
		}
	}
}

func TestErrorsHoldNoCredentials(t *testing.T) {
	c := greeted(t, `
		C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
		S: what?`)
	_, err := c.AuthPlain("alice", "secret")
	if err == nil || strings.Contains(err.Error(), "AGFsaWNl") || !strings.Contains(err.Error(), "AUTH PLAIN [redacted]") {
		t.Errorf("got %v", err)
	}
}

func TestRawOctets(t *testing.T) {
	c := greeted(t, `
		C: NOOP
		C: QUIT
		S: 250 OK
		S: 221 bye
		EOF`)
	if err := c.WriteRaw([]byte("NOOP\r\nQUIT\r\n")); err != nil {
		t.Fatal(err)
	}
	must(t)(c.ReadReply())
	must(t)(c.ReadReply())
	if err := c.Drop(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	want := lines(`
		S: 220 ready
		R: "NOOP\r\nQUIT\r\n"
		S: 250 OK
		S: 221 bye
		X: by the client, without a word`)
	if diff := cmp.Diff(want, said(c.log)); diff != "" {
		t.Errorf("transcript (-want +got):\n%s", diff)
	}
}

func TestSourceAddress(t *testing.T) {
	d := scripted(t, "S: 220 ready")
	d.Source = netip.MustParseAddr("127.0.0.9")
	c, err := d.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.LocalAddr().(*net.TCPAddr).IP.String(); got != "127.0.0.9" {
		t.Errorf("comes from %s", got)
	}
	must(t)(c.ReadReply())
}

func TestDialThatFails(t *testing.T) {
	refused := errors.New("refused")
	d := &Dialer{
		Address:     "relay.example:25",
		DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, refused },
		Transcript:  &transcript.Transcript{},
	}
	if _, err := d.Dial(context.Background()); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if got := said(d.Transcript); got != "#: not connected: refused\n" {
		t.Errorf("transcript %q", got)
	}
}

// piped gives a session over an in-memory connection, for virtual time, and the relay's end of it.
func piped(t *testing.T, timeout time.Duration) (*Conn, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	d := &Dialer{
		Timeout:     timeout,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil },
		Transcript:  &transcript.Transcript{},
	}
	c, err := d.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c, far
}

func TestTimeout(t *testing.T) {
	tests := []struct{ given, want time.Duration }{
		{0, 5 * time.Minute},
		{time.Second, time.Second},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			c, far := piped(t, tt.given)
			defer far.Close()
			defer c.Close()
			began := time.Now()
			_, err := c.ReadReply()
			var late *TimeoutError
			if !errors.As(err, &late) || !errors.Is(err, os.ErrDeadlineExceeded) || Ended(err) {
				t.Fatalf("got %v, want a *TimeoutError", err)
			}
			if waited := time.Since(began); waited != tt.want || late.After != tt.want {
				t.Errorf("waited %v, says %v; want %v", waited, late.After, tt.want)
			}
		})
	}
}

// A relay that sends an octet now and then doesn't prolong the deadline of a reply.
func TestTrickleTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := piped(t, time.Minute)
		go func() {
			for {
				time.Sleep(25 * time.Second)
				if _, err := far.Write([]byte("2")); err != nil {
					return
				}
			}
		}()
		began := time.Now()
		_, err := c.ReadReply()
		if waited := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || waited != time.Minute {
			t.Errorf("got %v after %v", err, waited)
		}
		c.Close()
		time.Sleep(time.Minute) // in the bubble: until the relay has noticed
	})
}

// Each reply has its own time: an earlier deadline doesn't hold for the next.
func TestEachReplyHasItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := piped(t, time.Minute)
		defer c.Close()
		go func() {
			for range 3 {
				time.Sleep(50 * time.Second)
				far.Write([]byte("250 OK\r\n"))
			}
			far.Close()
		}()
		for range 3 {
			must(t)(c.ReadReply())
		}
	})
}

func TestRelayThatReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := piped(t, time.Minute)
		defer far.Close()
		defer c.Close()
		_, err := c.Cmd("NOOP")
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want a timeout", err)
		}
	})
}
