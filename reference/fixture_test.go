package reference_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/services"
	"github.com/relayspec/relayspec/reference/wire"
)

// patience bounds every wait of a test. Nothing takes that long unless it is broken.
const patience = 30 * time.Second

// running is a relay of the sample world on loopback sockets of its own.
type running struct {
	*reference.Relay
	box         *mailbox.Box
	certificate *reference.Certificate
	ports       map[policy.Role]string

	mu     sync.Mutex
	events []wire.Event
}

// setup is what a test wants otherwise. The zero value is the sample world and the shipped service.
type setup struct {
	switches map[string]string
	service  func(*policy.Service)
	options  func(*reference.Options)
}

// start runs a relay until the test ends.
func start(s setup) *running {
	GinkgoHelper()
	service, err := services.Load(services.Default, s.switches)
	Expect(err).NotTo(HaveOccurred())
	if s.service != nil {
		s.service(service)
	}
	r := &running{box: mailbox.Memory(200), ports: map[policy.Role]string{}}
	r.certificate, err = reference.SelfMade("", "127.0.0.1", service.Host)
	Expect(err).NotTo(HaveOccurred())
	o := reference.Options{
		Service:   service,
		Directory: sampleWorld(),
		Listeners: r.listen(),
		TLS:       r.certificate.TLS,
		Keeper:    r.box,
		Events:    r.note,
	}
	if s.options != nil {
		s.options(&o)
	}
	r.Relay, err = reference.Start(o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(r.Close)
	return r
}

func sampleWorld() *directory.Directory {
	GinkgoHelper()
	world, err := directory.Load("../world.yaml")
	Expect(err).NotTo(HaveOccurred())
	return world
}

func (r *running) listen() map[policy.Role][]net.Listener {
	GinkgoHelper()
	listeners := map[policy.Role][]net.Listener{}
	for _, role := range []policy.Role{policy.Port25, policy.Port465, policy.Port587} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		listeners[role] = []net.Listener{l}
		r.ports[role] = l.Addr().String()
	}
	return listeners
}

func (r *running) note(e wire.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// causes gives what the relay noted of its own failures.
func (r *running) causes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, e := range r.events {
		if e.Cause != "" {
			all = append(all, e.Cause)
		}
	}
	return all
}

// dialer is for a client on this machine that trusts the relay.
func (r *running) dialer(role policy.Role) *client.Dialer {
	return &client.Dialer{
		Address:     r.ports[role],
		ImplicitTLS: role == policy.Port465,
		TLS:         &tls.Config{RootCAs: r.certificate.Authority},
		Timeout:     patience,
	}
}

// dial opens a session on port 25 and reads the greeting.
func (r *running) dial(source string) (*client.Conn, error) {
	d := r.dialer(policy.Port25)
	if source != "" {
		d.Source = netip.MustParseAddr(source)
	}
	c, err := d.Dial(context.Background())
	if err != nil {
		return nil, err
	}
	greeting, err := c.ReadReply()
	if err != nil || greeting.Code != 220 {
		c.Close()
		return nil, fmt.Errorf("greeting %v: %w", greeting, err)
	}
	return c, nil
}

// session opens a session on port 25 and says EHLO.
func (r *running) session() *client.Conn {
	GinkgoHelper()
	c, err := r.dial("")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(c.Close)
	Expect(c.Hello("mail.acme.example")).To(haveCode(250))
	return c
}

// says says lines in order and gives the last reply.
func says(c *client.Conn, lines ...string) client.Reply {
	GinkgoHelper()
	var reply client.Reply
	for _, line := range lines {
		var err error
		reply, err = c.Cmd(line)
		Expect(err).NotTo(HaveOccurred(), line)
	}
	return reply
}

// envelope is MAIL, and RCPT for n recipients.
func envelope(sender string, n int) []string {
	lines := []string{"MAIL FROM:<" + sender + ">"}
	for i := range n {
		lines = append(lines, fmt.Sprintf("RCPT TO:<r%d@example.net>", i))
	}
	return lines
}

// message is a small message to n recipients.
func message(sender string, n int) client.Message {
	m := client.Message{Sender: sender, Data: []byte("From: <" + sender + ">\r\nSubject: x\r\n\r\nhello\r\n")}
	for i := range n {
		m.Recipients = append(m.Recipients, fmt.Sprintf("r%d@example.net", i))
	}
	return m
}

// sends sends a message to n recipients and gives the reply that decided it.
func sends(c *client.Conn, sender string, n int) client.Reply {
	GinkgoHelper()
	out, err := c.Send(message(sender, n), client.Lockstep)
	Expect(err).NotTo(HaveOccurred())
	return out.Reply
}

// haveCode matches a reply by its code.
func haveCode(code int) types.GomegaMatcher {
	return WithTransform(func(r client.Reply) int { return r.Code }, Equal(code))
}

// beginWith matches a reply by how it reads: "450 4.2.1 Peak SMTP".
func beginWith(text string) types.GomegaMatcher {
	return WithTransform(client.Reply.String, HavePrefix(text))
}

// kept gives what the relay keeps, the newest first.
func (r *running) kept() []mailbox.Message {
	GinkgoHelper()
	messages, err := r.box.List(context.Background(), mailbox.Filter{Limit: 1000})
	Expect(err).NotTo(HaveOccurred())
	return messages
}

// content reads a kept message.
func (r *running) content(id string) string {
	GinkgoHelper()
	_, body, err := r.box.Get(id)
	Expect(err).NotTo(HaveOccurred())
	defer body.Close()
	text, err := io.ReadAll(body)
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}

func addresses(list ...string) []policy.Address {
	var all []policy.Address
	for _, s := range list {
		local, domain, _ := strings.Cut(s, "@")
		all = append(all, policy.Address{Local: local, Domain: domain})
	}
	return all
}
