package reference_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/mx"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/delivery"
	"github.com/relayspec/relayspec/reference/mailbox"
)

// reports collects what a Forwarder tells.
type reports struct {
	mu  sync.Mutex
	all []delivery.Attempt
}

func (r *reports) add(a delivery.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, a)
}

func (r *reports) list() []delivery.Attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivery.Attempt(nil), r.all...)
}

func sink(o mx.Options) *mx.Sink {
	GinkgoHelper()
	s, err := mx.Start(o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(s.Close)
	return s
}

func forwarder(address string, told *reports) *reference.Forwarder {
	GinkgoHelper()
	f, err := reference.NewForwarder(delivery.NextHop{Address: address, Hello: "relay.acme.example"}, time.Now, told.add)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(f.Close)
	return f
}

func outgoing(id string, to ...string) delivery.Message {
	return delivery.Message{
		ID:       id,
		Envelope: delivery.Envelope{Sender: addresses("anna@acme.example")[0], Recipients: addresses(to...)},
		Received: time.Now(),
		Open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("Subject: " + id + "\r\n\r\nx\r\n")), nil
		},
	}
}

var _ = Describe("The forwarder", func() {
	It("hands on what the relay accepts, with the rewritten sender, its trace and the same body", func(ctx SpecContext) {
		s, told := sink(mx.Options{}), &reports{}
		f := forwarder(s.Address(), told)
		box := mailbox.Memory(10)
		r := start(setup{options: func(o *reference.Options) {
			o.Keeper = box
			o.Accepted = func(id string, e mailbox.Envelope) {
				m := outgoing(id)
				m.Envelope = delivery.Envelope{Sender: e.Sender, Recipients: e.Recipients}
				m.Open = func() (io.ReadCloser, error) { _, body, err := box.Get(id); return body, err }
				if err := f.Add(m); err != nil {
					panic(err)
				}
			}
		}})
		c := r.session()
		says(c, "EHLO news.open.example")
		Expect(sends(c, "x@elsewhere.example", 3)).To(haveCode(250))
		got, err := s.Wait(ctx, "hello", 1)
		Expect(err).NotTo(HaveOccurred())
		Expect(got[0].Sender).To(Equal("postmaster@open.example"))
		Expect(got[0].Recipients).To(Equal([]string{"r0@example.net", "r1@example.net", "r2@example.net"}))
		Expect(string(got[0].Data)).To(And(
			ContainSubstring("Received: from news.open.example ([127.0.0.1])\r\n\tby smtp-relay.gmail.com"),
			HaveSuffix("\r\nFrom: <x@elsewhere.example>\r\nSubject: x\r\n\r\nhello\r\n")))
	}, SpecTimeout(patience))

	It("says when the next hop defers, and when it tries again", func() {
		s, told := sink(mx.Options{Refuse: func(_, to string) *smtp.SMTPError {
			if strings.HasPrefix(to, "later") {
				return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}
			}
			return nil
		}}), &reports{}
		f := forwarder(s.Address(), told)
		Expect(f.Add(outgoing("one", "later@example.net", "now@example.net"))).To(Succeed())
		Eventually(told.list, patience).Should(HaveLen(1))
		a := told.list()[0]
		Expect(a.Outcomes).To(HaveLen(2))
		Expect(a.Outcomes[0].Status).To(Equal(delivery.Deferred))
		Expect(a.Outcomes[1].Status).To(Equal(delivery.Delivered))
		due, waits := f.NextDue()
		Expect(waits).To(BeTrue())
		Expect(due).To(Equal(a.Next))
		Expect(due.Sub(a.At)).To(Equal(5 * time.Minute))

		Expect(f.Close()).To(Succeed())
		Expect(told.list()).To(HaveLen(2), "what still waited is told as lost")
		Expect(told.list()[1].Outcomes[0].Status).To(Equal(delivery.Failed))
		Expect(f.Add(outgoing("two", "now@example.net"))).To(MatchError(delivery.ErrClosed))
	})

	It("waits in Drain for what is under way, and Close cuts nothing then", func(ctx SpecContext) {
		arrived, release := make(chan struct{}), make(chan struct{})
		s, told := sink(mx.Options{Refuse: func(string, string) *smtp.SMTPError {
			close(arrived)
			<-release
			return nil
		}}), &reports{}
		f := forwarder(s.Address(), told)
		Expect(f.Add(outgoing("slow", "now@example.net"))).To(Succeed())
		Eventually(arrived, patience).Should(BeClosed())
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			f.Drain(ctx)
		}()
		Consistently(drained, "100ms").ShouldNot(BeClosed())
		close(release)
		Eventually(drained, patience).Should(BeClosed())
		Expect(told.list()).To(HaveLen(1))
		Expect(told.list()[0].Outcomes[0].Status).To(Equal(delivery.Delivered))
		Expect(s.Count()).To(Equal(1))
	}, SpecTimeout(patience))

	It("gives up draining when its time is over", func() {
		release := make(chan struct{})
		s, told := sink(mx.Options{Refuse: func(string, string) *smtp.SMTPError { <-release; return nil }}), &reports{}
		DeferCleanup(func() { close(release) })
		f := forwarder(s.Address(), told)
		Expect(f.Add(outgoing("stuck", "now@example.net"))).To(Succeed())
		soon, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		f.Drain(soon)
		Expect(soon.Err()).To(MatchError(context.DeadlineExceeded))
		Expect(f.Close()).To(Succeed())
		Expect(told.list()).NotTo(BeEmpty())
	})

	DescribeTable("says what is wrong with the next hop",
		func(hop delivery.NextHop, wrong string) {
			_, err := reference.NewForwarder(hop, time.Now, func(delivery.Attempt) {})
			Expect(err).To(MatchError(And(HavePrefix("forward to the next hop: "), ContainSubstring(wrong))))
		},
		Entry(nil, delivery.NextHop{Address: "127.0.0.1", Hello: "relay.acme.example"}, "give host:port"),
		Entry(nil, delivery.NextHop{Address: "127.0.0.1:25", Hello: "localhost"}, "names no one"),
		Entry(nil, delivery.NextHop{Address: "127.0.0.1:25"}, "no name for EHLO"),
	)
})
