package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features/target/static"
	"github.com/relayspec/relayspec/reports"
)

// aProfile writes target.yaml for a relay that is at address.
func aProfile(address, rest string) {
	GinkgoHelper()
	text := "name: mine\nports: {25: '" + address + "'}\ntimeout: 1s\nroles: {sender: app@corp.example, recipients: ['*@example.net']}\n" + rest
	Expect(os.WriteFile("target.yaml", []byte(text), 0o644)).To(Succeed())
}

// sample is the profile of a sample relay.
func sample(name string) string {
	return filepath.Join(rootDir, "features", "samples", name, "target.yaml")
}

var _ = Describe("target", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	It("says what it found of a relay, and no secret", func() {
		got := relayspec("target", sample("gosmtp"))
		Expect(got.code).To(Equal(0), got.err)
		Expect(got.out).To(And(
			MatchRegexp(`(?m)^name          go-smtp sample v0\.25\.1$`), MatchRegexp(`(?m)^port 465      127\.0\.0\.1:\d+$`),
			MatchRegexp(`(?m)^user          app@corp\.example$`), MatchRegexp(`(?m)^announced     8bitmime auth auth-plain chunking`),
			Not(ContainSubstring("correct horse")),
		))

		got = relayspec("target", sample("minimal"), "--json")
		Expect(got.code).To(Equal(0), got.err)
		var found sight
		Expect(json.Unmarshal([]byte(got.out), &found)).To(Succeed())
		Expect(found.Name).To(Equal("minimal sample"))
		Expect(found.Ports).To(HaveLen(1))
		Expect(found.Announced).To(BeEmpty())
		Expect(found.Roles.Recipients).To(Equal([]string{"*@example.net"}))
	})

	It("prints the schema", func() {
		got := relayspec("target", "--schema")
		Expect(got.code).To(Equal(0))
		Expect(got.out).To(Equal(static.Schema()))
	})

	It("tells every fault of a profile at once, with 2", func() {
		aProfile("here", "sinc: none\n")
		for _, got := range []outcomeOf{relayspec("target", "target.yaml"), relayspec("conform", "--target", "target.yaml")} {
			Expect(got.code).To(Equal(2))
			Expect(got.out).To(BeEmpty())
			Expect(got.err).To(HavePrefix("relayspec: target.yaml:2:13: ports.25: "))
			Expect(got.err).To(ContainSubstring(`target.yaml:5:1: a profile has no key "sinc"; did you mean sink?`))
			Expect(got.err).To(HaveSuffix("relayspec target FILE checks one\n"))
		}
		Expect(relayspec("target").err).To(ContainSubstring("no profile is named\nName one: relayspec target FILE"))
	})

	It("tells that the relay can't be opened, with 3", func() {
		server := httptest.NewServer(http.NotFoundHandler())
		defer server.Close()
		aProfile(server.Listener.Addr().String(), "")
		got := relayspec("target", "target.yaml")
		Expect(got.code).To(Equal(3))
		Expect(got.err).To(And(ContainSubstring("the relay speaks HTTP, not SMTP"), ContainSubstring("See that the relay runs")))
	})
})

