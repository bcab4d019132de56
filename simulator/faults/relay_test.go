package faults_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/services"
	"github.com/relayspec/relayspec/reference/wire"
	"github.com/relayspec/relayspec/simulator/clock"
	"github.com/relayspec/relayspec/simulator/faults"
)

// patience bounds every wait of a spec. Nothing takes that long unless it is broken.
const patience = 30 * time.Second

// acme relays from here; the password of its one user is cheap to check.
const acme = `
customers:
  - id: acme
    licences: 100
    domains: [acme.example]
    users: [{address: anna@acme.example, password: correct horse}]
    settings: [{description: here, senders: my-domains, addresses: [127.0.0.1]}]
`

// tapped records what really goes over the wire in the clear.
type tapped struct {
	net.Conn
	mu    *sync.Mutex
	wrote *strings.Builder
}

func (c tapped) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrote.Write(p)
	return c.Conn.Write(p)
}

// faulty is acme's relay with faults around it.
type faulty struct {
	*faults.Set
	relay       *reference.Relay
	clock       *clock.Clock
	ledger      *ledger.Ledger
	box         *mailbox.Box
	certificate *reference.Certificate
	ports       map[policy.Role]string

	mu     sync.Mutex
	wrote  strings.Builder
	events []wire.Event
}

// start runs a relay until the spec ends.
func start() *faulty {
	GinkgoHelper()
	service, err := services.Load(services.Default, nil)
	Expect(err).NotTo(HaveOccurred())
	world, err := directory.Parse("acme.yaml", []byte(acme))
	Expect(err).NotTo(HaveOccurred())
	certificate, err := reference.SelfMade("", "127.0.0.1", service.Host)
	Expect(err).NotTo(HaveOccurred())
	r := &faulty{
		clock: clock.New(noon), ledger: ledger.New(ledger.Options{}), box: mailbox.Memory(0),
		certificate: certificate, ports: map[policy.Role]string{},
	}
	r.Set = faults.New(r.clock.Now)
	o := reference.Options{
		Service: service, Directory: world, Listeners: map[policy.Role][]net.Listener{}, TLS: certificate.TLS,
		Keeper: r.box, Ledger: r.ledger, Now: r.clock.Now, Events: r.note,
		Tap: func(conn net.Conn) net.Conn { return tapped{conn, &r.mu, &r.wrote} },
	}
	for _, role := range []policy.Role{policy.Port25, policy.Port465} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		o.Listeners[role], r.ports[role] = []net.Listener{l}, l.Addr().String()
	}
	r.Wrap(&o)
	r.relay, err = reference.Start(o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(r.relay.Close)
	return r
}

func (r *faulty) note(e wire.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// last gives the last event of a rule.
func (r *faulty) last(rule policy.RuleID) (found wire.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Rule == rule {
			found = e
		}
	}
	return found
}

func (r *faulty) add(f faults.Fault) faults.Fault {
	GinkgoHelper()
	added, err := r.Add(f)
	Expect(err).NotTo(HaveOccurred())
	return added
}

func (r *faulty) kept() []mailbox.Message {
	GinkgoHelper()
	all, err := r.box.List(context.Background(), mailbox.Filter{})
	Expect(err).NotTo(HaveOccurred())
	return all
}

// dial connects, with TLS from the start on port 465, and reads nothing.
func (r *faulty) dial(role policy.Role) (*client.Conn, error) {
	d := &client.Dialer{
		Address: r.ports[role], ImplicitTLS: role == policy.Port465, TLS: &tls.Config{RootCAs: r.certificate.Authority}, Timeout: patience,
	}
	return d.Dial(context.Background())
}

