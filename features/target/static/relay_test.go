package static_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/static"
	"github.com/relayspec/relayspec/reports"
)

// opened opens a profile for the time of a spec.
func opened(p *static.Profile) *static.Relay {
	GinkgoHelper()
	r, err := p.Open(context.Background(), static.Options{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(r.Close)
	return r
}

// minimal is the rest of the smallest profile.
const minimal = "\nname: a relay\ntimeout: 2s\nroles: {sender: app@corp.example, recipients: ['*@example.net']}\n"

// announcing is a relay that announces these lines in reply to EHLO.
func announcing(lines ...string) string {
	GinkgoHelper()
	return scripted(func(_ int, line string) string {
		if strings.HasPrefix(line, "EHLO") {
			return "250-relay.example\r\n250-" + strings.Join(lines[:len(lines)-1], "\r\n250-") + "\r\n250 " + lines[len(lines)-1]
		}
		return ""
	}).address()
}

var _ = Describe("A static target", func() {
	It("misses a rule where it awaits octets that were never counted, for silence there isn't the network's", func() {
		var verdicts []reports.Verdict
		for _, way := range []string{hangs, "501 no"} {
			r := scripted(func(_ int, line string) string {
				switch {
				case strings.HasPrefix(line, "EHLO"):
					return "250-relay.example\r\n250 CHUNKING"
				case line == "BDAT -1":
					return way
				}
				return ""
			})
			p := profile("ports: {25: '" + r.address() + "'}" + strings.Replace(minimal, "2s", "300ms", 1))
			suite, err := features.Load()
			Expect(err).NotTo(HaveOccurred())
			chosen, err := features.ParseSelection("RFC3030-2/malformed/*/a-size-below-nothing*")
			Expect(err).NotTo(HaveOccurred())
			run, err := features.Judge(context.Background(), features.Options{
				Suite: suite, Open: p.Opener(static.Options{}), Workers: -1, Select: chosen,
			})
			Expect(err).NotTo(HaveOccurred())
			Expect(run.Cases).To(HaveLen(1))
			verdicts = append(verdicts, run.Cases[0].Verdict)
		}
		Expect(verdicts).To(Equal([]reports.Verdict{reports.NonStrict, reports.Pass}))
	})

	It("is started only where nothing leads out of the machine, if its profile says so", func() {
		marker := filepath.Join(GinkgoT().TempDir(), "started")
		p := profile("isolated: true\nstart: {command: [touch, " + marker + "], ready: '^(?P<port25>x)$'}" + minimal)
		interfaces, err := net.Interfaces()
		Expect(err).NotTo(HaveOccurred())
		if len(interfaces) < 2 {
			Skip("nothing leads out of here")
		}
		_, err = p.Open(context.Background(), static.Options{})
		Expect(err).To(MatchError(ContainSubstring("target.yaml:1:11: isolated: ")))
		Expect(errors.As(err, new(static.Faults))).To(BeTrue())
		Expect(marker).NotTo(BeAnExistingFile())
	})

	It("adds what the relay announces, where the roles let it be judged", func() {
		address := announcing("SIZE 1000", "pipelining", "AUTH LOGIN PLAIN XOAUTH2", "X-OTHER")
		r := opened(profile("ports: {25: '" + address + "'}\ncapabilities: [helo-suffix]" + minimal))
		Expect(r.Describe()).To(Equal(target.Description{
			Name: "a relay", Driver: "static", Capabilities: []target.Capability{target.HeloSuffix, target.ExtSize, target.ExtPipelining},
		}))
		Expect(r.Announced()).To(ConsistOf(target.ExtSize, target.ExtPipelining, target.ExtAuth, target.AuthLogin, target.AuthPlain, target.AuthXOAuth2))
		Expect(r.Unplayed(target.AuthXOAuth2)).To(Equal("user (with tokens)"))

		withUser := strings.Replace(minimal, "roles: {", "roles: {user: {address: a@corp.example, password: p}, ", 1)
		r = opened(profile("ports: {25: '" + address + "'}" + withUser))
		Expect(r.Describe().Capabilities).To(Equal([]target.Capability{
			target.ExtSize, target.ExtPipelining, target.ExtAuth, target.AuthPlain, target.AuthLogin,
		}))
		Expect(r.Roles()).To(Equal(target.Roles{
			Client: "client.example", Sender: "app@corp.example", Recipients: []string{"*@example.net"},
			User: target.User{Address: "a@corp.example", Password: "p"},
		}))
	})

	It("takes a relay that knows HELO only", func() {
		address := scripted(func(_ int, line string) string {
			if strings.HasPrefix(line, "EHLO") {
				return "502 what"
			}
			return ""
		}).address()
		r := opened(profile("ports: {587: '" + address + "'}" + minimal))
		Expect(r.Describe().Capabilities).To(BeEmpty())
		Expect(r.Address(target.Port587)).To(Equal(address))
		Expect(r.Address(target.Port25)).To(BeEmpty())
		Expect(r.Dialling()).To(Equal(target.Dialling{Timeout: 2 * time.Second}))
	})

	It("shows what the relay delivered to its sink, and answers soon when nothing comes", func(ctx SpecContext) {
		r := opened(profile("ports: {25: '" + scripted(honestly).address() + "'}\nsink: {listen: '127.0.0.1:0'}" + minimal))
		Expect(r.Describe().Capabilities).To(Equal([]target.Capability{target.CanDelivered}))
		client, err := smtp.Dial(r.Sink())
		Expect(err).NotTo(HaveOccurred())
		defer client.Close()
		Expect(client.SendMail("a@b.example", []string{"c@d.example"}, strings.NewReader("token-1.\r\n"))).To(Succeed())
		Expect(r.Delivered(ctx, "token-1.", time.Minute)).To(Equal([]target.Message{
			{Sender: "a@b.example", Recipients: []string{"c@d.example"}, Data: []byte("token-1.\r\n")},
		}))
		Expect(r.Delivered(ctx, "token-2.", time.Millisecond)).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("has no deliveries without a sink", func(ctx SpecContext) {
		r := opened(profile("ports: {25: '" + scripted(honestly).address() + "'}\nsink: none" + minimal))
		_, err := r.Delivered(ctx, "token", time.Second)
		Expect(err).To(MatchError(target.ErrUnsupported))
		Expect(r.Sink()).To(BeEmpty())
	})

	DescribeTable("tells what isn't so as a fault of the profile",
		func(text, want string) {
			text = strings.ReplaceAll(text, "RELAY", scripted(honestly).address())
			_, err := profile(text+minimal).Open(context.Background(), static.Options{})
			var faults static.Faults
			Expect(errors.As(err, &faults)).To(BeTrue(), "%v", err)
			Expect(err).To(MatchError(MatchRegexp(want)))
		},
		Entry("a host that nobody knows", "ports: {25: 'a..b:25'}", `target.yaml:1:13: port 25: lookup a\.\.b: no such host; write the host:port of the relay`),
		Entry("a sink that can't listen", "sink: {listen: RELAY}\nports: {25: RELAY}", `target.yaml:1:16: start the sink: .*write an address of this machine that is free`),
		Entry("a program that isn't there", "start: {command: [./no-such-program], ready: x}\nports: {25: RELAY}", `target.yaml:1:18: start \./no-such-program: .*; write a program that is there`),
		Entry("volume to another machine", "capabilities: [size, volume]\nports: {25: '192.0.2.1:25'}", `target.yaml:1:22: volume sends tens of thousands .* or say --i-own-this-target if it is yours`),
	)

	It("lets volume go to a loopback address", func() {
		r := opened(profile("capabilities: [volume]\nports: {25: '" + scripted(honestly).address() + "'}" + minimal))
		Expect(r.Describe().Capabilities).To(ContainElement(target.Volume))
	})

	It("is one relay for all workers, closed by the last", func(ctx SpecContext) {
		p := profile("ports: {25: '" + scripted(honestly).address() + "'}\nsink: {listen: '127.0.0.1:0'}" + minimal)
		Expect(p.Workers(0)).To(Equal(1))
		Expect(p.Workers(3)).To(Equal(3))
		open := p.Opener(static.Options{})
		first, closeFirst, err := open(ctx)
		Expect(err).NotTo(HaveOccurred())
		second, closeSecond, err := open(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(second).To(BeIdenticalTo(first))
		sink := first.(*static.Relay).Sink()
		Expect(closeFirst.Close()).To(Succeed())
		Expect(closeFirst.Close()).To(Succeed())
		Expect(listens(sink)).To(BeTrue())
		Expect(closeSecond.Close()).To(Succeed())
		Expect(listens(sink)).To(BeFalse())
	})
})

// listens tells whether somebody listens at address.
func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// idle is a session that takes everything and keeps nothing.
type idle struct{}

func (idle) Mail(string, *smtp.MailOptions) error { return nil }
func (idle) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (idle) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }
func (idle) Reset()                               {}
func (idle) Logout() error                        { return nil }

var _ = Describe("The certificate of a static target", func() {
	// relay is one with STARTTLS on go-smtp's server; its certificate is for relay.example.
	var address, ca string
	BeforeEach(func() {
		own := certificate("relay.example")
		server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return idle{}, nil }))
		server.TLSConfig = configOf(own)
		listener := listening()
		go server.Serve(listener)
		DeferCleanup(server.Close)
		address = listener.Addr().String()
		ca = filepath.Join(GinkgoT().TempDir(), "ca.pem")
		Expect(os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]}), 0o644)).To(Succeed())
	})

	DescribeTable("is verified when the profile says whose it is",
		func(says, want string) {
			text := "name: a relay\nports: {25: '" + address + "'}\ntls: " + strings.ReplaceAll(says, "CA", ca) + "\nroles: {sender: a@b.example, recipients: [a@b.example]}\n"
			r, err := profile(text).Open(context.Background(), static.Options{})
			if want == "" {
				Expect(err).NotTo(HaveOccurred())
				Expect(r.Close()).To(Succeed())
				return
			}
			var faults static.Faults
			Expect(errors.As(err, &faults)).To(BeTrue(), "%v", err)
			Expect(err).To(MatchError(And(ContainSubstring(want), ContainSubstring("the relay's certificate doesn't fit: "))))
		},
		Entry("nothing said, on a loopback address", "{}", ""),
		Entry("any will do", "{insecure: true}", ""),
		Entry("the right one", "{ca: CA, server-name: relay.example}", ""),
		Entry("another name", "{ca: CA, server-name: other.example}", "target.yaml:3:"),
		Entry("the address's name", "{ca: CA}", "target.yaml:3:11: "),
		Entry("other roots", "{server-name: relay.example}", "target.yaml:3:20: "),
	)
})