var _ = Describe("conform with a profile", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	It("judges a relay of somebody else's", func() {
		got := relayspec("conform", "--target", sample("gosmtp"), "--select", "SVC-PURPOSE or LIM-USER-MSGS", "--json")
		Expect(got.code).To(Equal(0), got.err)
		run := runOf(got.out)
		Expect(run.Target.Name).To(Equal("go-smtp sample"))
		Expect(run.Target.Driver).To(Equal("static"))
		Expect(run.Totals.Verdicts[reports.Pass]).To(BeNumerically(">", 0))
		Expect(run.Totals.Verdicts[reports.Unsupported]).To(BeNumerically(">", 0))
	})

	DescribeTable("reports all the same when the relay can't be judged",
		func(address func() string, rest string, code int, words string, flags ...string) {
			aProfile(address(), rest)
			got := relayspec(append([]string{"conform", "--target", "target.yaml", "--select", "SVC-PURPOSE", "--report", "report"}, flags...)...)
			Expect(got.code).To(Equal(code), got.err)
			Expect(got.err).To(ContainSubstring(words))
			written, err := os.ReadFile(filepath.Join("report", "report.txt"))
			Expect(err).NotTo(HaveOccurred())
			Expect(string(written)).To(And(Equal(got.out), ContainSubstring(words), HaveSuffix("Overall  inconclusive\n")))
			Expect(filepath.Join("report", "report.json")).To(BeAnExistingFile())
		},
		Entry("nobody listens", unused, "", 3, "nobody listens there: connect to 127.0.0.1:"),
		Entry("HTTP", func() string {
			server := httptest.NewServer(http.NotFoundHandler())
			DeferCleanup(server.Close)
			return server.Listener.Addr().String()
		}, "", 3, "the relay speaks HTTP, not SMTP"),
		Entry("a host that nobody knows", func() string { return "a..b:25" }, "", 2, "target.yaml:2:13: port 25: lookup a..b: no such host"),
		Entry("volume to another machine", func() string { return "192.0.2.1:25" }, "capabilities: [volume]\n", 2,
			"or say --i-own-this-target if it is yours"),
		Entry("volume to this machine", unused, "capabilities: [volume]\n", 3, "nobody listens there"),
		Entry("volume to one's own", func() string { return "a..b:25" }, "capabilities: [volume]\n", 2, "no such host", "--i-own-this-target"),
	)

	// The reference relay as a stranger would see it: a process with customers of its own, and no way to steer it.
	It("finds nothing against the relay of this program, told only where it is", func() {
		const world = `
customers:
  - {id: corp, licences: 100, domains: [corp.test, corp-labs.test, third.test], settings: [{description: d, senders: my-domains, addresses: [127.0.0.1, "::1"]}],
     users: [{address: anna@corp.test, password: first}, {address: ben@corp.test, password: second}, {address: carl@corp-labs.test, password: third}]}
  - {id: safe, licences: 100, domains: [safe.test], settings: [{description: d, senders: my-domains, addresses: [127.0.0.1, "::1"], require-tls: true}],
     users: [{address: anna@safe.test, password: fourth}]}
  - {id: road, licences: 100, domains: [road.test, road-labs.test], settings: [{description: d, senders: my-domains, require-auth: true}],
     users: [{address: anna@road.test, password: fifth}, {address: ben@road.test, password: sixth}]}
  - {id: staff, licences: 100, domains: [staff.test, staff-labs.test], settings: [{description: d, senders: registered-users, addresses: [127.0.0.1, "::1"]}],
     users: [{address: anna@staff.test, password: seventh}, {address: ben@staff.test, password: eighth}]}
  - {id: open, licences: 100, domains: [open.test, open-labs.test], settings: [{description: d, senders: any, addresses: [127.0.0.1, "::1"]}],
     users: [{address: anna@open.test, password: ninth}, {address: ben@open.test, password: tenth}]}
`
		Expect(os.WriteFile("world.yaml", []byte(world), 0o644)).To(Succeed())
		program, err := os.Executable()
		Expect(err).NotTo(HaveOccurred())
		profile := fmt.Sprintf(`
name: reference by profile
roles: {sender: app@corp.test, recipients: ["*@example.net"]}
sink: {listen: "127.0.0.1:0"}
start:
  env: {%s: "1"}
  command: [%q, serve, --world, world.yaml, --events, "off", --tls-dir, "{scratch}/tls", --mail, "{scratch}/mail", --next-hop, "{sink}",
    --port25, "127.0.0.1:{port25}", --port465, "127.0.0.1:{port465}", --port587, "127.0.0.1:{port587}"]
`, asProgram, program)
		Expect(os.WriteFile("target.yaml", []byte(profile+strings.TrimLeft(strings.ReplaceAll(world, "description: d, ", ""), "\n")), 0o644)).To(Succeed())
		got := relayspec("conform", "--target", "target.yaml", "--json", "--workers", "2")
		Expect(got.code).To(Equal(0), got.err)
		run := runOf(got.out)
		var ran []string
		for _, c := range run.Cases {
			if c.Verdict.Ran() {
				ran = append(ran, c.ID)
				Expect(c.Verdict).To(Equal(reports.Pass), "%s: wanted %s, got %s", c.ID, c.Want, c.Got)
			}
		}
		Expect(len(ran)).To(BeNumerically(">", 30), strings.Join(ran, "\n"))
		for _, n := range []reports.Verdict{reports.Fail, reports.Error} {
			Expect(run.Totals.Verdicts[n]).To(BeZero())
		}
	})
})

