package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/fakes/island"
	"github.com/relayspec/relayspec/fakes/mx"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/delivery"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator/clock"
)

// asProgram makes the test binary be the program: what has a process of its own can get signals.
const asProgram = "TEST_BINARY_IS_RELAYSPEC"

func TestMain(m *testing.M) {
	island.Land()
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// patience bounds every wait of a test.
const patience = 30 * time.Second

// sampleWorld is the world file at the root; tests run in directories of their own.
func sampleWorld() string {
	GinkgoHelper()
	Expect(rootDir).NotTo(BeEmpty())
	return filepath.Join(rootDir, "world.yaml")
}

// rootDir is where the tests were started.
var rootDir, _ = os.Getwd()

// anyPorts lets the system choose.
func anyPorts() []string {
	return []string{"--port25", "127.0.0.1:0", "--port465", "127.0.0.1:0", "--port587", "127.0.0.1:0"}
}

// stderr is written by the program and looked at by a test.
type stderr struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *stderr) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *stderr) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// address waits until a port is told.
func (w *stderr) address(port int) string {
	GinkgoHelper()
	told := regexp.MustCompile(fmt.Sprintf(`port %d: (\S+)`, port))
	Eventually(w.String, patience).Should(MatchRegexp(`(?m)^serving \d+ customers`))
	found := told.FindStringSubmatch(w.String())
	Expect(found).NotTo(BeNil(), w.String())
	return found[1]
}

// served is the serve command while it runs in this process.
type served struct {
	stderr
	out    stderr
	cancel context.CancelFunc
	ended  chan error
}

// serving runs relayspec serve with the sample world until the test ends.
func serving(args ...string) *served {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{cancel: cancel, ended: make(chan error, 1)}
	args = append(append([]string{"serve", "--world", sampleWorld()}, anyPorts()...), args...)
	go func() { s.ended <- command(ctx, args, &streams{strings.NewReader(""), &s.out, &s.stderr}) }()
	DeferCleanup(cancel)
	return s
}

func (s *served) stop() {
	GinkgoHelper()
	s.cancel()
	Eventually(s.ended, patience).Should(Receive(BeNil()), s.String())
}

// dialled opens a connection and says nothing.
func dialled(address string) *client.Conn {
	GinkgoHelper()
	c, err := (&client.Dialer{Address: address, Timeout: patience}).Dial(context.Background())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(c.Close)
	return c
}

// session opens a session and says EHLO.
func session(address string) *client.Conn {
	GinkgoHelper()
	c, err := (&client.Dialer{Address: address, Timeout: patience}).Dial(context.Background())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(c.Close)
	_, err = c.ReadReply()
	Expect(err).NotTo(HaveOccurred())
	_, err = c.Hello("mail.acme.example")
	Expect(err).NotTo(HaveOccurred())
	return c
}

// sends sends a message of anna's and says goodbye.
func sends(address, subject string) {
	GinkgoHelper()
	c := session(address)
	out, err := c.Send(client.Message{
		Sender: "anna@acme.example", Recipients: []string{"bob@example.net"}, Data: []byte("Subject: " + subject + "\r\n\r\nhello\r\n"),
	}, client.Lockstep)
	Expect(err).NotTo(HaveOccurred())
	Expect(out.Accepted).To(BeTrue(), out.Reply.String())
	_, err = c.Quit()
	Expect(err).NotTo(HaveOccurred())
}

