package policyd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/policyd"
	"github.com/relayspec/relayspec/reference/services"
)

func TestPolicyd(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "policyd")
}

// patience bounds every wait of a spec. Nothing takes that long unless it is broken.
const patience = 30 * time.Second

// attributes are those of a request that differ from usual.
type attributes map[string]string

// usual is a request that says nothing unusual.
func usual() attributes {
	return attributes{
		"request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": "ESMTP", "client_address": "127.0.0.1",
		"client_port": "40012", "helo_name": "mail.acme.example", "sender": "anna@acme.example", "recipient": "", "recipient_count": "0",
		"instance": "1.2.3.0", "size": "0", "encryption_protocol": "", "sasl_username": "",
	}
}

func (a attributes) String() string {
	all := usual()
	maps.Copy(all, a)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s=%s\n", name, all[name])
	}
	return b.String() + "\n"
}

// service is a policy service of the sample world.
type service struct {
	*policyd.Server
	ledger *ledger.Ledger

	mu     sync.Mutex
	now    time.Time
	events []policyd.Event
}

func (s *service) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *service) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *service) note(e policyd.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// told gives the events that hold text in their note or cause.
func (s *service) told(text string) (found []policyd.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if strings.Contains(e.Note+e.Cause, text) {
			found = append(found, e)
		}
	}
	return found
}

// newService makes a service that isn't serving yet.
func newService(change func(*policyd.Options), switches map[string]string) (*service, error) {
	rules, err := services.Load(services.Default, switches)
	if err != nil {
		return nil, err
	}
	world, err := directory.Load("../../world.yaml")
	if err != nil {
		return nil, err
	}
	s := &service{now: time.Date(2026, 11, 23, 9, 4, 30, 0, time.UTC), ledger: ledger.New(ledger.Options{})}
	engine, err := reference.NewEngine(reference.Options{Service: rules, Directory: world, Ledger: s.ledger, Now: s.Now})
	if err != nil {
		return nil, err
	}
	o := policyd.Options{Engine: engine, Failure: rules.Replies[policy.ReplyFailure], Now: s.Now, Events: s.note}
	if change != nil {
		change(&o)
	}
	s.Server, err = policyd.New(o)
	return s, err
}

// start serves on the loopback until the spec ends, and gives where.
func start(change func(*policyd.Options), switches map[string]string) (*service, string) {
	GinkgoHelper()
	s, err := newService(change, switches)
	Expect(err).NotTo(HaveOccurred())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	DeferCleanup(func() {
		Expect(s.Close()).To(Succeed())
		Eventually(served, patience).Should(Receive(MatchError(policyd.ErrClosed)))
	})
	return s, l.Addr().String()
}

// postfix is a connection of one of Postfix's processes.
type postfix struct {
	net.Conn
	in *bufio.Reader
}

func connect(address string) *postfix {
	GinkgoHelper()
	conn, err := net.Dial("tcp", address)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { conn.Close() }) // a spec may have done it
	Expect(conn.SetDeadline(time.Now().Add(patience))).To(Succeed())
	return &postfix{conn, bufio.NewReader(conn)}
}

// try asks and gives the action.
func (p *postfix) try(a attributes) (string, error) {
	if _, err := io.WriteString(p, a.String()); err != nil {
		return "", err
	}
	line, err := p.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	if empty, err := p.in.ReadString('\n'); err != nil || empty != "\n" {
		return "", fmt.Errorf("behind %q: %q, %v", line, empty, err)
	}
	action, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "action=")
	if !ok {
		return "", fmt.Errorf("no action: %q", line)
	}
	return action, nil
}

func (p *postfix) ask(a attributes) string {
	GinkgoHelper()
	action, err := p.try(a)
	Expect(err).NotTo(HaveOccurred())
	return action
}

// gathers asks about n recipients, each of which must be permitted.
func (p *postfix) gathers(instance, sender string, n int) {
	GinkgoHelper()
	for i := range n {
		Expect(p.ask(attributes{"instance": instance, "sender": sender, "recipient": fmt.Sprintf("r%d@other.example", i)})).To(Equal("OK"))
	}
}

