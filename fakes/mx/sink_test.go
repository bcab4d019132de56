package mx_test

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/mx"
	"github.com/relayspec/relayspec/reports/transcript"
)

// start gives a sink that ends with the spec.
func start(options mx.Options) *mx.Sink {
	GinkgoHelper()
	sink, err := mx.Start(options)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(sink.Close)
	return sink
}

// deliver sends one message as a relay would.
func deliver(sink *mx.Sink, sender string, recipients []string, data string) error {
	client, err := smtp.Dial(sink.Address())
	if err != nil {
		return err
	}
	defer client.Close()
	return client.SendMail(sender, recipients, strings.NewReader(data))
}

func data(m mx.Message) string { return string(m.Data) }

var _ = Describe("A sink", func() {
	It("keeps envelope and content as they came", func() {
		sink := start(mx.Options{})
		content := "Subject: x\r\n\r\n.dot\r\n..dots\r\nend\r\n"
		Expect(deliver(sink, "a@corp.example", []string{"b@example.net", "c@example.net"}, content)).To(Succeed())
		Expect(sink.All()).To(HaveLen(1))
		m := sink.All()[0]
		Expect(m.Sender).To(Equal("a@corp.example"))
		Expect(m.Recipients).To(Equal([]string{"b@example.net", "c@example.net"}))
		Expect(data(m)).To(Equal(content))
	})

	It("takes the null sender", func() {
		sink := start(mx.Options{})
		Expect(deliver(sink, "", []string{"b@example.net"}, "bounce\r\n")).To(Succeed())
		Expect(sink.All()).To(HaveExactElements(HaveField("Sender", "")))
	})

	It("keeps two messages of one session apart", func() {
		sink := start(mx.Options{})
		client, err := smtp.Dial(sink.Address())
		Expect(err).NotTo(HaveOccurred())
		defer client.Close()
		for _, name := range []string{"one", "two"} {
			Expect(client.SendMail("", []string{name + "@example.net"}, strings.NewReader(name+"\r\n"))).To(Succeed())
		}
		Expect(sink.All()).To(HaveExactElements(
			HaveField("Recipients", []string{"one@example.net"}), HaveField("Recipients", []string{"two@example.net"})))
	})

	It("refuses and defers as it is told", func() {
		sink := start(mx.Options{Refuse: func(sender, recipient string) *smtp.SMTPError {
			switch {
			case strings.HasPrefix(recipient, "unknown@"):
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
			case sender == "slow@corp.example":
				return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "later"}
			}
			return nil
		}})
		err := deliver(sink, "a@corp.example", []string{"unknown@example.net"}, "x\r\n")
		Expect(err).To(MatchError(ContainSubstring("no such user")))
		err = deliver(sink, "slow@corp.example", []string{"b@example.net"}, "x\r\n")
		Expect(err).To(MatchError(ContainSubstring("later")))
		Expect(deliver(sink, "a@corp.example", []string{"b@example.net"}, "x\r\n")).To(Succeed())
		Expect(sink.Count()).To(Equal(1))
	})

	It("listens where it is told, and says so when it can't", func() {
		first := start(mx.Options{Listen: "127.0.0.1:0"})
		Expect(first.Address()).To(HavePrefix("127.0.0.1:"))
		_, err := mx.Start(mx.Options{Listen: first.Address()})
		Expect(err).To(MatchError(And(HavePrefix("start the sink: "), ContainSubstring(first.Address()))))
	})

	It("ends sessions when it is closed", func() {
		sink := start(mx.Options{})
		client, err := smtp.Dial(sink.Address())
		Expect(err).NotTo(HaveOccurred())
		defer client.Close()
		Expect(client.Noop()).To(Succeed())
		Expect(sink.Close()).To(Succeed())
		Expect(client.Noop()).NotTo(Succeed())
	})
})

