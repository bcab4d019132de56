package storm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/mx"
)

func message(i int) client.Message {
	return client.Message{
		Sender: "w@storm.example", Recipients: []string{"b@example.net"}, Data: fmt.Appendf(nil, "Subject: storm %d\r\n\r\nhello\r\n", i),
	}
}

// small is a storm that takes no time.
func small(address string) Options {
	return Options{
		Address: address, Message: message, Corpus: [][]byte{[]byte("NOOP\r\nHELLO?\r\n"), []byte("GET / HTTP/1.1\r\n\r\n"), {0, 0xff}, nil},
		Garbage: 60, Idle: 12, Slow: 6, AtOnce: 8, Every: time.Millisecond, Drip: time.Millisecond, Wait: 5 * time.Second,
		Sources: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
	}
}

// go-smtp's server weathers it, and what is said of that is so.
func TestRun(t *testing.T) {
	sink, err := mx.Start(mx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	o := small(sink.Address())
	looked := 0
	o.Held = func() {
		looked++
		if _, err := sink.Wait(t.Context(), "Subject: storm 0", 1); err != nil {
			t.Error(err)
		}
	}
	r, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Working.Err != nil || r.Working.Accepted == 0 || r.Working.P50 <= 0 || r.Working.Max < r.Working.P99 {
		t.Errorf("working client: %+v", r.Working)
	}
	accepted := 0
	for _, m := range sink.All() {
		if strings.HasPrefix(string(m.Data), fmt.Sprintf("Subject: storm %d\r\n", accepted)) {
			accepted++
		}
	}
	if accepted != r.Working.Accepted {
		t.Errorf("%d messages arrived in order, %d are told", accepted, r.Working.Accepted)
	}
	if g := r.Garbage; g.Sessions != 60 || g.Faults() != 0 || g.Replies[2] == 0 || g.Replies[5] == 0 {
		t.Errorf("garbage: %+v", g)
	}
	if diff := cmp.Diff(Held{Opened: 12, Asked: 12, Served: 12}, r.Idle); diff != "" {
		t.Errorf("idle (-want +got):\n%s", diff)
	}
	if r.Slow.Opened != 6 || r.Slow.Cut > 2 { // go-smtp may cut the two whose line doesn't end
		t.Errorf("slow: %+v", r.Slow)
	}
	if looked != 1 {
		t.Errorf("Held was called %d times", looked)
	}
	if text := r.String(); strings.Count(text, "\n") != 4 || !strings.Contains(text, "idle: 12 held, 12 of 12 asked still served") {
		t.Errorf("report:\n%s", text)
	}
}

// broken is a server that answers each line as it is told, until the client ends its part.
func broken(t *testing.T, greeting string, answer func(line string) string, leaves bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var sessions sync.WaitGroup
	ended := make(chan struct{})
	sessions.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			sessions.Go(func() {
				defer conn.Close()
				fmt.Fprint(conn, greeting)
				for in := bufio.NewScanner(conn); in.Scan(); {
					fmt.Fprint(conn, answer(in.Text()))
				}
				if leaves {
					<-ended
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(ended)
		sessions.Wait()
	})
	return l.Addr().String()
}

func agreeable(line string) string {
	if line == "DATA" {
		return "354 go\r\n"
	}
	return "250 OK\r\n"
}

// What a relay must never do is told.
func TestRunTellsFaults(t *testing.T) {
	run := func(t *testing.T, o Options) Report {
		t.Helper()
		r, err := Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	t.Run("a refusal that the working client meets", func(t *testing.T) {
		met := make(chan struct{})
		o := small(broken(t, "220 x\r\n", func(line string) string {
			if strings.HasPrefix(line, "MAIL") {
				defer close(met)
				return "451 4.3.0 later\r\n"
			}
			return agreeable(line)
		}, false))
		o.Garbage, o.Slow = 0, 0
		o.Held = func() { <-met }
		if r := run(t, o); r.Working.Err == nil || r.Working.Accepted != 0 || !strings.Contains(r.Working.String(), "refused at mail: 451 4.3.0 later") {
			t.Errorf("got %s", &r.Working)
		}
	})
	t.Run("sessions left open", func(t *testing.T) {
		o := small(broken(t, "220 x\r\n", agreeable, true))
		o.Idle, o.Slow, o.Wait, o.AtOnce = 0, 0, 300*time.Millisecond, 60
		if r := run(t, o); r.Garbage.Endless == 0 || r.Garbage.Faults() == 0 {
			t.Errorf("got %s", &r.Garbage)
		}
	})
	t.Run("lines that are no replies", func(t *testing.T) {
		o := small(broken(t, "220 x\r\n", func(string) string { return "what?\r\n" }, false))
		o.Idle, o.Slow = 0, 0
		if r := run(t, o); len(r.Garbage.Odd) == 0 || r.Garbage.Odd[0] != "what?\r\n" {
			t.Errorf("got %s: %q", &r.Garbage, r.Garbage.Odd)
		}
	})
	t.Run("idle sessions that aren't served any more", func(t *testing.T) {
		o := small(broken(t, "220 x\r\n", func(string) string { return "421 4.3.2 bye\r\n" }, false))
		o.Garbage, o.Slow, o.Idle = 0, 0, 1
		if r := run(t, o); r.Idle.Asked != 1 || r.Idle.Served != 0 {
			t.Errorf("got %+v", r.Idle)
		}
	})
	t.Run("a connection that isn't accepted", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close() // nobody listens there any more
		o := small(l.Addr().String())
		o.Idle, o.Slow = 0, 0
		if r := run(t, o); r.Garbage.Unreached != o.Garbage || r.Garbage.Err == nil || r.Working.Err == nil {
			t.Errorf("got %s", &r.Garbage)
		}
		o.Idle = 1
		if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "open idle sessions: ") {
			t.Errorf("got %v", err)
		}
	})
}

func TestRunIsGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	cancel(enough)
	if _, err := Run(ctx, small(broken(t, "220 x\r\n", agreeable, false))); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

func TestRunNeeds(t *testing.T) {
	for want, o := range map[string]Options{
		"Options.Address is missing": {Message: message},
		"Options.Message is missing": {Address: "127.0.0.1:1"},
		"Options.Corpus is empty":    {Address: "127.0.0.1:1", Message: message, Garbage: 1},
	} {
		if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestReadCorpus(t *testing.T) {
	got, err := ReadCorpus(fstest.MapFS{
		"a":               {Data: []byte("NOOP\r\n")},
		"fuzz/FuzzX/0123": {Data: []byte(fuzzHeader + "uint8(3)\n[]byte(\"a\\x00b\")\nbool(true)\nstring(\"c\\r\\n\")\n")},
		".gitattributes":  {Data: []byte("* -text\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]byte{[]byte("NOOP\r\n"), []byte("a\x00b"), []byte("c\r\n")}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, err = ReadCorpus(fstest.MapFS{"x": {Data: []byte(fuzzHeader + "int(1)\nstring(nonsense)\n")}})
	if err == nil || !strings.Contains(err.Error(), "x:3: ") {
		t.Errorf("got %v, want the line", err)
	}
}

func TestLastLine(t *testing.T) {
	for reply, want := range map[string]string{
		"250 OK\r\n": "250 OK\r\n", "250-a\r\n250 b\r\n": "250 b\r\n", "250-a\r\n": "", "250 b\r": "", "": "", "\r\n": "",
	} {
		line, whole := lastLine([]byte(reply))
		if whole != (want != "") || whole && string(line) != want {
			t.Errorf("lastLine(%q) = %q, %v; want %q", reply, line, whole, want)
		}
	}
}
