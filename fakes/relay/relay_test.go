package relay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/relayspec/relayspec/fakes/memnet"
)

// sender talks with a relay over a network in memory, in the bubble that the test is in.
type sender struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// bubble starts a relay in virtual time.
func bubble(t *testing.T, o Options, do func(*Relay, func() *sender)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := memnet.Listen(netip.MustParseAddrPort("127.0.0.2:25"))
		o.Listener = listener
		relay, err := Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer relay.Close()
		do(relay, func() *sender {
			conn, err := listener.Dial(netip.MustParseAddrPort("192.0.2.7:1234"))
			if err != nil {
				t.Fatal(err)
			}
			return &sender{t, conn, bufio.NewReader(conn)}
		})
	})
}

// say writes what is to be one segment, and waits until the relay has nothing more to do.
func (s *sender) say(lines ...string) {
	s.t.Helper()
	if _, err := io.WriteString(s.conn, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		s.t.Error(err)
	}
	synctest.Wait()
}

// hears awaits these lines.
func (s *sender) hears(lines ...string) {
	s.t.Helper()
	for _, want := range lines {
		line, err := s.in.ReadString('\n')
		if got := strings.TrimSuffix(line, "\r\n"); got != want || err != nil {
			s.t.Errorf("got %q (%v), want %q", got, err, want)
		}
	}
}

// hearsEnd awaits the end of the connection.
func (s *sender) hearsEnd() {
	s.t.Helper()
	if rest, err := io.ReadAll(s.in); err != nil || len(rest) > 0 {
		s.t.Errorf("got %q (%v), want the end", rest, err)
	}
}

