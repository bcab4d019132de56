package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reference/policy"
)

var noon = time.Date(2026, 7, 27, 12, 0, 0, 0, time.UTC)

// world is a queue with a next hop that answers by the recipient's local part.
type world struct {
	*Queue
	mu       sync.Mutex
	answers  map[string]Status // absent: delivered
	attempts []string
	reports  []Attempt
}

func newWorld(c Config) *world {
	GinkgoHelper()
	w := &world{answers: make(map[string]Status)}
	c.Report = func(r Attempt) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.reports = append(w.reports, r)
	}
	if c.Deliverer == nil {
		c.Deliverer = deliverer(w.answer)
	}
	c.Workers = 1
	var err error
	w.Queue, err = NewQueue(c)
	Expect(err).NotTo(HaveOccurred())
	return w
}

func (w *world) answer(_ context.Context, e Envelope, body io.Reader) []Outcome {
	content, err := io.ReadAll(body)
	Expect(err).NotTo(HaveOccurred())
	outcomes := make([]Outcome, len(e.Recipients))
	var names []string
	for i, a := range e.Recipients {
		outcomes[i] = Outcome{Recipient: a, Status: Delivered, Code: 250}
		if s, ok := w.answers[a.Local]; ok {
			outcomes[i] = Outcome{Recipient: a, Status: s, Text: "as told"}
		}
		if n := e.DSN.For(i); n.Notify != "" {
			a.Local += "=" + n.Notify
		}
		names = append(names, a.Local)
	}
	w.attempts = append(w.attempts, fmt.Sprintf("%s to %s", content, strings.Join(names, ",")))
	return outcomes
}

// message makes a message for recipients with these local parts.
func message(id string, received time.Time, to ...string) Message {
	m := Message{ID: id, Received: received, Open: text(id)}
	for _, local := range to {
		m.Recipients = append(m.Recipients, policy.Address{Local: local, Domain: "other.example"})
	}
	return m
}

