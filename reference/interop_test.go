package reference_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reference/policy"
)

// The standard library's client, which many Go programs relay with.
var _ = Describe("net/smtp", func() {
	var r *running
	BeforeEach(func() { r = start(setup{}) })

	// connected opens a session on a port, with TLS where that begins with it.
	connected := func(role policy.Role) *smtp.Client {
		GinkgoHelper()
		conn, err := net.Dial("tcp", r.ports[role])
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { conn.Close() })
		Expect(conn.SetDeadline(time.Now().Add(patience))).To(Succeed())
		config := &tls.Config{RootCAs: r.certificate.Authority, ServerName: "127.0.0.1"}
		if role == policy.Port465 {
			conn = tls.Client(conn, config)
		}
		c, err := smtp.NewClient(conn, "127.0.0.1")
		Expect(err).NotTo(HaveOccurred())
		if role != policy.Port465 {
			Expect(c.Hello("mail.vault.example")).To(Succeed())
			Expect(c.StartTLS(config)).To(Succeed())
		}
		return c
	}
	bella := func(password string) smtp.Auth {
		return smtp.PlainAuth("", "bella@vault.example", password, "127.0.0.1")
	}
	const text = "Subject: from net/smtp\r\n\r\n.dots\r\n..\r\n"

	DescribeTable("relays with TLS and AUTH",
		func(role policy.Role) {
			c := connected(role)
			if role == policy.Port465 {
				Expect(c.Hello("mail.vault.example")).To(Succeed())
			}
			Expect(c.Auth(bella("correct horse"))).To(Succeed())
			for range 2 { // in one session
				Expect(c.Mail("bella@vault.example")).To(Succeed())
				Expect(c.Rcpt("bob@example.net")).To(Succeed())
				Expect(c.Rcpt("eve@example.org")).To(Succeed())
				w, err := c.Data()
				Expect(err).NotTo(HaveOccurred())
				_, err = w.Write([]byte(text))
				Expect(err).NotTo(HaveOccurred())
				Expect(w.Close()).To(Succeed())
			}
			Expect(c.Quit()).To(Succeed())
			Expect(r.kept()).To(HaveLen(2))
			for _, m := range r.kept() {
				Expect(m.User).To(Equal("bella@vault.example"))
				Expect(m.Recipients).To(HaveLen(2))
				Expect(r.content(m.ID)).To(HaveSuffix(text))
			}
		},
		Entry("on port 587", policy.Port587),
		Entry("on port 25", policy.Port25),
		Entry("on port 465", policy.Port465),
	)

	It("is told that its password is wrong", func() {
		err := connected(policy.Port587).Auth(bella("wrong"))
		var refused *textproto.Error
		Expect(errors.As(err, &refused)).To(BeTrue(), "%v", err)
		Expect(refused.Code).To(Equal(535))
		Expect(refused.Msg).To(HavePrefix("5.7.8 Username and Password not accepted"))
	})

	It("calls itself localhost unless it is told a name, and gets no further", func() {
		err := smtp.SendMail(r.ports[policy.Port25], nil, "anna@acme.example", []string{"bob@example.net"}, []byte(text))
		Expect(err).To(HaveOccurred())
		Expect(strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "reset")).To(BeTrue(), "%v", err)
		Expect(r.kept()).To(BeEmpty())
	})
})