// at asks about a transaction of n recipients at a later state.
func at(state, instance, sender string, n int) attributes {
	a := attributes{"protocol_state": state, "instance": instance, "sender": sender, "recipient_count": fmt.Sprint(n)}
	if n == 1 {
		a["recipient"] = "r0@other.example"
	}
	return a
}

// relays takes a whole transaction through.
func (p *postfix) relays(instance, sender string, n int) string {
	GinkgoHelper()
	p.gathers(instance, sender, n)
	if action := p.ask(at("DATA", instance, sender, n)); action != "DUNNO" {
		return action
	}
	return p.ask(at("END-OF-MESSAGE", instance, sender, n))
}

var _ = Describe("A request", func() {
	DescribeTable("gets the action that the rules ask for",
		func(action string, requests ...attributes) {
			_, address := start(nil, nil)
			p := connect(address)
			for _, a := range requests[:len(requests)-1] {
				Expect(p.ask(a)).To(Or(Equal("OK"), Equal("DUNNO")))
			}
			Expect(p.ask(requests[len(requests)-1])).To(MatchRegexp("^" + action + "$"))
		},
		Entry("connection", "DUNNO", attributes{"protocol_state": "CONNECT"}),
		Entry("greeting", "DUNNO", attributes{"protocol_state": "EHLO"}),
		Entry("a name that any host could give", "421 4.7.0 .* closing connection.*", attributes{"protocol_state": "HELO", "helo_name": "localhost"}),
		Entry("such a name where Postfix delays its rejects", "421 4.7.0 .* closing connection.*", attributes{"helo_name": "localhost", "recipient": "bob@other.example"}),
		Entry("sender", "DUNNO", attributes{"protocol_state": "MAIL"}),
		Entry("a sender that is nobody's", "550 5.7.1 .*", attributes{"protocol_state": "MAIL", "sender": "x@nobody.example"}),
		Entry("such a sender where Postfix delays its rejects", "550 5.7.1 .*", attributes{"sender": "x@nobody.example", "recipient": "bob@other.example"}),
		Entry("a client that stands nowhere", "550 5.7.0 .*", attributes{"protocol_state": "MAIL", "sender": "x@nobody.example", "client_address": "192.0.2.77", "helo_name": "mail.nobody.example"}),
		Entry("sender in the clear", "530 5.7.0 .*", attributes{"protocol_state": "MAIL", "sender": "x@tls.example", "helo_name": "mail.tls.example"}),
		Entry("sender under TLS", "DUNNO", attributes{"protocol_state": "MAIL", "sender": "x@tls.example", "helo_name": "mail.tls.example", "encryption_protocol": "TLSv1.3"}),
		Entry("sender without AUTH", "550 5.7.1 .*", attributes{"protocol_state": "MAIL", "sender": "bella@vault.example", "client_address": "192.0.2.77", "encryption_protocol": "TLSv1.3"}),
		Entry("sender with AUTH", "DUNNO", attributes{"protocol_state": "MAIL", "sender": "bella@vault.example", "client_address": "192.0.2.77", "encryption_protocol": "TLSv1.3", "sasl_username": "bella@vault.example"}),
		Entry("recipient", "OK", attributes{"recipient": "bob@other.example"}),
		Entry("the second recipient of <>", "550 5.5.3 .*1\\.2\\.3\\.0.*", attributes{"sender": "", "recipient": "bob@other.example"}, attributes{"sender": "", "recipient": "eve@other.example"}),
		Entry("a state without a rule", "DUNNO", attributes{"protocol_state": "VRFY"}),
		Entry("a message without recipients", "451 4.3.0 .*1\\.2\\.3\\.0 - gsmtp", attributes{"protocol_state": "DATA"}),
	)
})

