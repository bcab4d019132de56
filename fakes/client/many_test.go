package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reports/transcript"
)

// quickRelay answers at once and counts. Refusals come by what an address begins with: "dot421@" as sender is refused
// with 421 in reply to the dot, "rcpt550@" as recipient in reply to RCPT.
type quickRelay struct {
	announces string   // keywords, divided by blanks
	accepted  []string // senders
	rcpts     int      // recipients of what was accepted
	octets    int      // of content that was accepted
	trips     int      // how often it had to wait for the client
	unwanted  int      // octets of content that came although nobody was there to get it
}

func (r *quickRelay) serve(socket net.Conn) {
	defer socket.Close()
	in, out := bufio.NewReaderSize(socket, 64<<10), bufio.NewWriter(socket)
	out.WriteString("220 quick\r\n")
	s := quickSession{relay: r, in: in, out: out}
	for !s.over {
		if in.Buffered() == 0 {
			r.trips++
			if out.Flush() != nil {
				return
			}
		}
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		s.answer(bytes.TrimRight(line, "\r\n"))
	}
	out.Flush()
}

type quickSession struct {
	relay  *quickRelay
	in     *bufio.Reader
	out    *bufio.Writer
	sender string
	rcpts  int
	open   bool // MAIL was accepted
	over   bool
}

func (s *quickSession) answer(line []byte) {
	switch {
	case bytes.HasPrefix(line, []byte("MAIL FROM:<")):
		if s.open {
			s.out.WriteString("503 5.5.1 nested MAIL\r\n")
			return
		}
		s.sender, s.rcpts = string(line[len("MAIL FROM:<"):len(line)-1]), 0
		s.open = s.reply("mail", s.sender, "250 2.1.0 OK\r\n")
	case bytes.HasPrefix(line, []byte("RCPT TO:<")):
		if rcpt := line[len("RCPT TO:<"):]; !s.open || bytes.HasPrefix(rcpt, []byte("rcpt550@")) {
			s.out.WriteString("550 5.1.1 no\r\n")
			return
		}
		s.rcpts++
		s.out.WriteString("250 2.1.5 OK\r\n")
	case bytes.Equal(line, []byte("DATA")):
		if !strings.HasPrefix(s.sender, "data") {
			s.content()
			return
		}
		s.reply("data", s.sender, "")
	case bytes.HasPrefix(line, []byte("BDAT ")):
		s.chunk(line)
	case bytes.HasPrefix(line, []byte("EHLO")):
		s.out.WriteString("250-" + strings.ReplaceAll("quick "+s.relay.announces, " ", "\r\n250-") + "\r\n250 HELP\r\n")
	case bytes.Equal(line, []byte("RSET")):
		s.open = false
		s.out.WriteString("250 2.0.0 OK\r\n")
	default:
		s.out.WriteString("250 2.0.0 OK\r\n")
	}
}

func (s *quickSession) content() {
	s.out.WriteString("354 go\r\n")
	if s.in.Buffered() == 0 {
		s.relay.trips++
	}
	s.out.Flush()
	octets := 0
	for {
		line, err := s.in.ReadSlice('\n')
		if err != nil {
			s.over = true
			return
		}
		if string(line) == ".\r\n" {
			break
		}
		octets += len(line)
	}
	s.open = false
	if s.rcpts == 0 {
		s.relay.unwanted += octets
		s.out.WriteString("554 5.5.1 no valid recipients\r\n")
		return
	}
	if s.reply("dot", s.sender, "250 2.0.0 queued\r\n") {
		s.relay.accepted = append(s.relay.accepted, s.sender)
		s.relay.rcpts += s.rcpts
		s.relay.octets += octets
	}
}

