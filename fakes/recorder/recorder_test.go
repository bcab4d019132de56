package recorder_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/recorder"
	"github.com/relayspec/relayspec/reports/transcript"
)

// upstream is a relay that does what serve does with each connection. It keeps what it got.
type upstream struct {
	listener net.Listener
	mu       sync.Mutex
	got      bytes.Buffer
}

func (u *upstream) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.got.Write(p)
}

func (u *upstream) received() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.got.String()
}

func relay(t testing.TB, serve func(u *upstream, c net.Conn)) *upstream {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{listener: listener}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { defer conn.Close(); serve(u, conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); all.Wait() })
	return u
}

// recording records what goes to u, and gives the transcripts when it is told to end.
func recording(t testing.TB, o recorder.Options) (r *recorder.Recorder, said func() string) {
	t.Helper()
	var mu sync.Mutex
	texts := map[string]string{}
	o.Listen = "127.0.0.1:0"
	o.Open = func(name string) (io.WriteCloser, error) {
		return &kept{closed: func(text string) {
			mu.Lock()
			defer mu.Unlock()
			texts[name] = text
		}}, nil
	}
	r, err := recorder.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, func() string {
		r.Close()
		mu.Lock()
		defer mu.Unlock()
		var all []string
		for _, name := range []string{"1", "2", "3"} {
			all = append(all, texts[name])
		}
		return strings.Join(all, "")
	}
}

// kept is a transcript that is kept.
type kept struct {
	bytes.Buffer
	closed func(text string)
}

func (k *kept) Close() error {
	k.closed(k.String())
	return nil
}

// untimed takes the times and the addresses from a transcript.
func untimed(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(line, " ")
		if at := strings.Index(rest, "connected to "); at >= 0 {
			rest = rest[:at] + "connected\n"
		}
		if at := strings.Index(rest, "TLS established"); at >= 0 {
			rest = rest[:at] + "TLS\n"
		}
		b.WriteString(rest)
	}
	return b.String()
}

// scriptedSMTP answers like a relay, with TLS behind STARTTLS, and keeps what it was told.
func scriptedSMTP(certificate tls.Certificate) func(u *upstream, c net.Conn) {
	return func(u *upstream, c net.Conn) {
		var in io.Reader = io.TeeReader(c, u)
		say := func(lines string) { io.WriteString(c, lines) }
		say("220 up.example\r\n")
		line := make([]byte, 0, 100)
		one := make([]byte, 1)
		content := false
		for {
			if n, err := in.Read(one); n == 0 || err != nil {
				return
			}
			line = append(line, one[0])
			if one[0] != '\n' {
				continue
			}
			text := strings.ToUpper(strings.TrimSpace(string(line)))
			line = line[:0]
			switch {
			case content && text == ".":
				content = false
				say("250 2.0.0 taken\r\n")
			case content:
			case strings.HasPrefix(text, "EHLO"):
				say("250-up.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n")
			case text == "STARTTLS":
				say("220 2.0.0 go\r\n")
				encrypted := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
				if encrypted.Handshake() != nil {
					return
				}
				c, in = encrypted, io.TeeReader(encrypted, u)
			case text == "AUTH LOGIN":
				say("334 VXNlcm5hbWU6\r\n")
			case text == "Z2LUYQ==", strings.HasPrefix(text, "AUTH LOGIN "):
				say("334 UGFzc3dvcmQ6\r\n")
			case text == "DATA":
				content = true
				say("354 go\r\n")
			case text == "QUIT":
				say("221 2.0.0 bye\r\n")
				return
			default:
				say("250 2.0.0 ok\r\n")
			}
		}
	}
}

func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	made, err := recorder.SelfMade()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// greeted is a session through r that has been greeted. It ends with the test.
func greeted(t *testing.T, r *recorder.Recorder) *client.Conn {
	t.Helper()
	d := &client.Dialer{Address: r.Address(), Timeout: 20 * time.Second, TLS: &tls.Config{InsecureSkipVerify: true}}
	c, err := d.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.ReadReply(); err != nil {
		t.Fatal(err)
	}
	return c
}

// aRecordedSession is what TestARecordedSession must find, without the times.
const aRecordedSession = `[1] @: connect {}
[1] #: connected
[1] S: 220 up.example
[1] C: EHLO x
[1] S: 250-up.example
[1] S: 250-PIPELINING
[1] S: 250 STARTTLS
[1] C: STARTTLS
[1] S: 220 2.0.0 go
[1] #: TLS
[1] C: EHLO x
[1] S: 250-up.example
[1] S: 250-PIPELINING
[1] S: 250 STARTTLS
[1] @: secret [{"text":"AUTH PLAIN "},{"base64":[{"text":"\u0000anna\u0000"},{"secret":"password of anna"}]}]
[1] C: AUTH PLAIN [redacted]
[1] S: 250 2.0.0 ok
[1] C: AUTH LOGIN
[1] S: 334 VXNlcm5hbWU6
[1] @: secret [{"text":"Z2luYQ=="}]
[1] C: [redacted]
[1] S: 334 UGFzc3dvcmQ6
[1] @: secret [{"base64":[{"secret":"password of gina"}]}]
[1] C: [redacted]
[1] S: 250 2.0.0 ok
[1] C: AUTH CRAM-MD5 [redacted]
[1] S: 250 2.0.0 ok
[1] C: MAIL FROM:<a@x>
[1] C: RCPT TO:<b@y>
[1] C: DATA
[1] S: 250 2.0.0 ok
[1] S: 250 2.0.0 ok
[1] S: 354 go
[1] R: "Subject: x\r\n\r\n..dot\r\nbare\nlf\r\n"
[1] C: .
[1] S: 250 2.0.0 taken
`