var _ = Describe("serve", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	It("relays by the world file, keeps the mail, tells events, and drains", func() {
		s := serving()
		address := s.address(25)
		sends(address, "first")
		c := session(address)
		refused, err := c.Cmd("MAIL FROM:<x@nobody.example>")
		Expect(err).NotTo(HaveOccurred())
		Expect(refused.Code).To(Equal(550))
		s.stop()

		Expect(s.String()).To(And(
			ContainSubstring("warning: "), ContainSubstring("TLS: clients must trust tls/ca.pem\n"),
			MatchRegexp(`serving 6 customers and 3 users of \S+world\.yaml\n`), MatchRegexp(`draining \d sessions, at most 10s; again to stop at once\n`)))
		reply, err := c.ReadReply()
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Code).To(Equal(421))

		var rules []string
		for line := range strings.Lines(s.out.String()) {
			var event struct {
				Code int
				Rule string
			}
			Expect(json.Unmarshal([]byte(line), &event)).To(Succeed(), line)
			if event.Code >= 400 && event.Rule != "" {
				rules = append(rules, event.Rule)
			}
		}
		Expect(rules).To(Equal([]string{"SND-DOMAINS", "RFC5321-3.8/not-available"}), "the refusal, and the 421 at the end")
		Expect(s.out.String()).To(ContainSubstring("MAIL FROM:<anna@acme.example>"), "no escapes")
		Expect(relayspec("mailbox").out).To(ContainSubstring("<anna@acme.example>"))
	})

	It("serves TLS that clients verify with ca.pem, now and after a restart", func() {
		verify := func() {
			GinkgoHelper()
			s := serving()
			address := s.address(465)
			pem, err := os.ReadFile("tls/ca.pem")
			Expect(err).NotTo(HaveOccurred())
			roots := x509.NewCertPool()
			Expect(roots.AppendCertsFromPEM(pem)).To(BeTrue())
			for _, name := range []string{"smtp-relay.gmail.com", "localhost", "127.0.0.1"} {
				conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: name})
				Expect(err).NotTo(HaveOccurred(), name)
				conn.Close()
			}
			s.stop()
		}
		verify()
		before, err := os.ReadFile("tls/ca.pem")
		Expect(err).NotTo(HaveOccurred())
		verify()
		after, err := os.ReadFile("tls/ca.pem")
		Expect(err).NotTo(HaveOccurred())
		Expect(after).To(Equal(before))
	})

	It("serves only the ports that are on, and throws mail away with --mail off", func() {
		s := serving("--port465", "off", "--port587", "off", "--mail", "off", "--events", "off")
		sends(s.address(25), "gone")
		s.stop()
		Expect(s.String()).NotTo(Or(ContainSubstring("port 465"), ContainSubstring("port 587")))
		Expect(s.out.String()).To(BeEmpty())
		Expect("mail").NotTo(BeAnExistingFile())
	})

	It("answers what the document leaves open as it is told", func() {
		s := serving("--switch", "generic-helo=lenient", "--switch", "wording=G Suite")
		c := session(s.address(25))
		reply, err := c.Hello("localhost")
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Code).To(Equal(250))
		s.stop()
	})

	It("bounds what a client may take", func() {
		s := serving("--mail", "off", "--max-sessions-per-address", "1", "--max-transactions", "2", "--max-commands", "5", "--max-errors", "3", "--max-recipients", "1", "--max-sessions=-1")
		c := session(s.address(25))
		other, err := dialled(s.address(25)).ReadReply()
		Expect(err).NotTo(HaveOccurred())
		Expect(other.Code).To(Equal(421))
		for _, step := range []struct {
			line string
			code int
		}{
			{"MAIL FROM:<anna@acme.example>", 250}, {"RCPT TO:<a@example.net>", 250}, {"RCPT TO:<b@example.net>", 452}, {"RSET", 250},
			{"MAIL FROM:<anna@acme.example>", 250}, {"RSET", 250}, {"MAIL FROM:<anna@acme.example>", 421},
		} {
			reply, err := c.Cmd(step.line)
			Expect(err).NotTo(HaveOccurred())
			Expect(reply.Code).To(Equal(step.code), step.line)
		}
		Eventually(s.out.String, patience).Should(ContainSubstring(`"rule":"DOS-PROTECT"`))
		s.stop()
	})

	It("takes the client's address from the PROXY header of whom it trusts", func() {
		s := serving("--mail", "off", "--proxy-from", "10.0.0.0/8,::ffff:127.0.0.1", "--proxy-from", "::1")
		for client, code := range map[string]int{"127.0.0.1": 250, "192.0.2.99": 550} {
			c := dialled(s.address(25))
			Expect(c.WriteRaw([]byte("PROXY TCP4 " + client + " 127.0.0.1 4711 25\r\n"))).To(Succeed())
			_, err := c.ReadReply()
			Expect(err).NotTo(HaveOccurred())
			_, err = c.Hello("mail.elsewhere.example")
			Expect(err).NotTo(HaveOccurred())
			reply, err := c.Cmd("MAIL FROM:<anna@acme.example>")
			Expect(err).NotTo(HaveOccurred())
			Expect(reply.Code).To(Equal(code), client)
			Expect(c.Quit()).Error().NotTo(HaveOccurred())
		}
		c := dialled(s.address(25))
		Expect(c.WriteLine("EHLO mail.elsewhere.example")).To(Succeed())
		_, err := c.ReadReply()
		Expect(err).To(HaveOccurred(), "no header: closed without a word")
		Eventually(s.out.String, patience).Should(ContainSubstring(`"rule":"PROXY-2/header"`))
		s.stop()
	})

	It("is told by a configuration file and the environment, too", func() {
		Expect(os.WriteFile("relayspec.yaml", []byte("serve:\n  world: "+sampleWorld()+
			"\n  port25: 127.0.0.1:0\n  port465: \"off\"\n  port587: \"off\"\n  switch: day-window=fixed\n"), 0o600)).To(Succeed())
		GinkgoT().Setenv("RELAYSPEC_EVENTS", "events.jsonl")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var out, told stderr
		ended := make(chan error, 1)
		go func() { ended <- command(ctx, []string{"serve"}, &streams{nil, &out, &told}) }()
		sends(told.address(25), "first")
		cancel()
		Eventually(ended, patience).Should(Receive(BeNil()))
		info, err := os.Stat("events.jsonl")
		Expect(err).NotTo(HaveOccurred())
		Expect(info.Size()).To(BeNumerically(">", 0))
		Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o600)))
	})

	It("hands accepted mail to the next hop and tells what came of it", func(ctx SpecContext) {
		sink, err := mx.Start(mx.Options{})
		Expect(err).NotTo(HaveOccurred())
		defer sink.Close()
		s := serving("--next-hop", sink.Address(), "--hello", "relay.acme.example")
		sends(s.address(25), "onward")
		got, err := sink.Wait(ctx, "onward", 1)
		Expect(err).NotTo(HaveOccurred())
		Expect(got[0].Sender).To(Equal("anna@acme.example"))
		s.stop()
		Expect(s.out.String()).To(MatchRegexp(`"attempt":1,.*"outcomes":\["bob@example\.net delivered`))
	}, SpecTimeout(patience))

	It("says when a message couldn't be handed on before the end", func() {
		sink, err := mx.Start(mx.Options{Refuse: func(string, string) *smtp.SMTPError {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}
		}})
		Expect(err).NotTo(HaveOccurred())
		defer sink.Close()
		s := serving("--next-hop", sink.Address())
		sends(s.address(25), "onward")
		Eventually(s.out.String, patience).Should(MatchRegexp(`"next":".*bob@example\.net deferred: 451`))
		s.stop()
		Expect(s.out.String()).To(MatchRegexp(`bob@example\.net failed: the queue was closed`))
	})

	It("cuts what is left when --drain is over", func() {
		s := serving("--drain", "50ms")
		c := session(s.address(25))
		_, err := c.Cmd("MAIL FROM:<anna@acme.example>")
		Expect(err).NotTo(HaveOccurred())
		s.stop()
		_, err = c.ReadReply()
		Expect(client.Ended(err)).To(BeTrue(), "%v", err)
	})

	It("drains and ends with an error when it loses a port", func() {
		c := &serve{World: sampleWorld(), Mail: "mail", TLSDir: "tls", Port25: "127.0.0.1:0", Port465: "off", Port587: "127.0.0.1:0", Drain: patience}
		o, _, err := c.options()
		Expect(err).NotTo(HaveOccurred())
		relay, err := c.start(&o, nil)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(relay.Close)
		idle := session(o.Listeners[policy.Port25][0].Addr().String())
		ended, told := make(chan error, 1), &stderr{}
		go func() { ended <- c.attend(context.Background(), told, relay, nil, nil) }()

		Expect(o.Listeners[policy.Port587][0].Close()).To(Succeed())
		reply, err := idle.ReadReply()
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Code).To(Equal(421))
		Expect(idle.Close()).To(Succeed())
		var lost error
		Eventually(ended, patience).Should(Receive(&lost))
		Expect(lost).To(MatchError(net.ErrClosed))
		var code *exit
		Expect(errors.As(lost, &code)).To(BeFalse(), "the program ends with 1")
		Expect(told.String()).To(MatchRegexp(`^a port is lost: wire: accept on 127\.0\.0\.1:\d+: .*\ndraining \d sessions, at most 30s\n$`))
	})

	It("still says which port was lost when --drain is over", func() {
		c := &serve{World: sampleWorld(), Mail: "mail", TLSDir: "tls", Port25: "127.0.0.1:0", Port465: "off", Port587: "off", Drain: time.Millisecond}
		o, _, err := c.options()
		Expect(err).NotTo(HaveOccurred())
		relay, err := c.start(&o, nil)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(relay.Close)
		busy := session(o.Listeners[policy.Port25][0].Addr().String())
		_, err = busy.Cmd("MAIL FROM:<anna@acme.example>")
		Expect(err).NotTo(HaveOccurred())
		Expect(o.Listeners[policy.Port25][0].Close()).To(Succeed())
		Expect(c.attend(context.Background(), io.Discard, relay, nil, nil)).To(MatchError(net.ErrClosed))
	})

	It("waits for the disk with --sync, and not without", func() {
		for _, sync := range []bool{false, true} {
			o, _, err := (&serve{World: sampleWorld(), Mail: "mail", TLSDir: "tls", Sync: sync}).options()
			Expect(err).NotTo(HaveOccurred())
			Expect(o.Keeper.(*mailbox.Box).Sync).To(Equal(sync))
		}
		s := serving("--sync")
		sends(s.address(25), "kept")
		s.stop()
		Expect(relayspec("mailbox").out).To(ContainSubstring("<anna@acme.example>"))
	})

	It("teaches by example", func() {
		got := relayspec("serve", "--help")
		Expect(got.code).To(Equal(0))
		Expect(got.out).To(And(ContainSubstring("relayspec serve --world world.yaml --next-hop"), ContainSubstring("--port25=ADDR"), ContainSubstring("Ctrl-C")))
	})
})

