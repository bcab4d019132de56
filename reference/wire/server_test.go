package wire

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
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relayspec/relayspec/fakes/memnet"
	"github.com/relayspec/relayspec/reference/policy"
)

var (
	here  = netip.MustParseAddrPort("192.0.2.25:25")
	there = netip.MustParseAddrPort("[2001:db8::1]:1025")
)

func TestNewNamesWhatIsMissing(t *testing.T) {
	fewer := replies()
	delete(fewer, policy.ReplyMalformed)
	for want, c := range map[string]Config{
		"Engine":    {Replies: replies()},
		"malformed": {Engine: discarding{}, Replies: fewer},
		"CRAM-MD5":  {Engine: discarding{}, Replies: replies(), Mechanisms: []string{"CRAM-MD5"}},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	s := mustServer(t, Config{Engine: discarding{}})
	if err := s.Serve(memnet.Listen(here), policy.Port465); err == nil {
		t.Error("port 465 without TLS")
	}
}

// dialled serves on a memnet listener and gives a way to connect.
func dialled(t *testing.T, c Config) (*Server, func() (*memnet.Conn, *bufio.Reader)) {
	s, l := mustServer(t, c), memnet.Listen(here)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l, policy.Port25) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, func() (*memnet.Conn, *bufio.Reader) {
		conn, err := l.Dial(there)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn, bufio.NewReader(conn)
	}
}

func want(t *testing.T, r *bufio.Reader, prefix string) {
	t.Helper()
	if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, prefix) {
		t.Fatalf("want %q: %q, %v", prefix, line, err)
	}
}

// failing is a listener whose Accept fails with errs first.
type failing struct {
	net.Listener
	errs []error
	at   []time.Time
}

func (l *failing) Accept() (net.Conn, error) {
	if l.at = append(l.at, time.Now()); len(l.errs) == 0 {
		return l.Listener.Accept()
	}
	err := l.errs[0]
	l.errs = l.errs[1:]
	return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", err)}
}

func TestServeOutlivesErrorsThatPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, inner := mustServer(t, Config{Engine: discarding{}}), memnet.Listen(here)
		l := &failing{Listener: inner, errs: []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED}}
		for range 10 {
			l.errs = append(l.errs, syscall.EMFILE)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(l, policy.Port25) }()
		conn, err := inner.Dial(there)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		want(t, bufio.NewReader(conn), "220 ")
		s.Close()
		if err := <-served; !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		for i, d := range map[int]time.Duration{1: 5 * time.Millisecond, 2: 10 * time.Millisecond, 15: time.Second} {
			if got := l.at[i].Sub(l.at[i-1]); got != d {
				t.Errorf("pause %d: %v, want %v", i, got, d)
			}
		}
	})
}

func TestServeEndsWithALostListener(t *testing.T) {
	s := mustServer(t, Config{Engine: discarding{}})
	if err := s.Serve(&failing{Listener: memnet.Listen(here), errs: []error{syscall.EBADF}}, policy.Port25); !errors.Is(err, syscall.EBADF) {
		t.Error(err)
	}
}

func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dial := dialled(t, Config{Engine: discarding{}, MaxSessions: 1})
		first, lines := dial()
		want(t, lines, "220 ")
		second, refused := dial()
		want(t, refused, "421 4.4.5 ")
		if _, err := refused.ReadByte(); err != io.EOF {
			t.Error(err)
		}
		second.Close()
		first.Close()
		synctest.Wait()
		if s.Sessions() != 0 {
			t.Error(s.Sessions())
		}
		_, lines = dial()
		want(t, lines, "220 ")
	})
}

func TestIPv6Peer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, dial := dialled(t, Config{Engine: discarding{}})
		conn, lines := dial()
		want(t, lines, "220 ")
		fmt.Fprint(conn, "EHLO [IPv6:2001:db8::1]\r\n")
		want(t, lines, "250-smtp-relay.gmail.com at your service, [2001:db8::1]\r\n")
	})
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dial := dialled(t, Config{Engine: discarding{}})
		_, idle := dial()
		want(t, idle, "220 ")
		busy, lines := dial()
		want(t, lines, "220 ")
		fmt.Fprint(busy, "HELO a\r\nMAIL FROM:<a@b>\r\n")
		want(t, lines, "250 ")
		want(t, lines, "250 ")
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		began := time.Now()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if d := time.Since(began); d != time.Minute || s.Sessions() != 0 {
			t.Error(d, s.Sessions())
		}
		want(t, idle, "421 4.3.0 ")
	})
}

// careless is an Engine that doesn't read the message.
type careless struct {
	discarding
	decision policy.Decision
}

func (e careless) Commit(context.Context, *policy.Facts, io.Reader) (policy.Decision, error) {
	return e.decision, nil
}

// What the Engine didn't read is no command.
func TestUnreadMessageIsDrained(t *testing.T) {
	body := bytes.Repeat([]byte("QUIT\r\n"), 50_000)
	text := "HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + string(body) + ".\r\nNOOP\r\n"
	refusal := policy.Decision{Reply: replies()[policy.ReplyCustomerPeak]}
	conn := playing([]byte(text), nil)
	runSession(mustServer(t, Config{Engine: careless{decision: refusal}}), conn, func(*session) {})
	got := string(conn.written)
	if !strings.Contains(got, "\n450 4.2.1") || !strings.Contains(got, "\n250 2.0.0 OK") || strings.Contains(got, "\n221") {
		t.Error(got)
	}
}