// steps are what a session with one message does, by the stage that answers.
func steps() []step {
	said := func(format string, args ...any) func(*client.Conn) (client.Reply, error) {
		return func(c *client.Conn) (client.Reply, error) { return c.Cmd(fmt.Sprintf(format, args...)) }
	}
	return []step{
		{"connect", (*client.Conn).ReadReply},
		{"helo", said("EHLO mail.acme.example")},
		{"auth", func(c *client.Conn) (client.Reply, error) { return c.AuthPlain("anna@acme.example", "correct horse") }},
		{"mail", said("MAIL FROM:<anna@acme.example>")},
		{"rcpt", said("RCPT TO:<bob@other.example>")},
		{"data", said("DATA")},
		{"accept", said("Subject: x\r\n\r\n.")},
	}
}

type step struct {
	stage string
	take  func(*client.Conn) (client.Reply, error)
}

// goes takes a session over TLS as far as it gets: the stage where it is refused or ends.
func (r *faulty) goes() (stage string, reply client.Reply, err error) {
	GinkgoHelper()
	c, err := r.dial(policy.Port465)
	if err != nil {
		return "tls", client.Reply{}, err
	}
	DeferCleanup(c.Close)
	for _, s := range steps() {
		if reply, err = s.take(c); err != nil || reply.Code >= 400 {
			return s.stage, reply, err
		}
	}
	return "", reply, nil
}

// passes sees a whole session through.
func (r *faulty) passes() {
	GinkgoHelper()
	stage, reply, err := r.goes()
	Expect(err).NotTo(HaveOccurred())
	Expect(stage).To(BeEmpty(), reply.String())
}

func ended(err error) bool { return err != nil && client.Ended(err) }

var _ = Describe("A fault that answers", func() {
	DescribeTable("answers in the place of the relay, and only at its stage, once",
		func(on faults.Stage) {
			r := start()
			r.passes()
			r.add(faults.Fault{On: on, Reply: &faults.Reply{Code: 450, Enhanced: "4.3.2", Lines: []string{"not now", "{id} later"}}, Count: 1})
			stage, reply, err := r.goes()
			Expect(err).NotTo(HaveOccurred())
			Expect(stage).To(Equal(string(on)))
			Expect(reply.Code).To(Equal(450))
			Expect(reply.Enhanced()).To(Equal("4.3.2"))
			event := r.last("fault/f1")
			Expect(event.Stage).To(Equal(string(on)))
			Expect(reply.Text()).To(HaveSuffix(event.Session + " later"))
			Expect(r.All()).To(BeEmpty())
			r.passes()
			Expect(r.kept()).To(HaveLen(2))
		},
		Entry(nil, faults.Connect), Entry(nil, faults.Helo), Entry(nil, faults.Auth), Entry(nil, faults.Mail),
		Entry(nil, faults.Rcpt), Entry(nil, faults.Data), Entry(nil, faults.Accept),
	)

	It("closes behind its reply", func() {
		r := start()
		r.add(faults.Fault{On: faults.Mail, Reply: &faults.Reply{Code: 550}, Drop: true})
		c, err := r.dial(policy.Port25)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(c.Close)
		Expect(c.ReadReply()).To(HaveField("Code", 220))
		Expect(c.Hello("mail.acme.example")).To(HaveField("Code", 250))
		reply, err := c.Cmd("MAIL FROM:<anna@acme.example>")
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.String()).To(Equal("550 fault f1"))
		_, err = c.ReadReply()
		Expect(ended(err)).To(BeTrue())
	})

	It("keeps nothing of a message that it refuses at the last chunk, and goes on", func() {
		r := start()
		r.add(faults.Fault{On: faults.Accept, Reply: &faults.Reply{Code: 452, Enhanced: "4.3.1"}, Count: 1})
		c, err := r.dial(policy.Port25)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(c.Close)
		Expect(c.ReadReply()).To(HaveField("Code", 220))
		Expect(c.Hello("mail.acme.example")).To(HaveField("Code", 250))
		for _, code := range []int{452, 250} {
			Expect(c.Cmd("MAIL FROM:<anna@acme.example>")).To(HaveField("Code", 250))
			Expect(c.Cmd("RCPT TO:<bob@other.example>")).To(HaveField("Code", 250))
			Expect(c.Cmd("BDAT 6\r\nX: y")).To(HaveField("Code", 250))
			Expect(c.Cmd("BDAT 2 LAST\r\n")).To(HaveField("Code", code))
		}
		Expect(r.kept()).To(HaveLen(1))
		day := policy.Window{Length: 24 * time.Hour}
		Expect(r.ledger.Used(r.clock.Now(), "acme", policy.UserMessages, "anna@acme.example", day)).To(Equal(1))
	})
})

