package wire

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reference/policy"
)

var states = []string{
	"",
	"EHLO mail.example.com\r\n",
	"EHLO mail.example.com\r\nMAIL FROM:<ann@example.com>\r\n",
	"EHLO mail.example.com\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\n",
	"EHLO mail.example.com\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n",
	"EHLO mail.example.com\r\nMAIL FROM:<j\u00f6rg@b\u00fccher.example> SMTPUTF8 RET=HDRS ENVID=x\r\n",
	"EHLO mail.example.com\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\nBDAT 3\r\nabc",
	"EHLO mail.example.com\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\nBDAT 30\r\nabc",
	"EHLO mail.example.com\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\nBDAT 2000\r\nabc",
	"EHLO mail.example.com\r\nAUTH LOGIN\r\n",
	"EHLO mail.example.com\r\nAUTH XOAUTH2\r\n",
	"EHLO mail.example.com\r\nAUTH XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgc3RhbGUBAQ==\r\n",
	"EHLO mail.example.com\r\nAUTH OAUTHBEARER bixhPWFubiwBYXV0aD1CZWFyZXIgc3RhbGUBAQ==\r\n",
	"EHLO mail.example.com\r\nAUTH PLAIN AGFubgBzZWNyZXQ=\r\n",
}

var replyLine = regexp.MustCompile(`^[2-5][0-5][0-9][- ][ -~]*$`)

// FuzzCommandLine: whatever comes in whatever state, the session ends without a panic, says nothing but replies, and the
// Engine's transactions begin and end as they should (scripted.watch).
func FuzzCommandLine(f *testing.F) {
	for state := range states {
		for _, seed := range []string{
			"", "\r\n", "NOOP\n", "QUIT\r\n", "MAIL FROM:<a@b> SIZE=1\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\nRSET\r\nDATA\r\n",
			"RSET\r\nRCPT TO:<c@d>\r\nDATA\r\n", "HELO {id}\r\nEHLO\r\n", "AUTH LOGIN YQ==\r\nYg==\r\nNOOP\r\n", "STARTTLS\r\nNOOP\r\n", "*\r\n",
			"x\r\n.\nMAIL FROM:<a@b>\r\n.\r\nNOOP\r\n", strings.Repeat("x", 5000) + "\r\nNOOP\r\n", "DATA\r\nDATA\r\n",
			"BDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\n", "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "BDAT x\r\nNOOP\r\n", "BDAT 6\nNOOP\r\n",
			"RCPT TO:<j\u00f6rg@b\u00fccher.example> NOTIFY=NEVER ORCPT=utf-8;\\x{F6}\r\n", "RSET\r\nEHLO a\r\nQUIT\r\n", "\xff\r\n",
			"AQ==\r\nNOOP\r\n",
		} {
			f.Add(uint8(state), true, []byte(seed), []byte{5})
			f.Add(uint8(state), false, []byte(seed), []byte{})
		}
	}
	f.Fuzz(func(t *testing.T, state uint8, secure bool, data, cuts []byte) {
		engine := &scripted{rules: []rule{
			{stage: policy.Rcpt, subject: "x", reply: policy.ReplyRelayDenied},
			{stage: policy.Auth, subject: "stale", reply: policy.ReplyCredentials},
		}}
		server := mustServer(t, Config{Engine: engine, Mechanisms: mechanisms(), Capabilities: append(capabilities(), "DSN"),
			MaxSize: 1000, MaxErrors: 5, MaxHops: 2, MaxRecipients: 10, MaxCommands: 50, MaxTransactions: 10})
		conn := playing(append([]byte(states[int(state)%len(states)]), data...), cuts)
		runSession(server, conn, func(s *session) {
			s.facts.TLS = secure
			boundMemory(t, s, conn)
		})
		if server.Panics() != 0 || len(engine.wrong) > 0 || engine.open != 0 {
			t.Fatalf("%d panics, %d open, %v", server.Panics(), engine.open, engine.wrong)
		}
		checkReplies(t, data, conn.written, engine)
	})
}

// boundMemory looks at what a session holds each time that it reads.
func boundMemory(t *testing.T, s *session, conn *played) {
	next := conn.chunks
	conn.chunks = func() []byte {
		if len(*s.lent) > bigInput || cap(s.facts.Recipients) > 2*s.server.config.MaxRecipients || cap(s.challenge) > bigInput {
			t.Fatalf("a buffer of %d octets, %d recipients, a challenge of %d octets", len(*s.lent), cap(s.facts.Recipients), cap(s.challenge))
		}
		return next()
	}
}

// checkReplies looks at the form of what was said: RFC 5321 §4.2, §4.5.3.1.5.
func checkReplies(t *testing.T, sent, written []byte, engine *scripted) {
	t.Helper()
	if len(written) > 0 && !bytes.HasSuffix(written, []byte("\r\n")) {
		t.Fatalf("unfinished: %q", written)
	}
	goAhead, multi := 0, ""
	for line := range strings.SplitSeq(strings.TrimSuffix(string(written), "\r\n"), "\r\n") {
		if !replyLine.MatchString(line) || len(line) > 510 {
			t.Fatalf("no reply line: %q", line)
		}
		if multi != "" && line[:3] != multi {
			t.Fatalf("%q after %s-", line, multi)
		}
		multi = ""
		if line[3] == '-' {
			multi = line[:3]
		}
		if line[:3] == "354" {
			goAhead++
		}
	}
	asked, chunks := 0, bytes.Contains(bytes.ToUpper(sent), []byte("BDAT")) // asked about at the same stage, and without 354
	for _, stage := range engine.asked {
		if stage == policy.Data {
			asked++
		}
	}
	if multi != "" || goAhead > asked || !chunks && goAhead != asked {
		t.Fatalf("%d times 354, %d times DATA: %q", goAhead, asked, written)
	}
}

