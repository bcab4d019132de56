package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/mx"
)

// talk opens a session with a relay that delivers to sink.
func talk(t *testing.T, sink *mx.Sink) (say func(octets string) string) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		newSession(server, "relay.example", hop{sink.Address(), "relay.example"}).serve()
		close(done)
	}()
	t.Cleanup(func() {
		client.Close()
		<-done
	})
	client.SetDeadline(time.Now().Add(20 * time.Second))
	replies := bufio.NewReader(client)
	return func(octets string) string {
		t.Helper()
		if _, err := client.Write([]byte(octets)); err != nil {
			t.Fatal(err)
		}
		reply, err := replies.ReadString('\n')
		if err != nil {
			t.Fatalf("%q: %v", octets, err)
		}
		return reply[:3]
	}
}

func aSink(t *testing.T, o mx.Options) *mx.Sink {
	t.Helper()
	sink, err := mx.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	return sink
}

// A dialogue is what the client says, and the codes that it gets. "" is the greeting.
func TestRepliesAreThoseOfRFC5321(t *testing.T) {
	long := strings.Repeat("x", 64)
	for name, dialogue := range map[string][][2]string{
		"greeting and QUIT":                  {{"QUIT", "221"}},
		"EHLO, HELO, again":                  {{"EHLO client.example", "250"}, {"HELO client.example", "250"}, {"ehlo [127.0.0.1]", "250"}, {"EHLO [IPv6:::1]", "250"}},
		"EHLO without a name":                {{"EHLO", "501"}, {"HELO -x", "501"}, {"EHLO a..b", "501"}, {"EHLO [1.2.3]", "501"}, {"MAIL FROM:<>", "503"}},
		"commands without EHLO":              {{"NOOP", "250"}, {"RSET", "250"}, {"VRFY bob", "252"}, {"MAIL FROM:<a@b.example>", "503"}, {"RCPT TO:<a@b.example>", "503"}, {"DATA", "503"}},
		"unknown and not implemented":        {{"FOO", "500"}, {"", "500"}, {"EXPN list", "502"}, {"HELP", "502"}, {"TURN", "502"}, {"STARTTLS", "500"}, {"AUTH PLAIN", "500"}, {"BDAT 1 LAST", "500"}},
		"arguments":                          {{"NOOP anything", "250"}, {"RSET now", "501"}, {"QUIT now", "501"}, {"VRFY", "501"}},
		"blanks at the end":                  {{"NOOP  ", "250"}, {"RSET\t", "250"}},
		"nested MAIL":                        {{"EHLO c.example", "250"}, {"MAIL FROM:<a@b.example>", "250"}, {"MAIL FROM:<a@b.example>", "503"}, {"RCPT TO:<c@d.example>", "250"}},
		"RSET and EHLO end a transaction":    {{"EHLO c.example", "250"}, {"MAIL FROM:<>", "250"}, {"RSET", "250"}, {"RCPT TO:<c@d.example>", "503"}, {"MAIL FROM:<>", "250"}, {"EHLO c.example", "250"}, {"RCPT TO:<c@d.example>", "503"}},
		"a refused EHLO changes nothing":     {{"EHLO c.example", "250"}, {"MAIL FROM:<>", "250"}, {"EHLO", "501"}, {"RCPT TO:<c@d.example>", "250"}},
		"DATA out of order":                  {{"EHLO c.example", "250"}, {"DATA", "503"}, {"MAIL FROM:<>", "250"}, {"DATA", "503"}, {"RCPT TO:<c@d.example>", "250"}, {"DATA now", "501"}, {"DATA", "354"}, {"x\r\n.", "250"}, {"DATA", "503"}},
		"paths":                              {{"EHLO c.example", "250"}, {"MAIL FROM:<" + long + "@b.example>", "250"}, {"RCPT TO:<@a.example,@b.example:c@d.example>", "250"}, {"RCPT TO:<\"a b\\\"@\"@d.example>", "250"}, {"RCPT TO:<c@[127.0.0.1]>", "250"}, {"rcpt to:<c@d.example>", "250"}},
		"Postmaster":                         {{"EHLO c.example", "250"}, {"MAIL FROM:<>", "250"}, {"RCPT TO:<Postmaster>", "250"}, {"RCPT TO:<POSTMASTER>", "250"}, {"RCPT TO:<postmaster@d.example>", "250"}, {"RCPT TO:<bob>", "501"}},
		"wrong paths":                        {{"EHLO c.example", "250"}, {"MAIL FROM:<a>", "501"}, {"MAIL FROM: <a@b.example>", "501"}, {"MAIL FROM:a@b.example", "501"}, {"MAIL FROM:<" + long + "x@b.example>", "501"}, {"MAIL FROM:<a..b@c.example>", "501"}, {"MAIL <a@b.example>", "501"}, {"MAIL FROM:<a@b.example", "501"}, {"MAIL FROM:<a@b_c.example>", "501"}, {"MAIL FROM:<a@b.example>x", "501"}, {"MAIL FROM:<>", "250"}, {"RCPT TO:<>", "501"}},
		"parameters":                         {{"HELO c.example", "250"}, {"MAIL FROM:<> SIZE=1", "555"}, {"MAIL FROM:<>", "250"}, {"RCPT TO:<c@d.example> NOTIFY=NEVER", "555"}},
		"a line that is too long":            {{"NOOP " + strings.Repeat("x", 505), "250"}, {"NOOP " + strings.Repeat("x", 506), "500"}, {"NOOP", "250"}},
		"a bare LF ends no command":          {{"NOOP\nRSET", "500"}},
		"a bare LF ends no message":          {{"EHLO c.example", "250"}, {"MAIL FROM:<>", "250"}, {"RCPT TO:<c@d.example>", "250"}, {"DATA", "354"}, {"a\n.\nQUIT\r\n.\rNOOP\r\n.", "554"}, {"NOOP", "250"}},
		"a line of a message of 1000 octets": {{"EHLO c.example", "250"}, {"MAIL FROM:<>", "250"}, {"RCPT TO:<c@d.example>", "250"}, {"DATA", "354"}, {strings.Repeat("x", 998) + "\r\n.", "250"}},
		"a line of a message of 1001 octets": {{"EHLO c.example", "250"}, {"MAIL FROM:<>", "250"}, {"RCPT TO:<c@d.example>", "250"}, {"DATA", "354"}, {strings.Repeat("x", 999) + "\r\n.", "500"}, {"MAIL FROM:<>", "250"}},
		"a circle":                           {{"EHLO c.example", "250"}, {"MAIL FROM:<>", "250"}, {"RCPT TO:<c@d.example>", "250"}, {"DATA", "354"}, {strings.Repeat("Received: x\r\n", 101) + "\r\n.", "554"}},
	} {
		t.Run(name, func(t *testing.T) {
			say := talk(t, aSink(t, mx.Options{}))
			if got := say(""); got != "220" {
				t.Fatalf("greeting %s", got)
			}
			for _, exchange := range dialogue {
				if got := say(exchange[0] + "\r\n"); got != exchange[1] {
					t.Fatalf("%.60q got %s, want %s", exchange[0], got, exchange[1])
				}
			}
		})
	}
}