var _ = Describe("A limit", func() {
	It("is kept from DATA on, charged at the end, and expires", func() {
		s, address := start(nil, nil)
		p := connect(address)
		Expect(p.relays("a", "x@pico.example", 10)).To(HavePrefix("450 4.2.1 Peak SMTP relay limit exceeded for customer."))
		Expect(p.relays("b", "x@pico.example", 8)).To(Equal("DUNNO"))
		Expect(p.relays("c", "x@pico.example", 2)).To(HavePrefix("450 4.2.1"))
		Expect(p.relays("d", "x@pico.example", 1)).To(Equal("DUNNO"))
		s.advance(10 * time.Minute)
		Expect(p.relays("e", "x@pico.example", 9)).To(Equal("DUNNO"))
	})

	It("gives the last place to one of two", func() {
		_, address := start(nil, nil)
		const racers = 8
		lines := make([]*postfix, racers)
		for i := range lines {
			lines[i] = connect(address)
			lines[i].gathers(fmt.Sprint(i), "x@pico.example", 5)
		}
		actions := make(chan string, racers)
		var group sync.WaitGroup
		for i, p := range lines {
			group.Go(func() {
				action, err := p.try(at("DATA", fmt.Sprint(i), "x@pico.example", 5))
				actions <- fmt.Sprint(action, err)
			})
		}
		group.Wait()
		close(actions)
		count := map[string]int{}
		for action := range actions {
			count[action[:3]]++
		}
		Expect(count).To(Equal(map[string]int{"DUN": 1, "450": racers - 1}))
	})

	It("gets a place back that another transaction of the connection shows to be free", func() {
		_, address := start(nil, nil)
		p, q := connect(address), connect(address)
		p.gathers("a", "x@pico.example", 9)
		Expect(p.ask(at("DATA", "a", "x@pico.example", 9))).To(Equal("DUNNO"))
		q.gathers("b", "x@pico.example", 1)
		Expect(q.ask(at("DATA", "b", "x@pico.example", 1))).To(HavePrefix("450"))
		Expect(p.ask(attributes{"instance": "c", "recipient": "bob@other.example"})).To(Equal("OK"))
		Expect(q.ask(at("DATA", "b", "x@pico.example", 1))).To(Equal("DUNNO"))
	})

	It("gets a place back when the connection ends, and asks for it anew where Postfix comes back", func() {
		s, address := start(nil, nil)
		p, q := connect(address), connect(address)
		p.gathers("a", "x@pico.example", 9)
		Expect(p.ask(at("DATA", "a", "x@pico.example", 9))).To(Equal("DUNNO"))
		p.Close()
		peak := policy.Window{Length: 10 * time.Minute}
		used := func() int { return s.ledger.Used(s.Now(), "pico", policy.CustomerPeak, "", peak) }
		Eventually(used, patience).Should(BeZero())
		Expect(q.ask(at("END-OF-MESSAGE", "a", "x@pico.example", 9))).To(Equal("DUNNO"))
		Expect(used()).To(Equal(9))
		Expect(q.relays("b", "x@pico.example", 1)).To(HavePrefix("450"))
	})

	It("refuses at the end what has lost its place", func() {
		s, address := start(nil, nil)
		p, q := connect(address), connect(address)
		p.gathers("a", "x@pico.example", 5)
		Expect(p.ask(at("DATA", "a", "x@pico.example", 5))).To(Equal("DUNNO"))
		p.Close()
		Eventually(func() int {
			return s.ledger.Used(s.Now(), "pico", policy.CustomerPeak, "", policy.Window{Length: 10 * time.Minute})
		}, patience).Should(BeZero())
		Expect(q.relays("b", "x@pico.example", 5)).To(Equal("DUNNO"))
		Expect(q.ask(at("END-OF-MESSAGE", "a", "x@pico.example", 5))).To(HavePrefix("450 4.2.1"))
	})

	It("speaks at the end where DATA wasn't asked about", func() {
		_, address := start(nil, nil)
		p := connect(address)
		p.gathers("a", "x@pico.example", 10)
		Expect(p.ask(at("END-OF-MESSAGE", "a", "x@pico.example", 10))).To(HavePrefix("450 4.2.1"))
	})

	DescribeTable("speaks where the switch says",
		func(stage, state string) {
			_, address := start(nil, map[string]string{"limit-stage": stage})
			p := connect(address)
			for i := range 9 {
				Expect(p.ask(attributes{"sender": "x@pico.example", "recipient": fmt.Sprintf("r%d@other.example", i)})).To(Equal("OK"))
			}
			tenth := p.ask(attributes{"sender": "x@pico.example", "recipient": "r9@other.example"})
			if state == "RCPT" {
				Expect(tenth).To(HavePrefix("450 4.2.1"))
				return
			}
			Expect(tenth).To(Equal("OK"))
			Expect(p.ask(at("DATA", "1.2.3.0", "x@pico.example", 10))).To(Equal("DUNNO"))
			Expect(p.ask(at("END-OF-MESSAGE", "1.2.3.0", "x@pico.example", 10))).To(HavePrefix("450 4.2.1"))
		},
		Entry(nil, "rcpt", "RCPT"), Entry(nil, "accept", "END-OF-MESSAGE"),
	)

	It("counts as many recipients as Postfix has accepted", func() {
		s, address := start(nil, nil)
		used := func() int {
			return s.ledger.Used(s.Now(), "pico", policy.CustomerPeak, "", policy.Window{Length: 10 * time.Minute})
		}
		p := connect(address)
		p.gathers("a", "x@pico.example", 4)
		Expect(p.ask(at("DATA", "a", "x@pico.example", 3))).To(Equal("DUNNO"))
		Expect(used()).To(Equal(3))
		Expect(s.told("asked about: 4, and accepted: 3")).To(HaveLen(1))
		p.gathers("b", "x@pico.example", 2)
		Expect(p.ask(at("DATA", "b", "x@pico.example", 4))).To(Equal("DUNNO"))
		Expect(used()).To(Equal(4))
		Expect(s.told("count as <postmaster>")).To(HaveLen(1))
		Expect(p.ask(at("DATA", "c", "x@pico.example", 1))).To(Equal("DUNNO"), "postmaster alone")
		Expect(used()).To(Equal(1))
	})

	It("holds nothing twice for a DATA that is asked about again", func() {
		s, address := start(nil, nil)
		p := connect(address)
		p.gathers("a", "x@pico.example", 9)
		for range 3 {
			Expect(p.ask(at("DATA", "a", "x@pico.example", 9))).To(Equal("DUNNO"))
		}
		Expect(p.ask(at("END-OF-MESSAGE", "a", "x@pico.example", 9))).To(Equal("DUNNO"))
		Expect(s.ledger.Used(s.Now(), "pico", policy.CustomerPeak, "", policy.Window{Length: 10 * time.Minute})).To(Equal(9))
	})
})