var _ = Describe("serve, told something wrong,", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	// fails runs serve with the sample world and expects a mistake that is told at once.
	fails := func(wrong, next string, args ...string) {
		GinkgoHelper()
		got := relayspec(append(append([]string{"serve"}, anyPorts()...), args...)...)
		Expect(got.code).To(Equal(2), got.err)
		Expect(got.out).To(BeEmpty())
		Expect(got.err).To(HavePrefix("relayspec: "))
		Expect(got.err).To(ContainSubstring(wrong))
		Expect(got.err).NotTo(ContainSubstring("warning: "), "warnings come when it serves")
		lines := strings.Split(strings.TrimSpace(got.err), "\n")
		Expect(lines[len(lines)-1]).To(ContainSubstring(next))
	}

	DescribeTable("says what, and what to do next",
		func(wrong, next string, args ...string) {
			fails(wrong, next, append([]string{"--world", sampleWorld()}, args...)...)
		},
		Entry("switch", `no switch is called "day-windows"; there are address-cap, `, "See --service and --switch", "--switch", "day-windows=fixed"),
		Entry("switch value", `switch day-window can't be "open"; choose one of sliding, fixed`, "See --service and --switch", "--switch", "day-window=open"),
		Entry("switch without value", `--switch: expected "<key>=<value>" but got "day-window"`, "See relayspec serve --help", "--switch", "day-window"),
		Entry("certificate", "read the certificate absent.pem with the key k.pem: ", "Give a PEM certificate and its key", "--cert", "absent.pem", "--key", "k.pem"),
		Entry("certificate without key", "--cert and --key go together", "or leave both out for a self-made one", "--cert", "c.pem"),
		Entry("key without certificate", "--cert and --key go together", "or leave both out for a self-made one", "--key", "k.pem"),
		Entry("next hop without mail", "--next-hop reads the mail that is kept, and --mail is off", "Leave --mail on", "--next-hop", "127.0.0.1:25", "--mail", "off"),
		Entry("sync without mail", "--sync waits for the mail that is kept, and --mail is off", "Leave --mail on", "--sync", "--mail", "off"),
		Entry("sync with mail in memory", "--sync waits for the mail that is kept, and --mail is memory", "in a directory", "--sync", "--mail", "memory"),
		Entry("next hop", `next hop "mx.example.net": give host:port`, "See --next-hop", "--next-hop", "mx.example.net"),
		Entry("name for the next hop", `"localhost" in EHLO names no one`, "--hello", "--next-hop", "127.0.0.1:25", "--hello", "localhost"),
		Entry("proxy", `--proxy-from: "10.0.0.0/99" is neither an IP address nor a range of them`, "Give the addresses of your proxies", "--proxy-from", "10.0.0.0/99"),
		Entry("proxy, mapped", `--proxy-from: "::ffff:10.0.0.0/104" is a range of IPv4 addresses in IPv6 form`, "Give the addresses of your proxies", "--proxy-from", "::ffff:10.0.0.0/104"),
		Entry("bound", `--max-commands is -2`, "Give a number, 0 for the default, or -1 for none", "--max-commands=-2"),
		Entry("events", "open the event log: open absent/events: ", "Name a file that can be written with --events", "--events", "absent/events"),
		Entry("mail directory", "open mail directory: ", "Name a directory that can be written with --mail", "--mail", "/dev/null/mail"),
		Entry("TLS directory", "keep the relay's own authority: ", "Name a directory that can be written with --tls-dir", "--tls-dir", "/dev/null/tls"),
		Entry("service", "read service: open absent.yaml: ", "See --service", "--service", "absent.yaml"),
		Entry("address", "serve port 25: ", "Give another address with --port25, or '--port25 off'", "--port25", "nonsense"),
		Entry("no port", "every port is off", "Leave one of --port25, --port465 and --port587 on", "--port25", "off", "--port465", "off", "--port587", "off"),
	)

	It("says how to get a world", func() {
		fails("--world is missing: who may relay what?", "relayspec serve --world world.yaml")
		fails("absent.yaml: no such file or directory", "Begin with the sample, world.yaml beside the README", "--world", "absent.yaml")
	})

	It("tells all faults of a world file at once", func() {
		Expect(os.WriteFile("bad.yaml", []byte("customers:\n  - id: a\n    licences: 0\n    domains: [x]\n    colour: blue\n"), 0o600)).To(Succeed())
		fails("bad.yaml can't be used, faults: 3\n"+
			"bad.yaml:3:15: licences is 0; write 1 or more (LIM-CUST-LICENCE)\n"+
			"bad.yaml:4:15: domain \"x\" has fewer than two labels", "Mend bad.yaml and start again", "--world", "bad.yaml")
		Expect(relayspec("serve", "--world", "bad.yaml").err).To(ContainSubstring("\nbad.yaml:5:5: a customer has no key \"colour\""))
	})

	It("says file and line of a fault of a service file", func() {
		shipped, err := os.ReadFile(filepath.Join(rootDir, "reference", "services", "google-workspace.yaml"))
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile("mine.yaml", bytes.Replace(shipped, []byte("value: 24h"), []byte("value: day"), 1), 0o600)).To(Succeed())
		fails(`mine.yaml:13: limits.user-window: "day" is no time; write 24h, 10m or 30s`, "See --service", "--world", sampleWorld(), "--service", "mine.yaml")
	})

	DescribeTable("names the flag of a port that is in use",
		func(flag string) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			Expect(err).NotTo(HaveOccurred())
			defer l.Close()
			fails("address already in use", fmt.Sprintf("Give another address with %s, or '%[1]s off'", flag), "--world", sampleWorld(), flag, l.Addr().String())
		},
		Entry(nil, "--port25"), Entry(nil, "--port465"), Entry(nil, "--port587"),
	)

	It("leaves an authority alone that can't be used, and says what to remove", func() {
		Expect(os.Mkdir("tls", 0o700)).To(Succeed())
		Expect(os.WriteFile("tls/ca.pem", []byte("nothing"), 0o600)).To(Succeed())
		fails("remove tls/ca.pem to have a new one made", "--tls-dir", "--world", sampleWorld())
		Expect(os.ReadFile("tls/ca.pem")).To(Equal([]byte("nothing")))
	})
})