var _ = Describe("A fault that drops", func() {
	DescribeTable("drops without a word, at its stage",
		func(on faults.Stage, at string, kept int) {
			r := start()
			r.add(faults.Fault{On: on, Drop: true, Count: 1})
			stage, _, err := r.goes()
			Expect(err).To(HaveOccurred())
			Expect(ended(err)).To(BeTrue(), err.Error())
			Expect(stage).To(Equal(at))
			Expect(r.kept()).To(HaveLen(kept))
			Eventually(r.relay.Sessions, patience).Should(BeZero())
			r.passes()
			r.mu.Lock()
			defer r.mu.Unlock()
			Expect(r.wrote.String()).NotTo(ContainSubstring("without a word"))
		},
		Entry(nil, faults.Connect, "tls", 0), Entry(nil, faults.Helo, "helo", 0), Entry(nil, faults.Auth, "auth", 0),
		Entry(nil, faults.Mail, "mail", 0), Entry(nil, faults.Rcpt, "rcpt", 0), Entry(nil, faults.Data, "data", 0),
		Entry(nil, faults.Accept, "accept", 0), Entry("the lost 250", faults.Accepted, "accept", 1),
	)

	It("loses the 250 of a message that is kept and charged", func() {
		r := start()
		f := r.add(faults.Fault{On: faults.Accepted, Drop: true, Count: 1})
		_, _, err := r.goes()
		Expect(ended(err)).To(BeTrue())
		Expect(r.kept()).To(HaveLen(1))
		day := policy.Window{Length: 24 * time.Hour}
		Expect(r.ledger.Used(r.clock.Now(), "acme", policy.UserMessages, "anna@acme.example", day)).To(Equal(1))
		event := r.last(policy.RuleID("fault/" + f.ID))
		Expect(event.Code).To(Equal(250))
		Expect(event.Stage).To(Equal("accept"))
	})

	DescribeTable("loses the 250 in whatever way the message comes, and what was said before it arrives",
		func(mode client.Mode) {
			r := start()
			r.add(faults.Fault{On: faults.Accepted, Drop: true, Count: 1})
			c, err := r.dial(policy.Port25)
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(c.Close)
			Expect(c.ReadReply()).To(HaveField("Code", 220))
			Expect(c.Hello("mail.acme.example")).To(HaveField("Code", 250))
			m := client.Message{Sender: "anna@acme.example", Recipients: []string{"bob@other.example"}, Data: []byte("Subject: x\r\n\r\n")}
			_, err = c.Send(m, mode)
			Expect(ended(err)).To(BeTrue(), fmt.Sprint(err))
			Expect(r.kept()).To(HaveLen(1))
			r.mu.Lock()
			defer r.mu.Unlock()
			Expect(r.wrote.String()).To(MatchRegexp(`(?s)^220 .*\r\n250 2\.1\.5 OK [^\r]*\r\n(354 [^\r]*\r\n)?$`))
		},
		Entry("DATA", client.Lockstep), Entry("pipelined", client.Pipelined), Entry("BDAT", client.Chunked),
	)

	It("can't be provoked by a client that names it", func() {
		r := start()
		c, err := r.dial(policy.Port25)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(c.Close)
		Expect(c.ReadReply()).To(HaveField("Code", 220))
		Expect(c.Cmd("EHLO dropped-without-a-word.acme.example")).To(HaveField("Code", 250))
		Expect(c.Cmd("NOOP")).To(HaveField("Code", 250))
	})
})

