package control_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target/control/api"
	"github.com/relayspec/relayspec/simulator/control"
)

var _ = Describe("faults", func() {
	var (
		ctx context.Context
		l   *lab
	)

	BeforeEach(func() {
		ctx = context.Background()
		l = populated()
	})

	add := func(f api.Fault) api.Fault {
		GinkgoHelper()
		added, err := l.AddFaultWithResponse(ctx, f)
		Expect(err).NotTo(HaveOccurred())
		Expect(added.JSON201).NotTo(BeNil(), string(added.Body))
		return *added.JSON201
	}
	active := func() []api.Fault {
		GinkgoHelper()
		all, err := l.ListFaultsWithResponse(ctx)
		Expect(err).NotTo(HaveOccurred())
		return *all.JSON200
	}

	It("strike, are counted down, and are gone", func() {
		f := add(api.Fault{On: api.FaultOnMail, Count: 2, Reply: api.Reply{Code: 451, Enhanced: "4.7.0", Lines: []string{"not now"}}})
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(451))
		got, err := l.GetFaultWithResponse(ctx, f.Id)
		Expect(err).NotTo(HaveOccurred())
		Expect(got.JSON200.Count).To(Equal(1))
		Expect(got.JSON200.Struck).To(Equal(1))
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(451))
		Expect(active()).To(BeEmpty())
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(250))
	})

	It("expire by the relay's clock", func() {
		f := add(api.Fault{On: api.FaultOnRcpt, Ttl: "1m", Reply: api.Reply{Code: 450}})
		Expect(f.Expires).To(BeTemporally("==", noon.Add(time.Minute)))
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(450))
		_, err := l.AdvanceClockWithResponse(ctx, api.Advance{Seconds: 60})
		Expect(err).NotTo(HaveOccurred())
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(250))
	})

	It("are taken back", func() {
		first, second := add(api.Fault{On: api.FaultOnMail, Reply: api.Reply{Code: 451}}), add(api.Fault{Id: "mine", On: api.FaultOnData, Drop: true})
		Expect(second.Id).To(Equal("mine"))
		removed, err := l.RemoveFaultWithResponse(ctx, first.Id)
		Expect(err).NotTo(HaveOccurred())
		Expect(removed.StatusCode()).To(Equal(http.StatusNoContent))
		Expect(active()).To(HaveLen(1))
		_, err = l.ClearFaultsWithResponse(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(active()).To(BeEmpty())
	})

	It("show in the session that they struck", func() {
		f := add(api.Fault{On: api.FaultOnMail, Reply: api.Reply{Code: 451, Lines: []string{"not now"}}})
		l.send("app@acme.example", "x", "bob@other.example")
		why := l.lastRefusal()
		Expect(why.Rule).To(Equal("fault/" + f.Id))
		Expect(why.Why).To(ContainSubstring("fault"))
		Expect(why.Reply.Lines).To(Equal([]string{"not now"}))
	})

	It("can lose a 250: the message is there, and the client doesn't know", func() {
		add(api.Fault{On: api.FaultOnAccepted, Drop: true})
		conn := l.dial()
		for _, line := range []string{"MAIL FROM:<app@acme.example>", "RCPT TO:<bob@other.example>", "DATA"} {
			_, err := conn.Cmd(line)
			Expect(err).NotTo(HaveOccurred())
		}
		_, err := conn.Cmd("Subject: x\r\n\r\nlost\r\n.")
		Expect(err).To(HaveOccurred())
		found, err := l.ListMessagesWithResponse(ctx, &api.ListMessagesParams{Contains: new("lost")})
		Expect(err).NotTo(HaveOccurred())
		Expect(*found.JSON200).To(HaveLen(1))
		transcript, err := l.GetTranscriptWithResponse(ctx, (*found.JSON200)[0].Session)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(transcript.Body)).To(HaveSuffix("X: the relay, without the reply dropped without a word by fault f1\n"))
	})
})

