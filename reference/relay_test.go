package reference_test

import (
	"context"
	"crypto/tls"
	"net"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/services"
)

var _ = Describe("A message", func() {
	It("goes from the socket to the mailbox, with its trace", func() {
		r := start(setup{})
		c := r.session()
		const text = "From: Anna <anna@acme.example>\r\nSubject: dots\r\n\r\n.one\r\n..two\r\n.\r\nlast\r\n"
		out, err := c.Send(client.Message{Sender: "anna@acme.example", Recipients: []string{"bob@example.net", "Eve@Example.NET"}, Data: []byte(text)}, client.Pipelined)
		Expect(err).NotTo(HaveOccurred())
		Expect(out.Reply).To(beginWith("250 2.0.0 OK "))

		Expect(r.kept()).To(HaveLen(1))
		m := r.kept()[0]
		Expect(m.Customer).To(Equal("acme"))
		Expect(m.Helo).To(Equal("mail.acme.example"))
		Expect(m.User).To(BeEmpty())
		Expect(m.Peer.String()).To(Equal("127.0.0.1"))
		Expect(m.Given).To(Equal(addresses("anna@acme.example")[0]))
		Expect(m.Sender).To(Equal(m.Given))
		Expect(m.Recipients).To(Equal(addresses("bob@example.net", "Eve@example.net")))
		Expect(m.Rules).To(Equal([]policy.RuleID{"SND-DOMAINS"}))
		Expect(out.Reply.Text()).To(ContainSubstring(m.Session))

		trace, body, _ := strings.Cut(r.content(m.ID), "\r\nFrom: ")
		Expect("From: " + body).To(Equal(text))
		Expect(trace).To(MatchRegexp(`^Received: from mail\.acme\.example \(\[127\.0\.0\.1\]\)\r\n` +
			`\tby smtp-relay\.gmail\.com with ESMTP id ` + m.Session + `;\r\n` +
			`\t\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$`))
		Expect(m.Size).To(BeNumerically("==", len(r.content(m.ID))))
	})

	DescribeTable("says in its trace how it came",
		func(role policy.Role, hello, with string, starttls, auth bool) {
			r := start(setup{})
			c, err := r.dialer(role).Dial(context.Background())
			Expect(err).NotTo(HaveOccurred())
			defer c.Close()
			Expect(c.ReadReply()).To(haveCode(220))
			if starttls {
				Expect(c.Hello("mail.acme.example")).To(haveCode(250))
				Expect(c.StartTLS(context.Background())).To(haveCode(220))
			}
			Expect(c.Cmd(hello + " mail.acme.example")).To(haveCode(250))
			if auth {
				Expect(c.AuthLogin("anna@acme.example", "correct horse")).To(haveCode(235))
			}
			Expect(sends(c, "anna@acme.example", 1)).To(haveCode(250))
			Expect(r.content(r.kept()[0].ID)).To(ContainSubstring(" with " + with + " id "))
		},
		Entry(nil, policy.Port25, "HELO", "SMTP", false, false),
		Entry(nil, policy.Port587, "EHLO", "ESMTP", false, false),
		Entry(nil, policy.Port587, "EHLO", "ESMTPS", true, false),
		Entry(nil, policy.Port587, "EHLO", "ESMTPSA", true, true),
		Entry(nil, policy.Port465, "EHLO", "ESMTPS", false, false),
		Entry(nil, policy.Port465, "EHLO", "ESMTPSA", false, true),
	)

	It("gets postmaster@ of the HELO's domain as sender where its own is foreign, and keeps its headers", func() {
		r := start(setup{})
		c := r.session()
		says(c, "EHLO news.open.example")
		Expect(sends(c, "x@elsewhere.example", 1)).To(haveCode(250))
		m := r.kept()[0]
		Expect(m.Customer).To(Equal("open"))
		Expect(m.Given.String()).To(Equal("x@elsewhere.example"))
		Expect(m.Sender.String()).To(Equal("postmaster@open.example"))
		Expect(r.content(m.ID)).To(ContainSubstring("\r\nFrom: <x@elsewhere.example>\r\n"))
	})

	It("comes from a client that isn't ours, too, over TLS with AUTH", func() {
		r := start(setup{})
		c, err := smtp.DialTLS(r.ports[policy.Port465], &tls.Config{RootCAs: r.certificate.Authority, ServerName: "127.0.0.1"})
		Expect(err).NotTo(HaveOccurred())
		defer c.Close()
		Expect(c.Hello("mail.vault.example")).To(Succeed())
		Expect(c.Auth(sasl.NewPlainClient("", "bella@vault.example", "correct horse"))).To(Succeed())
		for range 2 {
			Expect(c.SendMail("bella@vault.example", []string{"bob@example.net"}, strings.NewReader("Subject: x\r\n\r\n.\r\n"))).To(Succeed())
		}
		Expect(c.Quit()).To(Succeed())
		Expect(r.kept()).To(HaveLen(2))
		m := r.kept()[0]
		Expect(m.User).To(Equal("bella@vault.example"))
		Expect(r.content(m.ID)).To(HaveSuffix("\r\nSubject: x\r\n\r\n.\r\n"))
	})

	It("is refused to a stranger, and that client sees the code", func() {
		r := start(setup{})
		c, err := smtp.Dial(r.ports[policy.Port25])
		Expect(err).NotTo(HaveOccurred())
		defer c.Close()
		Expect(c.Hello("mail.example.org")).To(Succeed())
		err = c.Mail("x@nobody.example", nil)
		var refusal *smtp.SMTPError
		Expect(err).To(BeAssignableToTypeOf(refusal))
		Expect(err.(*smtp.SMTPError).Code).To(Equal(550))
		Expect(err.(*smtp.SMTPError).EnhancedCode).To(Equal(smtp.EnhancedCode{5, 7, 1}))
	})
})