var _ = Describe("serve in a process of its own", func() {
	// begin starts it and waits until it serves.
	begin := func() (*exec.Cmd, *stderr, string) {
		GinkgoHelper()
		program, err := os.Executable()
		Expect(err).NotTo(HaveOccurred())
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		DeferCleanup(cancel)
		c := exec.CommandContext(ctx, program, append([]string{"serve", "--world", sampleWorld(), "--events", "off"}, anyPorts()...)...)
		c.Dir = GinkgoT().TempDir()
		c.Env = append(os.Environ(), asProgram+"=1")
		told := &stderr{}
		c.Stderr = told
		Expect(c.Start()).To(Succeed())
		return c, told, told.address(25)
	}
	transaction := func(address string) *client.Conn {
		GinkgoHelper()
		c := session(address)
		for _, line := range []string{"MAIL FROM:<anna@acme.example>", "RCPT TO:<bob@example.net>", "DATA"} {
			_, err := c.Cmd(line)
			Expect(err).NotTo(HaveOccurred(), line)
		}
		return c
	}

	It("lets a transaction end after SIGTERM, and ends with 0", func() {
		process, told, address := begin()
		c := transaction(address)
		Expect(process.Process.Signal(syscall.SIGTERM)).To(Succeed())
		Eventually(told.String, patience).Should(ContainSubstring("draining 1 sessions"))
		reply, err := c.Cmd("Subject: x\r\n\r\nhello\r\n.")
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Code).To(Equal(250))
		reply, err = c.ReadReply()
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Code).To(Equal(421))
		Expect(c.Close()).To(Succeed())
		Expect(process.Wait()).To(Succeed(), told.String())
		Expect(filepath.Glob(filepath.Join(process.Dir, "mail", "new", "*.eml"))).To(HaveLen(1))
	})

	It("ends at once at the second signal", func() {
		process, told, address := begin()
		transaction(address)
		Expect(process.Process.Signal(os.Interrupt)).To(Succeed())
		Eventually(told.String, patience).Should(ContainSubstring("again to stop at once"))
		ended := make(chan error, 1)
		go func() { ended <- process.Wait() }()
		Eventually(func() <-chan error {
			process.Process.Signal(os.Interrupt) // one may come while the first is still being handled
			return ended
		}, patience).Should(Receive(BeAssignableToTypeOf(&exec.ExitError{})))
	})
})

