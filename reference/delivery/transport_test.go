package delivery

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing/iotest"
	"time"

	"github.com/emersion/go-smtp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reference/policy"
)

var (
	ctx  = context.Background()
	anna = policy.Address{Local: "anna", Domain: "acme.example"}
	ben  = policy.Address{Local: "ben", Domain: "other.example"}
	carl = policy.Address{Local: "carl", Domain: "other.example"}
)

// hop is a next hop on go-smtp's server. rcpt and data answer; nil: accept.
type hop struct {
	address string
	able    bool // offers SMTPUTF8 and DSN
	rcpt    func(to string) error
	data    func() error

	mu       sync.Mutex
	sessions int
	hellos   []string
	taken    []string // sender, recipients, content
	utf8     []bool   // SMTPUTF8 of each MAIL
	asked    []string // what each MAIL and RCPT asks to be told
}

func (h *hop) NewSession(c *smtp.Conn) (smtp.Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions++
	h.hellos = append(h.hellos, c.Hostname())
	return &hopSession{hop: h}, nil
}

func (h *hop) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.taken...)
}

type hopSession struct {
	*hop
	from string
	to   []string
}

func (s *hopSession) Mail(from string, o *smtp.MailOptions) error {
	s.from = from
	s.mu.Lock()
	defer s.mu.Unlock()
	s.utf8 = append(s.utf8, o.UTF8)
	s.asked = append(s.asked, fmt.Sprintf("%s %s", o.Return, o.EnvelopeID))
	return nil
}
func (s *hopSession) Reset()        { s.from, s.to = "", nil }
func (s *hopSession) Logout() error { return nil }

