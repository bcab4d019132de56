package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
)

// asksUs are the settings of a Postfix that relays what the policy service says, and throws it away.
func asksUs(address string) map[string]string {
	ask := "check_policy_service inet:" + address
	return map[string]string{
		"relayhost": "", "default_transport": "discard", "relay_transport": "discard", "smtpd_peername_lookup": "no", "inet_protocols": "ipv4",
		"alias_maps": "", "smtpd_delay_reject": "no", "smtpd_helo_required": "yes",
		"smtpd_helo_restrictions": ask, "smtpd_sender_restrictions": ask, "smtpd_relay_restrictions": ask + ", reject",
		"smtpd_recipient_restrictions": "", "smtpd_data_restrictions": ask, "smtpd_end_of_data_restrictions": ask,
	}
}

// receives makes p take mail on a port.
func (p *postfix) receives(port int) {
	for _, service := range []string{fmt.Sprintf("%d/inet=%[1]d inet n - n - - smtpd", port), "anvil/unix=anvil unix - - n - 1 anvil", "discard/unix=discard unix - - n - - discard"} {
		p.run("", "postconf", "-c", p.etc(), "-M", service)
	}
	p.run("", "postfix", "-c", p.etc(), "reload")
}

// TestPolicydDecidesForPostfix: a real Postfix keeps the documented limits by asking us.
func TestPolicydDecidesForPostfix(t *testing.T) {
	if !usesPostfix(t) {
		return
	}
	g := NewWithT(t)
	ctx, cancel := context.WithCancel(context.Background())
	var out, told stderr
	ended := make(chan error, 1)
	go func() {
		ended <- command(ctx, []string{"policyd", "--listen", "127.0.0.1:0", "--world", rootDir + "/world.yaml"}, &streams{strings.NewReader(""), &out, &told})
	}()
	defer func() {
		cancel()
		g.Eventually(ended, patience).Should(Receive(BeNil()))
	}()
	serves := regexp.MustCompile(`policy service: (\S+)\n`)
	g.Eventually(told.String, patience).Should(MatchRegexp(serves.String()))
	const port = 2525
	p := startPostfix(t, "", "", asksUs(serves.FindStringSubmatch(told.String())[1]))
	p.receives(port)

	dial := func() *client.Conn {
		t.Helper()
		var c *client.Conn
		g.Eventually(func() (err error) {
			c, err = (&client.Dialer{Address: fmt.Sprintf("127.0.0.1:%d", port), Timeout: queueTime}).Dial(t.Context())
			return err
		}, queueTime, often).Should(Succeed())
		t.Cleanup(func() { c.Close() })
		g.Expect(c.ReadReply()).To(HaveField("Code", 220))
		return c
	}
	replies := func(c *client.Conn, command string) string {
		t.Helper()
		r, err := c.Cmd(command)
		g.Expect(err).NotTo(HaveOccurred())
		return r.String()
	}

	c := dial()
	g.Expect(replies(c, "EHLO localhost")).To(HavePrefix("421 4.7.0 <localhost>: Helo command rejected: Try again later, closing connection."))
	_, err := c.ReadReply()
	g.Expect(client.Ended(err)).To(BeTrue(), "closed, as a 421 says")

	c = dial()
	g.Expect(replies(c, "EHLO mail.acme.example")).To(HavePrefix("250"))
	g.Expect(replies(c, "MAIL FROM:<x@nobody.example>")).To(HavePrefix("550 5.7.1 "), "where the rules say, and not at RCPT")
	g.Expect(replies(c, "MAIL FROM:<>")).To(HavePrefix("250"))
	g.Expect(replies(c, "RCPT TO:<bob@example.net>")).To(HavePrefix("250"))
	g.Expect(replies(c, "RCPT TO:<eve@example.net>")).To(HavePrefix("550 5.5.3 "))
	g.Expect(replies(c, "RSET")).To(HavePrefix("250"))

	// pico has one licence: 9 recipients in 10 minutes.
	message := func(recipients int) string {
		t.Helper()
		m := client.Message{Sender: "x@pico.example", Data: []byte("Subject: x\r\n\r\nhello\r\n")}
		for i := range recipients {
			m.Recipients = append(m.Recipients, fmt.Sprintf("bob%d@example.net", i))
		}
		o, err := c.Send(m, client.Pipelined)
		g.Expect(err).NotTo(HaveOccurred())
		return o.Reply.String()
	}
	g.Expect(message(10)).To(HavePrefix("450 4.2.1 <DATA>: Data command rejected: Peak SMTP relay limit exceeded for customer."), "and nothing is used")
	g.Expect(message(8)).To(HavePrefix("250 2.0.0 Ok: queued"))
	g.Expect(message(2)).To(HavePrefix("450 4.2.1 "))
	g.Expect(message(1)).To(HavePrefix("250 2.0.0 Ok: queued"))
	g.Expect(message(1)).To(HavePrefix("450 4.2.1 "))
	g.Expect(out.String()).NotTo(Or(ContainSubstring(`"cause"`), ContainSubstring(`"note"`)))
}