var _ = Describe("The forwarder on the movable clock", func() {
	It("tries again what was deferred when its time has come, and not before", func(ctx SpecContext) {
		var mu sync.Mutex
		deferrals := 2
		sink, err := mx.Start(mx.Options{Refuse: func(string, string) *smtp.SMTPError {
			mu.Lock()
			defer mu.Unlock()
			if deferrals--; deferrals >= 0 {
				return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}
			}
			return nil
		}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(sink.Close)
		noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		c := clock.New(noon)
		attempts := make(chan delivery.Attempt, 10)
		f, err := reference.NewForwarder(delivery.NextHop{Address: sink.Address(), Hello: "relay.acme.example"}, c.Now, func(a delivery.Attempt) { attempts <- a })
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(f.Close)
		c.Attach(f)

		Expect(f.Add(delivery.Message{
			ID: "one", Received: noon,
			Envelope: delivery.Envelope{Sender: policy.Address{Local: "anna", Domain: "acme.example"}, Recipients: []policy.Address{{Local: "bob", Domain: "example.net"}}},
			Open: func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader("Subject: x\r\n\r\nhello\r\n")), nil
			},
		})).To(Succeed())
		f.Drain(ctx)
		Expect(attempts).To(Receive(HaveField("Next", noon.Add(5*time.Minute))))

		Expect(c.Advance(5*time.Minute - time.Second)).To(Succeed())
		Expect(attempts).NotTo(Receive())
		Expect(c.Advance(time.Second)).To(Succeed())
		Expect(attempts).To(Receive(And(HaveField("Number", 2), HaveField("Next", noon.Add(15*time.Minute)))))
		Expect(sink.Count()).To(BeZero())
		Expect(c.Advance(time.Hour)).To(Succeed())
		var last delivery.Attempt
		Expect(attempts).To(Receive(&last))
		Expect(last.At).To(Equal(noon.Add(15 * time.Minute)))
		Expect(last.Outcomes[0].Status).To(Equal(delivery.Delivered))
		Expect(sink.Count()).To(Equal(1))
	}, SpecTimeout(patience))
})