// started is a profile whose relay is this test binary; what says what becomes of it.
func started(what, rest string) string {
	return "start:\n  command: ['" + os.Args[0] + "']\n  env: {" + asRelay + ": '" + what + "'}\n" + rest + minimal
}

// ready is how the test binary says where it is.
const ready = `  ready: 'listens at (?P<port25>\S+)'` + "\n"

var _ = Describe("A relay that is started", func() {
	It("serves where it says, and is ended with what it started itself", func() {
		r, err := profile(started("parent", ready)).Open(context.Background(), static.Options{})
		Expect(err).NotTo(HaveOccurred())
		address := r.Address(target.Port25)
		Expect(listens(address)).To(BeTrue())
		Expect(r.Alive(context.Background())).To(Succeed())
		children := childrenOf(os.Getpid())
		Expect(children).NotTo(BeEmpty())
		began := time.Now()
		Expect(r.Close()).To(Succeed())
		Expect(time.Since(began)).To(BeNumerically("<", 5*time.Second))
		Expect(r.Close()).To(Succeed())
		Expect(listens(address)).To(BeFalse())
		for _, group := range children {
			Eventually(func() []string { return livingIn(group) }, "30s").Should(BeEmpty())
		}
	})

	It("has its words in the error when it isn't ready", func() {
		_, err := profile(started("dies {sink}", "  ready: never (?P<port25>x)\nsink: {listen: '127.0.0.1:0'}\n")).Open(context.Background(), static.Options{})
		Expect(err).To(MatchError(And(
			HavePrefix("the relay ended: exit status 3; it said last:\n  "), ContainSubstring("  exit: as it was told"),
			MatchRegexp(`\n  starting, sink at 127\.0\.0\.1:\d+\b`),
		)))
		began := time.Now()
		_, err = profile(started("mute", "  ready: never\n  within: 300ms\n")+"ports: {25: '127.0.0.1:1'}\n").Open(context.Background(), static.Options{})
		Expect(err).To(MatchError("the relay isn't ready within 300ms: no line of its output fits start.ready; it said nothing"))
		Expect(time.Since(began)).To(BeNumerically("<", 10*time.Second))
	})

	It("has its last words in the report when it crashes", func() {
		customers := cast[strings.Index(cast, "customers:"):]
		run, err := judge(profile(started("crashes", ready)+customers), someCases)
		Expect(err).NotTo(HaveOccurred())
		Expect(run.Totals.Ran).To(Equal(1))
		Expect(run.Cases[0].Reason).To(ContainSubstring("the relay ended: exit status 2; it said last:\n  "))
		Expect(run.Cases[0].Reason).To(ContainSubstring("\n  relay listens at 127.0.0.1:"))
		Expect(run.Cases[0].Reason).To(ContainSubstring("panic: no memory for mail"))
		Expect(run.NotRun[0].Reason).To(ContainSubstring("the relay ended: exit status 2"))
	})

	It("is given up when nobody waits any more", func() {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errors.New("enough"))
		_, err := profile(started("mute", ready)).Open(ctx, static.Options{})
		Expect(err).To(MatchError("enough"))
	})

	It("is started once an instance, each at ports of its own", func(ctx SpecContext) {
		p := profile(started("serves", ready))
		Expect(p.Workers(0)).To(Equal(0))
		open := p.Opener(static.Options{})
		var addresses []string
		for range 2 {
			relay, closer, err := open(ctx)
			Expect(err).NotTo(HaveOccurred())
			defer closer.Close()
			addresses = append(addresses, relay.Address(target.Port25))
		}
		Expect(addresses[0]).NotTo(Equal(addresses[1]))
	})
})