func script(t *testing.T, text string) Script {
	t.Helper()
	s, err := ParseScript(text)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

const greeting = "220 smtp-relay.gmail.com ESMTP sink ready"

func TestItAnswersAsTheRecordedSinkDid(t *testing.T) {
	text := `{"ext": ["SIZE 1000", "STARTTLS", "AUTH LOGIN PLAIN", "CHUNKING"], "auth_after_tls": true,
		"rcpt_rules": [["bob@*", "550 5.4.5 Daily"]], "data_rules": [["eve@*", "550-5.7.1 more\n550 5.7.1 less"]]}`
	bubble(t, Options{Script: script(t, text)}, func(r *Relay, dial func() *sender) {
		c := dial()
		c.hears(greeting)
		c.say("EHLO mail.corp.example")
		c.hears("250-smtp-relay.gmail.com at your service", "250-SIZE 1000", "250-STARTTLS", "250 CHUNKING")
		c.say("MAIL From:<a@corp.example> SIZE=3", "RCPT To:<bob@example.net>", "DATA", "RSET")
		c.hears("250 2.1.0 OK", "550 5.4.5 Daily", "503 5.5.1 RCPT first", "250 2.1.5 Flushed")
		c.say("MAIL FROM:<>", "RCPT TO:<Eve@example.net>", "DATA")
		c.hears("250 2.1.0 OK", "250 2.1.5 OK", "354 Go ahead")
		c.say("Subject: x", "", "..dot", ".", "QUIT")
		c.hears("550-5.7.1 more", "550 5.7.1 less", "221 2.0.0 closing connection")
		c.hearsEnd()
		c.conn.Close()
		synctest.Wait()

		s := r.Sessions()[0]
		want := [][]string{{"MAIL", "RCPT", "DATA", "RSET"}, {"MAIL", "RCPT", "DATA"}, {EndOfData, "QUIT"}}
		if diff := cmp.Diff(want, s.Segments()); diff != "" {
			t.Errorf("segments (-want +got):\n%s", diff)
		}
		if s.End != ByQuit || s.Closed.IsZero() || s.Hello != "mail.corp.example" {
			t.Errorf("it ended by %q, hello %q", s.End, s.Hello)
		}
		m := s.Messages[0]
		if string(m.Content) != "Subject: x\r\n\r\n.dot\r\n" || m.Sender != "" || m.Accepted() || len(m.Recipients) != 1 {
			t.Errorf("got %+v", m)
		}
	})
}

func TestAChunkIsSwallowedBeforeItIsRefused(t *testing.T) {
	bubble(t, Options{Script: script(t, `{"ext": ["CHUNKING"], "rcpt_rules": [["b*", "550 5.4.5 no", 1]]}`)}, func(r *Relay, dial func() *sender) {
		c := dial()
		c.hears(greeting)
		c.say("HELO x")
		c.hears("250 smtp-relay.gmail.com at your service")
		c.say("MAIL FROM:<a@b.example>", "RCPT TO:<b@c.example>", "BDAT 6 LAST", "QUIT", "RSET", "MAIL FROM:<a@b.example>", "RCPT TO:<b@c.example>",
			"BDAT 3", "x", "BDAT 2 LAST", "", "QUIT")
		c.hears("250 2.1.0 OK", "550 5.4.5 no", "503 5.5.1 RCPT first. sink - gsmtp", "250 2.1.5 Flushed",
			"250 2.1.0 OK", "250 2.1.5 OK", "250 2.0.0 3 octets taken", "250 2.0.0 OK 1700000000 sink000000", "221 2.0.0 closing connection")
		messages := r.Messages()
		if len(messages) != 2 || string(messages[0].Content) != "QUIT\r\n" || string(messages[1].Content) != "x\r\n\r\n" || messages[1].Chunks != 2 {
			t.Errorf("got %+v", messages)
		}
	})
}

func TestWhatARuleCanDo(t *testing.T) {
	hello := []string{"250 smtp-relay.gmail.com at your service"}
	begin := "HELO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<b@c.example>"
	accepted := append(hello, "250 2.1.0 OK", "250 2.1.5 OK")
	for name, c := range map[string]struct {
		script string
		says   []string
		hears  []string
		ends   Ending
		after  time.Duration
	}{
		"refuse at the greeting": {`{"greeting": "554 no"}`, nil, []string{"554 no"}, "", 0},
		"421 and the end":        {`{"greeting": [{"reply": "421 4.7.0 busy", "close": true}]}`, nil, []string{"421 4.7.0 busy"}, ByServer, 0},
		"421 to EHLO":            {`{"ehlo": [{"reply": "421 busy", "close": true}]}`, []string{"EHLO x"}, []string{greeting, "421 busy"}, ByServer, 0},
		"EHLO not known":         {`{"ehlo": "502 what?"}`, []string{"EHLO x", "HELO x"}, append([]string{greeting, "502 what?"}, hello...), "", 0},
		"the first one only":     {`{"mail_rules": [["*", "451 later", 1]]}`, []string{"HELO x", "MAIL FROM:<a@b.example>", "MAIL FROM:<a@b.example>"}, append(append([]string{greeting}, hello...), "451 later", "250 2.1.0 OK"), "", 0},
		"spent":                  {`{"mail_rules": [["*", "451 later", 0]]}`, []string{"HELO x", "MAIL FROM:<a@b.example>"}, append(append([]string{greeting}, hello...), "250 2.1.0 OK"), "", 0},
		"from the second on":     {`{"rcpt_rules": [{"skip": 1, "reply": "452 4.5.3 many"}]}`, []string{begin, "RCPT TO:<c@c.example>"}, append(append([]string{greeting}, accepted...), "452 4.5.3 many"), "", 0},
		"so many":                {`{"max_rcpt": 1}`, []string{begin, "RCPT TO:<c@c.example>", "RSET", "MAIL FROM:<>", "RCPT TO:<d@c.example>"}, append(append([]string{greeting}, accepted...), "452 4.5.3 Too many recipients", "250 2.1.5 Flushed", "250 2.1.0 OK", "250 2.1.5 OK"), "", 0},
		"DATA refused":           {`{"datacmd_rules": "451 not now"}`, []string{begin, "DATA"}, append(append([]string{greeting}, accepted...), "451 not now"), "", 0},
		"drop in the content":    {`{"content_rules": [{"octets": 4, "close": true}]}`, []string{begin, "DATA", "12345"}, append(append([]string{greeting}, accepted...), "354 Go ahead"), ByServer, 0},
		"421 in the content":     {`{"content_rules": [{"octets": 4, "reply": "421 bye", "close": true}]}`, []string{begin, "DATA", "12345"}, append(append([]string{greeting}, accepted...), "354 Go ahead", "421 bye"), ByServer, 0},
		"late":                   {`{"quit": [{"delay": "30s"}]}`, []string{"QUIT"}, []string{greeting, "221 2.0.0 closing connection"}, ByQuit, 30 * time.Second},
		"seconds":                {`{"quit": [{"delay": 1.5}]}`, []string{"QUIT"}, []string{greeting, "221 2.0.0 closing connection"}, ByQuit, 1500 * time.Millisecond},
		"never":                  {`{"mail_rules": [{"silent": true}]}`, []string{"HELO x", "MAIL FROM:<>", "NOOP"}, append(append([]string{greeting}, hello...), "250 2.0.0 OK"), "", 0},
		"out of order":           {`{"mail_rules": "250 b\n354 go"}`, []string{"HELO x", "MAIL FROM:<>"}, append(append([]string{greeting}, hello...), "250 b", "354 go"), "", 0},
		"garbage":                {`{"other_commands": [{"match": "NOOP", "raw": true, "reply": "what?\n"}]}`, []string{"NOOP\r\nXYZ"}, []string{greeting, "what?\n500 5.5.1 Unrecognized command"}, "", 0},
		"AUTH before credentials": {`{"ext": ["AUTH LOGIN"], "auth": [{"match": "LOGIN", "early": true, "reply": "535 5.7.8 no"}]}`,
			[]string{"AUTH LOGIN"}, []string{greeting, "535 5.7.8 no"}, "", 0},
		"BDAT without a size": {`{}`, []string{"BDAT x"}, []string{greeting, "501 5.5.4 BDAT needs a size"}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Options{Script: script(t, c.script)}, func(r *Relay, dial func() *sender) {
				s, began := dial(), time.Now()
				for _, line := range c.says {
					s.say(line)
				}
				if len(c.hears) > 0 && strings.Contains(c.hears[len(c.hears)-1], "\n") {
					octets := make([]byte, len(strings.Join(c.hears, "\r\n"))+2)
					if _, err := io.ReadFull(s.in, octets); string(octets) != strings.Join(c.hears, "\r\n")+"\r\n" {
						t.Errorf("got %q (%v)", octets, err)
					}
				} else {
					s.hears(c.hears...)
				}
				if c.ends != "" {
					s.hearsEnd()
				}
				if passed := time.Since(began); passed != c.after {
					t.Errorf("it took %s", passed)
				}
				s.conn.Close()
				synctest.Wait()
				if end := r.Sessions()[0].End; c.ends != "" && end != c.ends || c.ends == "" && end != ByEOF {
					t.Errorf("it ended by %q", end)
				}
			})
		})
	}
}