func TestAHundredRecipientsAndNotManyMore(t *testing.T) {
	say := talk(t, aSink(t, mx.Options{}))
	say("")
	say("EHLO c.example\r\n")
	say("MAIL FROM:<>\r\n")
	for i := range maxRecipients {
		if got := say(fmt.Sprintf("RCPT TO:<r%d@d.example>\r\n", i)); got != "250" {
			t.Fatalf("recipient %d got %s", i, got)
		}
	}
	if got := say("RCPT TO:<one@more.example>\r\n"); got != "452" {
		t.Errorf("one more got %s, want 452", got)
	}
}

func TestMailIsWithTheNextHopBeforeItIsAnsweredFor(t *testing.T) {
	sink := aSink(t, mx.Options{})
	say := talk(t, sink)
	say("")
	for _, line := range []string{"EHLO c.example", "MAIL FROM:<a@b.example>", "RCPT TO:<@x.example:c@d.example>", "RCPT TO:<Postmaster>", "DATA"} {
		say(line + "\r\n")
	}
	if got := say("Subject: x\r\n\r\n..dot\r\n.\r\n"); got != "250" {
		t.Fatalf("got %s", got)
	}
	all := sink.All()
	if len(all) != 1 {
		t.Fatalf("%d messages arrived", len(all))
	}
	if diff := cmp.Diff([]string{"c@d.example", "postmaster@relay.example"}, all[0].Recipients); diff != "" {
		t.Errorf("recipients (-want +got):\n%s", diff)
	}
	trace, content, _ := strings.Cut(string(all[0].Data), "Subject:")
	if !strings.HasPrefix(trace, "Received: from c.example ([127.0.0.1])\r\n\tby relay.example with ESMTP;\r\n\t") {
		t.Errorf("trace %q", trace)
	}
	if content != " x\r\n\r\n.dot\r\n" || all[0].Sender != "a@b.example" {
		t.Errorf("content %q from %q", content, all[0].Sender)
	}
}