var _ = Describe("A wait for messages", func() {
	It("waits for messages by their token", func(ctx SpecContext) {
		sink := start(mx.Options{})
		Expect(deliver(sink, "", []string{"x@example.net"}, "token-1\r\n")).To(Succeed())
		result := make(chan []mx.Message)
		go func() {
			defer GinkgoRecover()
			found, err := sink.Wait(ctx, "token-1", 2)
			Expect(err).NotTo(HaveOccurred())
			result <- found
		}()
		Expect(deliver(sink, "", []string{"x@example.net"}, "token-2\r\n")).To(Succeed())
		Consistently(result, "50ms").ShouldNot(Receive())
		Expect(deliver(sink, "", []string{"x@example.net"}, "again token-1\r\n")).To(Succeed())
		Eventually(ctx, result).Should(Receive(HaveExactElements(
			WithTransform(data, Equal("token-1\r\n")), WithTransform(data, Equal("again token-1\r\n")))))
	})

	It("tells how far it got when the context ends", func() {
		sink := start(mx.Options{})
		Expect(deliver(sink, "", []string{"x@example.net"}, "token\r\n")).To(Succeed())
		enough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(enough)
		found, err := sink.Wait(ctx, "token", 2)
		Expect(err).To(MatchError(enough))
		Expect(err).To(MatchError(ContainSubstring(`2 messages with "token", have 1`)))
		Expect(found).To(HaveLen(1))
	})

	It("ends a wait when it is closed", func(ctx SpecContext) {
		sink := start(mx.Options{})
		result := make(chan error)
		go func() {
			_, err := sink.Wait(ctx, "never", 1)
			result <- err
		}()
		Consistently(result, "20ms").ShouldNot(Receive())
		Expect(sink.Close()).To(Succeed())
		Eventually(ctx, result).Should(Receive(MatchError(mx.ErrClosed)))
		Expect(sink.Close()).To(Succeed())
	})

	It("sees what arrives after others were let go", func(ctx SpecContext) {
		sink := start(mx.Options{Keep: 1})
		for range 3 {
			Expect(deliver(sink, "", []string{"x@example.net"}, "early\r\n")).To(Succeed())
		}
		result := make(chan []mx.Message)
		go func() {
			found, _ := sink.Wait(ctx, "late", 1)
			result <- found
		}()
		Consistently(result, "20ms").ShouldNot(Receive())
		Expect(deliver(sink, "", []string{"x@example.net"}, "late\r\n")).To(Succeed())
		Eventually(ctx, result).WithTimeout(30 * time.Second).Should(Receive(HaveLen(1)))
	})
})

var _ = Describe("The bound of a sink", func() {
	It("lets the oldest go", func(ctx SpecContext) {
		sink := start(mx.Options{Keep: 2})
		for _, content := range []string{"one\r\n", "two\r\n", "three\r\n"} {
			Expect(deliver(sink, "", []string{"x@example.net"}, content)).To(Succeed())
		}
		Expect(sink.All()).To(HaveExactElements(
			WithTransform(data, Equal("two\r\n")), WithTransform(data, Equal("three\r\n"))))
		Expect(sink.Count()).To(Equal(3))
		Expect(sink.Wait(ctx, "t", 2)).To(HaveLen(2))
	})

	It("keeps all without a bound", func() {
		sink := start(mx.Options{Keep: -1})
		for range 5 {
			Expect(deliver(sink, "", []string{"x@example.net"}, "x\r\n")).To(Succeed())
		}
		Expect(sink.All()).To(HaveLen(5))
	})

	It("counts what it discards", func() {
		log := &transcript.Transcript{}
		sink := start(mx.Options{Discard: true, Transcript: log})
		Expect(deliver(sink, "a@b.example", []string{"x@example.net"}, "12345678\r\n")).To(Succeed())
		Expect(sink.All()).To(BeEmpty())
		Expect(sink.Count()).To(Equal(1))
		Expect(log.Entries()).To(HaveExactElements(
			HaveField("Text", "got a message from <a@b.example> to 1 recipients, 10 octets")))
	})
})
