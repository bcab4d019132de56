package features

import (
	"bufio"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports/transcript"
)

// agreeable connects a client to a relay that answers every line with 250, and tells s of it.
func agreeable(t *testing.T, s *scenario) {
	t.Helper()
	answered(t, s, func(string) string { return "250 OK" })
}

// answered connects a client to a relay that answers a line as answer says, not at all where that is nothing, and tells s
// of it.
func answered(t *testing.T, s *scenario, answer func(line string) string) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "220 x.example\r\n")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			if reply := answer(lines.Text()); reply != "" {
				io.WriteString(conn, reply+"\r\n")
			}
		}
	}()
	d := &client.Dialer{Address: listener.Addr().String(), Timeout: 5 * time.Second, Name: "1", Transcript: s.transcript}
	conn, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); listener.Close(); <-ended })
	s.talk = dialogue{conn: conn, name: "1"}
	if _, err := s.hear(""); err != nil {
		t.Fatal(err)
	}
}

func TestTheMarkIsOnTheReplyThatAThenAskedForItself(t *testing.T) {
	ctx, s := stepping(bareTarget{})
	agreeable(t, s)
	if _, err := s.say("XYZZY"); err != nil {
		t.Fatal(err)
	}
	if err := inStep(ctx); !errors.As(err, new(*Failure)) {
		t.Fatalf("250 in answer to QUIT: %v", err)
	}
	entries := s.transcript.Entries()
	for i, e := range entries {
		if e.Marked != (i == len(entries)-1) {
			t.Errorf("line %d of %d, %s: marked is %t", i+1, len(entries), e, e.Marked)
		}
	}
}

// putsOddOff answers as a relay that puts each message off in which a line is "odd".
func putsOddOff() func(line string) string {
	content, odd := false, false
	return func(line string) string {
		switch {
		case content && line != ".":
			odd = odd || line == "odd"
			return ""
		case content && odd:
			content, odd = false, false
			return "451 odd"
		case line == "DATA":
			content = true
			return "354 go on"
		}
		content = false
		return "250 OK"
	}
}

func TestTheMarkIsOnTheFirstOfRepliesThatPutTheSameOff(t *testing.T) {
	ctx, s := stepping(bareTarget{})
	answered(t, s, putsOddOff())
	s.talk.roles = &target.Roles{Client: "c.example", Sender: "a@a.example", Recipients: []string{"b@b.example"}}
	for _, line := range []string{"MAIL FROM:<a@a.example>", "RCPT TO:<b@b.example>", "DATA"} {
		if _, err := s.say(line); err != nil {
			t.Fatal(err)
		}
	}
	s.talk.judged = len(s.talk.heard)
	s.talk.said = `odd\r\n.\r\n`
	if _, err := s.say("odd\r\n."); err != nil {
		t.Fatal(err)
	}
	if err := answers(ctx, "250", ""); !errors.As(err, new(*Failure)) {
		t.Fatalf("a message that is always put off: %v", err)
	}
	put := 0
	for i, e := range s.transcript.Entries() {
		if e.Kind != transcript.Server || e.Text != "451 odd" {
			continue
		}
		if put++; e.Marked != (put == 1) {
			t.Errorf("line %d, put off for the %d. time: marked is %t", i+1, put, e.Marked)
		}
	}
	if put != 2 {
		t.Errorf("the message was put off %d times, want 2", put)
	}
}
