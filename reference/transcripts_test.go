package reference_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
)

// dialogue is a file of testdata: what must be so, and then what is said.
type dialogue struct {
	setup setup
	peer  net.IP
	used  map[string]int
	lines []string
}

func readDialogue(file string) dialogue {
	GinkgoHelper()
	data, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	d := dialogue{setup: setup{switches: map[string]string{}}, used: map[string]int{}}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "", "#":
		case "peer":
			d.peer = net.ParseIP(rest)
			Expect(d.peer).NotTo(BeNil(), line)
		case "switch":
			name, value, _ := strings.Cut(rest, "=")
			d.setup.switches[name] = value
		case "used":
			customer, count, _ := strings.Cut(rest, " ")
			d.used[customer], err = strconv.Atoi(count)
			Expect(err).NotTo(HaveOccurred(), line)
		default:
			d.lines = append(d.lines, line)
		}
	}
	Expect(d.lines).NotTo(BeEmpty())
	return d
}

// start runs the relay that the dialogue was had with.
func (d *dialogue) start() *running {
	GinkgoHelper()
	l := ledger.New(ledger.Options{})
	for customer, recipients := range d.used {
		l.Set(time.Now(), customer, policy.CustomerDay, "", recipients, policy.Window{Length: 24 * time.Hour})
	}
	d.setup.options = func(o *reference.Options) {
		o.Ledger = l
		if d.peer != nil {
			o.Listeners[policy.Port25][0] = &elsewhere{o.Listeners[policy.Port25][0], d.peer}
		}
	}
	return start(d.setup)
}

// elsewhere is a listener whose clients seem to come from another address.
type elsewhere struct {
	net.Listener
	ip net.IP
}

func (l *elsewhere) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &distant{conn.(*net.TCPConn), l.ip}, nil
}

type distant struct {
	*net.TCPConn
	ip net.IP
}

func (c *distant) RemoteAddr() net.Addr { return &net.TCPAddr{IP: c.ip, Port: 40_000} }

// What differs from session to session. The shape of an id is relay-rules section 3's.
var (
	sessionID = regexp.MustCompile(`\b[0-9a-z-]+sm[0-9]+[a-z0-9]+\.[0-9]+\b`)
	unixTime  = regexp.MustCompile(`^S: 250 2\.0\.0 OK  [0-9]{10} `)
)

func withoutIDs(line string) string {
	return unixTime.ReplaceAllString(sessionID.ReplaceAllString(line, "<id>"), "S: 250 2.0.0 OK  <unix> ")
}

// plain is a client that is nothing but a TCP connection.
type plain struct {
	conn net.Conn
	in   *bufio.Reader
	ids  []string // every session id that was seen
}

func connect(address string) *plain {
	GinkgoHelper()
	conn, err := net.Dial("tcp", address)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { conn.Close() }) // some are closed before
	Expect(conn.SetDeadline(time.Now().Add(patience))).To(Succeed())
	return &plain{conn: conn, in: bufio.NewReader(conn)}
}

// line reads a line, which must end in CRLF. The end of the connection is "closed".
func (p *plain) line() string {
	GinkgoHelper()
	line, err := p.in.ReadString('\n')
	if err == io.EOF && line == "" {
		return "closed"
	}
	Expect(err).NotTo(HaveOccurred(), line)
	Expect(line).To(HaveSuffix("\r\n"))
	p.ids = append(p.ids, sessionID.FindAllString(line, -1)...)
	return strings.TrimSuffix(line, "\r\n")
}

// play goes through the dialogue and gives it as it was this time.
func (p *plain) play(lines []string, config *tls.Config) []string {
	GinkgoHelper()
	var played []string
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, "C: "):
			_, err := io.WriteString(p.conn, line[len("C: "):]+"\r\n")
			Expect(err).NotTo(HaveOccurred(), line)
		case line == "S...":
			for more := true; more; {
				reply := p.line()
				Expect(len(reply)).To(BeNumerically(">", 3), reply)
				more = reply[3] == '-'
			}
		case line == "tls":
			secured := tls.Client(p.conn, config)
			Expect(secured.Handshake()).To(Succeed())
			p.conn, p.in = secured, bufio.NewReader(secured)
		case line == "closed":
			line = p.line()
		default:
			Expect(line).To(HavePrefix("S: "))
			line = "S: " + p.line()
		}
		played = append(played, withoutIDs(line))
	}
	return played
}