// chunk swallows a last chunk, whatever comes of it. Refused, it leaves the transaction open.
func (s *quickSession) chunk(line []byte) {
	octets, last := 0, ""
	fmt.Sscanf(string(line), "BDAT %d %s", &octets, &last)
	if last != "LAST" {
		s.out.WriteString("501 5.5.4 BDAT octets LAST\r\n")
		return
	}
	if _, err := s.in.Discard(octets); err != nil {
		s.over = true
		return
	}
	if !s.open || s.rcpts == 0 {
		s.out.WriteString("503 5.5.1 no valid recipients\r\n")
		return
	}
	if s.reply("data", s.sender, "") && s.reply("dot", s.sender, "250 2.0.0 queued\r\n") {
		s.open = false
		s.relay.accepted = append(s.relay.accepted, s.sender)
		s.relay.rcpts += s.rcpts
		s.relay.octets += octets
	}
}

// reply refuses at stage when the sender says so ("dot421@..."), else says good.
func (s *quickSession) reply(stage, sender, good string) bool {
	code, refused := strings.CutPrefix(sender, stage)
	if !refused || len(code) < 3 {
		s.out.WriteString(good)
		return true
	}
	s.out.WriteString(code[:3] + " refused\r\n")
	s.over = code[:3] == "421"
	return false
}

// quick starts relay and says EHLO to it. The relay's counts may be read once stop has returned.
func quick(t testing.TB, relay *quickRelay, log *transcript.Transcript) (c *Conn, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if socket, err := listener.Accept(); err == nil {
			relay.serve(socket)
		}
	}()
	d := &Dialer{Address: listener.Addr().String(), Timeout: 10 * time.Second, Transcript: log}
	if c, err = d.Dial(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err = c.ReadReply(); err != nil {
		t.Fatal(err)
	}
	if _, err = c.Hello("x"); err != nil {
		t.Fatal(err)
	}
	stop = func() { c.Close(); listener.Close(); <-done }
	t.Cleanup(stop)
	return c, stop
}

func fromSender(sender string, recipients ...string) Message {
	if recipients == nil {
		recipients = []string{"b@y"}
	}
	return Message{Sender: sender, Recipients: recipients, Data: []byte("hi\r\n")}
}

// summary is an outcome in short.
func summary(i int, o Outcome) string {
	if o.Stage == Mail { // what RCPT gets behind it depends on the mode
		return fmt.Sprintf("%d %v %s %d", i, o.Accepted, o.Stage, o.Reply.Code)
	}
	return fmt.Sprintf("%d %v %s %d/%d", i, o.Accepted, o.Stage, o.Reply.Code, o.Refused())
}

