package features

import (
	"bufio"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
)

// agreeable connects a client to a relay that answers every line with 250, and tells s of it.
func agreeable(t *testing.T, s *scenario) {
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
			io.WriteString(conn, "250 OK\r\n")
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