var _ = Describe("A fault that takes time", func() {
	DescribeTable("waits before the reply",
		func(on faults.Stage) {
			r := start()
			const delay = 60 * time.Millisecond
			r.add(faults.Fault{On: on, Delay: faults.Span(delay)})
			begun := time.Now()
			r.passes()
			Expect(time.Since(begun)).To(BeNumerically(">=", delay))
			Expect(r.All()[0].Struck).To(Equal(1))
		},
		Entry(nil, faults.Connect), Entry(nil, faults.Helo), Entry(nil, faults.Auth), Entry(nil, faults.Mail), Entry(nil, faults.Rcpt),
		Entry(nil, faults.Data), Entry(nil, faults.Accept), Entry(nil, faults.Accepted),
	)

	It("doesn't hold up the end of the relay", func() {
		r := start()
		r.add(faults.Fault{On: faults.Connect, Delay: faults.Span(time.Hour)})
		c, err := r.dial(policy.Port25)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(c.Close)
		Eventually(func() int { return r.All()[0].Struck }, patience).Should(Equal(1))
		closed := make(chan struct{})
		go func() {
			defer GinkgoRecover()
			defer close(closed)
			Expect(r.relay.Close()).To(Succeed())
		}()
		Eventually(closed, patience).Should(BeClosed())
	})

	It("slows a connection down", func() {
		r := start()
		const rate = 2000 // octets a second, of which the first tenth is free
		r.add(faults.Fault{On: faults.Connect, Rate: rate, Count: 1})
		socket, err := net.Dial("tcp", r.ports[policy.Port25])
		Expect(err).NotTo(HaveOccurred())
		defer socket.Close()
		Expect(socket.SetDeadline(time.Now().Add(patience))).To(Succeed())
		begun := time.Now()
		fmt.Fprint(socket, strings.Repeat("NOOP\r\n", 10), "QUIT\r\n")
		said, err := io.ReadAll(socket)
		Expect(err).NotTo(HaveOccurred())
		Expect(strings.Count(string(said), "250 2.0.0")).To(Equal(10))
		least := time.Duration(float64(len(said)-rate/10) / rate * float64(time.Second))
		Expect(least).To(BeNumerically(">", 50*time.Millisecond))
		Expect(time.Since(begun)).To(BeNumerically(">=", least-20*time.Millisecond)) // the connection is a little older than begun
	})
})

var _ = Describe("A fault with conditions", func() {
	It("is gone by the relay's own clock", func() {
		r := start()
		r.add(faults.Fault{On: faults.Helo, Reply: &faults.Reply{Code: 421}, TTL: faults.Span(24 * time.Hour)})
		for range 2 {
			stage, _, err := r.goes()
			Expect(err).NotTo(HaveOccurred())
			Expect(stage).To(Equal("helo"))
		}
		Expect(r.clock.Advance(24 * time.Hour)).To(Succeed())
		r.passes()
	})

	It("strikes every nth message of one sender, whatever others do", func() {
		r := start()
		r.add(faults.Fault{On: faults.Mail, When: faults.When{Sender: "anna@*", Nth: 2}, Reply: &faults.Reply{Code: 451}})
		c, err := r.dial(policy.Port25)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(c.Close)
		Expect(c.ReadReply()).To(HaveField("Code", 220))
		Expect(c.Hello("mail.acme.example")).To(HaveField("Code", 250))
		for _, mail := range []struct {
			sender string
			code   int
		}{{"anna", 250}, {"robot", 250}, {"anna", 451}, {"robot", 250}, {"anna", 250}, {"anna", 451}} {
			Expect(c.Cmd("MAIL FROM:<"+mail.sender+"@acme.example>")).To(HaveField("Code", mail.code), mail.sender)
			Expect(c.Cmd("RSET")).To(HaveField("Code", 250))
		}
	})
})