var _ = Describe("a queue", func() {
	It("keeps with each recipient what was asked of it, in parts and when some are deferred", func() {
		w := newWorld(Config{Recipients: 3})
		w.answers["b"], w.answers["d"] = Deferred, Deferred
		m := message("m", noon, "a", "b", "c", "d", "e")
		m.DSN.Add(1, policy.Notice{Notify: "NEVER"})
		m.DSN.Add(2, policy.Notice{Notify: "DELAY"})
		m.DSN.Add(3, policy.Notice{Notify: "SUCCESS"})
		Expect(w.Add(noon, m)).To(Succeed())
		m.DSN.Notices[1].Notify = "the caller's"
		w.RunDue(context.Background(), noon)
		due, _ := w.NextDue()
		w.RunDue(context.Background(), due)
		Expect(w.attempts).To(Equal([]string{"m to a,b=NEVER,c=DELAY", "m to d=SUCCESS,e", "m to b=NEVER", "m to d=SUCCESS"}))
	})

	It("delivers what is due, once", func() {
		w := newWorld(Config{})
		Expect(w.Add(noon, message("m", noon, "a", "b"))).To(Succeed())
		Expect(w.Changed()).To(Receive())
		due, ok := w.NextDue()
		Expect(ok).To(BeTrue())
		Expect(due).To(Equal(noon))

		w.RunDue(ctx, noon.Add(-time.Nanosecond))
		Expect(w.attempts).To(BeEmpty())
		w.RunDue(ctx, noon)
		w.RunDue(ctx, noon.Add(time.Hour))
		Expect(w.attempts).To(Equal([]string{"m to a,b"}))
		Expect(w.Len()).To(BeZero())
		_, ok = w.NextDue()
		Expect(ok).To(BeFalse())
		Expect(w.reports).To(HaveLen(1))
		Expect(w.reports[0].Next).To(BeZero())
		Expect(w.reports[0].Number).To(Equal(1))
	})

	It("tries only those again that were deferred, on its schedule", func() {
		w := newWorld(Config{Schedule: Schedule{First: time.Minute}})
		w.answers["b"], w.answers["c"] = Deferred, Failed
		Expect(w.Add(noon, message("m", noon, "a", "b", "c"))).To(Succeed())
		w.RunDue(ctx, noon)
		Expect(w.reports[0].Next).To(Equal(noon.Add(time.Minute)))
		Expect(statuses(w.reports[0].Outcomes)).To(Equal([]string{"a delivered 250", "b deferred 0", "c failed 0"}))
		Expect(w.Len()).To(Equal(1))

		w.RunDue(ctx, noon.Add(time.Minute-1))
		Expect(w.attempts).To(HaveLen(1))
		delete(w.answers, "b")
		w.RunDue(ctx, noon.Add(time.Minute))
		Expect(w.attempts).To(Equal([]string{"m to a,b,c", "m to b"}))
		Expect(statuses(w.reports[1].Outcomes)).To(Equal([]string{"b delivered 250"}))
		Expect(w.Len()).To(BeZero())
	})

	It("gives up in the end and says so", func() {
		w := newWorld(Config{Schedule: Schedule{First: time.Minute, GiveUp: 2 * time.Minute}})
		w.answers["a"] = Deferred
		Expect(w.Add(noon, message("m", noon, "a"))).To(Succeed())
		for {
			due, ok := w.NextDue()
			if !ok {
				break
			}
			w.RunDue(ctx, due)
		}
		Expect(w.reports).To(HaveLen(3))
		last := w.reports[2]
		Expect(last.At).To(Equal(noon.Add(2 * time.Minute)))
		Expect(last.Outcomes[0].Status).To(Equal(Failed))
		Expect(last.Outcomes[0].Text).To(Equal("given up: as told"))
		Expect(w.Len()).To(BeZero())
	})

	It("defers a message whose content can't be opened", func() {
		w := newWorld(Config{})
		m := message("m", noon, "a")
		m.Open = func() (io.ReadCloser, error) { return nil, errors.New("no disk") }
		Expect(w.Add(noon, m)).To(Succeed())
		w.RunDue(ctx, noon)
		Expect(w.attempts).To(BeEmpty())
		Expect(w.reports[0].Outcomes[0].Err).To(MatchError(ContainSubstring("no disk")))
		Expect(w.Len()).To(Equal(1))
	})

	It("runs in the order in which things fell due", func() {
		w := newWorld(Config{})
		Expect(w.Add(noon.Add(time.Second), message("late", noon, "a"))).To(Succeed())
		Expect(w.Add(noon, message("first", noon, "a"))).To(Succeed())
		Expect(w.Add(noon, message("second", noon, "a"))).To(Succeed())
		w.RunDue(ctx, noon.Add(time.Minute))
		Expect(w.attempts).To(Equal([]string{"first to a", "second to a", "late to a"}))
	})

	It("sends a message with many recipients in several transactions", func() {
		w := newWorld(Config{Recipients: 2})
		Expect(w.Add(noon, message("m", noon, "a", "b", "c"))).To(Succeed())
		w.RunDue(ctx, noon)
		Expect(w.attempts).To(Equal([]string{"m to a,b", "m to c"}))
	})

	It("takes no more than it may hold, and takes again when there is room", func() {
		w := newWorld(Config{Messages: 2, Recipients: 1})
		Expect(w.Add(noon, message("1", noon, "a"))).To(Succeed())
		Expect(w.Add(noon, message("2", noon, "a", "b"))).To(MatchError(ErrFull))
		Expect(w.Add(noon, message("3", noon, "a"))).To(Succeed())
		Expect(w.Add(noon, message("4", noon, "a"))).To(MatchError(ErrFull))
		w.RunDue(ctx, noon)
		Expect(w.attempts).To(Equal([]string{"1 to a", "3 to a"}))
		Expect(w.Add(noon, message("5", noon, "a"))).To(Succeed())
	})

	It("reports what it can't keep when it is closed", func() {
		w := newWorld(Config{})
		w.answers["a"] = Deferred
		Expect(w.Add(noon, message("tried", noon, "a"))).To(Succeed())
		w.RunDue(ctx, noon)
		Expect(w.Add(noon, message("new", noon, "b"))).To(Succeed())
		w.Close(noon)
		w.Close(noon)
		Expect(w.reports).To(HaveLen(3))
		Expect(w.reports[1].ID).To(Equal("new"))
		Expect(w.reports[1].Number).To(BeZero())
		Expect(w.reports[2].Outcomes[0].Status).To(Equal(Failed))
		Expect(w.Len()).To(BeZero())
		Expect(w.Add(noon, message("m", noon, "a"))).To(MatchError(ErrClosed))
	})

	It("doesn't put back what is under way when it is closed", func() {
		var w *world
		w = newWorld(Config{Deliverer: deliverer(func(_ context.Context, e Envelope, _ io.Reader) []Outcome {
			w.Close(noon)
			return all(e.Recipients, "try", io.ErrUnexpectedEOF)
		})})
		Expect(w.Add(noon, message("m", noon, "a"))).To(Succeed())
		w.RunDue(ctx, noon)
		Expect(w.reports).To(HaveLen(1))
		Expect(w.reports[0].Outcomes[0].Status).To(Equal(Failed))
		Expect(w.Len()).To(BeZero())
	})

	It("leaves what hasn't been tried as it was when its context ends", func() {
		stopped, cancel := context.WithCancel(ctx)
		w := newWorld(Config{Deliverer: deliverer(func(_ context.Context, e Envelope, _ io.Reader) []Outcome {
			cancel()
			return all(e.Recipients, "try", context.Canceled)
		})})
		Expect(w.Add(noon, message("1", noon, "a"))).To(Succeed())
		Expect(w.Add(noon, message("2", noon, "a"))).To(Succeed())
		w.RunDue(stopped, noon)
		Expect(w.reports).To(HaveLen(1))
		Expect(w.Len()).To(Equal(2))
		due, _ := w.NextDue()
		Expect(due).To(Equal(noon))
	})

	It("delivers over SMTP with several workers", func() {
		h := serve(&hop{})
		var mu sync.Mutex
		delivered := 0
		q, err := NewQueue(Config{Deliverer: transport(NextHop{Address: h.address}), Workers: 4, Report: func(r Attempt) {
			mu.Lock()
			defer mu.Unlock()
			for _, o := range r.Outcomes {
				if o.Status == Delivered {
					delivered++
				}
			}
		}})
		Expect(err).NotTo(HaveOccurred())
		for i := range 20 {
			Expect(q.Add(noon, message(fmt.Sprint(i), noon, "a"))).To(Succeed())
		}
		q.RunDue(ctx, noon)
		Expect(delivered).To(Equal(20))
		Expect(h.all()).To(HaveLen(20))
	})

	It("refuses what would make mail vanish", func() {
		_, err := NewQueue(Config{})
		Expect(err).To(HaveOccurred())
		w := newWorld(Config{})
		Expect(w.Add(noon, Message{ID: "m", Open: text("")})).NotTo(Succeed())
		Expect(w.Add(noon, Message{ID: "m", Envelope: Envelope{Recipients: []policy.Address{anna}}})).NotTo(Succeed())
	})
})