func TestARecordedSession(t *testing.T) {
	u := relay(t, scriptedSMTP(certificate(t)))
	r, said := recording(t, recorder.Options{Upstream: u.listener.Addr().String()})
	c := greeted(t, r)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Hello("x"))
	must(c.StartTLS(context.Background()))
	must(c.Hello("x"))
	must(c.AuthPlain("anna", "hunter2hunter2"))
	must(c.AuthLogin("gina", "correct horse"))
	must(c.Cmd("AUTH CRAM-MD5 Z2luYSBkaWdlc3RkaWdlc3Q="))
	must(c.Send(client.Message{Sender: "a@x", Recipients: []string{"b@y"}, Data: []byte("Subject: x\r\n\r\n.dot\r\nbare\nlf\r\n")}, client.Pipelined))
	if err := c.WriteRaw([]byte("MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nBDAT 9\r\nDATA\r\n.\r\n" + "BDAT 3 LAST\r\n\x00\xffx")); err != nil {
		t.Fatal(err)
	}
	for range 6 { // this relay knows no BDAT
		must(c.ReadReply())
	}
	c.WriteRaw([]byte("NOOP\n"))
	must(c.ReadReply())
	must(c.Cmd("QUIT"))
	if _, err := c.ReadReply(); !client.Ended(err) { // the relay has closed before the recording ends
		t.Fatalf("behind QUIT: %v", err)
	}
	got := untimed(said())
	if diff := cmp.Diff(aRecordedSession, got[:min(len(aRecordedSession), len(got))]); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	for _, line := range []string{`[1] C: BDAT 9`, `[1] R: "DATA\r\n.\r\n"`, `[1] C: BDAT 3 LAST`, `[1] R: "\x00\xffx"`, `[1] R: "NOOP\n"`, "[1] C: QUIT", "[1] X: by the relay"} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("%s isn't recorded:\n%s", line, got)
		}
	}
	for _, secret := range []string{"hunter2", "correct horse", "Y29ycmVjdCBob3JzZQ", "ZGlnZXN0"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q stands in\n%s", secret, got)
		}
	}
	entries, lines, err := transcript.ParseLines(strings.NewReader(said()))
	if err == nil {
		_, err = client.PlanOf(entries, lines)
	}
	if err != nil {
		t.Errorf("it can't be played: %v", err)
	}
}

