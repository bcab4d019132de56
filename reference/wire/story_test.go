package wire

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/memnet"
	"github.com/relayspec/relayspec/reference/policy"
)

// TestStories plays every file in testdata. testdata/README.md says what may stand in one.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) { newStory(t).play(string(text)) })
		})
	}
}

// story is one file while it is played. The server starts, and the client connects, with the first line of dialogue.
type story struct {
	t      *testing.T
	at     string // file:line for messages
	config Config
	role   policy.Role
	engine *scripted
	mu     sync.Mutex // guards events
	events []Event

	server   *Server
	listener *memnet.Listener
	counted  *countedListener
	served   chan error
	stopped  chan error
	raw      *memnet.Conn
	conn     net.Conn
	lines    *bufio.Reader
	sending  []byte // C: lines that go out in one write
}

func newStory(t *testing.T) *story {
	s := &story{t: t, role: policy.Port587, engine: &scripted{}}
	s.config = Config{
		Engine: s.engine, Replies: replies(), Capabilities: capabilities(), Mechanisms: []string{"LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER"},
		MaxSize: 35882577, TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}},
		Events: s.hear,
	}
	return s
}

func (s *story) hear(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// certificate makes a certificate in the bubble, so that it is valid at the bubble's time.
func certificate(t testing.TB) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"relay.test"},
		NotBefore: time.Now(), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (s *story) play(text string) {
	defer s.end()
	for i, line := range strings.Split(text, "\n") {
		s.at = fmt.Sprintf("line %d: %s", i+1, line)
		word, rest, _ := strings.Cut(line, " ")
		if word != "C:" && word != "" && word[0] != '#' {
			s.send()
		}
		s.step(word, rest)
		if s.t.Failed() {
			return
		}
	}
	s.send()
}

func (s *story) step(word, rest string) {
	switch word {
	case "", "#":
	case "service":
		s.service(rest)
	case "engine":
		s.tell(rest)
	case "C:":
		s.connect()
		s.sending = append(s.sending, rest+"\r\n"...)
	case "S:":
		s.expect(rest)
	case "S~":
		s.expectMatch(rest)
	case "raw":
		s.connect()
		s.sending = append(s.sending, s.unquote(rest)...)
		s.send()
	case "fill":
		s.fill(rest)
	case "wait":
		time.Sleep(s.duration(rest))
		synctest.Wait()
	case "tls":
		s.tls()
	default:
		s.after(word, rest)
	}
}

// after are the steps that end something or look at how it ended.
func (s *story) after(word, rest string) {
	switch word {
	case "silent":
		s.connect()
		if line, err := s.read(); !errors.Is(err, os.ErrDeadlineExceeded) {
			s.t.Errorf("%s: got %q, %v", s.at, line, err)
		}
	case "closed":
		if line, err := s.read(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			s.t.Errorf("%s: got %q, %v", s.at, line, err)
		}
	case "half-close":
		s.raw.CloseWrite()
	case "drop":
		s.raw.Close()
		synctest.Wait()
	case "shutdown":
		s.shutdown(rest)
	case "took":
		s.took(rest)
	case "dsn":
		s.dsn(rest)
	case "writes", "releases", "panics", "sessions":
		synctest.Wait()
		s.count(word, rest)
	case "event":
		s.event(rest)
	default:
		s.t.Fatalf("%s: not understood", s.at)
	}
}

func (s *story) service(text string) {
	word, value, _ := strings.Cut(text, " ")
	switch word {
	case "role":
		s.role = policy.Role(s.number(value))
	case "max-size":
		s.config.MaxSize = int64(s.number(value))
	case "max-hops":
		s.config.MaxHops = s.number(value)
	case "max-errors":
		s.config.MaxErrors = s.number(value)
	case "max-sessions":
		s.config.MaxSessions = s.number(value)
	case "max-commands":
		s.config.MaxCommands = s.number(value)
	case "max-transactions":
		s.config.MaxTransactions = s.number(value)
	case "max-recipients":
		s.config.MaxRecipients = s.number(value)
	case "with":
		s.config.Capabilities = append(s.config.Capabilities, value)
	case "without":
		s.config.Capabilities = slices.DeleteFunc(s.config.Capabilities, func(c string) bool { return c == value })
	case "no-tls":
		s.config.TLS = nil
	default:
		s.t.Fatalf("%s: not understood", s.at)
	}
}