func TestSendMany(t *testing.T) {
	tests := []struct {
		name     string
		messages []Message
		stopAt   int // onOutcome says stop there; -1: never
		want     []string
		accepted []string
		err      error
	}{
		{
			name:     "all accepted",
			messages: []Message{fromSender("a@x"), fromSender("b@x"), fromSender("c@x")},
			stopAt:   -1,
			want:     []string{"0 true end-of-data 250/0", "1 true end-of-data 250/0", "2 true end-of-data 250/0"},
			accepted: []string{"a@x", "b@x", "c@x"},
		},
		{
			name: "refusals of all kinds among them",
			messages: []Message{
				fromSender("mail550@x"), fromSender("a@x", "rcpt550@y"), fromSender("data450@x"), fromSender("dot554@x"),
				fromSender("b@x", "rcpt550@y", "c@y"), fromSender("c@x"),
			},
			stopAt: -1,
			want: []string{
				"0 false mail 550", "1 false rcpt 550/1", "2 false data 450/0", "3 false end-of-data 554/0",
				"4 true end-of-data 250/1", "5 true end-of-data 250/0",
			},
			accepted: []string{"b@x", "c@x"},
		},
		{
			name:     "stop at a refusal in reply to DATA",
			messages: []Message{fromSender("a@x"), fromSender("data550@x"), fromSender("c@x")},
			stopAt:   1,
			want:     []string{"0 true end-of-data 250/0", "1 false data 550/0"},
			accepted: []string{"a@x"},
		},
		{
			name:     "421 in reply to DATA",
			messages: []Message{fromSender("a@x"), fromSender("data421@x"), fromSender("c@x")},
			stopAt:   -1,
			want:     []string{"0 true end-of-data 250/0", "1 false data 421/0"},
			accepted: []string{"a@x"},
			err:      ErrSessionOver,
		},
		{
			name:     "421 in reply to the dot",
			messages: []Message{fromSender("a@x"), fromSender("dot421@x"), fromSender("c@x")},
			stopAt:   -1,
			want:     []string{"0 true end-of-data 250/0", "1 false end-of-data 421/0"},
			accepted: []string{"a@x"},
			err:      ErrSessionOver,
		},
		{
			name:     "421 at the last",
			messages: []Message{fromSender("a@x"), fromSender("mail421@x")},
			stopAt:   -1,
			want:     []string{"0 true end-of-data 250/0", "1 false mail 421"},
			accepted: []string{"a@x"},
		},
		{name: "none", stopAt: -1},
	}
	for _, announces := range []string{"PIPELINING", "HELP"} {
		for _, tt := range tests {
			t.Run(announces+" "+tt.name, func(t *testing.T) {
				relay := &quickRelay{announces: announces}
				c, stop := quick(t, relay, nil)
				var got []string
				err := c.SendMany(context.Background(), len(tt.messages),
					func(i int) Message { return tt.messages[i] },
					func(i int, o Outcome) bool { got = append(got, summary(i, o)); return i != tt.stopAt })
				if !errors.Is(err, tt.err) {
					t.Errorf("got %v, want %v", err, tt.err)
				}
				if over := len(got) > 0 && strings.Contains(got[len(got)-1], "421"); err == nil && !over {
					must(t)(c.Cmd("NOOP")) // the session is in step
				}
				stop()
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
				if relay.unwanted > 0 {
					t.Errorf("%d octets of content were sent to nobody", relay.unwanted)
				}
				if diff := cmp.Diff(tt.accepted, relay.accepted); diff != "" {
					t.Errorf("accepted (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// After a stop at the dot the message that was under way is finished, told, and nothing comes behind it.
func TestSendManyStopsBehindWhatIsUnderWay(t *testing.T) {
	relay := &quickRelay{announces: "PIPELINING"}
	c, stop := quick(t, relay, nil)
	asked, told := 0, 0
	err := c.SendMany(context.Background(), -1,
		func(i int) Message { asked++; return fromSender("a@x") },
		func(i int, o Outcome) bool { told++; return i < 2 })
	if err != nil {
		t.Fatal(err)
	}
	must(t)(c.Cmd("NOOP"))
	stop()
	if asked != 4 || told != 4 || len(relay.accepted) != 4 {
		t.Errorf("asked for %d, told %d, accepted %d; want 4 each", asked, told, len(relay.accepted))
	}
}

func TestSendManyIsQuick(t *testing.T) {
	const count = 10_000
	relay := &quickRelay{announces: "PIPELINING"}
	log := &transcript.Transcript{}
	c, stop := quick(t, relay, log)
	m := fromSender("a@x")
	m.Data = bytes.Repeat([]byte("0123456789012345678901234567890\r\n"), 31)
	began := time.Now()
	err := c.SendMany(context.Background(), count, func(int) Message { return m }, func(_ int, o Outcome) bool { return o.Accepted })
	took := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	t.Logf("%d messages took %v", count, took)
	if len(relay.accepted) != count || relay.octets != count*len(m.Data) {
		t.Errorf("%d messages of %d octets were accepted", len(relay.accepted), relay.octets)
	}
	if relay.trips > count+10 {
		t.Errorf("%d round trips, want one a message", relay.trips)
	}
	if entries := log.Entries(); len(entries) != transcript.DefaultKeep+1 {
		t.Errorf("the transcript has %d entries", len(entries))
	}
}

// Envelopes that don't fit into a buffer are written while the replies are read.
func TestSendManyWithManyRecipients(t *testing.T) {
	const count, each = 20, 5_000
	relay := &quickRelay{announces: "PIPELINING"}
	c, stop := quick(t, relay, &transcript.Transcript{})
	m := Message{Sender: "a@x", Data: []byte("hi\r\n")}
	for i := range each {
		m.Recipients = append(m.Recipients, fmt.Sprintf("somebody-with-a-name-%d@recipients.example", i))
	}
	m.Recipients[each/2] = "rcpt550@y"
	told := 0
	err := c.SendMany(context.Background(), count, func(int) Message { return m }, func(_ int, o Outcome) bool {
		told++
		return o.Accepted && len(o.Recipients) == each && o.Recipients[each/2].Code == 550
	})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if told != count || relay.rcpts != count*(each-1) {
		t.Errorf("told %d, %d recipients; want %d, %d", told, relay.rcpts, count, count*(each-1))
	}
	want := lines(`
		C: MAIL FROM:<a@x>
		C: RCPT TO:<somebody-with-a-name-0@recipients.example>
		@: recipients {"runs":[{"first":"somebody-with-a-name-1@recipients.example","count":2499},{"first":"rcpt550@y","count":1},` +
		`{"first":"somebody-with-a-name-2501@recipients.example","count":2499}]}
		#: 4999 more RCPT
		C: DATA`)
	got := said(c.log)
	if !strings.Contains(got, want) || !strings.Contains(got, "S: 550 5.1.1 no\n") {
		t.Errorf("transcript\n%.1000s", got)
	}
}

// Over a network without any buffer a large batch still doesn't stall: its replies are read while it is written.
func TestLargeBatchWithoutBuffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := piped(t, time.Minute)
		relay := &quickRelay{announces: "PIPELINING"}
		done := make(chan struct{})
		go func() { defer close(done); relay.serve(far) }()
		must(t)(c.ReadReply())
		must(t)(c.Hello("x"))
		m := Message{Sender: "a@x", Data: bytes.Repeat([]byte("content\r\n"), 10_000)}
		for i := range 5_000 {
			m.Recipients = append(m.Recipients, fmt.Sprintf("r%d@recipients.example", i))
		}
		for _, mode := range []Mode{Lockstep, Pipelined} {
			if got, err := c.Send(m, mode); err != nil || !got.Accepted {
				t.Errorf("%s: got %v, %v", mode, got.Reply, err)
			}
		}
		c.Close()
		<-done
	})
}

func TestSendManyAllocatesLittle(t *testing.T) {
	relay := &quickRelay{announces: "PIPELINING"}
	c, _ := quick(t, relay, nil)
	m := fromSender("a@x", make([]string, 100)...)
	send := func() {
		err := c.SendMany(context.Background(), 100, func(int) Message { return m }, func(int, Outcome) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
	}
	send()
	// The relay runs in the same process: two allocations a message are its own, and none is a recipient's.
	if got := testing.AllocsPerRun(3, send) / 100; got > 5 {
		t.Errorf("%.1f allocations a message with 100 recipients", got)
	}
}

func TestSendManyIsGivenUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c, err := (&Dialer{Address: listener.Addr().String()}).Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	var asked atomic.Int32
	err = c.SendMany(ctx, -1, func(int) Message { asked.Add(1); cancel(enough); return fromSender("a@x") }, nil)
	if !errors.Is(err, enough) || errors.Is(err, os.ErrDeadlineExceeded) || asked.Load() != 1 {
		t.Errorf("got %v after %d", err, asked.Load())
	}
}

// The message that is being written to a relay that stands still is given up, and its goroutine with it.
func TestLargeBatchIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := piped(t, time.Minute)
		m := fromSender("a@x")
		m.Sender = strings.Repeat("x", 2*writeBuffer)
		_, err := c.Send(m, Pipelined)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want a timeout", err)
		}
		c.Close()
		far.Close()
	})
}

// A relay that says 421 and reads no more is believed at once: what was being written isn't waited for.
func TestLargeBatchMeets421(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := piped(t, time.Minute)
		go far.Write([]byte("421 4.7.0 bye\r\n"))
		m := fromSender("a@x")
		m.Sender = strings.Repeat("x", 2*writeBuffer)
		began := time.Now()
		got, err := c.Send(m, Pipelined)
		if err != nil || got.Stage != Mail || got.Reply.Code != 421 || time.Since(began) > 0 {
			t.Errorf("got %+v, %v after %v", got, err, time.Since(began))
		}
		c.Close()
		far.Close()
	})
}