func (s *hopSession) Rcpt(to string, o *smtp.RcptOptions) error {
	s.mu.Lock()
	s.asked = append(s.asked, fmt.Sprintf("%s %v %s;%s", to, o.Notify, o.OriginalRecipientType, o.OriginalRecipient))
	s.mu.Unlock()
	if s.rcpt != nil {
		if err := s.rcpt(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *hopSession) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.data != nil {
		if err := s.data(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = append(s.taken, fmt.Sprintf("%s %s %s", s.from, strings.Join(s.to, ","), body))
	return nil
}

// serve starts h on loopback until the spec ends.
func serve(h *hop) *hop {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	s := smtp.NewServer(h)
	s.Domain, s.ErrorLog, s.EnableSMTPUTF8, s.EnableDSN = "hop.example", quiet{}, h.able, h.able
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	DeferCleanup(func() {
		Expect(s.Close()).To(Succeed())
		Eventually(done, "30s").Should(Receive())
	})
	h.address = l.Addr().String()
	return h
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// script is a next hop that says its lines, one for each that it reads; at the end it does what then says.
// It serves one connection for each script.
func script(then func(net.Conn), scripts ...[]string) string {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	var served sync.WaitGroup
	served.Go(func() {
		for _, lines := range scripts {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			for i, line := range lines {
				if i > 0 {
					if _, err := r.ReadString('\n'); err != nil {
						break
					}
				}
				fmt.Fprintf(c, "%s\r\n", line)
			}
			if then != nil {
				then(c)
			}
			c.Close()
		}
	})
	DeferCleanup(func() { l.Close(); served.Wait() })
	return l.Addr().String()
}

// transport makes a Transport that the spec closes.
func transport(h NextHop) *Transport {
	GinkgoHelper()
	if h.Hello == "" {
		h.Hello = "relay.example"
	}
	if h.Timeout == 0 {
		h.Timeout = 10 * time.Second
	}
	t, err := NewTransport(h)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(t.Close)
	return t
}

func send1(t *Transport, body string, to ...policy.Address) []Outcome {
	return t.Deliver(ctx, Envelope{Sender: anna, Recipients: to}, strings.NewReader(body))
}

// statuses gives one word a recipient.
func statuses(outcomes []Outcome) (words []string) {
	for _, o := range outcomes {
		words = append(words, fmt.Sprint(o.Recipient.Local, " ", o.Status, " ", o.Code))
	}
	return words
}

var _ = Describe("a transport", func() {
	It("delivers a message as it is, to all recipients at once", func() {
		h := serve(&hop{})
		outcomes := send1(transport(NextHop{Address: h.address}), "Subject: x\r\n\r\n.dot\r\n..\r\n", ben, carl)
		Expect(statuses(outcomes)).To(Equal([]string{"ben delivered 250", "carl delivered 250"}))
		Expect(h.all()).To(Equal([]string{"anna@acme.example ben@other.example,carl@other.example Subject: x\r\n\r\n.dot\r\n..\r\n"}))
		Expect(h.hellos).To(Equal([]string{"relay.example"}))
	})

	It("delivers with the null sender", func() {
		h := serve(&hop{})
		outcomes := transport(NextHop{Address: h.address}).Deliver(ctx, Envelope{Recipients: []policy.Address{ben}}, strings.NewReader("x\r\n"))
		Expect(statuses(outcomes)).To(Equal([]string{"ben delivered 250"}))
		Expect(h.all()).To(Equal([]string{" ben@other.example x\r\n"}))
	})

	It("doesn't lose the others when one recipient is refused", func() {
		h := serve(&hop{rcpt: func(to string) error {
			switch to {
			case "ben@other.example":
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user"}
			case "carl@other.example":
				return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "Full"}
			}
			return nil
		}})
		outcomes := send1(transport(NextHop{Address: h.address}), "x\r\n", ben, anna, carl)
		Expect(statuses(outcomes)).To(Equal([]string{"ben failed 550", "anna delivered 250", "carl deferred 452"}))
		Expect(outcomes[0].String()).To(Equal("ben@other.example failed: 550 5.1.1 No such user"))
		Expect(h.all()).To(HaveLen(1))
	})

	It("sends nothing when every recipient is refused, and can go on", func() {
		refuse := true
		h := serve(&hop{rcpt: func(string) error {
			if refuse {
				return &smtp.SMTPError{Code: 550, Message: "no"}
			}
			return nil
		}})
		t := transport(NextHop{Address: h.address})
		Expect(statuses(send1(t, "x\r\n", ben))).To(Equal([]string{"ben failed 550"}))
		refuse = false
		Expect(statuses(send1(t, "y\r\n", ben))).To(Equal([]string{"ben delivered 250"}))
		Expect(h.all()).To(Equal([]string{"anna@acme.example ben@other.example y\r\n"}))
		Expect(h.sessions).To(Equal(1))
		Expect(h.hellos).NotTo(ContainElement("localhost"))
	})

	DescribeTable("takes the reply to the final dot for all that were accepted",
		func(code int, want string) {
			h := serve(&hop{data: func() error { return &smtp.SMTPError{Code: code, Message: "no"} }})
			Expect(statuses(send1(transport(NextHop{Address: h.address}), "x\r\n", ben))).To(Equal([]string{want}))
		},
		Entry(nil, 451, "ben deferred 451"),
		Entry(nil, 554, "ben failed 554"),
	)

	It("uses a connection for several messages", func() {
		h := serve(&hop{})
		t := transport(NextHop{Address: h.address})
		for range 3 {
			Expect(statuses(send1(t, "x\r\n", ben))).To(Equal([]string{"ben delivered 250"}))
		}
		Expect(h.sessions).To(Equal(1))
	})

	It("takes a new connection each time when none may be kept", func() {
		h := serve(&hop{})
		t := transport(NextHop{Address: h.address, Idle: -1})
		for range 2 {
			send1(t, "x\r\n", ben)
		}
		Expect(h.sessions).To(Equal(2))
	})

	It("opens no more connections than it may", func() {
		inside, let := make(chan struct{}, 3), make(chan struct{})
		h := serve(&hop{data: func() error { inside <- struct{}{}; <-let; return nil }})
		t := transport(NextHop{Address: h.address, Connections: 2})
		var sent sync.WaitGroup
		for range 3 {
			sent.Go(func() { defer GinkgoRecover(); send1(t, "x\r\n", ben) })
		}
		Eventually(inside, "30s").Should(HaveLen(2))
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		outcomes := t.Deliver(stopped, Envelope{Recipients: []policy.Address{ben}}, strings.NewReader(""))
		Expect(statuses(outcomes)).To(Equal([]string{"ben deferred 0"}))
		close(let)
		sent.Wait()
		Expect(h.all()).To(HaveLen(3))
		Expect(h.sessions).To(Equal(2))
	})

	It("tries another connection when the next hop has closed an old one", func() {
		lines := []string{"220 hop", "250 hop", "250 ok", "250 ok", "354 go"}
		// after 354 the script reads on until the dot, answers and closes: the kept connection is dead
		end := func(c net.Conn) {
			r := bufio.NewReader(c)
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
			}
			fmt.Fprintf(c, "250 taken\r\n")
		}
		t := transport(NextHop{Address: script(end, lines, lines)})
		Expect(statuses(send1(t, "x\r\n", ben))).To(Equal([]string{"ben delivered 250"}))
		Expect(statuses(send1(t, "y\r\n", ben))).To(Equal([]string{"ben delivered 250"}))
	})

	It("never ends a message that it couldn't read to its end", func() {
		h := serve(&hop{})
		broken := io.MultiReader(strings.NewReader("Subject: x\r\n\r\nhalf\r\n"), iotest.ErrReader(errors.New("disk on fire")))
		t := transport(NextHop{Address: h.address})
		outcomes := t.Deliver(ctx, Envelope{Sender: anna, Recipients: []policy.Address{ben}}, broken)
		Expect(statuses(outcomes)).To(Equal([]string{"ben deferred 0"}))
		Expect(outcomes[0].Err).To(MatchError(ContainSubstring("disk on fire")))
		Expect(outcomes[0].Err).To(MatchError(errBody))
		Expect(statuses(send1(t, "next\r\n", ben))).To(Equal([]string{"ben delivered 250"}))
		Expect(h.all()).To(HaveLen(1))
	})

	It("defers when nobody listens", func() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		Expect(l.Close()).To(Succeed())
		outcomes := send1(transport(NextHop{Address: l.Addr().String()}), "x\r\n", ben, carl)
		Expect(statuses(outcomes)).To(Equal([]string{"ben deferred 0", "carl deferred 0"}))
		Expect(outcomes[0].Text).To(ContainSubstring(l.Addr().String()))
	})

	DescribeTable("goes by what the next hop says",
		func(want string, lines ...string) {
			Expect(statuses(send1(transport(NextHop{Address: script(nil, lines)}), "x\r\n", ben))).To(Equal([]string{want}))
		},
		Entry("a greeting that refuses is about the relay", "ben deferred 554", "554 go away"),
		Entry("421 as greeting", "ben deferred 421", "421 busy"),
		Entry("EHLO refused", "ben deferred 550", "220 hop", "550 who?"),
		Entry("MAIL refused for good", "ben failed 550", "220 hop", "250 hop", "550 no", "250 reset"),
		Entry("MAIL refused for now", "ben deferred 451", "220 hop", "250 hop", "451 no", "250 reset"),
		Entry("gone after RCPT", "ben deferred 0", "220 hop", "250 hop", "250 ok", "250 ok"),
		Entry("421 to RCPT", "ben deferred 421", "220 hop", "250 hop", "250 ok", "421 closing"),
		Entry("DATA refused for good", "ben failed 554", "220 hop", "250 hop", "250 ok", "250 ok", "554 no", "250 reset"),
		Entry("no 354 but 250", "ben deferred 250", "220 hop", "250 hop", "250 ok", "250 ok", "250 ok", "250 reset"),
		Entry("no SMTP at all", "ben deferred 0", "HTTP/1.1 400 Bad Request"),
	)

	It("defers those accepted before the connection broke", func() {
		outcomes := send1(transport(NextHop{Address: script(nil, []string{"220 hop", "250 hop", "250 ok", "250 ok", "550 no"})}), "x\r\n", anna, ben, carl)
		Expect(statuses(outcomes)).To(Equal([]string{"anna deferred 0", "ben failed 550", "carl deferred 0"}))
	})

	It("fails what the next hop could never take: an address beyond ASCII without SMTPUTF8", func() {
		h := serve(&hop{})
		outcomes := send1(transport(NextHop{Address: h.address}), "x\r\n", policy.Address{Local: "grün", Domain: "other.example"})
		Expect(outcomes[0].Status).To(Equal(Failed))
		Expect(outcomes[0].Enhanced).To(Equal("5.6.7"))
	})

	It("passes SMTPUTF8 on, for an address and for a message that came with it", func() {
		h := serve(&hop{able: true})
		t := transport(NextHop{Address: h.address})
		jorg := policy.Address{Local: "jörg", Domain: "bücher.example"}
		Expect(statuses(t.Deliver(ctx, Envelope{Sender: jorg, Recipients: []policy.Address{ben}, UTF8: true}, strings.NewReader("x\r\n")))).To(Equal([]string{"ben delivered 250"}))
		Expect(statuses(t.Deliver(ctx, Envelope{Sender: anna, Recipients: []policy.Address{ben}, UTF8: true}, strings.NewReader("y\r\n")))).To(Equal([]string{"ben delivered 250"}))
		Expect(statuses(send1(t, "z\r\n", ben))).To(Equal([]string{"ben delivered 250"}))
		Expect(h.utf8).To(Equal([]bool{true, true, false}))
		Expect(h.all()[0]).To(Equal("jörg@bücher.example ben@other.example x\r\n"))
	})

	It("passes on what the client asked to be told, where the next hop offers DSN", func() {
		e := Envelope{Sender: anna, Recipients: []policy.Address{ben, carl, anna}, DSN: policy.DSN{Return: "HDRS", EnvelopeID: "id +1"}}
		e.DSN.Add(1, policy.Notice{Notify: "SUCCESS,DELAY", OriginalType: "rfc822", Original: "c+x@other.example"})
		e.DSN.Add(2, policy.Notice{Notify: "NEVER", OriginalType: "x400", Original: "whatever"})
		h := serve(&hop{able: true})
		Expect(statuses(transport(NextHop{Address: h.address}).Deliver(ctx, e, strings.NewReader("x\r\n")))).To(HaveEach(HaveSuffix("delivered 250")))
		Expect(h.asked).To(Equal([]string{"HDRS id +1", "ben@other.example [] ;",
			"carl@other.example [SUCCESS DELAY] RFC822;c+x@other.example", "anna@acme.example [NEVER] ;"}))

		without := serve(&hop{})
		Expect(statuses(transport(NextHop{Address: without.address}).Deliver(ctx, e, strings.NewReader("x\r\n")))).To(HaveEach(HaveSuffix("delivered 250")))
		Expect(without.asked).To(Equal([]string{" ", "ben@other.example [] ;", "carl@other.example [] ;", "anna@acme.example [] ;"}))
	})

	DescribeTable("takes a message that came with SMTPUTF8 to a next hop without it only where its header allows",
		func(message string, delivered bool) {
			h := serve(&hop{})
			e := Envelope{Sender: anna, Recipients: []policy.Address{ben}, UTF8: true}
			outcomes := transport(NextHop{Address: h.address}).Deliver(ctx, e, strings.NewReader(message))
			if delivered {
				Expect(statuses(outcomes)).To(Equal([]string{"ben delivered 250"}))
				Expect(h.all()).To(Equal([]string{"anna@acme.example ben@other.example " + message}))
				return
			}
			Expect(statuses(outcomes)).To(Equal([]string{"ben failed 553"}))
			Expect(outcomes[0].Enhanced).To(Equal("5.6.7"))
			Expect(h.all()).To(BeEmpty())
		},
		Entry("an ASCII header", "Subject: x\r\n\r\ngrün\r\n", true),
		Entry("an ASCII header and nothing else", "Subject: x\r\n", true),
		Entry("a header beyond ASCII", "Subject: grün\r\n\r\nx\r\n", false),
		Entry("a header that is too long to look at", strings.Repeat("X: y\r\n", maxHeader/6+1)+"\r\n", false),
	)

	DescribeTable("doesn't wait for ever",
		func(lines ...string) {
			stuck := make(chan struct{})
			t := transport(NextHop{Address: script(func(net.Conn) { <-stuck }, lines), Timeout: 50 * time.Millisecond})
			defer close(stuck)
			large := strings.NewReader(strings.Repeat("x\r\n", 8<<20))
			outcomes := t.Deliver(ctx, Envelope{Recipients: []policy.Address{ben}}, large)
			Expect(statuses(outcomes)).To(Equal([]string{"ben deferred 0"}))
			var timeout net.Error
			Expect(errors.As(outcomes[0].Err, &timeout) && timeout.Timeout()).To(BeTrue(), "%v", outcomes[0].Err)
		},
		Entry("for a greeting"),
		Entry("for a reply", "220 hop", "250 hop"),
		Entry("for a next hop that stops reading", "220 hop", "250 hop", "250 ok", "250 ok", "354 go"),
	)

	It("ends at once when its context does", func() {
		stuck := make(chan struct{})
		defer close(stuck)
		reached := make(chan struct{})
		address := script(func(net.Conn) { close(reached); <-stuck }, []string{"220 hop", "250 hop", "250 ok"})
		stopped, cancel := context.WithCancel(ctx)
		go func() { <-reached; cancel() }()
		outcomes := transport(NextHop{Address: address, Timeout: time.Hour}).Deliver(stopped, Envelope{Recipients: []policy.Address{ben}}, strings.NewReader(""))
		Expect(statuses(outcomes)).To(Equal([]string{"ben deferred 0"}))
	})

	It("takes nothing after Close", func() {
		h := serve(&hop{})
		t := transport(NextHop{Address: h.address})
		send1(t, "x\r\n", ben)
		Expect(t.Close()).To(Succeed())
		Expect(t.Close()).To(Succeed())
		Expect(statuses(send1(t, "x\r\n", ben))).To(Equal([]string{"ben deferred 0"}))
	})
})
