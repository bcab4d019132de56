package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/mx"
)

// told waits until serve tells what matches expression, and gives its group.
func (w *stderr) told(expression string) string {
	GinkgoHelper()
	w.address(25)
	found := regexp.MustCompile(expression).FindStringSubmatch(w.String())
	Expect(found).NotTo(BeNil(), w.String())
	return found[1]
}

// asks asks the API of s, and gives the status and the body.
func (s *served) asks(method, path, token, body string) (int, string) {
	GinkgoHelper()
	r, err := http.NewRequestWithContext(context.Background(), method, s.told(`(?m)^control: (\S+)$`)+path, strings.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer.StatusCode, string(text)
}

var _ = Describe("serve --control", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	It("serves no API where nobody asks for it", func() {
		s := serving()
		s.address(25)
		Expect(s.String()).NotTo(ContainSubstring("control: "))
	})

	It("draws a token, tells it once, and asks for it", func() {
		s := serving("--control", "127.0.0.1:0")
		token := s.told(`(?m)^control token: ([A-Z2-7]{26})$`)
		status, _ := s.asks("GET", "/v1/target", "other", "")
		Expect(status).To(Equal(http.StatusUnauthorized))
		status, text := s.asks("GET", "/v1/target", token, "")
		Expect(status).To(Equal(http.StatusOK))
		Expect(text).To(ContainSubstring(s.address(587)))
		s.stop()
	})

	It("steers a relay of nobody's: world, frozen clock, counters, faults, next hop", func() {
		sink, err := mx.Start(mx.Options{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(sink.Close)
		s := serving("--world", "", "--control", "127.0.0.1:0", "--control-token", "t", "--clock", "frozen", "--next-hop", sink.Address(), "--mail", "memory")
		ask := func(method, path, body string) string {
			GinkgoHelper()
			status, text := s.asks(method, path, "t", body)
			Expect(status).To(BeNumerically("<", 300), text)
			return text
		}
		Expect(s.address(25)).NotTo(BeEmpty())
		Expect(s.String()).NotTo(ContainSubstring("control token"))
		ask("PUT", "/v1/world", `{"customers": [{"id": "acme", "licences": 1, "domains": ["acme.example"], "users": [{"address": "anna@acme.example"}],
			"settings": [{"description": "all", "senders": "my-domains", "by_address": true, "addresses": [{"range": "127.0.0.1"}]}]}]}`)
		sends(s.address(25), "first")
		var messages []struct{ ID, Given string }
		Expect(json.Unmarshal([]byte(ask("GET", "/v1/messages", "")), &messages)).To(Succeed())
		Expect(messages).To(HaveLen(1))
		Expect(messages[0].Given).To(Equal("anna@acme.example"))
		Eventually(func() string { return ask("GET", "/v1/deliveries?message="+messages[0].ID, "") }, patience).Should(ContainSubstring(`"delivered"`))
		Eventually(s.out.String, patience).Should(ContainSubstring(`"delivery":"`+messages[0].ID), "the events go on")

		ask("POST", "/v1/faults", `{"on": "mail", "reply": {"code": 451}, "ttl": "1h"}`)
		c := session(s.address(25))
		reply, err := c.Cmd("MAIL FROM:<anna@acme.example>")
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Code).To(Equal(451))
		before := ask("GET", "/v1/clock", "")
		Expect(ask("GET", "/v1/clock", "")).To(Equal(before), "it stands")
		ask("POST", "/v1/clock/advance", `{"seconds": 3600}`)
		reply, err = c.Cmd("MAIL FROM:<anna@acme.example>")
		Expect(err).NotTo(HaveOccurred())
		Expect(reply.Code).To(Equal(250))
		_, err = c.Quit() // what is in a transaction would be waited for
		Expect(err).NotTo(HaveOccurred())
		s.stop()
		Expect("memory").NotTo(BeADirectory())
	})

	It("runs with real time unless it is told to stand", func() {
		s := serving("--control", "127.0.0.1:0", "--control-token", "t")
		now := func() time.Time {
			GinkgoHelper()
			var clock struct{ Now time.Time }
			_, text := s.asks("GET", "/v1/clock", "t", "")
			Expect(json.Unmarshal([]byte(text), &clock)).To(Succeed())
			return clock.Now
		}
		first := now()
		Expect(first).To(BeTemporally("~", time.Now(), time.Minute))
		Eventually(now, patience).Should(BeTemporally(">", first))
		s.asks("POST", "/v1/clock/advance", "t", `{"seconds": 86400}`)
		Expect(now()).To(BeTemporally("~", time.Now().Add(24*time.Hour), time.Minute))
		s.stop()
	})

	It("reads the token from a file", func() {
		Expect(os.WriteFile("token", []byte("of-a-file\n"), 0o600)).To(Succeed())
		s := serving("--control", "127.0.0.1:0", "--control-token-file", "token")
		status, _ := s.asks("GET", "/v1/clock", "of-a-file", "")
		Expect(status).To(Equal(http.StatusOK))
		s.stop()
	})

	It("serves no API for a token that stands in the environment for another program", func() {
		GinkgoT().Setenv("RELAYSPEC_CONTROL_TOKEN", "another's")
		s := serving()
		Expect(s.address(25)).NotTo(BeEmpty())
		s.stop()
		Expect(s.String()).NotTo(ContainSubstring("control:"))
	})

	It("says that no mail can be shown where none is kept", func() {
		s := serving("--control", "127.0.0.1:0", "--control-token", "t", "--mail", "off")
		status, text := s.asks("GET", "/v1/messages", "t", "")
		Expect(status).To(Equal(http.StatusNotImplemented))
		Expect(text).To(ContainSubstring("keeps no mail"))
		s.stop()
	})

	It("ends a stream of events that somebody reads when it is ended", func() {
		s := serving("--control", "127.0.0.1:0", "--control-token", "t")
		r, err := http.NewRequest(http.MethodGet, s.told(`(?m)^control: (\S+)$`)+"/v1/events", nil)
		Expect(err).NotTo(HaveOccurred())
		r.Header.Set("Authorization", "Bearer t")
		answer, err := http.DefaultClient.Do(r)
		Expect(err).NotTo(HaveOccurred())
		defer answer.Body.Close()
		s.stop()
		_, err = io.ReadAll(answer.Body)
		Expect(err).NotTo(HaveOccurred())
	})

	DescribeTable("refuses with advice",
		func(words string, args ...string) {
			Expect(os.WriteFile("empty", []byte("\n"), 0o600)).To(Succeed())
			got := relayspec(append([]string{"serve", "--world", sampleWorld()}, args...)...)
			Expect(got.code).To(Equal(exitUsage), got.err)
			Expect(got.err).To(MatchRegexp(words))
		},
		Entry("an API that strangers reach, without a token", `(?s)0\.0\.0\.0:0 can be reached.*--control-token`, "--control", "0.0.0.0:0"),
		Entry("the same without a host", `can be reached`, "--control", ":0"),
		Entry("a token without an API", `go with --control`, "--control-token", "x"),
		Entry("a clock without an API", `go with --control`, "--clock", "frozen"),
		Entry("a clock of another kind", `must be one of`, "--control", "127.0.0.1:0", "--clock", "sundial"),
		Entry("two tokens", `both given`, "--control", "127.0.0.1:0", "--control-token", "x", "--control-token-file", "empty"),
		Entry("an empty token file", `empty is empty`, "--control", "127.0.0.1:0", "--control-token-file", "empty"),
		Entry("a token file that isn't there", `no such file`, "--control", "127.0.0.1:0", "--control-token-file", "none"),
		Entry("a token that no header can hold", `blanks`, "--control", "127.0.0.1:0", "--control-token", "a b"),
		Entry("an address that is none", `(?s)serve the control API.*--control`, "--control", "nowhere"),
	)
})