var _ = Describe("A transaction", func() {
	It("begins anew with MAIL", func() {
		s, address := start(nil, nil)
		p := connect(address)
		p.gathers("a", "x@pico.example", 9)
		Expect(p.ask(attributes{"protocol_state": "MAIL", "instance": "a", "sender": "x@pico.example"})).To(Equal("DUNNO"))
		Expect(p.relays("a", "x@pico.example", 2)).To(Equal("DUNNO"))
		Expect(s.ledger.Used(s.Now(), "pico", policy.CustomerPeak, "", policy.Window{Length: 10 * time.Minute})).To(Equal(2))
	})

	It("is told to be Postfix's where a sender should be rewritten", func() {
		s, address := start(nil, nil)
		p := connect(address)
		foreign := attributes{"helo_name": "news.open.example", "sender": "x@elsewhere.example", "recipient": "r0@other.example"}
		Expect(p.ask(foreign)).To(Equal("OK"))
		foreign["protocol_state"], foreign["recipient_count"] = "DATA", "1"
		Expect(p.ask(foreign)).To(Equal("DUNNO"))
		Expect(s.told("can't be told to go on as <postmaster@open.example>")).To(HaveLen(1))
	})

	It("is a connection's where the client names none", func() {
		_, address := start(nil, nil)
		p, q := connect(address), connect(address)
		for range 2 {
			Expect(p.relays("", "x@pico.example", 4)).To(Equal("DUNNO"))
		}
		Expect(q.relays("", "x@pico.example", 2)).To(HavePrefix("450"))
	})
})

// broken fails at everything.
type broken struct{}

var errBroken = errors.New("the ledger is gone")

func (broken) Decide(context.Context, policy.Stage, *policy.Facts) (policy.Decision, error) {
	return policy.Decision{}, errBroken
}

func (broken) Commit(context.Context, *policy.Facts, io.Reader) (policy.Decision, error) {
	return policy.Decision{}, errBroken
}

func (broken) Release(*policy.Facts) {}

