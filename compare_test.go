package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/doctor"
	"github.com/relayspec/relayspec/features/target/static"
	"github.com/relayspec/relayspec/reports"
)

var _ = Describe("Comparing and repeating", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	// judged keeps a report in dir.
	judged := func(dir, target, selection string) {
		GinkgoHelper()
		got := relayspec("conform", "--target", target, "--select", selection, "--report", dir, "--keep-transcripts")
		Expect(got.code).To(BeElementOf(0, 1), got.out+got.err)
	}

	It("puts reports side by side, with links to the transcripts", func() {
		judged("here/a", sample("gosmtp"), "RFC3030-2/after-last or RFC5321-4.1.1.5*")
		judged("here/b", "embedded", "RFC3030-2/after-last or RFC5321-4.1.1.5*")
		got := relayspec("matrix", "here/a", "here/b", "--html", "here/pages.html", "--markdown", "-")
		Expect(got.code).To(Equal(0), got.err)
		Expect(got.out).To(ContainSubstring("| RFC3030-2/after-last |"))
		page, err := os.ReadFile("here/pages.html")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(page)).To(ContainSubstring(`<a href="./a/transcripts/RFC3030-2/after-last/`))

		got = relayspec("matrix", "here/a", "here/b", "--json")
		var read reports.Matrix
		Expect(json.Unmarshal([]byte(got.out), &read)).To(Succeed())
		Expect(read.Columns).To(HaveLen(2))

		got = relayspec("diff", "here/b", "here/a")
		Expect(got.code).To(Equal(1))
		Expect(got.out).To(MatchRegexp(`(?m)^  worse   PASS -> FAIL +RFC3030-2/after-last$`))
		Expect(relayspec("diff", "here/a/report.json", "here/a").out).To(HaveSuffix("\nthe same verdicts\n"))
		Expect(relayspec("diff", "here/a", "here/a", "--markdown").code).To(Equal(0))
		Expect(relayspec("diff", "here/a", "here/b").code).To(Equal(0), "better is no fault")
	})

	DescribeTable("tells a mistake, with 2",
		func(wrong string, args ...string) {
			Expect(os.WriteFile("another.json", []byte(`{"schema": "relayspec-report/999"}`), 0o644)).To(Succeed())
			Expect(os.WriteFile("cut.txt", []byte("# x\n+0.1 [1] S: 220 x\n+0.2 [1] C: EHL"), 0o644)).To(Succeed())
			Expect(os.WriteFile("endless.txt", []byte("+0.1 [1] S: 220 x\n+0.2 [1] C: EHLO x\n"), 0o644)).To(Succeed())
			Expect(os.WriteFile("binary.txt", []byte("\x7fELF\x00\x01"), 0o644)).To(Succeed())
			Expect(os.WriteFile("unknown.txt", []byte("+0 @: dance {}\n+0 S: 220 x\n+0 X: by the client\n"), 0o644)).To(Succeed())
			for _, volume := range []string{"normal", "light"} {
				much := "+0 @: case {\"namespace\":\"t1\",\"case\":\"LIM-X/y-1\",\"volume\":\"" + volume + "\"}\n+0 S: 220 x\n+0 #: … 7 lines left out …\n+0 X: by the client\n"
				Expect(os.WriteFile(volume+".txt", []byte(much), 0o644)).To(Succeed())
			}
			got := relayspec(args...)
			Expect(got.code).To(Equal(2), got.err)
			Expect(got.err).To(ContainSubstring(wrong))
			Expect(strings.Count(strings.TrimSpace(got.err), "\n")).To(BeNumerically(">=", 1), "it ends with what to do")
		},
		Entry(nil, "no report is named", "matrix"),
		Entry(nil, "both ask for standard output", "matrix", "another.json", "--json", "--html", "-"),
		Entry(nil, "a report of another form", "matrix", "another.json"),
		Entry(nil, "a report of another form", "diff", "another.json", "another.json"),
		Entry(nil, "no such file", "diff", "nowhere", "nowhere"),
		Entry(nil, "both reports can't come", "diff", "-", "-"),
		Entry(nil, "cut.txt:3: the file ends within the line: it was cut", "replay", "cut.txt"),
		Entry(nil, "endless.txt:2: the session 1 doesn't end: the transcript was cut", "replay", "endless.txt"),
		Entry(nil, "binary.txt:1: the file ends within the line", "replay", "binary.txt"),
		Entry(nil, `unknown.txt:1: nobody knows the call "dance"`, "replay", "unknown.txt"),
		Entry(nil, "normal.txt:3: \"… 7 lines left out …\": what isn't there can't be played", "replay", "normal.txt"),
		Entry(nil, "relayspec conform --target embedded --select 'LIM-X/y-1' --volume light --keep-transcripts", "replay", "normal.txt"),
		Entry(nil, "always sends so much. Judge it again, alone: relayspec conform --target r.yaml --select 'LIM-X/y-1'", "replay", "light.txt", "--target", "r.yaml"),
		Entry(nil, "no such file", "replay", "nowhere.txt"),
		Entry(nil, "--listen 127.0.0.1", "record", "--listen", "127.0.0.1", "--upstream", "127.0.0.1:25"),
		Entry(nil, "isn't on this machine", "record", "--listen", "127.0.0.1:0", "--upstream", "192.0.2.1:25"),
		Entry(nil, "isn't on this machine", "record", "--listen", "0.0.0.0:0", "--upstream", "127.0.0.1:25"),
		Entry(nil, "no such file", "doctor", "--target", "nowhere.yaml"),
	)

	It("replays a failure: reproduced on the same relay, and not on the reference", func() {
		judged("report", sample("gosmtp"), "RFC3030-2/after-last or RFC4954-4/undecodable")
		files, err := filepath.Glob("report/transcripts/RFC*/*/*.txt")
		Expect(err).NotTo(HaveOccurred())
		Expect(len(files)).To(BeNumerically(">=", 2))
		for _, file := range files {
			text, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			if !bytes.Contains(text, []byte(": FAIL\n")) {
				continue
			}
			got := relayspec("replay", file, "--target", sample("gosmtp"))
			Expect(got.code).To(Equal(0), got.out+got.err)
			Expect(got.out).To(MatchRegexp(`(?m)^go-smtp sample v0\.25\.1: the same: reproduced: \d{3} `))
			got = relayspec("replay", file)
			Expect(got.code).To(Equal(1), got.out+got.err)
			Expect(got.out).To(And(ContainSubstring("not reproduced: it was "), MatchRegexp(`(?m)^>>- `)))
		}
		got := relayspec("replay", files[0], "--target", sample("gosmtp"), "--against", "embedded", "--codes", "--out", "again.txt")
		Expect(got.code).To(Equal(1), got.err)
		Expect(got.out).To(HavePrefix("--- go-smtp sample v0.25.1\n+++ reference\n"))
		Expect(relayspec("replay", "again.txt", "--target", sample("gosmtp")).code).To(Equal(0), "what it wrote can be played, too")
		got = relayspec("replay", files[0], "--as-feature")
		Expect(got.code).To(Equal(0))
		Expect(got.out).To(ContainSubstring("      Then the relay answers 220\n"))
	})

	It("never hangs on a relay that is silent", func() {
		silent, err := net.Listen("tcp4", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(silent.Close)
		text := "+0 @: connect {\"port\":25}\n+0 S: 220 x\n+0 C: EHLO x\n+0 S: 250 x\n+0 X: by the client\n"
		Expect(os.WriteFile("t.txt", []byte(text), 0o644)).To(Succeed())
		aProfile(silent.Addr().String(), "")
		began := time.Now()
		got := relayspec("replay", "t.txt", "--target", "target.yaml")
		Expect(got.code).To(Equal(3), got.out+got.err)
		Expect(time.Since(began)).To(BeNumerically("<", 30*time.Second))
	})

	It("tells an interruption, and a transcript that can't be written, from a relay that differs", func() {
		text := "+0 @: connect {\"port\":25}\n+0 S: 220 x\n+0 X: by the client\n"
		Expect(os.WriteFile("t.txt", []byte(text), 0o644)).To(Succeed())
		got := relayspec("replay", "t.txt", "--codes", "--out", "nowhere/again.txt")
		Expect(got.code).To(Equal(2), got.out+got.err)
		Expect(got.err).To(And(ContainSubstring("nowhere/again.txt"), ContainSubstring("Name what can be written with --out")))

		reached, silent := make(chan struct{}), make(chan struct{})
		defer close(silent)
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(listener.Close)
		go func() {
			if conn, err := listener.Accept(); err == nil {
				close(reached)
				<-silent
				conn.Close()
			}
		}()
		aProfile(listener.Addr().String(), "")
		ctx, interrupt := context.WithCancel(context.Background())
		go func() { <-reached; interrupt() }()
		var ended *exit
		err = command(ctx, []string{"replay", "t.txt", "--target", "target.yaml"}, &streams{strings.NewReader(""), io.Discard, io.Discard})
		Expect(errors.As(err, &ended)).To(BeTrue(), "%v", err)
		Expect(ended.code).To(Equal(130), "%v", err)
		Expect(ended).To(MatchError(ContainSubstring("interrupted")))
	})

	It("looks at relays: one that is closed, one without STARTTLS, and one that is well", func() {
		closed, err := net.Listen("tcp4", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		closed.Close()
		aProfile(closed.Addr().String(), "")
		got := relayspec("doctor", "--target", "target.yaml")
		Expect(got.code).To(Equal(1), got.err)
		Expect(got.out).To(MatchRegexp(`(?m)^fail  25   connect +nobody listens there.*\n +-> Start the relay`))

		Expect(os.WriteFile("steered.yaml", []byte("name: steered\nports: {25: \"127.0.0.1:9\"}\nexec: {command: [\"true\"]}\n"), 0o600)).To(Succeed())
		got = relayspec("doctor", "--target", "steered.yaml")
		Expect(got.code).To(Equal(1), got.err)
		Expect(got.out).To(MatchRegexp(`(?m)^fail +open +the driver answers nothing.*\n +-> Run the command of exec by hand`))

		got = relayspec("doctor", "--target", sample("minimal"))
		Expect(got.code).To(Equal(0), got.out)
		Expect(got.out).To(MatchRegexp(`(?m)^warn  25   STARTTLS +it isn't offered.*\n +-> Give the relay a certificate`))

		bare := relayOf(sample("minimal"))
		_, port, err := net.SplitHostPort(bare)
		Expect(err).NotTo(HaveOccurred())
		got = relayspec("doctor", "--target", bare)
		Expect(got.code).To(Equal(0), got.out)
		Expect(got.out).To(MatchRegexp(`(?m)^ok    ` + port + `  EHLO `))
		Expect(got.out).To(MatchRegexp(`(?m)^skip  ` + port + `  envelope +without a profile .*\n +-> Write a profile`))
		Expect(got.out).To(MatchRegexp(`(?m)^skip  +sink +without a profile .*\n +-> Write a profile`))
		got = relayspec("doctor", "--target", closed.Addr().String())
		Expect(got.code).To(Equal(1), got.out)
		Expect(got.out).To(MatchRegexp(`(?m)^fail +\d+ +connect +nobody listens there.*\n +-> Start the relay, or name the port where it listens\.`))

		driver := `case $(cat) in *describe*) echo '{"name": "x", "verbs": ["world"]}';; *world*) echo '{"error": "no room"}'; exit 1;; *) exit 3;; esac`
		text := "name: x\nports: {25: '" + relayOf(sample("minimal")) + "'}\nexec: {command: [sh, -c, " + strconv.Quote(driver) + "]}\n"
		Expect(os.WriteFile("roomless.yaml", []byte(text), 0o600)).To(Succeed())
		got = relayspec("doctor", "--target", "roomless.yaml")
		Expect(got.code).To(Equal(1), got.out+got.err)
		Expect(got.out).To(MatchRegexp(`(?m)^fail +world +a customer to send a message can't be made: .*\n +-> See what the driver does`))

		got = relayspec("doctor")
		Expect(got.code).To(Equal(0), got.out+got.err)
		Expect(got.out).To(MatchRegexp(`(?m)^ok +world +the driver made the customer doctor-`))
		Expect(got.out).To(MatchRegexp(`(?m)^ok +587 +envelope +it takes mail from <doctor@doctor-`))
		Expect(got.out).To(MatchRegexp(`(?m)^ok +sink +the message arrived`))
		Expect(got.out).To(MatchRegexp(`(?m)^ok +clock +`))

		got = relayspec("doctor", "--target", sample("gosmtp"), "--json")
		Expect(got.code).To(Equal(0), got.out)
		var found diagnosis
		Expect(json.Unmarshal([]byte(got.out), &found)).To(Succeed())
		Expect(found.Healthy).To(BeTrue())
		Expect(found.Checks).To(ContainElement(HaveField("Name", "sink")))
		Expect(doctor.Healthy(found.Checks)).To(BeTrue())
		Expect(got.out).NotTo(ContainSubstring("correct horse"))
	})

	It("records a session that is replayed and told as a feature", func() {
		aRelay := relayOf(sample("gosmtp"))
		out, log := newLine(), &bytes.Buffer{}
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		ended := make(chan error, 1)
		go func() {
			defer GinkgoRecover()
			ended <- command(ctx, []string{"record", "--listen", "127.0.0.1:0", "--upstream", aRelay, "--out", "sessions/", "--sessions", "1"}, &streams{strings.NewReader(""), log, out})
		}()
		var address string
		Eventually(out.first, "30s").Should(Receive(&address))
		address = strings.TrimSuffix(strings.Fields(address)[3], ",")
		c, err := (&client.Dialer{Address: address, Timeout: 5 * time.Second, TLS: &tls.Config{InsecureSkipVerify: true}}).Dial(context.Background())
		Expect(err).NotTo(HaveOccurred())
		for _, step := range []func() (client.Reply, error){
			c.ReadReply,
			func() (client.Reply, error) { return c.Hello("client.example") },
			func() (client.Reply, error) { return c.StartTLS(context.Background()) },
			func() (client.Reply, error) { return c.Hello("client.example") },
			func() (client.Reply, error) { return c.AuthPlain("app@corp.example", "correct horse") },
			func() (client.Reply, error) { return c.Cmd("MAIL FROM:<app@corp.example>") },
			c.Quit,
		} {
			reply, err := step()
			Expect(err).NotTo(HaveOccurred())
			Expect(reply.Positive()).To(BeTrue(), reply.String())
		}
		Eventually(ended, "30s").Should(Receive(BeNil()))
		text, err := os.ReadFile("sessions/session-1.txt")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).NotTo(ContainSubstring("correct horse"))

		got := relayspec("replay", "sessions/session-1.txt", "--target", sample("gosmtp"))
		Expect(got.code).To(Equal(0), got.out+got.err)
		Expect(got.out).To(HaveSuffix("go-smtp sample v0.25.1: the same\n"))
		got = relayspec("replay", "sessions/session-1.txt", "--as-feature")
		Expect(got.out).To(And(ContainSubstring(`When it sends "EHLO client.example\r\n"`), ContainSubstring("When it begins TLS\n"), ContainSubstring(`it sends "AUTH PLAIN {base64 \x00app@corp.example\x00{password}}\r\n"`)))
	})
})

// line is a stream whose first line can be waited for.
type line struct {
	mu    sync.Mutex
	text  bytes.Buffer
	told  bool
	first chan string
}

func newLine() *line { return &line{first: make(chan string, 1)} }

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.text.Write(p)
	if text, _, whole := strings.Cut(l.text.String(), "\n"); whole && !l.told {
		l.told = true
		l.first <- text
	}
	return n, err
}

var _ io.Writer = (*line)(nil)

// relayOf opens the relay of a profile, and gives the address of its port 25.
func relayOf(profile string) string {
	GinkgoHelper()
	open, _, err := opener(profile, 1, static.Options{})
	Expect(err).NotTo(HaveOccurred())
	relay, closer, err := open(context.Background())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(closer.Close)
	return relay.Address(25)
}