var _ = Describe("Start", func() {
	listener := func() net.Listener {
		GinkgoHelper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		return l
	}

	DescribeTable("says which option is missing, and closes the listeners",
		func(spoil func(o *reference.Options), wrong string) {
			service, err := services.Load(services.Default, nil)
			Expect(err).NotTo(HaveOccurred())
			l := listener()
			o := reference.Options{
				Service: service, Directory: sampleWorld(),
				Listeners: map[policy.Role][]net.Listener{policy.Port25: {l}},
			}
			spoil(&o)
			_, err = reference.Start(o)
			Expect(err).To(MatchError(HavePrefix("start the relay: ")))
			Expect(err).To(MatchError(ContainSubstring(wrong)))
			if len(o.Listeners) > 0 {
				_, err = l.Accept()
				Expect(err).To(MatchError(net.ErrClosed))
			}
		},
		Entry(nil, func(o *reference.Options) { o.Service = nil }, "Options.Service is missing"),
		Entry(nil, func(o *reference.Options) { o.Directory = nil }, "Options.Directory is missing"),
		Entry(nil, func(o *reference.Options) { o.Listeners = nil }, "Options.Listeners is empty"),
		Entry(nil, func(o *reference.Options) { o.Listeners[policy.Port465] = []net.Listener{listener()} }, "Options.TLS is missing"),
		Entry(nil, func(o *reference.Options) { o.Service.Mechanisms = []string{"CRAM-MD5"} }, `mechanism "CRAM-MD5"`),
		Entry(nil, func(o *reference.Options) { delete(o.Service.Replies, policy.ReplyQuit) }, "no reply for quit"),
	)
})