func TestASilentSenderIsGivenUp(t *testing.T) {
	bubble(t, Options{}, func(r *Relay, dial func() *sender) {
		c := dial()
		c.hears(greeting)
		began := time.Now()
		c.hearsEnd()
		if passed := time.Since(began); passed != 10*time.Minute {
			t.Errorf("after %s", passed)
		}
		time.Sleep(lingerTime)
		synctest.Wait()
		if s := r.Sessions()[0]; s.End != ByError || s.Failure == "" {
			t.Errorf("it ended by %q: %s", s.End, s.Failure)
		}
	})
}

func TestScriptsByPeerAndAtRunTime(t *testing.T) {
	busy := &Script{Mail: Rules{Refuse("", "451 later", 1)}}
	options := Options{Choose: func(p Peer) *Script {
		if p.Hello == "busy.example" && p.Remote.Addr() == netip.MustParseAddr("192.0.2.7") {
			return busy
		}
		return nil
	}}
	bubble(t, options, func(r *Relay, dial func() *sender) {
		for i, want := range []string{"451 later", "250 2.1.0 OK"} { // its counter goes on
			c := dial()
			c.say("HELO busy.example", "MAIL FROM:<>", "QUIT")
			c.hears(greeting, "250 smtp-relay.gmail.com at your service", want, "221 2.0.0 closing connection")
			if s := r.Sessions()[i]; s.Number != i+1 {
				t.Errorf("session %d", s.Number)
			}
			c.conn.Close()
		}
		if err := r.SetScript(Script{Mail: Always("nonsense")}); err == nil {
			t.Error("a reply without a code is taken")
		}
		if err := r.SetScript(Script{Mail: Always("421 changed")}); err != nil {
			t.Fatal(err)
		}
		c := dial()
		c.say("HELO other.example", "MAIL FROM:<>")
		c.hears(greeting, "250 smtp-relay.gmail.com at your service", "421 changed")
	})
}

