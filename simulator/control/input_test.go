package control_test

import (
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/simulator/control"
)

var _ = Describe("what can't be", Ordered, func() {
	var l *lab

	BeforeAll(func() { l = populated() })

	DescribeTable("a body is refused, with where and why",
		func(method, path, body string, words ...string) {
			answer, text := l.raw(method, path, body)
			Expect(answer.StatusCode).To(Equal(http.StatusBadRequest), text)
			Expect(answer.Header.Get("Content-Type")).To(Equal("application/problem+json"))
			for _, word := range words {
				Expect(text).To(ContainSubstring(word))
			}
		},
		Entry("no JSON", "PUT", "/v1/world", "{{", "isn't JSON"),
		Entry("nothing", "PUT", "/v1/world", "", "isn't JSON"),
		Entry("two values", "PUT", "/v1/world", `{"customers":[]} {}`, "isn't JSON"),
		Entry("another type", "PUT", "/v1/world", `[]`, `"pointer":""`, "want object"),
		Entry("an unknown key", "PUT", "/v1/world", `{"customers":[{"id":"a","licences":1,"domains":["a.example"],"licenses":2}]}`,
			`"pointer":"/customers/0/licenses"`, "no such key"),
		Entry("an unknown key with a slash", "PUT", "/v1/world", `{"customers":[],"a/b~":1}`, `"pointer":"/a~1b~0"`),
		Entry("several faults", "PUT", "/v1/world",
			`{"customers":[{"id":"","licences":0,"domains":[],"settings":[{"description":"x","senders":"nobody"}]}]}`,
			`/customers/0/id"`, `/customers/0/licences"`, `/customers/0/domains"`, `/customers/0/settings/0/senders"`),
		Entry("a time that is none", "PUT", "/v1/world",
			`{"customers":[{"id":"a","licences":1,"domains":["a.example"],"users":[{"address":"u@a.example","tokens":[{"value":"abcdefgh","expires":"tomorrow"}]}]}]}`,
			`/customers/0/users/0/tokens/0/expires"`),
		Entry("a world that can't be", "PUT", "/v1/world",
			`{"customers":[{"id":"a","licences":1,"domains":["a.example"]},{"id":"b","licences":1,"domains":["a.example"]}]}`, "a.example"),
		Entry("a range that is none", "PUT", "/v1/world",
			`{"customers":[{"id":"a","licences":1,"domains":["a.example"],"settings":[{"description":"x","senders":"any","by_address":true,"addresses":[{"range":"127.0.0.1/33"}]}]}]}`, "127.0.0.1/33"),
		Entry("an unknown customer's usage", "PUT", "/v1/usage", `{"customer":"b","counter":"customer-day","amount":1}`, `"/customer"`, "no customer has the ID b"),
		Entry("an unknown counter", "PUT", "/v1/usage", `{"customer":"acme","counter":"customer-week","amount":1}`, `"/counter"`),
		Entry("a user's counter without a user", "PUT", "/v1/usage", `{"customer":"acme","counter":"user-messages","amount":1}`, `"/user"`),
		Entry("a customer's counter with a user", "PUT", "/v1/usage", `{"customer":"acme","counter":"customer-day","user":"anna@acme.example","amount":1}`, `"/user"`),
		Entry("less than nothing used", "PUT", "/v1/usage", `{"customer":"acme","counter":"customer-day","amount":-1}`, `"/amount"`),
		Entry("time that goes back", "POST", "/v1/clock/advance", `{"seconds":-1}`, `"/seconds"`),
		Entry("time that goes too far", "POST", "/v1/clock/advance", `{"seconds":1e12}`, `"/seconds"`),
		Entry("a fault at no stage", "POST", "/v1/faults", `{"on":"quit","drop":true}`, `"/on"`),
		Entry("a fault with a peer that is none", "POST", "/v1/faults", `{"on":"mail","drop":true,"when":{"peer":"1.2.3"}}`, `"/when/peer"`),
		Entry("a fault that says more than ASCII", "POST", "/v1/faults", `{"on":"mail","reply":{"code":450,"lines":["ok","ü"]}}`, `"/reply/lines/1"`),
		Entry("a fault with a span that is none", "POST", "/v1/faults", `{"on":"mail","delay":"soon"}`, "soon"),
		Entry("a question from nowhere", "POST", "/v1/explain", `{"peer":"here","sender":"","recipients":["a@b.example"]}`, `"/peer"`),
		Entry("a question of nobody", "POST", "/v1/explain", `{"user":"bob@acme.example","sender":"","recipients":["a@b.example"]}`, `"/user"`),
		Entry("a question about nobody", "POST", "/v1/explain", `{"sender":"","recipients":[]}`, `"/recipients"`),
	)

	DescribeTable("a parameter is refused, with which",
		func(path string, words ...string) {
			answer, text := l.raw("GET", path, "")
			Expect(answer.StatusCode).To(Equal(http.StatusBadRequest), text)
			for _, word := range words {
				Expect(text).To(ContainSubstring(word))
			}
		},
		Entry("unknown", "/v1/messages?from=a", `"?from"`, "sender, recipient, contains, limit"),
		Entry("twice", "/v1/messages?sender=a&sender=b", `"?sender"`, "more than once"),
		Entry("unreadable", "/v1/messages?sender=%zz", `"?"`, "%zz"),
		Entry("no number", "/v1/sessions?limit=many", `"?limit"`),
		Entry("too many", "/v1/sessions?limit=10001", `"?limit"`),
		Entry("no truth", "/v1/sessions?refused=perhaps", `"?refused"`),
		Entry("no span", "/v1/messages/wait?timeout=-1", `"?timeout"`),
		Entry("no status", "/v1/deliveries?status=lost", `"?status"`),
		Entry("no event", "/v1/events?since=yesterday", "yesterday"),
	)

	DescribeTable("a parameter is refused where there is none",
		func(method, path, body string) {
			answer, text := l.raw(method, path+"?x=1", body)
			Expect(answer.StatusCode).To(Equal(http.StatusBadRequest), text)
			Expect(answer.Header.Get("Content-Type")).To(Equal("application/problem+json"))
			Expect(text).To(ContainSubstring(`"?x"`))
		},
		Entry("the clock", "GET", "/v1/clock", ""),
		Entry("the target", "GET", "/v1/target", ""),
		Entry("a world", "PUT", "/v1/world", `{"customers":[]}`),
		Entry("a reset", "POST", "/v1/customers/acme/reset", ""),
		Entry("an advance", "POST", "/v1/clock/advance", `{"seconds":1}`),
		Entry("the faults", "GET", "/v1/faults", ""),
		Entry("all faults to remove", "DELETE", "/v1/faults", ""),
		Entry("all messages to clear", "DELETE", "/v1/messages", ""),
		Entry("a session", "GET", "/v1/sessions/1", ""),
		Entry("a quota", "GET", "/v1/quota/customers/acme", ""),
		Entry("whether it is there", "GET", "/v1/healthz", ""),
		Entry("the document", "GET", "/v1/openapi.json", ""),
	)

	DescribeTable("what isn't there",
		func(method, path string, status int, words string) {
			answer, text := l.raw(method, path, "")
			Expect(answer.StatusCode).To(Equal(status), text)
			Expect(answer.Header.Get("Content-Type")).To(Equal("application/problem+json"))
			Expect(text).To(ContainSubstring(words))
		},
		Entry("a path", "GET", "/v1/runs", http.StatusNotFound, "/v1/openapi.json"),
		Entry("the root", "GET", "/", http.StatusNotFound, "/v1/openapi.json"),
		Entry("a method", "GET", "/v1/world", http.StatusMethodNotAllowed, "takes PUT, not GET"),
		Entry("a method where there are others", "PUT", "/v1/faults", http.StatusMethodNotAllowed, "DELETE"),
		Entry("a method of what needs no token", "POST", "/v1/healthz", http.StatusMethodNotAllowed, "GET"),
		Entry("a customer", "POST", "/v1/customers/b/reset", http.StatusNotFound, "no customer"),
		Entry("a customer's quota", "GET", "/v1/quota/customers/b", http.StatusNotFound, "no customer"),
		Entry("a user's quota", "GET", "/v1/quota/users/b@acme.example", http.StatusNotFound, "b@acme.example"),
		Entry("a message", "GET", "/v1/messages/none", http.StatusNotFound, "none"),
		Entry("a message's content", "GET", "/v1/messages/..%2f..%2fetc/raw", http.StatusNotFound, "no such message"),
		Entry("a session", "GET", "/v1/sessions/none/transcript", http.StatusNotFound, "no session none"),
		Entry("a fault", "GET", "/v1/faults/none", http.StatusNotFound, "no fault none"),
		Entry("a fault to remove", "DELETE", "/v1/faults/none", http.StatusNotFound, "no fault none"),
	)

	It("names the methods that there are", func() {
		answer, _ := l.raw("PATCH", "/v1/faults", "")
		Expect(answer.Header.Get("Allow")).To(Equal("DELETE, GET, HEAD, POST"))
	})

	It("changes nothing where a world is refused", func() {
		l.raw("PUT", "/v1/world", `{"customers":[],"x":1}`)
		Expect(l.send("app@acme.example", "x", "bob@other.example").Code).To(Equal(250))
	})

	It("refuses a body that is too large", func() {
		answer, text := l.raw("PUT", "/v1/usage", `{"customer":"`+strings.Repeat("x", 1<<20)+`"}`)
		Expect(answer.StatusCode).To(Equal(http.StatusRequestEntityTooLarge), text)
		Expect(text).To(ContainSubstring("1048576 octets"))
	})

	DescribeTable("lets nobody in without the token",
		func(authorization string) {
			answer, text := l.raw("GET", "/v1/target", "", "Authorization", authorization)
			Expect(answer.StatusCode).To(Equal(http.StatusUnauthorized), text)
			Expect(answer.Header.Get("WWW-Authenticate")).To(Equal("Bearer"))
			answer, _ = l.raw("GET", "/v1/nowhere", "", "Authorization", authorization)
			Expect(answer.StatusCode).To(Equal(http.StatusUnauthorized))
		},
		Entry("none", ""),
		Entry("another", "Bearer other"),
		Entry("a part of it", "Bearer "+secret[:4]),
		Entry("another scheme", "Basic "+secret),
		Entry("no scheme", secret),
	)

	It("tells strangers that it is there, and what it is", func() {
		answer, _ := l.raw("GET", "/v1/healthz", "", "Authorization", "")
		Expect(answer.StatusCode).To(Equal(http.StatusNoContent))
		answer, text := l.raw("GET", "/v1/openapi.json", "", "Authorization", "")
		Expect(answer.StatusCode).To(Equal(http.StatusOK))
		Expect(text).To(ContainSubstring(`"openapi": "3.1.0"`))
	})

	It("says what a relay lacks", func() {
		bare := populated(func(o *control.Options) { o.Box, o.Faults = nil, nil })
		for _, path := range []string{"/v1/messages", "/v1/messages/wait", "/v1/faults"} {
			answer, text := bare.raw("GET", path, "")
			Expect(answer.StatusCode).To(Equal(http.StatusNotImplemented), text)
		}
	})

	It("asks for its parts", func() {
		_, err := control.New(control.Options{})
		Expect(err).To(MatchError(ContainSubstring("are needed")))
	})
})