// lastRefusal is the newest one of the newest session that was refused something.
func (l *lab) lastRefusal() api.Explanation {
	GinkgoHelper()
	ctx := context.Background()
	sessions, err := l.ListSessionsWithResponse(ctx, &api.ListSessionsParams{Refused: new(true), Limit: new(1)})
	Expect(err).NotTo(HaveOccurred())
	Expect(*sessions.JSON200).To(HaveLen(1))
	id := (*sessions.JSON200)[0].Id
	explained, err := l.ExplainSessionWithResponse(ctx, id)
	Expect(err).NotTo(HaveOccurred())
	Expect(*explained.JSON200).NotTo(BeEmpty())
	whole, err := l.GetSessionWithResponse(ctx, id)
	Expect(err).NotTo(HaveOccurred())
	Expect(whole.JSON200.Refusals).To(Equal(*explained.JSON200))
	return (*explained.JSON200)[len(*explained.JSON200)-1]
}

var _ = Describe("messages", func() {
	var (
		ctx context.Context
		l   *lab
	)

	BeforeEach(func() {
		ctx = context.Background()
		l = populated()
		Expect(l.send("app@acme.example", "one", "bob@other.example", "Carl@other.example").Code).To(Equal(250))
		Expect(l.send("anna@acme.example", "two", "bob@other.example").Code).To(Equal(250))
		Expect(l.send("", "refused", "bob@other.example").Code).To(Equal(550))
	})

	listed := func(p api.ListMessagesParams) (senders []string) {
		GinkgoHelper()
		found, err := l.ListMessagesWithResponse(ctx, &p)
		Expect(err).NotTo(HaveOccurred())
		Expect(found.JSON200).NotTo(BeNil(), string(found.Body))
		for _, m := range *found.JSON200 {
			senders = append(senders, m.Sender)
		}
		return senders
	}

	It("are listed, the newest first, and chosen", func() {
		Expect(listed(api.ListMessagesParams{})).To(Equal([]string{"anna@acme.example", "app@acme.example"}))
		Expect(listed(api.ListMessagesParams{Limit: new(1)})).To(Equal([]string{"anna@acme.example"}))
		Expect(listed(api.ListMessagesParams{Sender: new("APP@acme.example")})).To(Equal([]string{"app@acme.example"}))
		Expect(listed(api.ListMessagesParams{Recipient: new("carl@other.example")})).To(Equal([]string{"app@acme.example"}))
		Expect(listed(api.ListMessagesParams{Contains: new("two")})).To(Equal([]string{"anna@acme.example"}))
		Expect(listed(api.ListMessagesParams{Sender: new("<>")})).To(BeEmpty())
	})

	It("are shown, envelope and content", func() {
		found, err := l.ListMessagesWithResponse(ctx, &api.ListMessagesParams{Contains: new("one")})
		Expect(err).NotTo(HaveOccurred())
		id := (*found.JSON200)[0].Id
		one, err := l.GetMessageWithResponse(ctx, id)
		Expect(err).NotTo(HaveOccurred())
		Expect(one.JSON200.Recipients).To(Equal([]string{"bob@other.example", "Carl@other.example"}))
		Expect(one.JSON200.Customer).To(Equal("acme"))
		answer, text := l.raw("GET", "/v1/messages/"+id+"/raw", "")
		Expect(answer.Header.Get("Content-Type")).To(Equal("message/rfc822"))
		Expect(text).To(HavePrefix("Received: from mta.elsewhere.example"))
		Expect(text).To(HaveSuffix("\r\n\r\none\r\n"))
	})

	waiting := func(count int) chan []string {
		waited := make(chan []string, 1)
		go func() {
			defer GinkgoRecover()
			got, err := l.WaitForMessagesWithResponse(ctx, &api.WaitForMessagesParams{Count: new(count), Timeout: new(60.0)})
			Expect(err).NotTo(HaveOccurred())
			Expect(got.JSON200).NotTo(BeNil(), string(got.Body))
			var senders []string
			for _, m := range *got.JSON200 {
				senders = append(senders, m.Sender)
			}
			waited <- senders
		}()
		Consistently(waited, 50*time.Millisecond).ShouldNot(Receive())
		return waited
	}

	It("are waited for", func() {
		waited := waiting(4)
		Expect(l.send("app@acme.example", "three", "bob@other.example").Code).To(Equal(250))
		Expect(l.send("robot@acme.example", "four", "bob@other.example").Code).To(Equal(250))
		Eventually(waited, patience).Should(Receive(Equal([]string{
			"robot@acme.example", "app@acme.example", "anna@acme.example", "app@acme.example"})), "the newest first")
	})

	It("are waited for anew where they are forgotten meanwhile", func() {
		waited := waiting(3)
		_, err := l.ClearMessagesWithResponse(ctx)
		Expect(err).NotTo(HaveOccurred())
		for _, sender := range []string{"app@acme.example", "robot@acme.example"} {
			Expect(l.send(sender, "again", "bob@other.example").Code).To(Equal(250))
			Consistently(waited, 50*time.Millisecond).ShouldNot(Receive())
		}
		Expect(l.send("anna@acme.example", "again", "bob@other.example").Code).To(Equal(250))
		Eventually(waited, patience).Should(Receive(Equal([]string{"anna@acme.example", "robot@acme.example", "app@acme.example"})))
	})

	It("are waited for no longer than was asked", func() {
		got, err := l.WaitForMessagesWithResponse(ctx, &api.WaitForMessagesParams{Count: new(3), Timeout: new(0.02)})
		Expect(err).NotTo(HaveOccurred())
		Expect(got.StatusCode()).To(Equal(http.StatusRequestTimeout))
		Expect(got.ApplicationproblemJSONDefault.Detail).To(Equal("2 such messages came, of 3"))
	})

	It("are forgotten", func() {
		_, err := l.ClearMessagesWithResponse(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(listed(api.ListMessagesParams{})).To(BeEmpty())
		Expect(l.send("app@acme.example", "three", "bob@other.example").Code).To(Equal(250))
		Expect(listed(api.ListMessagesParams{})).To(HaveLen(1))
	})

	It("are delivered, and that is shown", func() {
		delivered := func() []api.Delivery {
			got, err := l.ListDeliveriesWithResponse(ctx, &api.ListDeliveriesParams{Status: new(api.ListDeliveriesParamsStatusDelivered)})
			Expect(err).NotTo(HaveOccurred())
			return *got.JSON200
		}
		Eventually(delivered, patience).Should(HaveLen(2))
		Expect(l.sink.Count()).To(Equal(2))
		for _, d := range delivered() {
			Expect(d.Attempt).To(Equal(1))
			Expect(d.Outcomes[0].Code).To(Equal(250))
		}
		none, err := l.ListDeliveriesWithResponse(ctx, &api.ListDeliveriesParams{Status: new(api.ListDeliveriesParamsStatusDeferred)})
		Expect(err).NotTo(HaveOccurred())
		Expect(*none.JSON200).To(BeEmpty())
		some, err := l.ListDeliveriesWithResponse(ctx, &api.ListDeliveriesParams{Recipient: new("carl@other.example")})
		Expect(err).NotTo(HaveOccurred())
		Expect(*some.JSON200).To(HaveLen(1))
	})

	It("are tried again when the clock is moved there", func() {
		Expect(l.sink.Close()).To(Succeed())
		Eventually(func() int { return l.sink.Count() }, patience).Should(BeNumerically(">=", 0))
		Expect(l.send("app@acme.example", "later", "dora@other.example").Code).To(Equal(250))
		attempts := func() []api.Delivery {
			got, err := l.ListDeliveriesWithResponse(ctx, &api.ListDeliveriesParams{Recipient: new("dora@other.example")})
			Expect(err).NotTo(HaveOccurred())
			return *got.JSON200
		}
		Eventually(attempts, patience).Should(HaveLen(1))
		first := attempts()[0]
		Expect(first.Outcomes[0].Status).To(Equal(api.OutcomeStatusDeferred))
		Expect(first.Next).To(BeTemporally(">", noon))
		moved, err := l.AdvanceClockWithResponse(ctx, api.Advance{Seconds: first.Next.Sub(noon).Seconds()})
		Expect(err).NotTo(HaveOccurred())
		Expect(moved.StatusCode()).To(BeNumerically("<", 300))
		Eventually(attempts, patience).Should(HaveLen(2))
		Expect(attempts()[0].At).To(BeTemporally("==", first.Next))
		Expect(attempts()[0].Attempt).To(Equal(2))
	})
})

var _ = Describe("sessions", func() {
	It("are kept with what was said, without what is secret", func() {
		ctx := context.Background()
		l := populated()
		conn := l.dial()
		_, err := conn.StartTLS(ctx)
		Expect(err).NotTo(HaveOccurred())
		_, err = conn.Hello("mta.elsewhere.example")
		Expect(err).NotTo(HaveOccurred())
		reply, err := conn.AuthPlain("anna@acme.example", "secret")
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Code).To(Equal(235))
		_, err = conn.Send(client.Message{
			Sender: "anna@acme.example", Recipients: []string{"bob@other.example"}, Data: []byte("\r\na body that nobody repeats\r\n"),
		}, client.Lockstep)
		Expect(err).NotTo(HaveOccurred())
		_, err = conn.Cmd("aHVudGVyMg==")
		Expect(err).NotTo(HaveOccurred())
		_, err = conn.Quit()
		Expect(err).NotTo(HaveOccurred())

		sessions, err := l.ListSessionsWithResponse(ctx, &api.ListSessionsParams{Peer: new("127.0.0.1")})
		Expect(err).NotTo(HaveOccurred())
		Expect(*sessions.JSON200).To(HaveLen(1))
		s := (*sessions.JSON200)[0]
		Expect(s.Tls).To(BeTrue())
		Expect(s.User).To(Equal("anna@acme.example"))
		Expect(s.Port).To(Equal(25))
		Expect(s.Messages).To(Equal(1))
		Expect(s.Refused).To(Equal(1))

		got, err := l.GetTranscriptWithResponse(ctx, s.Id)
		Expect(err).NotTo(HaveOccurred())
		text := string(got.Body)
		for _, said := range []string{
			"S: 220 ", "C: EHLO mta.elsewhere.example\n", "S: 250-STARTTLS\n", "C: STARTTLS\n", "#: TLS established\n", "C: AUTH PLAIN", "S: 235 ",
			"C: MAIL FROM:<anna@acme.example>\n", "S: 354 ", "#: the message\n", "C: [redacted]\n", "S: 502", "C: QUIT\n",
		} {
			Expect(text).To(ContainSubstring(said))
		}
		for _, secret := range []string{"a body that nobody repeats", "aHVudGVyMg", "AGFubmFAYWNtZS5leGFtcGxlAHNlY3JldA"} {
			Expect(text).NotTo(ContainSubstring(secret))
		}
	})

	It("are kept in bounds: the newest, and of each the beginning and the end", func() {
		ctx := context.Background()
		l := populated(func(o *control.Options) { o.Keep = 2 })
		for range 3 {
			conn := l.dial()
			for range 150 {
				_, err := conn.Cmd("NOOP")
				Expect(err).NotTo(HaveOccurred())
			}
			_, err := conn.Quit()
			Expect(err).NotTo(HaveOccurred())
		}
		sessions, err := l.ListSessionsWithResponse(ctx, nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(*sessions.JSON200).To(HaveLen(2))
		got, err := l.GetTranscriptWithResponse(ctx, (*sessions.JSON200)[0].Id)
		Expect(err).NotTo(HaveOccurred())
		Expect(strings.Count(string(got.Body), "\n")).To(BeNumerically("<=", 201))
		Expect(string(got.Body)).To(ContainSubstring("left out"))
	})
})

var _ = Describe("quota and explanations", func() {
	var (
		ctx context.Context
		l   *lab
	)

	BeforeEach(func() {
		ctx = context.Background()
		l = populated()
	})

	preload := func(counter api.Counter, user string, amount int) {
		GinkgoHelper()
		done, err := l.PutUsageWithResponse(ctx, api.Usage{Customer: "acme", Counter: counter, User: user, Amount: amount})
		Expect(err).NotTo(HaveOccurred())
		Expect(done.StatusCode()).To(Equal(http.StatusNoContent), string(done.Body))
	}
	advance := func(d time.Duration) {
		GinkgoHelper()
		_, err := l.AdvanceClockWithResponse(ctx, api.Advance{Seconds: d.Seconds()})
		Expect(err).NotTo(HaveOccurred())
	}
	ask := func(q api.Question) api.Explanation {
		GinkgoHelper()
		got, err := l.ExplainWithResponse(ctx, q)
		Expect(err).NotTo(HaveOccurred())
		Expect(got.JSON200).NotTo(BeNil(), string(got.Body))
		return *got.JSON200
	}
	from := func(sender string, recipients ...string) api.Question {
		return api.Question{Sender: sender, Recipients: recipients}
	}

	It("tell how much is left, and when more is", func() {
		preload(api.CounterCustomerDay, "", 128)
		advance(time.Hour)
		preload(api.CounterCustomerPeak, "", 9)
		got, err := l.GetCustomerQuotaWithResponse(ctx, "acme")
		Expect(err).NotTo(HaveOccurred())
		Expect(got.JSON200.Counters).To(HaveLen(2))
		day, peak := got.JSON200.Counters[0], got.JSON200.Counters[1]
		Expect([]any{day.Counter, day.Used, day.Limit, day.Remaining, day.Fits, day.WindowSeconds}).To(Equal([]any{api.CounterCustomerDay, 128, 130, 2, true, 86400.0}))
		Expect(day.NextFree).To(BeTemporally("==", noon.Add(time.Hour)))
		Expect([]any{peak.Used, peak.Limit, peak.Remaining, peak.Fits, peak.Fixed}).To(Equal([]any{9, 9, 0, false, false}))
		Expect(peak.NextFree).To(BeTemporally("==", noon.Add(70*time.Minute)))
		user, err := l.GetUserQuotaWithResponse(ctx, "Anna@acme.example")
		Expect(err).NotTo(HaveOccurred())
		Expect(user.JSON200.User).To(Equal("anna@acme.example"))
		Expect(user.JSON200.Counters).To(HaveLen(4))
		Expect(user.JSON200.Counters[3].Limit).To(Equal(10_000))
	})

	It("charge nothing", func() {
		for range 20 {
			Expect(ask(from("app@acme.example", "bob@other.example")).Accepted).To(BeTrue())
		}
		got, err := l.GetCustomerQuotaWithResponse(ctx, "acme")
		Expect(err).NotTo(HaveOccurred())
		Expect(got.JSON200.Counters[0].Used).To(BeZero())
	})

	It("say the same as the relay says, and when that changes", func() {
		preload(api.CounterCustomerPeak, "", 8)
		advance(time.Minute)
		said := l.send("app@acme.example", "x", "a@other.example", "b@other.example")
		Expect(said.Code).To(Equal(450))
		answer := ask(from("app@acme.example", "a@other.example", "b@other.example"))
		Expect(answer.Accepted).To(BeFalse())
		Expect(answer.Stage).To(Equal("data"))
		Expect(answer.Reply.Code).To(Equal(said.Code))
		Expect(answer.Rule).To(Equal("LIM-CUST-PEAK"))
		Expect(answer.NextFree).To(BeTemporally("==", noon.Add(10*time.Minute)))
		told := l.lastRefusal()
		Expect(told.Stage).To(Equal("data"))
		Expect(told.Rule).To(Equal("LIM-CUST-PEAK"))
		Expect(told.Why).To(HaveSuffix("customer-peak stands at 8 of 9"))
		Expect(told.NextFree).To(BeTemporally("==", answer.NextFree))
		Expect(told.Reply.Code).To(Equal(450))
		Expect(ask(from("app@acme.example", "a@other.example")).Accepted).To(BeTrue())

		advance(answer.NextFree.Sub(noon.Add(time.Minute)) - time.Second)
		Expect(ask(from("app@acme.example", "a@other.example", "b@other.example")).Accepted).To(BeFalse())
		advance(time.Second)
		Expect(ask(from("app@acme.example", "a@other.example", "b@other.example")).Accepted).To(BeTrue())
		Expect(l.send("app@acme.example", "x", "a@other.example", "b@other.example").Code).To(Equal(250))
	})

	It("know that some things never fit", func() {
		var many []string
		for i := range 10 {
			many = append(many, fmt.Sprintf("r%d@other.example", i))
		}
		answer := ask(from("app@acme.example", many...))
		Expect(answer.Accepted).To(BeFalse())
		Expect(answer.NextFree).To(BeZero())
	})

	DescribeTable("name the stage and the rule",
		func(q api.Question, stage, rule string, code int) {
			answer := ask(q)
			Expect(answer.Accepted).To(BeFalse())
			Expect(answer.Stage).To(Equal(stage))
			Expect(answer.Rule).To(Equal(rule))
			Expect(answer.Reply.Code).To(Equal(code))
			Expect(answer.Why).NotTo(BeEmpty())
		},
		Entry("a name of everybody's", api.Question{Helo: "localhost", Sender: "app@acme.example", Recipients: []string{"b@o.example"}}, "helo", "HELO-DOS-SOMETIMES", 421),
		Entry("AUTH in the clear", api.Question{User: "anna@acme.example", Sender: "app@acme.example", Recipients: []string{"b@o.example"}}, "auth", "AUTH-TLS", 530),
		Entry("a message that is too large", api.Question{Sender: "app@acme.example", Recipients: []string{"b@o.example"}, Size: 1 << 40}, "mail", "RFC1870-6/size", 552),
		Entry("another address", api.Question{Peer: "192.0.2.1", Sender: "app@acme.example", Recipients: []string{"b@o.example"}}, "mail", "AUTH-IP", 550),
		Entry("a sender of nobody's", api.Question{Sender: "x@else.example", Recipients: []string{"b@o.example"}}, "mail", "SND-FOREIGN-IDENT", 550),
		Entry("two recipients of <>", api.Question{Helo: "acme.example", Recipients: []string{"b@o.example", "c@o.example"}}, "rcpt", "NULL-MULTI-RCPT", 550),
	)

	It("tell what admits a message", func() {
		answer := ask(api.Question{User: "anna@acme.example", Tls: true, Sender: "anna@acme.example", Recipients: []string{"b@o.example"}})
		Expect(answer.Accepted).To(BeTrue())
		Expect(answer.Rule).To(Equal("SND-DOMAINS"))
		Expect(answer.Reply.Code).To(Equal(250))
		Expect(answer.Counters).To(HaveLen(4))
	})

	It("tell of the recipient that was refused", func() {
		Expect(l.send("", "x", "bob@other.example").Code).To(Equal(550))
		conn := l.dial()
		_, err := conn.Hello("acme.example")
		Expect(err).NotTo(HaveOccurred())
		for _, line := range []string{"MAIL FROM:<>", "RCPT TO:<a@other.example>", "RCPT TO:<b@other.example>"} {
			_, err := conn.Cmd(line)
			Expect(err).NotTo(HaveOccurred())
		}
		told := l.lastRefusal()
		Expect(told.Recipient).To(Equal("b@other.example"))
		Expect(told.Rule).To(Equal("NULL-MULTI-RCPT"))
		Expect(told.Counters).To(BeEmpty())
	})

	It("tell of what the wire refuses by itself", func() {
		conn := l.dial()
		_, err := conn.Cmd("RCPT TO:<a@other.example>")
		Expect(err).NotTo(HaveOccurred())
		told := l.lastRefusal()
		Expect(told.Rule).To(Equal("RFC5321-4.1.4/order"))
		Expect(told.Why).NotTo(BeEmpty())
	})
})