var _ = Describe("SetDirectory", func() {
	nobody := func() *directory.Directory {
		GinkgoHelper()
		d, err := directory.New(nil, nil)
		Expect(err).NotTo(HaveOccurred())
		return d
	}

	It("holds from the next decision on, for sessions that are open, too", func() {
		r := start(setup{})
		c := r.session()
		Expect(says(c, envelope("anna@acme.example", 1)...)).To(haveCode(250))
		r.SetDirectory(nobody())
		Expect(says(c, "DATA")).To(beginWith("550 5.7.0 Mail relay denied"))
		Expect(says(c, "MAIL FROM:<anna@acme.example>")).To(haveCode(550))
		r.SetDirectory(sampleWorld())
		Expect(sends(c, "anna@acme.example", 1)).To(haveCode(250))
	})

	It("leaves a message that is under way to the old decision or the new one", func() {
		r := start(setup{})
		c := r.session()
		says(c, envelope("anna@acme.example", 1)...)
		Expect(says(c, "DATA")).To(haveCode(354))
		r.SetDirectory(nobody())
		Expect(says(c, "Subject: x\r\n\r\nhello\r\n.")).To(haveCode(550))
		Expect(r.kept()).To(BeEmpty())
	})

	It("takes the customer away between MAIL and RCPT without harm, also where limits speak at RCPT", func() {
		r := start(setup{switches: map[string]string{"limit-stage": "rcpt"}})
		c := r.session()
		says(c, "MAIL FROM:<anna@acme.example>")
		r.SetDirectory(nobody())
		Expect(says(c, "RCPT TO:<bob@example.net>")).To(haveCode(250), "no sender rule speaks at RCPT")
		Expect(says(c, "DATA")).To(haveCode(550))
		Expect(r.causes()).To(BeEmpty())
	})

	It("never mixes two directories while sessions decide", func() {
		// In one world acme.example is acme's, in the other it is nobody's. Nothing else is ever answered.
		r := start(setup{})
		stop := make(chan struct{})
		swapped := make(chan struct{})
		worlds := []*directory.Directory{sampleWorld(), nobody()}
		go func() {
			defer close(swapped)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					r.SetDirectory(worlds[i%2])
				}
			}
		}()
		c := r.session()
		seen := map[string]int{}
		for i := 0; i < 300 || len(seen) < 2 && i < 30_000; i++ { // the scheduler may take its time to show both
			seen[says(c, "MAIL FROM:<anna@acme.example>").Enhanced()]++
			says(c, "RSET")
		}
		close(stop)
		<-swapped
		Expect(seen).To(HaveLen(2), "%v", seen)
		Expect(seen).To(And(HaveKey("2.1.0"), HaveKey("5.7.0")))
	})
})

var _ = Describe("Shutdown", func() {
	It("lets transactions end, closes sessions with 421 and lets nobody in", func(ctx SpecContext) {
		r := start(setup{})
		idle, busy := r.session(), r.session()
		says(busy, envelope("anna@acme.example", 1)...)
		Expect(says(busy, "DATA")).To(haveCode(354))

		ended := make(chan error, 1)
		go func() { ended <- r.Shutdown(ctx) }()
		Expect(idle.ReadReply()).To(beginWith("421 4.3.0 "))
		Consistently(ended, "100ms").ShouldNot(Receive(), "a transaction is still open")
		_, err := r.dial("")
		Expect(err).To(HaveOccurred())

		Expect(says(busy, "Subject: x\r\n\r\nhello\r\n.")).To(haveCode(250))
		Expect(busy.ReadReply()).To(haveCode(421))
		Expect(idle.Close()).To(Succeed()) // the relay waits a little for a client to have read its last reply
		Expect(busy.Close()).To(Succeed())
		Eventually(ended, patience).Should(Receive(BeNil()))
		Expect(r.kept()).To(HaveLen(1))
		Expect(r.Sessions()).To(BeZero())
	}, SpecTimeout(patience))

	It("cuts what is left when its time is over, and says so", func() {
		r := start(setup{})
		c := r.session()
		says(c, envelope("anna@acme.example", 1)...)
		over, cancel := context.WithCancel(context.Background())
		cancel()
		Expect(r.Shutdown(over)).To(MatchError(context.Canceled))
		_, err := c.ReadReply()
		Expect(client.Ended(err)).To(BeTrue(), "%v", err)
	})

	It("may be called twice, and before anybody came", func() {
		r := start(setup{})
		Expect(r.Shutdown(context.Background())).To(Succeed())
		Expect(r.Shutdown(context.Background())).To(Succeed())
		Expect(r.Close()).To(Succeed())
	})

	It("tells what ended a listener before", func() {
		broken, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		r := start(setup{options: func(o *reference.Options) {
			o.Listeners[policy.Port25] = append(o.Listeners[policy.Port25], broken)
		}})
		Expect(broken.Close()).To(Succeed())
		c := r.session()
		Expect(sends(c, "anna@acme.example", 1)).To(haveCode(250), "the others serve")
		Expect(c.Quit()).To(haveCode(221))
		Eventually(r.Failed(), patience).Should(Receive(MatchError(net.ErrClosed)), "told when it happens")
		Expect(r.Shutdown(context.Background())).To(MatchError(net.ErrClosed))
		Expect(r.Failed()).NotTo(Receive(), "those that we end ourselves are no failure")
	})
})
