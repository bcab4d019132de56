package embedded_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/control"
	"github.com/relayspec/relayspec/features/target/embedded"
)

var _ = Describe("The relay behind its API", func() {
	var served *embedded.Served
	BeforeEach(func(ctx SpecContext) {
		var err error
		served, err = embedded.Serve(ctx, embedded.Options{World: func(w target.World) target.World {
			w.Customers[0].Licences = 7
			return w
		}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(served.Close)
	})

	driver := func(token string) *control.Driver {
		GinkgoHelper()
		d, err := control.New(control.Options{URL: served.URL, Token: token, Timeout: 5 * time.Second})
		Expect(err).NotTo(HaveOccurred())
		return d
	}

	It("is steered over HTTP by every verb", func(ctx SpecContext) {
		d := driver(served.Token)
		said, err := d.Introduce(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(said.Name).To(Equal("reference"))
		Expect(said.Verbs).To(ConsistOf(target.CanApply, target.CanReset, target.CanUsage, target.CanClock))
		Expect(said.Ports).To(HaveKeyWithValue("587", served.Address(target.Port587)))
		Expect(d.Challenge(ctx, "no-such-verb")).To(MatchError(target.ErrUnsupported))
		Expect(d.Apply(ctx, target.World{Customers: []target.Customer{{ID: "acme", Licences: 1, Domains: []string{"acme.example"}}}})).To(Succeed())
		Expect(d.SetUsage(ctx, target.Usage{Customer: "acme", Counter: "customer-day", Amount: 5})).To(Succeed())
		Expect(d.SetUsage(ctx, target.Usage{Customer: "acme", Counter: "no-such", Amount: 5})).To(MatchError(ContainSubstring("the driver failed at usage: 400")))
		Expect(d.Reset(ctx, "acme")).To(Succeed())
		before, err := d.Now(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Advance(ctx, 24*time.Hour)).To(Succeed())
		Expect(d.Now(ctx)).To(Equal(before.Add(24 * time.Hour)))
		Expect(d.Advance(ctx, -time.Hour)).To(MatchError(ContainSubstring("the driver failed at clock/advance: 400")))
	})

	It("tells who shows no token, or another", func(ctx SpecContext) {
		for _, token := range []string{"", "another"} {
			_, err := driver(token).Introduce(ctx)
			Expect(err).To(MatchError(MatchRegexp("the driver refuses the token at target: .*; write the token that the relay was given in control.token")))
			Expect(err).NotTo(MatchError(ContainSubstring(served.Token)))
		}
	})
})
