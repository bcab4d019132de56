package reference_test

import (
	"context"
	"encoding/base64"
	"net/netip"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/policy"
)

var _ = Describe("The relay's extensions", func() {
	It("take a message in chunks, which counts as one message", func() {
		r := start(setup{})
		c := r.session()
		Expect(c.Capabilities().Has("CHUNKING")).To(BeTrue())
		says(c, envelope(pico, picoPeak)...)
		Expect(c.WriteRaw([]byte("BDAT 14\r\nSubject: x\r\n\r\nBDAT 3 LAST\r\n.\r\n"))).To(Succeed())
		Expect(c.ReadReply()).To(beginWith("250 2.0.0 14 octets received"))
		Expect(c.ReadReply()).To(beginWith("250 2.0.0 OK "))
		Expect(r.kept()).To(HaveLen(1))
		Expect(r.content(r.kept()[0].ID)).To(HaveSuffix("\r\nSubject: x\r\n\r\n.\r\n"))

		says(c, envelope(pico, 1)...)
		Expect(c.WriteRaw([]byte("BDAT 3 LAST\r\nx\r\nNOOP\r\n"))).To(Succeed())
		Expect(c.ReadReply()).To(beginWith("450 4.2.1 Peak SMTP relay limit exceeded for customer."), "as in reply to DATA")
		Expect(c.ReadReply()).To(haveCode(250))
		Expect(r.kept()).To(HaveLen(1))
	})

	It("take 100 recipients and defer the others where a service says so", func() {
		r := start(setup{switches: map[string]string{"recipient-cap": "cap100"}})
		c := r.session()
		Expect(says(c, envelope("anna@acme.example", 100)...)).To(haveCode(250))
		Expect(says(c, "RCPT TO:<r100@example.net>")).To(beginWith("452 4.5.3 Your message has too many recipients."))
		Expect(says(c, "DATA")).To(haveCode(354))
		Expect(says(c, ".")).To(haveCode(250))
		Expect(r.kept()[0].Recipients).To(HaveLen(100))
	})

	It("end a loop at the 51st hop", func() {
		r := start(setup{})
		c := r.session()
		hops := func(n int) client.Message {
			m := message("anna@acme.example", 1)
			m.Data = append([]byte(strings.Repeat("Received: from a by b\r\n", n)), m.Data...)
			return m
		}
		out, err := c.Send(hops(50), client.Lockstep)
		Expect(err).NotTo(HaveOccurred())
		Expect(out.Reply).To(haveCode(250))
		out, err = c.Send(hops(51), client.Lockstep)
		Expect(err).NotTo(HaveOccurred())
		Expect(out.Reply).To(beginWith("554 5.4.6 Message exceeded 50 hops, this may indicate a mail loop."))
		Expect(r.kept()).To(HaveLen(1))
	})

	DescribeTable("let a token prove who somebody is, until it expires",
		func(token string, code int) {
			r := start(setup{options: func(o *reference.Options) {
				o.Now = func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }
			}})
			c, err := r.dialer(policy.Port465).Dial(context.Background())
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(c.Close)
			Expect(c.ReadReply()).To(haveCode(220))
			Expect(c.Hello("mail.elsewhere.example")).To(haveCode(250))
			Expect(c.Capabilities().Parameters("AUTH")).To(Equal([]string{"LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER"}))
			response := base64.StdEncoding.EncodeToString([]byte("user=bella@vault.example\x01auth=Bearer " + token + "\x01\x01"))
			reply := says(c, "AUTH XOAUTH2 "+response)
			if code == 535 {
				Expect(reply).To(haveCode(334))
				reply = says(c, "")
			}
			Expect(reply).To(haveCode(code))
			if code == 235 {
				Expect(sends(c, "bella@vault.example", 1)).To(haveCode(250))
				Expect(r.kept()[0].User).To(Equal("bella@vault.example"))
			}
		},
		Entry("a good one", "sample-token", 235),
		Entry("an expired one", "stale-token", 535),
		Entry("an unknown one", "no-token", 535),
	)

	It("take addresses beyond ASCII with SMTPUTF8, from the customer that has the domain by its A-label", func() {
		acme := &policy.Customer{ID: "acme", Licences: 1, Edition: policy.Workspace, Paid: true, Domains: []string{"xn--bcher-kva.example"},
			Settings: []policy.Setting{{Description: "all", Enabled: true, Senders: policy.RegisteredUsers, ByAddress: true,
				Addresses: policy.NewAddressList([]policy.Range{{Prefix: netip.MustParsePrefix("127.0.0.1/32"), Enabled: true}})}}}
		jorg := &policy.User{Address: policy.Address{Local: "jörg", Domain: "bücher.example"}, Customer: acme}
		world, err := directory.New([]*policy.Customer{acme}, []*policy.User{jorg})
		Expect(err).NotTo(HaveOccurred())
		r := start(setup{options: func(o *reference.Options) { o.Directory = world }})
		c := r.session()
		Expect(c.Capabilities().Has("SMTPUTF8")).To(BeTrue())
		Expect(says(c, "MAIL FROM:<jörg@bücher.example>")).To(beginWith("553 5.6.7"))
		Expect(says(c, "MAIL FROM:<jorg@bücher.example> SMTPUTF8")).To(haveCode(550))
		out, err := c.Send(client.Message{Sender: "jörg@bücher.example", Recipients: []string{"测试@例え.example"}, Parameters: "SMTPUTF8",
			Data: []byte("Subject: grün\r\n\r\nx\r\n")}, client.Lockstep)
		Expect(err).NotTo(HaveOccurred())
		Expect(out.Reply).To(haveCode(250))
		kept := r.kept()
		Expect(kept).To(HaveLen(1))
		Expect(kept[0].UTF8).To(BeTrue())
		Expect(kept[0].Customer).To(Equal("acme"))
		Expect(kept[0].Sender.String()).To(Equal("jörg@bücher.example"))
		Expect(r.content(kept[0].ID)).To(ContainSubstring("with UTF8SMTP id "))
		Expect(sends(c, "app@xn--bcher-kva.example", 1)).To(haveCode(550), "no registered user")
	})
})