var _ = Describe("Observed dialogues", func() {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		panic(err)
	}
	var entries []TableEntry
	for _, file := range files {
		entries = append(entries, Entry(filepath.Base(file), file))
	}

	It("are all there", func() {
		for _, section := range []string{"3.1", "3.3", "3.4", "3.7", "3.8", "3.10"} {
			Expect(filepath.Glob("testdata/" + section + "-*.txt")).NotTo(BeEmpty())
		}
	})

	DescribeTable("are had again, octet by octet",
		func(file string) {
			d := readDialogue(file)
			r := d.start()
			p := connect(r.ports[policy.Port25])
			want := make([]string, len(d.lines))
			for i, line := range d.lines {
				want[i] = withoutIDs(line)
			}
			got := p.play(d.lines, &tls.Config{RootCAs: r.certificate.Authority, ServerName: "127.0.0.1"})
			if diff := cmp.Diff(want, got); diff != "" {
				Fail("the relay says something else:\n" + diff)
			}
			Expect(p.ids).NotTo(BeEmpty())
			Expect(slices.Compact(p.ids)).To(HaveLen(1), "a session has one id")
		}, entries)

	It("say Workspace today, in the same words", func() {
		d := readDialogue("testdata/3.7-invalid-credentials.txt")
		delete(d.setup.switches, "wording")
		p := connect(d.start().ports[policy.Port25])
		want := strings.ReplaceAll(strings.Join(d.lines, "\n"), "G Suite", "Workspace")
		got := strings.Join(p.play(d.lines, nil), "\n")
		Expect(got).To(Equal(sessionID.ReplaceAllString(want, "<id>")))
	})
})

var _ = Describe("openssl", func() {
	It("meets STARTTLS, verifies the relay, and authenticates", func(ctx SpecContext) {
		openssl, err := exec.LookPath("openssl")
		if err != nil {
			Skip("openssl isn't installed")
		}
		dir := GinkgoT().TempDir()
		certificate, err := reference.SelfMade(dir, "127.0.0.1", "relay.acme.example")
		Expect(err).NotTo(HaveOccurred())
		r := start(setup{options: func(o *reference.Options) { o.TLS = certificate.TLS }})

		secret := base64.StdEncoding.EncodeToString([]byte("\x00bella@vault.example\x00correct horse"))
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		// A capital R or Q at the beginning of a line would be a command to openssl.
		command := exec.CommandContext(limited, openssl, "s_client", "-connect", r.ports[policy.Port587], "-starttls", "smtp",
			"-name", "mail.vault.example", "-CAfile", certificate.File, "-verify_return_error", "-verify_hostname", "relay.acme.example",
			"-quiet", "-crlf")
		command.Stdin = strings.NewReader(strings.Join([]string{
			"EHLO mail.vault.example", "AUTH PLAIN " + secret, "MAIL FROM:<bella@vault.example>", "rcpt TO:<bob@example.net>",
			"DATA", "Subject: from openssl", "", "hello", ".", "quit", "",
		}, "\n"))
		out, err := command.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(out))
		Expect(string(out)).To(And(
			ContainSubstring("250-AUTH LOGIN PLAIN"), ContainSubstring("235 2.7.0 Accepted"),
			ContainSubstring("354  Go ahead"), ContainSubstring("221 2.0.0 closing connection")))
		Expect(r.kept()).To(HaveLen(1))
		Expect(r.kept()[0].User).To(Equal("bella@vault.example"))
		Expect(r.content(r.kept()[0].ID)).To(HaveSuffix("Subject: from openssl\r\n\r\nhello\r\n"))
	}, SpecTimeout(2*patience))
})