// tell adds a rule: stage subject (reply-name [close] | fail | panic | delay 5s | rewrite domain).
func (s *story) tell(text string) {
	f := strings.Fields(text)
	r := rule{subject: f[1]}
	for r.stage.String() != f[0] {
		r.stage++
	}
	switch f[2] {
	case "fail":
		r.fail = true
	case "panic":
		r.panic = true
	case "delay":
		r.delay = s.duration(f[3])
	case "rewrite":
		r.sender = f[3]
	default:
		r.reply = policy.ReplyName(f[2])
		r.close = len(f) > 3
		if _, ok := s.config.Replies[r.reply]; !ok {
			s.t.Fatalf("%s: no such reply", s.at)
		}
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.engine.rules = append(s.engine.rules, r)
}

func (s *story) connect() {
	if s.conn != nil {
		return
	}
	if s.server == nil {
		s.start()
	}
	conn, err := s.listener.Dial(netip.MustParseAddrPort("192.0.2.1:1025"))
	if err != nil {
		s.t.Fatalf("%s: %v", s.at, err)
	}
	s.raw = conn
	s.use(conn)
}

func (s *story) start() {
	s.server = mustServer(s.t, s.config)
	s.listener = memnet.Listen(netip.MustParseAddrPort("192.0.2.25:587"))
	s.counted = &countedListener{Listener: s.listener}
	s.served, s.stopped = make(chan error, 1), make(chan error, 1)
	go func() { s.served <- s.server.Serve(s.counted, s.role) }()
}

func (s *story) use(conn net.Conn) { s.conn, s.lines = conn, bufio.NewReader(conn) }

func (s *story) send() {
	if len(s.sending) == 0 {
		return
	}
	synctest.Wait()
	s.counted.writes.Store(0)
	if _, err := s.conn.Write(s.sending); err != nil {
		s.t.Errorf("%s: write: %v", s.at, err)
	}
	s.sending = nil
}

// fill sends so many octets of message lines.
func (s *story) fill(rest string) {
	line := strings.Repeat("x", 98) + "\r\n"
	for n := s.number(rest); n > 0; n -= len(line) {
		if _, err := s.conn.Write([]byte(line)); err != nil {
			s.t.Fatalf("%s: %v", s.at, err)
		}
	}
}

// read gives the next line, if it comes in next to no time: in a bubble the server does first all it can.
func (s *story) read() (string, error) {
	if err := s.conn.SetReadDeadline(time.Now().Add(time.Microsecond)); err != nil {
		return "", err
	}
	line, err := s.lines.ReadString('\n')
	if err != nil {
		return line, err
	}
	if !strings.HasSuffix(line, "\r\n") {
		return line, errors.New("a line without CRLF")
	}
	return strings.TrimSuffix(line, "\r\n"), nil
}

var (
	idShape   = regexp.MustCompile(`[0-9a-z-]+sm[0-9]+[a-z0-9]+\.[0-9]+`)
	unixShape = regexp.MustCompile(`OK  9466[0-9]{5} `)
)

func normal(line string) string {
	return unixShape.ReplaceAllString(idShape.ReplaceAllString(line, "<id>"), "OK  <unix> ")
}

func (s *story) expect(want string) {
	s.connect()
	got, err := s.read()
	if err != nil {
		s.t.Errorf("%s: %q, %v", s.at, got, err)
	} else if diff := cmp.Diff(want, normal(got)); diff != "" {
		s.t.Errorf("%s: (-want +got)\n%s", s.at, diff)
	}
}

func (s *story) expectMatch(pattern string) {
	s.connect()
	got, err := s.read()
	if err != nil || !regexp.MustCompile(pattern).MatchString(got) {
		s.t.Errorf("%s: got %q, %v", s.at, got, err)
	}
}

func (s *story) tls() {
	s.connect()
	secured := tls.Client(s.raw, &tls.Config{InsecureSkipVerify: true})
	if err := s.raw.SetDeadline(time.Now().Add(time.Second)); err != nil {
		s.t.Fatal(err)
	}
	if err := secured.Handshake(); err != nil {
		s.t.Errorf("%s: %v", s.at, err)
		return
	}
	s.raw.SetDeadline(time.Time{})
	s.use(secured)
}

func (s *story) shutdown(rest string) {
	patience := s.duration(rest)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.stopped <- s.server.Shutdown(ctx)
	}()
	synctest.Wait()
}

