package control_test

import (
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features/target/control/api"
)

var _ = Describe("the contract's verbs", func() {
	var (
		ctx context.Context
		l   *lab
	)

	BeforeEach(func() {
		ctx = context.Background()
		l = newLab()
	})

	It("says what the relay is", func() {
		got, err := l.GetTargetWithResponse(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(got.JSON200).NotTo(BeNil(), string(got.Body))
		Expect(got.JSON200.Name).To(Equal("reference"))
		Expect(got.JSON200.Version).To(Equal("test"))
		Expect(got.JSON200.Ports).To(Equal(map[string]string{"25": l.address}))
		Expect(got.JSON200.Verbs).To(ConsistOf(api.TargetVerbsWorld, api.TargetVerbsReset, api.TargetVerbsUsage, api.TargetVerbsClock))
		Expect(got.JSON200.Capabilities).To(ContainElements("world", "reset", "usage", "clock", "sliding-windows", "exact-factors", "chunking", "auth-plain"))
		Expect(got.JSON200.Capabilities).NotTo(ContainElements("dsn", "source-ipv6"))
	})

	It("makes a world, whole, and keeps what a customer has used", func() {
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(550))
		for range 2 {
			done, err := l.PutWorldWithResponse(ctx, acme())
			Expect(err).NotTo(HaveOccurred())
			Expect(done.StatusCode()).To(Equal(http.StatusNoContent), string(done.Body))
		}
		for range 9 {
			Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(250))
		}
		_, err := l.PutWorldWithResponse(ctx, acme())
		Expect(err).NotTo(HaveOccurred())
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(450))
		_, err = l.PutWorldWithResponse(ctx, api.World{Customers: []api.Customer{}})
		Expect(err).NotTo(HaveOccurred())
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(550))
	})

	It("preloads, moves the clock and resets", func() {
		_, err := l.PutWorldWithResponse(ctx, acme())
		Expect(err).NotTo(HaveOccurred())
		done, err := l.PutUsageWithResponse(ctx, api.Usage{Customer: "acme", Counter: api.CounterCustomerPeak, Amount: 9})
		Expect(err).NotTo(HaveOccurred())
		Expect(done.StatusCode()).To(Equal(http.StatusNoContent), string(done.Body))
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(450))
		moved, err := l.AdvanceClockWithResponse(ctx, api.Advance{Seconds: 599.75})
		Expect(err).NotTo(HaveOccurred())
		Expect(moved.JSON200.Now).To(BeTemporally("==", noon.Add(599*time.Second+750*time.Millisecond)))
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(450))
		_, err = l.AdvanceClockWithResponse(ctx, api.Advance{Seconds: 0.25})
		Expect(err).NotTo(HaveOccurred())
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(250))

		done, err = l.PutUsageWithResponse(ctx, api.Usage{Customer: "acme", Counter: api.CounterUserMessages, User: "Anna@acme.example", Amount: 130})
		Expect(err).NotTo(HaveOccurred())
		Expect(done.StatusCode()).To(Equal(http.StatusNoContent), string(done.Body))
		Expect(l.send("anna@acme.example", "x", "bob@other.example").Code).To(Equal(550))
		reset, err := l.ResetCustomerWithResponse(ctx, "acme")
		Expect(err).NotTo(HaveOccurred())
		Expect(reset.StatusCode()).To(Equal(http.StatusNoContent))
		Expect(l.send("anna@acme.example", "x", "bob@other.example").Code).To(Equal(250))
	})

	It("shows where the clock stands", func() {
		got, err := l.GetClockWithResponse(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(got.JSON200.Now).To(BeTemporally("==", noon))
		Expect(got.JSON200.Advancing).To(BeFalse())
	})

	It("is advancing until what fell due has been done", func() {
		due := &held{at: noon.Add(time.Minute), began: make(chan struct{}), end: make(chan struct{})}
		l.clock.Attach(due)
		moved, err := l.AdvanceClockWithResponse(ctx, api.Advance{Seconds: 3600})
		Expect(err).NotTo(HaveOccurred())
		Expect(moved.StatusCode()).To(Equal(http.StatusAccepted))
		Expect(moved.JSON202.Advancing).To(BeTrue())
		Eventually(due.began, patience).Should(BeClosed())
		stands := func() api.Clock {
			got, err := l.GetClockWithResponse(ctx)
			Expect(err).NotTo(HaveOccurred())
			return *got.JSON200
		}
		Expect(stands().Now).To(BeTemporally("==", noon.Add(time.Minute)))
		close(due.end)
		Eventually(func() bool { return stands().Advancing }, patience).Should(BeFalse())
		Expect(stands().Now).To(BeTemporally("==", noon.Add(time.Hour)))
	})

	It("moves the clock only so many times at once", func() {
		due := &held{at: noon.Add(time.Second), began: make(chan struct{}), end: make(chan struct{})}
		l.clock.Attach(due)
		DeferCleanup(func() { close(due.end) })
		codes := map[int]int{}
		for range 20 {
			moved, err := l.AdvanceClockWithResponse(ctx, api.Advance{Seconds: 1})
			Expect(err).NotTo(HaveOccurred())
			codes[moved.StatusCode()]++
		}
		Expect(codes).To(Equal(map[int]int{http.StatusAccepted: 16, http.StatusTooManyRequests: 4}))
	})
})

// held falls due once, and takes until it is let go.
type held struct {
	at         time.Time
	began, end chan struct{}
	done       bool
}

func (h *held) NextDue() (time.Time, bool) { return h.at, !h.done }
func (h *held) RunDue(now time.Time) {
	if h.done || now.Before(h.at) {
		return
	}
	h.done = true
	close(h.began)
	<-h.end
}