// Events cost nothing when nobody wants them, and a transaction costs no more than its addresses.
func TestAllocations(t *testing.T) {
	const messages = 200
	transaction := "MAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\nRCPT TO:<eve@example.net>\r\nDATA\r\n" + "x\r\n.\r\n"
	server := mustServer(t, Config{Engine: nothing{scrap: new([32 << 10]byte)}})
	run := func(n int) float64 {
		data := []byte("HELO a\r\n" + strings.Repeat(transaction, n))
		return testing.AllocsPerRun(5, func() {
			runSession(server, &sink{played: playing(data, nil)}, func(*session) {})
		})
	}
	each := (run(2*messages) - run(messages)) / messages
	if each > 3.9 { // three addresses; the race detector makes the pools forget at times
		t.Errorf("%.2f allocations a transaction", each)
	}
}

// nothing is an Engine for one session that allocates nothing.
type nothing struct {
	discarding
	scrap *[32 << 10]byte
}

func (e nothing) Commit(_ context.Context, _ *policy.Facts, body io.Reader) (policy.Decision, error) {
	for {
		if _, err := body.Read(e.scrap[:]); err != nil {
			if err == io.EOF {
				err = nil
			}
			return policy.Decision{}, err
		}
	}
}

// sink is a played connection that forgets what is written.
type sink struct{ *played }

func (sink) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkPipelined is the server's own work for a message of 1 KiB: no network, an Engine that does nothing.
func BenchmarkPipelined(b *testing.B) {
	for _, recipients := range []int{1, 50} {
		b.Run(fmt.Sprintf("recipients=%d", recipients), func(b *testing.B) {
			body := "Received: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 62)+"\r\n", 16) + ".\r\n"
			one := []byte("MAIL FROM:<ann@example.com>\r\n" + strings.Repeat("RCPT TO:<bob@example.net>\r\n", recipients) + "DATA\r\n" + body)
			hello, left := []byte("HELO a\r\n"), b.N
			conn := &played{chunks: func() []byte {
				switch {
				case hello != nil:
					h := hello
					hello = nil
					return h
				case left == 0:
					return nil
				}
				left--
				return one
			}}
			server := mustServer(b, Config{Engine: nothing{scrap: new([32 << 10]byte)}, MaxHops: 50})
			b.ReportAllocs()
			b.SetBytes(int64(len(one)))
			runSession(server, &sink{conn}, func(*session) {})
		})
	}
}

// BenchmarkBody is the dot reader's own work.
func BenchmarkBody(b *testing.B) {
	body := stuff(append([]byte("Received: x\r\n\r\n"), bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 1422)...))
	head := []byte("MAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n")
	hello, left, parts := []byte("HELO a\r\n"), b.N, [][]byte(nil)
	conn := &played{chunks: func() []byte {
		switch {
		case hello != nil:
			parts, hello = [][]byte{hello}, nil
		case len(parts) == 0 && left == 0:
			return nil
		case len(parts) == 0:
			left--
			parts = [][]byte{head, body}
		}
		part := parts[0]
		parts = parts[1:]
		return part
	}}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	runSession(mustServer(b, Config{Engine: nothing{scrap: new([32 << 10]byte)}, MaxHops: 50}), &sink{conn}, func(*session) {})
}

// An address has only so many sessions at once, an IPv6 network of a host counts as one, and a PROXY header says whose a
// session is. On port 465 the one too many is closed without a word.
func TestPeerSessions(t *testing.T) {
	for _, role := range []policy.Role{policy.Port25, policy.Port465} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var rules []policy.RuleID
			note := func(e Event) {
				mu.Lock()
				defer mu.Unlock()
				rules = append(rules, e.Rule)
			}
			s := mustServer(t, Config{Engine: discarding{}, MaxPeerSessions: 2, ProxyFrom: []netip.Prefix{netip.MustParsePrefix("203.0.113.1/32")},
				TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}, Events: note})
			l := memnet.Listen(here)
			served := make(chan error, 1)
			go func() { served <- s.Serve(l, role) }()
			defer func() { s.Close(); <-served }()
			open := func(from, header string) (net.Conn, string) {
				conn, err := l.Dial(netip.MustParseAddrPort(from))
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprint(conn, header)
				var secured net.Conn = conn
				if role == policy.Port465 {
					secured = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
				}
				line, _ := bufio.NewReader(secured).ReadString('\n')
				return conn, line[:min(len("421 4.7.0"), len(line))]
			}
			refused := "421 4.7.0"
			if role == policy.Port465 {
				refused = ""
			}
			const header = "PROXY TCP4 192.0.2.7 192.0.2.25 56324 25\r\n"
			first, _ := open("192.0.2.7:1", "")
			for i, step := range []struct{ from, header, want string }{
				{"192.0.2.7:2", "", "220 smtp-"},
				{"192.0.2.7:3", "", refused},
				{"192.0.2.8:3", "", "220 smtp-"},
				{"203.0.113.1:1", header, refused},
				{"[2001:db8::1]:1", "", "220 smtp-"}, {"[2001:db8::2]:1", "", "220 smtp-"}, {"[2001:db8::ffff:2]:1", "", refused},
				{"[2001:db8:0:1::1]:1", "", "220 smtp-"},
			} {
				if _, got := open(step.from, step.header); got != step.want {
					t.Errorf("port %d, step %d: %q, want %q", role, i, got, step.want)
				}
			}
			first.Close()
			synctest.Wait()
			mu.Lock()
			if !slices.Contains(rules, ruleProtect) {
				t.Error(rules)
			}
			mu.Unlock()
			if _, got := open("203.0.113.1:1", header); got != "220 smtp-" {
				t.Errorf("when one has gone: %q", got)
			}
			if _, got := open("192.0.2.7:9", ""); got != refused {
				t.Errorf("and the place is taken: %q", got)
			}
		})
	}
}
