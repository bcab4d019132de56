package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features/target/control/api"
	"github.com/relayspec/relayspec/simulator/control"
)

// listener reads a stream of events.
type listener struct {
	events   chan api.Event
	comments chan string
	cancel   context.CancelFunc
	ended    chan struct{}
}

// listen opens a stream, and returns when it has begun.
func (l *lab) listen(query string, header ...string) *listener {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+"/v1/events"+query, nil)
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Authorization", "Bearer "+secret)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	Expect(err).NotTo(HaveOccurred())
	Expect(answer.StatusCode).To(Equal(http.StatusOK))
	Expect(answer.Header.Get("Content-Type")).To(Equal("text/event-stream"))
	const room = 1000
	s := &listener{make(chan api.Event, room), make(chan string, room), cancel, make(chan struct{})}
	DeferCleanup(cancel)
	go s.read(answer.Body)
	Eventually(s.comments, patience).Should(Receive(Equal("what happens, as it happens")))
	return s
}

func (s *listener) read(body io.ReadCloser) {
	defer GinkgoRecover()
	defer close(s.ended)
	defer body.Close()
	var id, kind string
	for lines := bufio.NewScanner(body); lines.Scan(); {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "":
			if value != "" {
				s.comments <- value
			}
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			var e api.Event
			Expect(json.Unmarshal([]byte(value), &e)).To(Succeed())
			Expect(fmt.Sprint(e.Id)).To(Equal(id))
			Expect(string(e.Type)).To(Equal(kind))
			s.events <- e
		}
	}
}

// until reads on until an event of kind, and gives it.
func (s *listener) until(kind api.EventType) api.Event {
	GinkgoHelper()
	for timeout := time.After(patience); ; {
		select {
		case e := <-s.events:
			if e.Type == kind {
				return e
			}
		case <-timeout:
			Fail("no such event: " + string(kind))
		}
	}
}

var _ = Describe("events", func() {
	ctx := context.Background()

	It("tell of replies, messages, deliveries, faults and the clock, in order", func() {
		l := populated()
		s := l.listen("")
		_, err := l.AddFaultWithResponse(ctx, api.Fault{On: api.FaultOnRcpt, Count: 1, Reply: api.Reply{Code: 450}})
		Expect(err).NotTo(HaveOccurred())
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(450))
		Expect(s.until(api.EventTypeReply).Data).To(HaveKeyWithValue("code", 220.0))
		stroke := s.until(api.EventTypeFault)
		Expect(stroke.Data).To(HaveKeyWithValue("recipient", "bob@other.example"))
		refusal := s.until(api.EventTypeReply)
		Expect(refusal.Data).To(HaveKeyWithValue("rule", "fault/f1"))
		Expect(refusal.Id).To(BeNumerically(">", stroke.Id))

		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(250))
		message := s.until(api.EventTypeMessage)
		Expect(message.Data).To(HaveKeyWithValue("sender", "app@acme.example"))
		Expect(s.until(api.EventTypeDelivery).Data).To(HaveKeyWithValue("message", message.Data["id"]))

		_, err = l.AdvanceClockWithResponse(ctx, api.Advance{Seconds: 90})
		Expect(err).NotTo(HaveOccurred())
		jump := s.until(api.EventTypeClock)
		Expect(jump.Data).To(HaveKeyWithValue("seconds", 90.0))
		Expect(jump.Time).To(BeTemporally("==", noon.Add(90*time.Second)))
	})

	It("begin where the reader left off", func() {
		l := populated()
		first := l.listen("")
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(250))
		seen := first.until(api.EventTypeMessage)
		first.cancel()
		_, err := l.AdvanceClockWithResponse(ctx, api.Advance{Seconds: 1})
		Expect(err).NotTo(HaveOccurred())
		for _, again := range []*listener{
			l.listen(fmt.Sprintf("?since=%d", seen.Id)), l.listen("", "Last-Event-ID", fmt.Sprint(seen.Id)),
		} {
			var next api.Event
			Eventually(again.events, patience).Should(Receive(&next))
			Expect(next.Id).To(Equal(seen.Id + 1))
			again.until(api.EventTypeClock)
		}
		Expect(l.listen("?since=0").until(api.EventTypeReply).Id).To(BeEquivalentTo(1))
	})

	It("show that they live", func() {
		l := populated(func(o *control.Options) { o.Heartbeat = 5 * time.Millisecond })
		s := l.listen("")
		Eventually(s.comments, patience).Should(Receive(Equal("still here")))
		Eventually(s.comments, patience).Should(Receive(Equal("still here")))
	})

	It("let readers come and go, and hang up in the middle", func() {
		l := populated()
		for range 150 { // more than may read at a time
			l.listen("?since=0").cancel()
		}
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(250))
	})

	It("end with the relay", func() {
		l := populated()
		s := l.listen("")
		Expect(l.server.Close()).To(Succeed())
		Eventually(s.comments, patience).Should(Receive(Equal("the relay ends")))
		Eventually(s.ended, patience).Should(BeClosed())
	})
})