// took compares the next accepted message: sender recipient,recipient "message".
func (s *story) took(rest string) {
	synctest.Wait()
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	f := strings.SplitN(rest, " ", 3)
	want := taken{f[0], strings.Split(f[1], ","), s.unquote(f[2])}
	if want.sender == "<>" {
		want.sender = ""
	}
	if len(s.engine.taken) == 0 {
		s.t.Errorf("%s: nothing was taken", s.at)
		return
	}
	if diff := cmp.Diff(want, s.engine.taken[0], cmp.AllowUnexported(taken{})); diff != "" {
		s.t.Errorf("%s: (-want +got)\n%s", s.at, diff)
	}
	s.engine.taken = s.engine.taken[1:]
}

// dsn compares what was asked to be told of the message that was taken last.
func (s *story) dsn(want string) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	got, err := json.Marshal(s.engine.dsn)
	if err != nil || string(got) != want {
		s.t.Errorf("%s: got %s, %v", s.at, got, err)
	}
}

func (s *story) count(what, want string) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	got := map[string]int{
		"writes":   int(s.counted.writes.Load()),
		"releases": s.engine.releases,
		"panics":   int(s.server.Panics()),
		"sessions": s.server.Sessions(),
	}[what]
	if got != s.number(want) {
		s.t.Errorf("%s: got %d", s.at, got)
	}
}

// event looks at the last event: stage code rule command.
func (s *story) event(want string) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.events[len(s.events)-1]
	got := fmt.Sprintf("%s %d %s %s", e.Stage, e.Code, e.Rule, e.Command)
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s: (-want +got)\n%s", s.at, diff)
	}
}

// end looks at what holds after every story: nothing is held, nothing is running, nothing unexpected was taken.
func (s *story) end() {
	if s.raw != nil {
		s.raw.Close()
	}
	if s.server == nil {
		return
	}
	s.server.Close()
	if err := <-s.served; !errors.Is(err, ErrClosed) {
		s.t.Errorf("Serve: %v", err)
	}
	if s.engine.open != 0 || s.server.Sessions() != 0 {
		s.t.Errorf("%d transactions, %d sessions are left", s.engine.open, s.server.Sessions())
	}
	if len(s.engine.wrong) > 0 || len(s.engine.taken) > 0 {
		s.t.Errorf("wrong: %v\ntaken: %+v", s.engine.wrong, s.engine.taken)
	}
	for _, e := range s.events {
		if strings.Contains(fmt.Sprintf("%+v", e), "c2VjcmV0") {
			s.t.Errorf("a password in an event: %+v", e)
		}
	}
}

func (s *story) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatalf("%s: %v", s.at, err)
	}
	return n
}

func (s *story) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatalf("%s: %v", s.at, err)
	}
	return d
}

func (s *story) unquote(text string) string {
	u, err := strconv.Unquote(text)
	if err != nil {
		s.t.Fatalf("%s: %v", s.at, err)
	}
	return u
}

// countedListener counts the writes of the connections it accepts.
type countedListener struct {
	*memnet.Listener
	writes atomic.Int64
}

func (l *countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countedConn{c.(*memnet.Conn), &l.writes}, nil
}

type countedConn struct {
	*memnet.Conn
	writes *atomic.Int64
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}
