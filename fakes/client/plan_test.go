package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/relayspec/relayspec/reports/transcript"
)

// planned reads the plan off the file form.
func plannedOf(text string) (Plan, error) {
	entries, numbers, err := transcript.ParseLines(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return PlanOf(entries, numbers)
}

// outline shows a plan, a step a line.
func outline(plan Plan) string {
	var b strings.Builder
	for _, s := range plan {
		fmt.Fprintf(&b, "%s", s.Do)
		switch {
		case s.Do == DoConnect && !s.Refused:
			fmt.Fprintf(&b, " %d %s", s.Connect.Port, s.Connect.Source)
		case s.Do == DoHear:
			fmt.Fprintf(&b, " %s", strings.Join(s.Reply.Wire(), "|"))
		case s.Do == DoContent:
			fmt.Fprintf(&b, " %d", len(s.Data))
		case s.Do == DoCall:
			fmt.Fprintf(&b, " %s %s", s.Verb, s.Body)
		case s.Text != "":
			fmt.Fprintf(&b, " %q", s.Text)
		}
		for is, word := range map[bool]string{s.Marked: " !", s.Refused: " refused", s.Veiled: " veiled"} {
			if is {
				b.WriteString(word)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestPlanOfWhatTheClientRecorded(t *testing.T) {
	d := scripted(t, `
		S: 220 ready
		C: EHLO x
		S: 250-x
		S: 250 STARTTLS
		C: STARTTLS
		S: 220 go
		TLS
		C: AUTH PLAIN AGEAYg==
		S: 535 5.7.8 no
		C: NOOP
		S: 250 OK
		C: MAIL FROM:<a@x>
		C: RCPT TO:<b@y>
		C: BDAT 5000 LAST
		S: 250 ok
		S: 250 ok
		S: 550 no`)
	log := &transcript.Transcript{}
	d.Name, d.Transcript = "one", log
	log.Call("", "world", map[string]int{"customers": 1})
	log.Call("one", ConnectCall, Connecting{Port: 587, Source: "127.0.0.2"})
	log.Know("b", "password of a")
	c, err := d.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c.ReadReply()
	c.Hello("x")
	c.StartTLS(context.Background())
	c.AuthPlain("a", "b")
	log.Mark("one", "535")
	c.WriteRaw([]byte("NOOP\r\n"))
	c.ReadReply()
	c.WriteRaw([]byte("MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n"))
	c.WriteLine("BDAT 5000 LAST")
	c.recordContent(bytes.Repeat([]byte("x"), 5000)) // the script doesn't read it
	c.ReadReply()
	c.ReadReply()
	c.ReadReply()
	c.Drop()
	var text bytes.Buffer
	if err := log.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	plan, err := plannedOf(text.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	want := `call world {"customers":1}
connect 587 127.0.0.2
hear 220 ready
say "EHLO x"
hear 250-x|250 STARTTLS
say "STARTTLS"
hear 220 go
handshake
say "AUTH PLAIN [redacted]" veiled
hear 535 5.7.8 no !
raw "NOOP\r\n"
hear 250 OK
raw "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n"
say "BDAT 5000 LAST"
content 5000
hear 250 ok
hear 250 ok
hear 550 no
drop
`
	if diff := cmp.Diff(want, outline(plan)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if got := plan[8].Secret; len(got) != 2 || len(got[1].Base64) != 2 || got[1].Base64[1].Secret != "password of a" {
		t.Errorf("the answer to AUTH is made of %+v", got)
	}
}

func TestPlanOfOddSessions(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"without a word of its beginning", "+0 S: 220 x\n+0 C: QUIT\n+0 X: by the client\n", "connect 0 \nhear 220 x\nsay \"QUIT\"\nclose\n"},
		{"not connected", "+0 #: not connected: refused\n", "connect refused\n"},
		{"a reply that ends in the middle", "+0 S: 250-x\n+0 X: by the relay\n", "connect 0 \nhear 250 x\nend\n"},
		{"nothing in time", "+0 C: X\n+0 #: timeout\n+0 X: by the client\n", "connect 0 \nsay \"X\"\nwait\nclose\n"},
		{"said when the relay had closed", "+0 C: X\n+0 X: by the relay\n+0 C: Y\n+0 S: 421 bye\n", "connect 0 \nsay \"X\"\nhear 421 bye\nend\n"},
		{"lines among those of a reply", "+0 S: 250-x\n+0 C: Y\n+0 S: 250 x\n+0 X: by the client\n", "connect 0 \nsay \"Y\"\nhear 250-x|250 x\nclose\n"},
		{"two sessions", "+0 [1] #: connected to a:1\n+0 [2] #: connected to a:1\n+0 [2] X: by the relay\n+0 [1] X: by the client\n", "connect 0 \nconnect 0 \nend\nclose\n"},
		{"a content first", "+0 [1] @: content {\"octets\":0,\"deflate\":\"AQAA//8=\"}\n+0 [1] X: by the client\n", "connect 0 \ncontent 0\nclose\n"},
		{"a content when the relay had closed", "+0 C: X\n+0 X: by the relay\n+0 @: content {\"octets\":0,\"deflate\":\"AQAA//8=\"}\n", "connect 0 \nsay \"X\"\nend\n"},
		{"a failed handshake", "+0 S: 220 x\n+0 #: TLS handshake failed: x\n+0 X: by the client\n", "connect 0 \nhear 220 x\nhandshake refused\nclose\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan, err := plannedOf(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, outline(plan)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanOfWhatCantBePlayed(t *testing.T) {
	tests := []struct {
		name, text string
		line       int
		want       string
	}{
		{"nothing", "# a comment\n", 1, "no session"},
		{"no end", "+0 S: 220 x\n+0 C: EHLO x\n", 2, "doesn't end"},
		{"one of two doesn't end", "+0 [1] S: 220 x\n+0 [2] S: 220 x\n+0 [2] X: by the client\n", 1, "session 1 doesn't end"},
		{"a reply without a last line", "+0 S: 220 x\n+0 X: by the client\n+0 S: 250-x\n", 3, "no last line"},
		{"lines left out", "+0 S: 220 x\n+0 #: … 7 lines left out …\n+0 X: by the client\n", 2, "7 lines left out"},
		{"no reply", "+0 S: hello\n+0 X: by the client\n", 1, "no line of a reply"},
		{"open twice", "+0 #: connected to a:1\n+0 #: connected to a:1\n", 2, "open already"},
		{"ends first", "+0 X: by the client\n", 1, "never began"},
		{"no JSON", "+0 @: world {\n", 1, "no JSON"},
		{"another JSON", "+0 @: connect []\n", 1, "can't be read"},
		{"a content that isn't so long", "+0 @: content {\"octets\":7,\"deflate\":\"AQAA//8=\"}\n", 1, "isn't 7 octets"},
		{"a content that is too long", "+0 @: content {\"octets\":1000000000000000,\"deflate\":\"\"}\n", 1, "at most"},
		{"a content that is no deflate", "+0 @: content {\"octets\":7,\"deflate\":\"////\"}\n", 1, "deflate"},
		{"a plain content that isn't so long", "+0 @: content {\"octets\":7,\"plain\":\"AQAA\"}\n", 1, "isn't 7 octets"},
		{"a content that a credential's name stands in", "+0 @: content {\"octets\":3,\"plain\":\"A{password of a@b.example}\"}\n", 1, "has a credential's name"},
		{"recipients without a number", "+0 S: 220 x\n+0 @: recipients {\"runs\":[{\"first\":\"b@y\",\"count\":2}]}\n", 2, "want a number"},
		{"recipients without an end", "+0 S: 220 x\n+0 @: recipients {\"runs\":[{\"first\":\"b1@y\",\"count\":2},{\"first\":\"b1@y\",\"count\":2000000000}]}\n", 2, "want 1 to 10000 in all"},
		{"fewer than no recipients", "+0 S: 220 x\n+0 @: recipients {\"runs\":[{\"first\":\"b1@y\",\"count\":-1}]}\n", 2, "want 1 to"},
		{"replies like none", "+0 S: 220-x\n+0 @: replies {\"count\":1}\n", 2, "no whole reply"},
		{"replies without an end", "+0 S: 220 x\n+0 @: replies {\"count\":2000000000}\n", 2, "want 1 to"},
		{"much of little", "+0 S: 220 x\n" + strings.Repeat("+0 @: replies {\"count\":10000}\n", 11), 12, "more than 100000"},
		{"cut within a line", "+0 S: 220 x\n+0 X: by the cli", 2, "it was cut"},
		{"binary", "\x7fELF\x02\x01\x01\x00\n", 1, "+SECONDS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := plannedOf(tt.text)
			var wrong *transcript.LineError
			if !errors.As(err, &wrong) || wrong.Line != tt.line || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want line %d: %s", err, tt.line, tt.want)
			}
		})
	}
}

func TestRunsOfAddresses(t *testing.T) {
	tests := []struct {
		name      string
		addresses []string
		want      []run
	}{
		{"numbered", []string{"r9@y", "r10@y", "r11@y"}, []run{{"r9@y", 3}}},
		{"another domain", []string{"r1@y", "r2@z"}, []run{{"r1@y", 1}, {"r2@z", 1}}},
		{"the same", []string{"b@y", "b@y"}, []run{{"b@y", 1}, {"b@y", 1}}},
		{"a gap", []string{"r1@y", "r3@y"}, []run{{"r1@y", 1}, {"r3@y", 1}}},
		{"zeros in front", []string{"r01@y", "r02@y"}, []run{{"r01@y", 1}, {"r02@y", 1}}},
		{"only numbers, no domain", []string{"1", "2"}, []run{{"1", 2}}},
		{"the largest number", []string{"4294967295@y", "4294967296@y"}, []run{{"4294967295@y", 2}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			runs, ok := runsOf(tt.addresses)
			if diff := cmp.Diff(tt.want, runs); diff != "" || !ok {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
			again, err := recipientsCall{runs}.addresses()
			if diff := cmp.Diff(tt.addresses, again); diff != "" || err != nil {
				t.Errorf("%v, addresses (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestRunsOfAddressesGiveThemBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.StringMatching(`[a-z0-9.]{0,3}[089]{0,10}(@[a-z0-9]{1,3})?`)
		addresses := rapid.SliceOf(address).Draw(t, "addresses")
		for _, first := range addresses[:len(addresses)/2] {
			if next := nextAddress(first); next != "" {
				addresses = append(addresses, first, next)
			}
		}
		runs, ok := runsOf(addresses)
		again, err := recipientsCall{runs}.addresses()
		if !ok || err != nil || !slices.Equal(addresses, again) {
			t.Fatalf("%q became %v and %q: %v", addresses, runs, again, err)
		}
	})
}

// What was said to a relay by many messages is in the plan, each line of it, and each reply.
func TestPlanOfManyMessages(t *testing.T) {
	for name, c := range map[string]struct {
		recipients []string
		calls      []string // that stand in the transcript
	}{
		"one recipient":     {[]string{"a1@y"}, []string{"@: content "}},
		"many, one refused": {[]string{"a1@y", "a2@y", "a3@y", "rcpt550@y", "a4@y", "a5@y"}, []string{"@: content ", "@: recipients ", `@: replies {"count":2}`, `@: replies {"count":1}`}},
	} {
		t.Run(name, func(t *testing.T) {
			log := &transcript.Transcript{}
			conn, stop := quick(t, &quickRelay{announces: "PIPELINING"}, log)
			contents := []string{"one\r\n..\r\n", "\xff\x00 two\r\n"}
			next := func(i int) Message {
				return Message{Sender: "s@x", Recipients: c.recipients, Data: []byte(contents[i])}
			}
			if err := conn.SendMany(context.Background(), 2, next, func(int, Outcome) bool { return true }); err != nil {
				t.Fatal(err)
			}
			stop()
			var text bytes.Buffer
			if err := log.WriteText(&text); err != nil {
				t.Fatal(err)
			}
			for _, call := range c.calls {
				if n := strings.Count(text.String(), call); n != 2 {
					t.Errorf("%q stands there %d times, want 2", call, n)
				}
			}
			plan, err := plannedOf(text.String())
			if err != nil {
				t.Fatalf("%v\n%s", err, text.String())
			}
			said, heard := saidAndHeard(plan)
			var want []string
			codes := []int{220, 250}
			for i := range contents {
				want = append(want, "MAIL FROM:<s@x>")
				codes = append(codes, 250)
				for _, r := range c.recipients {
					want = append(want, "RCPT TO:<"+r+">")
					code := 250
					if r == "rcpt550@y" {
						code = 550
					}
					codes = append(codes, code)
				}
				want = append(want, "DATA", contents[i], ".")
				codes = append(codes, 354, 250)
			}
			if diff := cmp.Diff(want, said[1:]); diff != "" { // behind EHLO
				t.Errorf("said (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(codes, heard); diff != "" {
				t.Errorf("heard (-want +got):\n%s", diff)
			}
		})
	}
}

// saidAndHeard gives what a plan says, and the codes that it hears.
func saidAndHeard(plan Plan) (said []string, heard []int) {
	for _, s := range plan {
		switch s.Do {
		case DoSay:
			said = append(said, s.Text)
		case DoContent:
			said = append(said, string(s.Data))
		case DoHear:
			heard = append(heard, s.Reply.Code)
		}
	}
	return said, heard
}

func TestRepliesThatDifferInWordsAreOneAnotherInCodes(t *testing.T) {
	const text = "+0 S: 220 x\n+0 C: RCPT TO:<a@y>\n+0 @: recipients {\"runs\":[{\"first\":\"b1@y\",\"count\":2}]}\n" +
		"! +0 S: 250 2.1.5 <a@y> ok\n+0 @: replies {\"count\":2,\"differ\":true}\n+0 X: by the relay\n"
	plan, err := plannedOf(text)
	if err != nil {
		t.Fatal(err)
	}
	differ, marked := 0, 0
	for _, s := range plan {
		if s.Differs {
			differ++
		}
		if s.Marked {
			marked++
		}
	}
	if said, heard := saidAndHeard(plan); len(said) != 3 || len(heard) != 4 || differ != 2 || marked != 1 {
		t.Errorf("%q, %v, %d differ, %d are marked", said, heard, differ, marked)
	}
}

func TestPlanBoundsAllContentsTogether(t *testing.T) {
	text := "+0 [1] #: connected to a:1\n" +
		"+0 [1] @: content {\"octets\":4,\"plain\":\"YWJjZA==\"}\n" +
		"+0 [1] @: content {\"octets\":4,\"plain\":\"YWJjZA==\"}\n" +
		"+0 [1] X: by the client\n"
	entries, numbers, err := transcript.ParseLines(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := planOf(entries, numbers, 8); err != nil {
		t.Errorf("8 octets with room for 8: %v", err)
	}
	_, err = planOf(entries, numbers, 7)
	var wrong *transcript.LineError
	if !errors.As(err, &wrong) || wrong.Line != 3 || !strings.Contains(err.Error(), "all contents have more than") {
		t.Errorf("8 octets with room for 7: %v", err)
	}
}
