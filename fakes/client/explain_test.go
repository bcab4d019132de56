package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

func TestExplainGreetings(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"HTTP":    {`S: HTTP/1.1 400 Bad Request`, `the relay speaks HTTP, not SMTP: awaiting the greeting: the line has no reply code: "HTTP/1.1 400 Bad Request"`},
		"SSH":     {`S: SSH-2.0-OpenSSH`, "the relay speaks SSH, not SMTP: "},
		"POP3":    {`S: +OK ready`, "the relay speaks POP3, not SMTP: "},
		"IMAP":    {`S: * OK ready`, "the relay speaks IMAP, not SMTP: "},
		"TLS":     {`S~ "\x15\x03\x01\x00\x02\x02\x0a\r\n"`, "the relay speaks TLS, not SMTP: "},
		"garbage": {`S: hello`, "the relay's answer is no SMTP: "},
		"nothing": {``, "the relay closed the connection without a greeting: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dial(t, c.script).ReadReply()
			if err == nil || !strings.HasPrefix(Explain(err), c.want) {
				t.Errorf("got %q, want %q", Explain(err), c.want)
			}
		})
	}
	_, err := greeted(t, `C: NOOP`).Cmd("NOOP")
	if want := "the relay closed the connection: "; err == nil || !strings.HasPrefix(Explain(err), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestExplainConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	silent := &Dialer{Address: address, Timeout: 20 * time.Millisecond}
	c, err := silent.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.ReadReply()
	if want := "the relay doesn't answer: awaiting the greeting: nothing within 20ms"; Explain(err) != want {
		t.Errorf("got %q, want %q", Explain(err), want)
	}
	c.Close()
	listener.Close()
	_, err = silent.Dial(context.Background())
	if want := "nobody listens there: connect to " + address; !strings.HasPrefix(Explain(err), want) {
		t.Errorf("got %q, want %q", Explain(err), want)
	}
	if other := errors.New("another"); Explain(other) != "another" {
		t.Errorf("got %q", Explain(other))
	}
}

func TestExplainHandshakes(t *testing.T) {
	for script, want := range map[string]string{
		`S: 220 relay.example`:    "the relay speaks clear text where TLS was expected: ",
		`S: HTTP/1.0 400 Bad one`: "the relay speaks HTTP, not TLS: ",
	} {
		d := scripted(t, script)
		d.ImplicitTLS, d.TLS = true, &tls.Config{InsecureSkipVerify: true}
		_, err := d.Dial(context.Background())
		if err == nil || !strings.HasPrefix(Explain(err), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
