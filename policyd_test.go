package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// deciding runs relayspec policyd until the test ends.
func deciding(args ...string) *served {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{cancel: cancel, ended: make(chan error, 1)}
	args = append([]string{"policyd", "--listen", "127.0.0.1:0"}, args...)
	go func() { s.ended <- command(ctx, args, &streams{strings.NewReader(""), &s.out, &s.stderr}) }()
	DeferCleanup(cancel)
	return s
}

// tells waits for a line of standard error, and gives what its pattern's group has found.
func (s *served) tells(pattern string) string {
	GinkgoHelper()
	Eventually(s.String, patience).Should(MatchRegexp(pattern))
	return regexp.MustCompile(pattern).FindStringSubmatch(s.String())[1]
}

// policyRequest is one of Postfix's.
func policyRequest(state, instance, sender, recipient string, count int) string {
	return fmt.Sprintf("request=smtpd_access_policy\nprotocol_state=%s\nprotocol_name=ESMTP\nclient_address=127.0.0.1\nhelo_name=mail.acme.example\n"+
		"instance=%s\nsender=%s\nrecipient=%s\nrecipient_count=%d\n\n", state, instance, sender, recipient, count)
}

// decides asks, over a connection of its own, and gives the actions.
func decides(network, address string, requests ...string) (actions []string) {
	GinkgoHelper()
	conn, err := net.Dial(network, address)
	Expect(err).NotTo(HaveOccurred())
	defer conn.Close()
	Expect(conn.SetDeadline(time.Now().Add(patience))).To(Succeed())
	in := bufio.NewReader(conn)
	for _, r := range requests {
		_, err := io.WriteString(conn, r)
		Expect(err).NotTo(HaveOccurred())
		action, err := in.ReadString('\n')
		Expect(err).NotTo(HaveOccurred())
		_, err = in.ReadString('\n')
		Expect(err).NotTo(HaveOccurred())
		actions = append(actions, strings.TrimPrefix(strings.TrimSpace(action), "action="))
	}
	return actions
}

// wholeMessage is what Postfix asks about a message with one recipient.
func wholeMessage(sender string) []string {
	return []string{
		policyRequest("MAIL", "", sender, "", 0), policyRequest("RCPT", "1.2", sender, "bob@other.example", 0),
		policyRequest("DATA", "1.2", sender, "bob@other.example", 1), policyRequest("END-OF-MESSAGE", "1.2", sender, "bob@other.example", 1),
	}
}