// FuzzAuth: credentials reach the Engine exactly as base64 says, or not at all.
func FuzzAuth(f *testing.F) {
	f.Add(uint8(0), "AGFubgBzZWNyZXQ=", "", "")
	f.Add(uint8(0), "", "AGFubgBzZWNyZXQ=", "")
	f.Add(uint8(1), "YW5u", "c2VjcmV0", "")
	f.Add(uint8(1), "", "YW5u", "c2VjcmV0")
	f.Add(uint8(1), "=", "=", "=")
	f.Add(uint8(0), "*", "*", "*")
	f.Add(uint8(0), "YQ", "YR==", "\x00")
	f.Add(uint8(2), "dXNlcj1hbm4BYXV0aD1CZWFyZXIgc3RhbGUBAQ==", "", "")
	f.Add(uint8(2), "", "dXNlcj1hbm4BYXV0aD1CZWFyZXIgc3RhbGUBAQ==", "")
	f.Add(uint8(3), "bixhPWFubiwBYXV0aD1CZWFyZXIgc3RhbGUBAQ==", "AQ==", "")
	f.Add(uint8(3), "", "biwsAXBvcnQ9MQFhdXRoPWJlYXJlciB0PT0BAQ==", "*")
	f.Add(uint8(2), "dXNlcj00700BYXV0aD1CZWFyZXIgZ00BAQ==", "", "") // a name that isn't UTF-8
	f.Add(uint8(3), "biwBYXV0aD1CZWFyZXIgZ00BAQ==", "", "")
	f.Fuzz(func(t *testing.T, which uint8, initial, second, third string) {
		if strings.ContainsAny(initial+second+third, "\r\n\x00") || len(initial+second+third) > 900 {
			return
		}
		initial = strings.TrimRight(initial, " \t")
		mechanism := mechanisms()[int(which)%len(mechanisms())]
		var seen []policy.Credentials
		server := mustServer(t, Config{Engine: watcher{seen: &seen}, Mechanisms: mechanisms(), MaxErrors: -1})
		text := strings.TrimRight("AUTH "+mechanism+" "+initial, " ") + "\r\n" + second + "\r\n" + third + "\r\n"
		conn := playing([]byte("HELO a\r\n"+text), nil)
		runSession(server, conn, func(s *session) { s.facts.TLS = true })
		if server.Panics() != 0 {
			t.Fatal("panic")
		}
		for _, c := range seen {
			if c.Mechanism == mechanism && !proven(c, strings.TrimLeft(initial, " "), second, third) {
				t.Fatalf("%+v from %q", c, text)
			}
		}
		checkSyntax(t, bufio.NewScanner(bytes.NewReader(conn.written)))
	})
}

func checkSyntax(t *testing.T, lines *bufio.Scanner) {
	for lines.Scan() {
		if !replyLine.MatchString(lines.Text()) {
			t.Fatalf("no reply line: %q", lines.Text())
		}
	}
}

// proven tells whether credentials stand in the responses.
func proven(c policy.Credentials, responses ...string) bool {
	if c.Mechanism == xoauth2 || c.Mechanism == sasl.OAuthBearer {
		return slices.ContainsFunc(responses, func(r string) bool { return bears(c, r) })
	}
	encode := base64.StdEncoding.EncodeToString
	plain := encode([]byte(c.Identity + "\x00" + c.User + "\x00" + c.Password))
	user, password := -1, -1
	for i, r := range responses {
		if c.Mechanism == "PLAIN" && r == plain {
			return true
		}
		if r == "=" && i == 0 {
			r = ""
		}
		if user < 0 && r == encode([]byte(c.User)) && (i > 0 || responses[0] != "") {
			user = i
		} else if r == encode([]byte(c.Password)) {
			password = i
		}
	}
	return user >= 0 && password > user
}

var bearerScheme = regexp.MustCompile("(?i)\x01auth=bearer ")

// bears tells whether a response holds the token, and the user's name where there is one.
func bears(c policy.Credentials, response string) bool {
	plain, err := base64.StdEncoding.DecodeString(response)
	escaped := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(c.User)
	names := strings.HasPrefix(string(plain), "user="+c.User+"\x01")
	if c.Mechanism == sasl.OAuthBearer {
		names = c.User == "" && len(plain) > 3 && string(plain[1:4]) == ",,\x01" || c.User != "" && strings.Contains(string(plain), ",a="+escaped+",\x01")
	}
	auth := bearerScheme.FindIndex(plain) // lower case could be of another length: octets needn't be UTF-8
	return err == nil && names && c.Token != "" && auth != nil && strings.HasPrefix(string(plain[auth[1]:]), c.Token+"\x01")
}

// watcher is a discarding Engine that keeps the credentials it is shown.
type watcher struct {
	discarding
	seen *[]policy.Credentials
}

func TestDefaultID(t *testing.T) {
	whole := regexp.MustCompile("^" + idShape.String() + "$")
	for range 1000 {
		if id := newID(); !whole.MatchString(id) {
			t.Fatal(id)
		}
	}
	if diff := cmp.Diff(true, whole.MatchString("ffacd0b85a97d-385ccd68a77sm336259f8f.78")); diff != "" {
		t.Fatal(diff)
	}
}
