package relaytest_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/simulator/faults"
	"github.com/relayspec/relayspec/simulator/relaytest"
)

// send sends a message by net/smtp, as somebody's application does.
func send(address, hello, sender, recipient, subject string) error {
	c, err := smtp.Dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, step := range []func() error{
		func() error { return c.Hello(hello) }, func() error { return c.Mail(sender) }, func() error { return c.Rcpt(recipient) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\nHello.\r\n", sender, recipient, subject)
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

func code(err error) int {
	if refused, ok := err.(*textproto.Error); ok {
		return refused.Code
	}
	return 0
}

// fake is a test that ends with a failure, which is what is looked at.
type fake struct {
	mu     sync.Mutex
	failed string
	ends   []func()
}

func (f *fake) Helper() {}

func (f *fake) Cleanup(end func()) { f.ends = append(f.ends, end) }

func (f *fake) Fatalf(format string, args ...any) {
	f.mu.Lock()
	f.failed = fmt.Sprintf(format, args...)
	f.mu.Unlock()
	panic(f)
}

// fails gives the failure that step ends the test with.
func (f *fake) fails(step func()) (failure string) {
	GinkgoHelper()
	defer func() {
		ended := recover()
		Expect(ended).To(BeIdenticalTo(f), "the test should have ended")
		failure = f.failed
	}()
	step()
	return ""
}

// end ends what began with the test.
func (f *fake) end() {
	for _, end := range f.ends {
		end()
	}
}

func newFake() *fake { return &fake{} }

var _ = Describe("A message to a relay in a test", func() {
	It("takes a message and shows it", func() {
		relay := relaytest.New(GinkgoT())
		Expect(send(relay.Address(), "mail.acme.example", "Anna@acme.example", "bob@other.example", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=")).To(Succeed())
		m := relay.WaitForMessage(relaytest.To("BOB@other.example"), relaytest.From("anna@acme.example"), relaytest.Subject("Grüß"))
		Expect(m.Subject()).To(Equal("Grüße"))
		Expect(m.Customer).To(Equal("acme"))
		Expect(m.Helo).To(Equal("mail.acme.example"))
		Expect(m.Recipients).To(Equal([]string{"bob@other.example"}))
		Expect(m.Received).To(Equal(relay.Now()))
		Expect(string(m.Body())).To(Equal("Hello.\r\n"))
		Expect(string(m.Data)).To(HavePrefix("Received: from mail.acme.example ([127.0.0.1])"))
		Expect(relay.Messages()).To(HaveLen(1))
	})

	It("is waited for while the message is on its way", func() {
		relay := relaytest.New(GinkgoT())
		sent := make(chan error, 1)
		go func() {
			sent <- send(relay.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", "x")
		}()
		Expect(relay.WaitForMessage().Given).To(Equal("anna@acme.example"))
		Eventually(sent, "30s").Should(Receive(BeNil()))
	})

	It("says what came instead, and what was refused, where a message doesn't come", func() {
		t := newFake()
		DeferCleanup(t.end)
		relay := relaytest.NewWith(t, relaytest.Options{Patience: 10 * time.Millisecond})
		Expect(t.fails(func() { relay.WaitForMessage() })).To(And(
			ContainSubstring("no message came within 10ms"), ContainSubstring("nobody has connected"), ContainSubstring(relay.Address())))
		Expect(send(relay.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", "Hello")).To(Succeed())
		Expect(send(relay.Address(), "localhost", "anna@acme.example", "eve@other.example", "Hello")).NotTo(Succeed())
		Expect(t.fails(func() { relay.WaitForMessage(relaytest.To("eve@other.example"), relaytest.Subject("Hi")) })).To(And(
			ContainSubstring(`no message came within 10ms that is to eve@other.example, subject "Hi"`),
			ContainSubstring("messages that came: 1\n  from <anna@acme.example> to bob@other.example, subject \"Hello\""),
			MatchRegexp(`refused: 1\n  EHLO localhost: 421 4\.7\.0 Try again later.*\(HELO-DOS-SOMETIMES\)`),
		))
	})
})

var _ = Describe("The rules of a relay in a test", func() {
	It("refuses as documented, and agrees again when its clock has moved", func() {
		relay := relaytest.New(GinkgoT())
		relay.Use(relaytest.Usage{Counter: relaytest.UserMessages, Amount: 9_999})
		Expect(send(relay.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", "x")).To(Succeed())
		Expect(relay.Used(relaytest.Usage{Counter: relaytest.UserMessages, User: "anna@ACME.example"})).To(Equal(10_000))
		refusal := send(relay.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", "x")
		Expect(refusal).To(MatchError(ContainSubstring("5.4.5 Daily SMTP relay limit exceeded for user")))
		Expect(relay.Refusals()).To(HaveLen(1))
		Expect(relay.Refusals()[0].Rule).To(BeEquivalentTo("LIM-USER-MSGS"))
		relay.Advance(24*time.Hour - time.Second)
		Expect(send(relay.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", "x")).To(MatchError(ContainSubstring("5.4.5 Daily SMTP relay limit exceeded for user")))
		relay.Advance(time.Second)
		Expect(send(relay.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", "x")).To(Succeed())
	})

	It("counts for a customer", func() {
		relay := relaytest.New(GinkgoT())
		relay.Use(relaytest.Usage{Counter: relaytest.CustomerPeak, Amount: 18_000})
		Expect(code(send(relay.Address(), "mail.acme.example", "robot@acme.example", "bob@other.example", "x"))).To(Equal(450))
		relay.Use(relaytest.Usage{Counter: relaytest.CustomerDay, Customer: "acme", Amount: 260_000})
		Expect(code(send(relay.Address(), "mail.acme.example", "robot@acme.example", "bob@other.example", "x"))).To(Equal(550))
		relay.Reset()
		Expect(send(relay.Address(), "mail.acme.example", "robot@acme.example", "bob@other.example", "x")).To(Succeed())
		Expect(relay.Used(relaytest.Usage{Counter: relaytest.CustomerDay})).To(Equal(1))
	})

	It("has the world, the switches and the service that it is given", func() {
		const world = `
customers:
  - id: pico
    licences: 1
    domains: [pico.example]
    users: [{address: pia@pico.example}, {address: pit@pico.example}]
    settings: [{description: all, senders: registered-users, addresses: [127.0.0.1]}]
`
		relay := relaytest.NewWith(GinkgoT(), relaytest.Options{
			World: world, Switches: map[string]string{"generic-helo": "lenient"},
			Service: func(s *policy.Service) { s.Limits.UserMessages = 2 },
		})
		for range 2 {
			Expect(send(relay.Address(), "localhost", "pia@pico.example", "bob@other.example", "x")).To(Succeed())
		}
		Expect(code(send(relay.Address(), "localhost", "pia@pico.example", "bob@other.example", "x"))).To(Equal(550))
		relay.SetWorld(strings.ReplaceAll(world, "pi", "ni"))
		Expect(code(send(relay.Address(), "localhost", "pit@pico.example", "bob@other.example", "x"))).To(Equal(550))
		Expect(send(relay.Address(), "localhost", "nit@nico.example", "bob@other.example", "x")).To(Succeed())
	})
})

var _ = Describe("A relay in a test", func() {
	It("fails as it is told to", func() {
		relay := relaytest.New(GinkgoT())
		relay.Fail(faults.Fault{On: faults.Accepted, Drop: true, Count: 1})
		Expect(send(relay.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", "lost")).To(HaveOccurred())
		Expect(relay.WaitForMessage().Subject()).To(Equal("lost"))
		Expect(relay.Faults().All()).To(BeEmpty())
		Expect(send(relay.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", "again")).To(Succeed())
	})

	It("forgets all but its world and its time", func() {
		relay := relaytest.New(GinkgoT())
		relay.Advance(time.Hour)
		Expect(send(relay.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", "x")).To(Succeed())
		relay.Fail(faults.Fault{On: faults.Mail, Drop: true})
		now := relay.Now()
		relay.Reset()
		Expect(relay.Messages()).To(BeEmpty())
		Expect(relay.Events()).To(BeEmpty())
		Expect(relay.Faults().All()).To(BeEmpty())
		Expect(relay.Used(relaytest.Usage{Counter: relaytest.UserMessages})).To(BeZero())
		Expect(relay.Now()).To(Equal(now))
	})

	It("speaks TLS with a certificate that a client can check, and AUTH", func() {
		relay := relaytest.New(GinkgoT())
		auth := smtp.PlainAuth("", "anna@acme.example", "correct horse", "127.0.0.1")
		conn, err := tls.Dial("tcp", relay.AddressTLS(), relay.ClientTLS())
		Expect(err).NotTo(HaveOccurred())
		c, err := smtp.NewClient(conn, "127.0.0.1")
		Expect(err).NotTo(HaveOccurred())
		defer c.Close()
		Expect(c.Hello("mail.acme.example")).To(Succeed())
		Expect(c.Auth(auth)).To(Succeed())

		c, err = smtp.Dial(relay.SubmissionAddress())
		Expect(err).NotTo(HaveOccurred())
		defer c.Close()
		Expect(c.Hello("mail.acme.example")).To(Succeed())
		Expect(c.StartTLS(relay.ClientTLS())).To(Succeed())
		Expect(c.Auth(auth)).To(Succeed())
	})

	It("keeps no more than it is to", func() {
		relay := relaytest.NewWith(GinkgoT(), relaytest.Options{Keep: 3})
		for i := range 5 {
			Expect(send(relay.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", fmt.Sprint(i))).To(Succeed())
		}
		var subjects []string
		for _, m := range relay.Messages() {
			subjects = append(subjects, m.Subject())
		}
		Expect(subjects).To(Equal([]string{"2", "3", "4"}))
		Expect(relay.Events()).To(HaveLen(3))
	})
})

var _ = Describe("The test of a relay", func() {
	It("doesn't disturb another", func() {
		one, other := relaytest.New(GinkgoT()), relaytest.New(GinkgoT())
		one.Use(relaytest.Usage{Counter: relaytest.UserMessages, Amount: 10_000})
		one.Advance(time.Hour)
		Expect(send(other.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", "x")).To(Succeed())
		Expect(one.Messages()).To(BeEmpty())
		Expect(other.Now()).NotTo(Equal(one.Now()))
	})

	It("keeps of each event what was said then", func() {
		relay := relaytest.New(GinkgoT())
		Expect(send(relay.Address(), "mail.acme.example", "anna@acme.example", "bob@other.example", "x")).To(Succeed())
		relay.WaitForMessage()
		for _, e := range relay.Events() {
			Expect(string(e.Reply)).To(HavePrefix(fmt.Sprint(e.Code)), e.Command)
			Expect(string(e.Reply)).To(ContainSubstring(e.Text), e.Command)
		}
	})

	It("ends with its test", func() {
		t := newFake()
		DeferCleanup(t.end)
		relay := relaytest.New(t)
		t.end()
		_, err := net.Dial("tcp", relay.Address())
		Expect(err).To(HaveOccurred())
	})

	DescribeTable("ends a test that asks for what can't be, and says what could",
		func(step func(*relaytest.Relay), says string) {
			t := newFake()
			DeferCleanup(t.end)
			relay := relaytest.New(t)
			Expect(t.fails(func() { step(relay) })).To(MatchRegexp(says))
		},
		Entry(nil, func(r *relaytest.Relay) { r.Advance(-time.Second) }, "only goes forward"),
		Entry(nil, func(r *relaytest.Relay) { r.SetWorld("customers: 1") }, "change the world: world:1:"),
		Entry(nil, func(r *relaytest.Relay) { r.Fail(faults.Fault{On: "never", Drop: true}) }, `on: "never"; write`),
		Entry(nil, func(r *relaytest.Relay) {
			r.Use(relaytest.Usage{Counter: relaytest.UserMessages, User: "eve@acme.example"})
		}, `no registered user "eve@acme.example": name one of anna@acme.example`),
		Entry(nil, func(r *relaytest.Relay) { r.Use(relaytest.Usage{Counter: relaytest.CustomerDay, Customer: "zenith"}) }, `no customer "zenith": name one of "acme"`),
		Entry(nil, func(r *relaytest.Relay) {
			r.Used(relaytest.Usage{Counter: relaytest.CustomerDay, User: "anna@acme.example"})
		}, "leave User, .* out"),
		Entry(nil, func(r *relaytest.Relay) { r.Used(relaytest.Usage{Counter: relaytest.UserMessages, Customer: "zenith"}) }, `customer "acme"'s, not "zenith"'s`),
	)

	It("says what is wrong with a world that it can't start with", func() {
		t := newFake()
		Expect(t.fails(func() { relaytest.NewWith(t, relaytest.Options{World: "customers: [{id: x}]"}) })).To(MatchRegexp("start a relay: Options.World:1:"))
		Expect(t.fails(func() { relaytest.NewWith(t, relaytest.Options{Switches: map[string]string{"no-such": "x"}}) })).To(ContainSubstring("no-such"))
	})
})