var _ = Describe("policyd", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	It("decides by the world file, tells events, and ends", func() {
		s := deciding("--world", sampleWorld())
		address := s.tells(`policy service: (\S+)\n`)
		Expect(decides("tcp", address, wholeMessage("anna@acme.example")...)).To(Equal([]string{"DUNNO", "OK", "DUNNO", "DUNNO"}))
		Expect(decides("tcp", address, policyRequest("MAIL", "", "x@nobody.example", "", 0))[0]).To(HavePrefix("550 5.7.1 Invalid credentials for relay [127.0.0.1]."))
		s.stop()
		var last map[string]any
		lines := strings.Split(strings.TrimSpace(s.out.String()), "\n")
		Expect(lines).To(HaveLen(5))
		Expect(json.Unmarshal([]byte(lines[4]), &last)).To(Succeed())
		Expect(last).To(And(HaveKeyWithValue("state", "MAIL"), HaveKeyWithValue("rule", "SND-DOMAINS"), HaveKeyWithValue("sender", "x@nobody.example")))
	})

	It("serves a socket file, and takes over one that is left", func() {
		for range 2 {
			s := deciding("--world", sampleWorld(), "--listen", "unix:asks", "--events", "off")
			s.tells(`policy service: (asks)\n`)
			Expect(decides("unix", "asks", wholeMessage("anna@acme.example")...)).To(HaveLen(4))
			info, err := os.Stat("asks")
			Expect(err).NotTo(HaveOccurred())
			Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o666)), "Postfix has another user")
			got := relayspec("policyd", "--world", sampleWorld(), "--listen", "unix:asks")
			Expect(got.code).To(Equal(2))
			Expect(got.err).To(ContainSubstring("somebody serves asks already"))
			s.stop()
			left, err := net.ListenUnix("unix", &net.UnixAddr{Name: "asks", Net: "unix"}) // a program that was killed
			Expect(err).NotTo(HaveOccurred())
			left.SetUnlinkOnClose(false)
			Expect(left.Close()).To(Succeed())
		}
	})

	It("is steered by the API: world, usage, reset and clock", func() {
		s := deciding("--control", "127.0.0.1:0", "--control-token", "secret", "--clock", "frozen")
		address := s.tells(`policy service: (\S+)\n`)
		url := s.tells(`control: (\S+)\n`)
		calls := func(method, path, body string) int {
			GinkgoHelper()
			request, err := http.NewRequest(method, url+path, strings.NewReader(body))
			Expect(err).NotTo(HaveOccurred())
			request.Header.Set("Authorization", "Bearer secret")
			request.Header.Set("Content-Type", "application/json")
			response, err := http.DefaultClient.Do(request)
			Expect(err).NotTo(HaveOccurred())
			response.Body.Close()
			return response.StatusCode
		}
		ends := func() string {
			GinkgoHelper()
			actions := decides("tcp", address, wholeMessage("anna@pico.example")...)
			return actions[2]
		}
		Expect(decides("tcp", address, wholeMessage("anna@pico.example")[0])[0]).To(HavePrefix("550 "))
		Expect(calls("PUT", "/v1/world", `{"customers":[{"id":"pico","licences":1,"domains":["pico.example"],"users":[{"address":"anna@pico.example"}],
			"settings":[{"description":"all","senders":"my-domains","by_address":true,"addresses":[{"range":"127.0.0.1"}]}]}]}`)).To(Equal(204))
		Expect(ends()).To(Equal("DUNNO"))
		Expect(calls("PUT", "/v1/usage", `{"customer":"pico","counter":"customer-peak","amount":9}`)).To(Equal(204))
		Expect(ends()).To(HavePrefix("450 4.2.1"))
		Expect(calls("POST", "/v1/clock/advance", `{"seconds":600}`)).To(BeElementOf(200, 202))
		Eventually(ends, patience).Should(Equal("DUNNO"))
		Expect(calls("PUT", "/v1/usage", `{"customer":"pico","counter":"customer-day","amount":130}`)).To(Equal(204))
		Expect(ends()).To(HavePrefix("550 5.7.1"))
		Expect(calls("POST", "/v1/customers/pico/reset", "")).To(Equal(204))
		Expect(ends()).To(Equal("DUNNO"))
		Expect(calls("POST", "/v1/faults", `{"on":"rcpt","reply":{"code":452,"enhanced":"4.3.1"},"count":1}`)).To(Equal(201))
		Expect(decides("tcp", address, wholeMessage("anna@pico.example")[1])[0]).To(HavePrefix("452 4.3.1"))
		s.stop()
	})

	It("closes the connection where a fault drops, and says nothing", func() {
		s := deciding("--world", sampleWorld(), "--control", "127.0.0.1:0", "--control-token", "secret")
		address := s.tells(`policy service: (\S+)\n`)
		url := s.tells(`control: (\S+)\n`)
		requests := wholeMessage("anna@acme.example")
		drops := func(on string, told []string, requests ...string) {
			GinkgoHelper()
			request, err := http.NewRequest("POST", url+"/v1/faults", strings.NewReader(`{"on":"`+on+`","drop":true,"count":1}`))
			Expect(err).NotTo(HaveOccurred())
			request.Header.Set("Authorization", "Bearer secret")
			request.Header.Set("Content-Type", "application/json")
			response, err := http.DefaultClient.Do(request)
			Expect(err).NotTo(HaveOccurred())
			response.Body.Close()
			Expect(response.StatusCode).To(Equal(http.StatusCreated))
			conn, err := net.Dial("tcp", address)
			Expect(err).NotTo(HaveOccurred())
			defer conn.Close()
			Expect(conn.SetDeadline(time.Now().Add(patience))).To(Succeed())
			in := bufio.NewReader(conn)
			for _, r := range requests[:len(told)] {
				_, err := io.WriteString(conn, r)
				Expect(err).NotTo(HaveOccurred())
				Expect(in.ReadString('\n')).To(Equal("action=" + told[0] + "\n"))
				Expect(in.ReadString('\n')).To(Equal("\n"))
				told = told[1:]
			}
			io.WriteString(conn, requests[len(requests)-1]) // it may be closed already
			rest, err := io.ReadAll(in)
			Expect(rest).To(BeEmpty(), on)
			Expect(err).To(Or(Not(HaveOccurred()), MatchError(syscall.ECONNRESET)), on)
		}
		drops("connect", nil, requests[:1]...)
		drops("helo", nil, strings.Replace(requests[0], "=MAIL", "=EHLO", 1))
		drops("mail", nil, requests[:1]...)
		drops("rcpt", []string{"DUNNO"}, requests[:2]...)
		drops("data", []string{"DUNNO", "OK"}, requests[:3]...)
		drops("accept", []string{"DUNNO", "OK", "DUNNO"}, requests...)
		drops("accepted", []string{"DUNNO", "OK", "DUNNO"}, requests...)
		Expect(decides("tcp", address, requests...)).To(Equal([]string{"DUNNO", "OK", "DUNNO", "DUNNO"}), "they have struck once")
		s.stop()
		Expect(strings.Count(s.out.String(), `"cause":"closed the connection without an answer"`)).To(Equal(6), s.out.String())
		Expect(s.out.String()).To(ContainSubstring(`"rule":"fault/`))
	})

	It("shows what belongs into main.cf", func() {
		got := relayspec("policyd", "--help")
		Expect(got.code).To(Equal(0))
		Expect(got.out).To(And(ContainSubstring("smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:10040"), ContainSubstring("--listen=ADDR")))
	})

	DescribeTable("says what is wrong, and what to do next",
		func(wrong, next string, args ...string) {
			got := relayspec(append([]string{"policyd"}, args...)...)
			Expect(got.code).To(Equal(2), got.err)
			Expect(got.err).To(And(HavePrefix("relayspec: "), ContainSubstring(wrong), ContainSubstring(next)))
		},
		Entry("world", "--world is missing", "Begin with the sample, world.yaml beside the README: relayspec policyd --world world.yaml"),
		Entry("switch", `no switch is called "day-windows"`, "See --service and --switch in relayspec policyd --help", "--world", sampleWorldPath(), "--switch", "day-windows=fixed"),
		Entry("hold", "--hold is 0s", "Give a span of time", "--world", sampleWorldPath(), "--hold", "0s"),
		Entry("address", "listen for Postfix: ", "Give another address with --listen", "--world", sampleWorldPath(), "--listen", "nonsense"),
		Entry("events", "open the event log: ", "Name a file that can be written", "--world", sampleWorldPath(), "--events", "absent/events"),
		Entry("token without API", "go with --control", "Give --control", "--world", sampleWorldPath(), "--control-token", "x"),
	)
})

// sampleWorldPath is sampleWorld for a table, which is made before any test runs.
func sampleWorldPath() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir + "/world.yaml"
}
