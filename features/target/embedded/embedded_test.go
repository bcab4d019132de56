package embedded_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reports"
)

// acme is a customer with one licence: 130 recipients a day, 9 in 10 minutes.
func acme() target.World {
	return target.World{Customers: []target.Customer{{
		ID: "acme", Licences: 1, Domains: []string{"acme.example"},
		Users:    []target.User{{Address: "anna@acme.example", Password: "secret"}},
		Settings: []target.Setting{{Description: "all", Senders: target.MyDomains, ByAddress: true, Addresses: []target.AddressEntry{{Range: "127.0.0.1"}}}},
	}}}
}

var _ = Describe("the embedded relay", func() {
	var (
		ctx   context.Context
		relay *embedded.Relay
	)

	BeforeEach(func() {
		ctx = context.Background()
		t, closer, err := embedded.Open(ctx)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(closer.Close)
		relay = t.(*embedded.Relay)
		Expect(relay.Apply(ctx, acme())).To(Succeed())
	})

	// relays sends one message and gives the code of what decided.
	relays := func(token string, recipients ...string) int {
		GinkgoHelper()
		d := &client.Dialer{Address: relay.Address(target.Port25), Timeout: 10 * time.Second}
		conn, err := d.Dial(ctx)
		Expect(err).NotTo(HaveOccurred())
		defer conn.Close()
		_, err = conn.ReadReply()
		Expect(err).NotTo(HaveOccurred())
		_, err = conn.Hello("mta.elsewhere.example")
		Expect(err).NotTo(HaveOccurred())
		o, err := conn.Send(client.Message{Sender: "app@acme.example", Recipients: recipients, Data: []byte("Subject: x\r\n\r\n" + token + "\r\n")}, client.Pipelined)
		Expect(err).NotTo(HaveOccurred())
		return o.Reply.Code
	}

	It("hands on what carries a token, and shows it", func() {
		Expect(relays(target.TokenMark+"1.", "bob@other.example")).To(Equal(250))
		Expect(relays("no mark", "bob@other.example")).To(Equal(250))
		messages, err := relay.Delivered(ctx, target.TokenMark+"1.", 5*time.Second)
		Expect(err).NotTo(HaveOccurred())
		Expect(messages).To(HaveLen(1))
		Expect(messages[0].Sender).To(Equal("app@acme.example"))
		Expect(messages[0].Recipients).To(Equal([]string{"bob@other.example"}))
	})

	It("says at once that nothing will be delivered", func() {
		asked := time.Now()
		messages, err := relay.Delivered(ctx, target.TokenMark+"never.", time.Minute)
		Expect(err).NotTo(HaveOccurred())
		Expect(messages).To(BeEmpty())
		Expect(time.Since(asked)).To(BeNumerically("<", 10*time.Second))
	})

	It("preloads, resets and moves its clock", func() {
		Expect(relay.SetUsage(ctx, target.Usage{Customer: "acme", Counter: "customer-peak", Amount: 9})).To(Succeed())
		Expect(relays("x", "bob@other.example")).To(Equal(450))
		Expect(relay.Advance(ctx, 10*time.Minute-time.Second)).To(Succeed())
		Expect(relays("x", "bob@other.example")).To(Equal(450))
		Expect(relay.Advance(ctx, time.Second)).To(Succeed())
		Expect(relays("x", "bob@other.example")).To(Equal(250))

		Expect(relay.SetUsage(ctx, target.Usage{Customer: "acme", Counter: "customer-day", Amount: 130})).To(Succeed())
		Expect(relays("x", "bob@other.example")).To(Equal(550))
		Expect(relay.Reset(ctx, "acme")).To(Succeed())
		Expect(relays("x", "bob@other.example")).To(Equal(250))
	})

	It("refuses a counter that there isn't, and time that goes back", func() {
		Expect(relay.SetUsage(ctx, target.Usage{Customer: "acme", Counter: "customer-week"})).To(MatchError(ContainSubstring("customer-week")))
		Expect(relay.Advance(ctx, -time.Second)).To(MatchError(ContainSubstring("only goes forward")))
	})

	It("says what is wrong with a world", func() {
		w := acme()
		w.Customers[0].Settings[0].Addresses[0].Range = "127.0.0.1/33"
		Expect(relay.Apply(ctx, w)).To(MatchError(ContainSubstring("127.0.0.1/33")))
	})

	It("declares what it lacks as lacking", func() {
		t, closer, err := embedded.OpenWith(ctx, embedded.Options{Lacks: []target.Capability{target.Sliding}})
		Expect(err).NotTo(HaveOccurred())
		defer closer.Close()
		Expect(t.Describe().Capabilities).NotTo(ContainElement(target.Sliding))
		Expect(relay.Describe().Capabilities).To(ContainElement(target.Sliding))
	})
})

// Under the race detector, with counters preloaded: the run of make conform really sends.
func TestReferenceKeepsEveryRule(t *testing.T) {
	suite, err := features.Load()
	if err != nil {
		t.Fatal(err)
	}
	run, err := features.Judge(context.Background(), features.Options{
		Suite: suite, Open: embedded.Open, Volume: features.VolumeLight,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range run.Cases {
		// DSN isn't announced, a variant is judged by it; a light run sends no message of the largest size.
		absent := c.Verdict == reports.Unsupported && (c.Reason == string(target.ExtDSN) || c.Reason == string(target.Volume))
		if c.Verdict != reports.Pass && !absent {
			t.Errorf("%s %s: wanted %s; got %s%s", c.Verdict, c.ID, c.Want, c.Got, c.Reason)
		}
	}
	if run.Totals.Ran < 100 {
		t.Errorf("only %d scenarios ran", run.Totals.Ran)
	}
	fmt.Printf("%d scenarios ran against %s\n", run.Totals.Ran, strings.ToLower(run.Target.Name))
}