var _ = Describe("conform with a driver", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	// lying writes the profile of the relay of this program, whose driver is a script: it knows describe, answers to
	// whatever is as the script says, and does nothing.
	lying := func(script string) {
		GinkgoHelper()
		program, err := os.Executable()
		Expect(err).NotTo(HaveOccurred())
		text := "#!/bin/sh\nrequest=$(cat)\ncase $request in\n" +
			"*'\"describe\"'*) echo '{\"name\":\"x\",\"verbs\":[\"world\"],\"capabilities\":[],\"ports\":{}}'; exit 0;;\n" + script + "\nesac\nexit 3\n"
		Expect(os.WriteFile("driver", []byte(text), 0o755)).To(Succeed())
		Expect(os.WriteFile("world.yaml", []byte("customers: [{id: a, licences: 1, domains: [a.test]}]\n"), 0o644)).To(Succeed())
		profile := fmt.Sprintf(`name: reference with a driver that does nothing
exec: {command: [./driver], timeout: 5s}
start:
  env: {%s: "1"}
  command: [%q, serve, --world, world.yaml, --events, "off", --mail, "off", --tls-dir, "{scratch}", --port25, "127.0.0.1:{port25}", --port465, "off", --port587, "off"]
`, asProgram, program)
		Expect(os.WriteFile("target.yaml", []byte(profile), 0o644)).To(Succeed())
	}

	It("comes to ERROR, unconfirmed, and no FAIL where the driver says ok and does nothing", func() {
		lying(`*'"world"'*) echo '{}'; exit 0;;`)
		got := relayspec("conform", "--target", "target.yaml", "--select", "PORT-PLAIN or SND-*", "--json")
		Expect(got.code).To(Equal(3), got.err)
		run := runOf(got.out)
		Expect(run.Target.Driver).To(Equal("exec"))
		Expect(run.Totals.Verdicts[reports.Fail]).To(BeZero())
		Expect(run.Totals.Verdicts[reports.Error]).To(BeNumerically(">", 0))
		for _, c := range run.Cases {
			if c.Verdict == reports.Error {
				Expect(c.Reason).To(ContainSubstring("unconfirmed: the driver said that the world is made, but the relay doesn't know canary@"))
			}
		}
	})

	It("ends with 2 where the driver answers ok to whatever it is asked, and reports", func() {
		lying(`*) echo '{}'; exit 0;;`)
		got := relayspec("conform", "--target", "target.yaml", "--select", "PORT-PLAIN", "--report", "report")
		Expect(got.code).To(Equal(2))
		Expect(got.err).To(MatchRegexp(`target.yaml:2:1: the driver answers ok to no-such-verb-\w+, a verb that nobody knows: nothing it says can be believed`))
		Expect(got.out).To(HaveSuffix("Overall  inconclusive\n"))
		Expect(filepath.Join("report", "report.json")).To(BeAnExistingFile())
	})

	It("ends with 3 where nobody steers", func() {
		Expect(os.WriteFile("target.yaml", []byte("name: x\nports: {25: '127.0.0.1:1'}\ncontrol: {url: 'http://"+unused()+"'}\n"), 0o644)).To(Succeed())
		got := relayspec("conform", "--target", "target.yaml", "--select", "PORT-PLAIN")
		Expect(got.code).To(Equal(3))
		Expect(got.err).To(ContainSubstring("the driver, asked for target: Get "))
	})
})

// unused is an address where nobody listens.
func unused() string {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer listener.Close()
	return listener.Addr().String()
}

func runOf(text string) reports.Run {
	GinkgoHelper()
	var run reports.Run
	Expect(json.Unmarshal([]byte(text), &run)).To(Succeed())
	return run
}