func TestWrongScripts(t *testing.T) {
	for text, want := range map[string]string{
		`{"ext": [], "foo": 1}`:                         `unknown field "foo"; known are name, ext, auth_after_tls`,
		`{"rcpt_rules": [{"replies": "x"}]}`:            `unknown field "replies"; known are match, skip`,
		`{"rcpt_rules": [["x"]]}`:                       `expected [match, reply]`,
		`{"rcpt_rules": [["[", "250 x"]]}`:              `rcpt_rules, rule 1: match "["`,
		`{"rcpt_rules": [["x", "hello"]]}`:              `each line begins with a code`,
		`{"rcpt_rules": [{"per": "day"}]}`:              `per "day": expected session or transaction`,
		`{"certificate": "gold"}`:                       `certificate "gold": expected self-signed, trusted`,
		`{"quit": [{"delay": "soon"}]}`:                 `invalid duration "soon"`,
		`{} {}`:                                         `something behind`,
		`{"max_rcpt": -1}`:                              `max_rcpt -1`,
		`{"rcpt_rules": [{"match": "x", "times": -2}]}`: `are 0 or more`,
		`{"rcpt_rules": 5}`:                             `cannot unmarshal number`,
		``:                                              `EOF`,
	} {
		if _, err := ParseScript(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// dialTLS gives a client that has said STARTTLS and shaken hands, over TCP.
func dialTLS(r *Relay, config *tls.Config) (*tls.Conn, error) {
	conn, err := net.Dial("tcp", r.Address())
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(conn)
	io.WriteString(conn, "EHLO x\r\nSTARTTLS\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(line, "220 2.0.0") {
			break
		}
	}
	encrypted := tls.Client(conn, config)
	return encrypted, encrypted.Handshake()
}

func TestCertificates(t *testing.T) {
	authority, err := NewAuthority(nil)
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[Certificate]string{
		"": "unknown authority", SelfSigned: "unknown authority", Trusted: "", Expired: "expired", WrongName: "not " + DefaultName,
	} {
		r, err := Start(t.Context(), Options{Script: Script{Ext: []string{"STARTTLS"}, Certificate: kind}, Authority: authority})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := dialTLS(r, &tls.Config{RootCAs: authority.Pool(), ServerName: DefaultName})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", kind, err, want)
		}
		conn.Close()
		ended := func(all []Session) bool { return len(all) > 0 && !all[0].Closed.IsZero() }
		if err := r.Await(t.Context(), ended); err != nil {
			t.Error(err)
		}
		s := r.Sessions()[0]
		if (want == "") != (s.TLS != "") || s.End != ByEOF {
			t.Errorf("%s: TLS %q, ended by %q (%s)", kind, s.TLS, s.End, s.Failure)
		}
		r.Close()
	}
}

func TestAuthInTLS(t *testing.T) {
	r, err := Start(t.Context(), Options{Script: script(t, `{"ext": ["STARTTLS", "AUTH LOGIN PLAIN"], "auth_after_tls": true, "auth": [["LOGIN", "535 5.7.8 no"]]}`)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	conn, err := dialTLS(r, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	ask := func(line string, want ...string) {
		t.Helper()
		io.WriteString(conn, line+"\r\n")
		for _, w := range want {
			if got, err := in.ReadString('\n'); strings.TrimSpace(got) != w {
				t.Errorf("%s: got %q (%v), want %q", line, got, err, w)
			}
		}
	}
	ask("EHLO x", "250-smtp-relay.gmail.com at your service", "250 AUTH LOGIN PLAIN")
	ask("AUTH LOGIN", "334 VXNlcm5hbWU6")
	ask("dXNlcg==", "334 UGFzc3dvcmQ6")
	ask("cGFzcw==", "535 5.7.8 no")
	ask("AUTH PLAIN dXNlcgB1c2VyAHBhc3M=", "235 2.7.0 Accepted")
	ask("AUTH SCRAM-SHA-1", "504 5.7.4 Unrecognized authentication type")
	s := r.Sessions()[0]
	if s.User != "user" || s.Authzid != "user" || !strings.HasPrefix(s.TLS, "TLSv1.3 ") {
		t.Errorf("user %q, authzid %q, TLS %q", s.User, s.Authzid, s.TLS)
	}
}

func TestItIsWrittenAsTranscriptsAre(t *testing.T) {
	bubble(t, Options{}, func(r *Relay, dial func() *sender) {
		c := dial()
		c.say("HELO x", "MAIL FROM:<>", "RCPT TO:<b@c.example>", "DATA")
		time.Sleep(2 * time.Second)
		c.say("a", ".b", ".", "QUIT")
		c.conn.Close()
		synctest.Wait()
		var b bytes.Buffer
		if err := r.WriteTranscript(&b, "mta: test"); err != nil {
			t.Fatal(err)
		}
		want := `# mta: test
--- connection 1 opened t=+0.000s
S: 220 smtp-relay.gmail.com ESMTP sink ready
# (one TCP segment/TLS record carries: HELO MAIL RCPT DATA)
C: HELO x
S: 250 smtp-relay.gmail.com at your service
C: MAIL FROM:<>
S: 250 2.1.0 OK
C: RCPT TO:<b@c.example>
S: 250 2.1.5 OK
C: DATA
S: 354 Go ahead
# (2.000s later)
C: a
C: b
# (one TCP segment/TLS record carries: <end-of-data> QUIT)
C: .
S: 250 2.0.0 OK 1700000000 sink000000
C: QUIT
S: 221 2.0.0 closing connection
--- connection 1 closed t=+2.000s by client QUIT
`
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestOpeningAndClosing(t *testing.T) {
	first, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Listen: first.Address()}); err == nil || !strings.Contains(err.Error(), "can't listen") {
		t.Errorf("two relays on one port: %v", err)
	}
	conn, err := net.Dial("tcp", first.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := first.Await(ctx, func([]Session) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	for range 2 {
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestEventsTellWhatIsKept(t *testing.T) {
	var told []string
	o := Options{Keep: 1, Observe: func(e Event) {
		switch {
		case e.Opened:
			told = append(told, fmt.Sprintf("%d opened", e.Session))
		case e.Closed:
			told = append(told, fmt.Sprintf("%d closed by %s", e.Session, e.End))
		case e.Message != nil:
			told = append(told, fmt.Sprintf("%s: message of %d octets: %s", e.Hello, len(e.Message.Content), e.Message.Reply))
		case e.Step.Kind == Command:
			told = append(told, e.Step.Verb)
		}
	}}
	bubble(t, o, func(r *Relay, dial func() *sender) {
		for range 2 {
			c := dial()
			c.say("HELO x", "MAIL FROM:<>", "RCPT TO:<b@c.example>", "DATA")
			c.say("a", ".")
			c.conn.Close()
			synctest.Wait()
		}
		want := []string{"HELO", "MAIL", "RCPT", "DATA"}
		want = append(append([]string{"1 opened"}, want...), "x: message of 3 octets: 250 2.0.0 OK 1700000000 sink000000", "1 closed by EOF", "2 opened")
		if diff := cmp.Diff(want, told[:len(want)]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if kept := r.Sessions(); len(kept) != 1 || kept[0].Number != 2 {
			t.Errorf("%d are kept", len(kept))
		}
	})
}

// However a dialogue is cut into segments, the same is heard of it, each command in the segment in which it ended.
func TestSegmentsDontChangeWhatIsHeard(t *testing.T) {
	text := "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.example>\r\nBDAT 5 LAST\r\nQUIT\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.example>\r\nDATA\r\na\r\n..b\r\n.\r\nNOOP\r\nQUIT\r\n"
	rapid.Check(t, func(rt *rapid.T) {
		cuts := rapid.SliceOfN(rapid.IntRange(0, len(text)), 0, 8).Draw(rt, "cuts")
		var s Session
		bubble(t, Options{}, func(r *Relay, dial func() *sender) {
			c := dial()
			rest := text
			for _, cut := range cuts {
				io.WriteString(c.conn, rest[:min(cut, len(rest))])
				rest = rest[min(cut, len(rest)):]
				synctest.Wait()
			}
			io.WriteString(c.conn, rest)
			synctest.Wait()
			c.conn.Close()
			s = r.Sessions()[0]
		})
		want := []string{"EHLO", "MAIL", "RCPT", "BDAT", "RSET", "MAIL", "RCPT", "DATA", EndOfData, "NOOP", "QUIT"}
		if diff := cmp.Diff(want, s.Commands(true)); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
		if string(s.Messages[0].Content) != "QUIT\n" || string(s.Messages[1].Content) != "a\r\n.b\r\n" {
			rt.Fatalf("got %q and %q", s.Messages[0].Content, s.Messages[1].Content)
		}
		last := 0
		for _, step := range s.Steps {
			if step.Segment != 0 && (step.Segment < last || step.Segment > len(cuts)+1) {
				rt.Fatalf("segment %d behind %d", step.Segment, last)
			}
			last = max(last, step.Segment)
		}
	})
}