// childrenOf gives the process groups of the children of a process that lead one.
func childrenOf(parent int) []int {
	var groups []int
	for pid, stat := range processes() {
		if stat.parent == parent && stat.group == pid {
			groups = append(groups, pid)
		}
	}
	return groups
}

// livingIn names the processes of a group that aren't over.
func livingIn(group int) []string {
	var living []string
	for pid, stat := range processes() {
		if stat.group == group && stat.state != "Z" {
			living = append(living, fmt.Sprint(pid))
		}
	}
	return living
}

// process is what the system tells of a process.
type process struct {
	state         string
	parent, group int
}

// processes reads what runs, as Linux tells it.
func processes() map[int]process {
	GinkgoHelper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	Expect(err).NotTo(HaveOccurred())
	if len(files) == 0 {
		Skip("without /proc nobody knows what runs")
	}
	form := regexp.MustCompile(`^(\d+) \(.*\) (\S) (\d+) (\d+)`)
	found := map[int]process{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		m := form.FindStringSubmatch(string(text))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) || m == nil {
			continue // it is over
		}
		pid, _ := strconv.Atoi(m[1])
		parent, _ := strconv.Atoi(m[3])
		group, _ := strconv.Atoi(m[4])
		found[pid] = process{m[2], parent, group}
	}
	return found
}