var _ = Describe("The service", func() {
	It("defers where it fails itself, and says why", func() {
		s, address := start(func(o *policyd.Options) { o.Engine, o.Failure = broken{}, policy.Reply{} }, nil)
		p := connect(address)
		for _, state := range []string{"CONNECT", "EHLO", "MAIL", "RCPT"} {
			Expect(p.ask(attributes{"protocol_state": state})).To(HavePrefix("451 4.3.0 "))
		}
		Expect(s.told("the ledger is gone")).To(HaveLen(4))
	})

	DescribeTable("closes at what is no request, says why, and serves others",
		func(text, why string) {
			s, address := start(nil, nil)
			p, q := connect(address), connect(address)
			Expect(p.ask(attributes{"recipient": "bob@other.example"})).To(Equal("OK"))
			_, err := io.WriteString(p, text)
			Expect(err).NotTo(HaveOccurred())
			rest, err := io.ReadAll(p.in)
			if err != nil { // a reset, where more came than was read
				Expect(err).To(MatchError(ContainSubstring("reset")))
			}
			Expect(rest).To(BeEmpty())
			Eventually(func() []policyd.Event { return s.told(why) }, patience).Should(HaveLen(1))
			Expect(s.told(why)[0].Cause).To(ContainSubstring(p.LocalAddr().String()))
			Expect(q.ask(attributes{"recipient": "bob@other.example"})).To(Equal("OK"))
		},
		Entry(nil, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", `"GET / HTTP/1.1" is no name=value`),
		Entry(nil, "\x16\x03\x01\x02\x00\x01\n", "control characters"),
		Entry(nil, strings.Repeat("x", 1<<16), "more than 4096 octets"),
		Entry(nil, "\n\n\n", "not smtpd_access_policy"),
	)

	It("reads requests that come in pieces, and together", func() {
		_, address := start(nil, nil)
		p := connect(address)
		text := attributes{"recipient": "bob@other.example"}.String()
		for i := range text {
			_, err := io.WriteString(p, text[i:i+1])
			Expect(err).NotTo(HaveOccurred())
		}
		_, err := io.WriteString(p, text+text)
		Expect(err).NotTo(HaveOccurred())
		for range 3 {
			Expect(p.in.ReadString('\n')).To(Equal("action=OK\n"))
			Expect(p.in.ReadString('\n')).To(Equal("\n"))
		}
	})

	It("has no more connections than it may", func() {
		s, address := start(func(o *policyd.Options) { o.MaxConnections = 1 }, nil)
		p := connect(address)
		Expect(p.ask(attributes{"protocol_state": "MAIL"})).To(Equal("DUNNO"))
		_, err := connect(address).try(attributes{"protocol_state": "MAIL"})
		Expect(err).To(HaveOccurred())
		Expect(s.told("more than 1 connections")).To(HaveLen(1))
		Expect(p.ask(attributes{"protocol_state": "MAIL"})).To(Equal("DUNNO"))
	})

	It("refuses to be asked about one transaction twice at a time", func() {
		entered, leave := make(chan struct{}, 1), make(chan struct{})
		end := sync.OnceFunc(func() { close(leave) })
		DeferCleanup(end)
		s, address := start(func(o *policyd.Options) { o.Engine = slow{o.Engine, entered, leave} }, nil)
		p, q := connect(address), connect(address)
		first := make(chan string, 1)
		go func() {
			action, err := p.try(attributes{"recipient": "bob@other.example"})
			first <- fmt.Sprint(action, err)
		}()
		Eventually(entered, patience).Should(Receive())
		Expect(q.ask(attributes{"recipient": "eve@other.example"})).To(HavePrefix("451 "))
		end()
		Eventually(first, patience).Should(Receive(HavePrefix("OK")))
		Expect(s.told("at once")).To(HaveLen(1))
	})

	It("needs an Engine", func() {
		_, err := policyd.New(policyd.Options{})
		Expect(err).To(MatchError(ContainSubstring("no Engine")))
	})
})

// slow waits at RCPT.
type slow struct {
	policyd.Engine
	entered, leave chan struct{}
}

func (e slow) Decide(ctx context.Context, stage policy.Stage, f *policy.Facts) (policy.Decision, error) {
	if stage == policy.Rcpt {
		select {
		case e.entered <- struct{}{}:
		default:
		}
		<-e.leave
	}
	return e.Engine.Decide(ctx, stage, f)
}
