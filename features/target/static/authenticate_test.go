package static_test

import (
	"context"
	"errors"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features/target/static"
	"github.com/relayspec/relayspec/reports"
)

// gatekeeper is a relay that announces AUTH LOGIN, and does nothing for who hasn't authenticated. It takes one password.
func gatekeeper(password string) *relayScript {
	GinkgoHelper()
	var mu sync.Mutex
	stage := map[int]string{} // of each session's AUTH
	return scripted(func(session int, line string) string {
		mu.Lock()
		defer mu.Unlock()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch {
		case stage[session] == "user":
			stage[session] = "password"
			return "334 UGFzc3dvcmQ6"
		case stage[session] == "password":
			stage[session] = ""
			if line != password {
				return "535 5.7.8 no"
			}
			stage[session] = "done"
			return "235 2.7.0 welcome"
		case verb == "EHLO":
			return "250-relay.example\r\n250 AUTH LOGIN"
		case line == "AUTH LOGIN":
			stage[session] = "user"
			return "334 VXNlcm5hbWU6"
		case stage[session] != "done" && (verb == "MAIL" || verb == "RCPT" || verb == "DATA" || verb == "EXPN"):
			return "530 5.7.0 Authentication required"
		}
		return ""
	})
}

var _ = Describe("A relay that relays only for who has authenticated", func() {
	// wants is a profile of the relay at address; its user's password is p.
	wants := func(address, authenticate string) *static.Profile {
		GinkgoHelper()
		user := "roles: {user: {address: a@corp.example, password: p}, " + authenticate
		return profile("ports: {25: '" + address + "'}" + strings.Replace(minimal, "roles: {", user, 1))
	}
	const right = "cA=="

	DescribeTable("is no target where sessions can't begin so, and the profile is told where",
		func(address func() string, want string) {
			_, err := wants(address(), "authenticate: true, ").Open(context.Background(), static.Options{})
			Expect(errors.As(err, new(static.Faults))).To(BeTrue(), "%v", err)
			Expect(err).To(MatchError(MatchRegexp(want)))
		},
		Entry("without AUTH", func() string { return scripted(honestly).address() },
			`target.yaml:4:69: roles.authenticate: port 25 announces no AUTH; switch it on there, or leave roles.authenticate out`),
		Entry("another password", func() string { return gatekeeper("cXE=").address() },
			`target.yaml:4:69: roles.authenticate: port 25 refuses a@corp.example: 535 5.7.8 no; mend roles.user, or the account on the relay`),
	)

	DescribeTable("is judged by sessions that begin with AUTH, and by nothing about mail without",
		func(id string, with, without reports.Verdict, reason string) {
			r := gatekeeper(right)
			c := verdict(wants(r.address(), "authenticate: true, "), id)
			Expect([]any{c.Verdict, c.Reason}).To(Equal([]any{with, reason}))
			Expect(verdict(wants(r.address(), ""), id).Verdict).To(Equal(without))
		},
		Entry("mail after EHLO", "RFC5321-4.1.1.5/rset/rset-after-a-message", reports.Pass, reports.Error, ""),
		Entry("a message behind HELO", "RFC5321-4.1.1.1/helo/helo-and-a-message-behind-it", reports.Unprovisioned, reports.Fail, "role sender without AUTH"),
		Entry("RCPT first", "RFC5321-3.3/rcpt-needs-mail/rcpt-first-by-a-client-that-has/connected", reports.Unprovisioned, reports.Fail, "role recipient without AUTH"),
		Entry("what isn't answered without AUTH", "RFC5321-4.1.4/before-ehlo/before-ehlo/expn-staff", reports.Unprovisioned, reports.NonStrict, "role client without AUTH"),
		Entry("what needs no AUTH", "RFC5321-4.1.1.5/rset/rset-by-a-client-that-has/said-helo", reports.Pass, reports.Pass, ""),
	)
})