func TestALineWithoutEndIsNotGatheredForEver(t *testing.T) {
	u := relay(t, func(_ *upstream, c net.Conn) { io.WriteString(c, strings.Repeat("x", 300<<10)) })
	r, said := recording(t, recorder.Options{Upstream: u.listener.Addr().String()})
	c, err := net.Dial("tcp", r.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	if err != nil || len(got) != 300<<10 {
		t.Fatalf("%d octets came: %v", len(got), err)
	}
	kept := 0
	for line := range strings.Lines(said()) {
		if len(line) > 100<<10 {
			t.Errorf("a line of %d octets is kept as one", len(line))
		}
		kept += strings.Count(line, "xxxx") * 4
	}
	if kept < 299<<10 {
		t.Errorf("%d octets are recorded", kept)
	}
}

func TestAPasswordBehindAnEmptyNameIsNoName(t *testing.T) {
	u := relay(t, scriptedSMTP(certificate(t)))
	r, said := recording(t, recorder.Options{Upstream: u.listener.Addr().String()})
	c := greeted(t, r)
	if _, err := c.AuthPlain("anna", "hunter2hunter2"); err != nil { // credentials that are known by a name
		t.Fatal(err)
	}
	for _, line := range []string{"AUTH LOGIN =", "Y29ycmVjdCBob3JzZQ==", "QUIT"} {
		if _, err := c.Cmd(line); err != nil {
			t.Fatal(err)
		}
	}
	if got := said(); strings.Contains(got, "Y29ycmVjdCBob3JzZQ") || !strings.Contains(got, "AUTH LOGIN") {
		t.Errorf("the password stands in\n%s", got)
	}
}

func TestOctetsAreHandedOnAsTheyCame(t *testing.T) {
	u := relay(t, func(u *upstream, c net.Conn) {
		io.WriteString(c, "220 x\r\n")
		io.Copy(u, c)
	})
	r, _ := recording(t, recorder.Options{Upstream: u.listener.Addr().String()})
	rapid.Check(t, func(rt *rapid.T) {
		piece := rapid.OneOf(
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
			rapid.SampledFrom([]string{"\r\n", "\n", "\r", ".\r\n", "DATA\r\n", "BDAT 7\r\n", "BDAT 99999999999\r\n", "AUTH PLAIN x\r\n", "AUTH LOGIN\r\n", "MAIL FROM:<>\r\n"}),
		)
		pieces := rapid.SliceOfN(piece, 1, 12).Draw(rt, "pieces")
		sent := strings.Join(pieces, "")
		if strings.Contains(strings.ToUpper(sent), "STARTTLS") {
			return
		}
		before := len(u.received())
		conn, err := net.Dial("tcp", r.Address())
		if err != nil {
			rt.Fatal(err)
		}
		defer conn.Close()
		greeting := make([]byte, 7)
		if _, err := io.ReadFull(conn, greeting); err != nil {
			rt.Fatal(err)
		}
		for _, p := range pieces {
			io.WriteString(conn, p)
		}
		conn.(*net.TCPConn).CloseWrite()
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		io.Copy(io.Discard, conn) // until the recorder has handed on all, and ends
		for end := time.Now().Add(5 * time.Second); len(u.received()) < before+len(sent) && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if got := u.received()[before:]; got != sent {
			rt.Fatalf("got %q, want %q", got, sent)
		}
	})
}

// slow is a disk that writes nothing before it is released.
type slow struct {
	bytes.Buffer
	released chan struct{}
	err      error
}

func (s *slow) Write(p []byte) (int, error) {
	<-s.released
	if s.err != nil {
		return 0, s.err
	}
	return s.Buffer.Write(p)
}

func (s *slow) Close() error { return nil }

// agrees answers each line with 250, and closes behind QUIT.
func agrees(u *upstream, c net.Conn) {
	io.WriteString(c, "220 up.example\r\n")
	for in := bufio.NewReader(c); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		io.WriteString(u, line)
		io.WriteString(c, "250 ok\r\n")
		if line == "QUIT\r\n" {
			return
		}
	}
}

// spoken says NOOP so often, behind a name so long, in a session through r, and tells how often that was answered.
func spoken(t *testing.T, r *recorder.Recorder, times, long int) (answered int) {
	t.Helper()
	c := greeted(t, r)
	for range times {
		if _, err := c.Cmd("NOOP " + strings.Repeat("x", long)); err != nil {
			t.Fatal(err)
		}
		answered++
	}
	if _, err := c.Cmd("QUIT"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadReply(); !client.Ended(err) {
		t.Fatalf("behind QUIT: %v", err)
	}
	return answered
}

// Nothing of a session waits for its transcript, and what of that can't be written is counted, not kept.
func TestASessionGoesOnWhereItsTranscriptCantBeWritten(t *testing.T) {
	const times, long = 110, 60_000 // 6.6 MB
	broken := errors.New("no space left")
	for name, c := range map[string]struct {
		disk    *slow
		opening error
		err     error
	}{
		"slowly":     {disk: &slow{}},
		"not at all": {disk: &slow{err: broken}, err: broken},
		"nowhere":    {disk: &slow{}, opening: broken, err: broken},
	} {
		t.Run(name, func(t *testing.T) {
			u := relay(t, agrees)
			c.disk.released = make(chan struct{})
			told := make(chan error, 1)
			r, err := recorder.Start(context.Background(), recorder.Options{
				Listen: "127.0.0.1:0", Upstream: u.listener.Addr().String(),
				Open: func(string) (io.WriteCloser, error) {
					if c.opening != nil {
						return nil, c.opening
					}
					return c.disk, nil
				},
				Ended: func(_ string, err error) { told <- err },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got := spoken(t, r, times, long); got != times {
				t.Errorf("%d of %d were answered", got, times)
			}
			close(c.disk.released)
			if err := <-told; !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
			if got := len(u.received()); got < times*long {
				t.Errorf("%d octets were handed on", got)
			}
			if text := c.disk.String(); c.err == nil && (len(text) < 4<<20 || len(text) > 9<<20 || !strings.Contains(text, " lines left out …\n")) {
				t.Errorf("%d octets are kept: %.200s ... %s", len(text), text, text[max(0, len(text)-200):])
			}
		})
	}
}

// All of a session is written while it goes on, however long it is.
func TestALongSessionIsWrittenWhole(t *testing.T) {
	u := relay(t, agrees)
	r, said := recording(t, recorder.Options{Upstream: u.listener.Addr().String()})
	spoken(t, r, 110, 60_000)
	text := said()
	if n := strings.Count(text, "[1] C: NOOP x"); n != 110 || strings.Contains(text, " left out …") {
		t.Errorf("%d of 110 are kept", n)
	}
	entries, lines, err := transcript.ParseLines(strings.NewReader(text))
	if err == nil {
		_, err = client.PlanOf(entries, lines)
	}
	if err != nil {
		t.Error(err)
	}
}
