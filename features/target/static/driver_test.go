package static_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/static"
	"github.com/relayspec/relayspec/reports"
)

// judged judges a profile's relay by a few cases.
func judged(p *static.Profile, selection string) *reports.Run {
	GinkgoHelper()
	suite, err := features.Load()
	Expect(err).NotTo(HaveOccurred())
	chosen, err := features.ParseSelection(selection)
	Expect(err).NotTo(HaveOccurred())
	run, err := features.Judge(context.Background(), features.Options{Suite: suite, Open: p.Opener(static.Options{}), Workers: -1, Select: chosen})
	Expect(err).NotTo(HaveOccurred())
	return run
}

// Cases that need a verb, and no extension.
const (
	ofTheWorld = "PORT-PLAIN/port-takes-mail/25 or DOS-CONN-REUSE"
	ofUsage    = "LIM-CUST-DAY-MAX/the-4600000th-recipient-is-accepted-and-the-next-refused"
	ofTheClock = "LIM-CUST-LICENCE/licences-bought-give-places-in-the-day"
)

var _ = Describe("A driver over HTTP", func() {
	It("makes what a scenario asks for, and a customer more that confirms it", func() {
		p := puppetOf(nil)
		run := judged(profile(p.profile("")), ofTheWorld)
		Expect(run.Target).To(Equal(reports.Target{Name: "puppet", Driver: "control", Capabilities: []string{"world", "reset", "usage", "clock"}}))
		Expect(run.Cases).NotTo(BeEmpty())
		for _, c := range run.Cases {
			Expect(c.Verdict).To(Equal(reports.Pass), "%s: %s", c.ID, c.Reason)
		}
		Expect(p.world.Customers).To(HaveLen(2))
		Expect(p.world.Customers[1].ID).To(MatchRegexp(`^canary-[a-z0-9]{12}\.example$`))
		Expect(p.asked).To(ContainElement(MatchRegexp(`^GET /v1/no-such-verb-[a-z0-9]{12}$`)))
	})

	It("isn't asked for verbs that it doesn't name", func() {
		p := puppetOf(map[string]http.HandlerFunc{"GET /v1/target": func(w http.ResponseWriter, _ *http.Request) {
			says(w, map[string]any{"name": "x", "verbs": []string{"world"}, "capabilities": []string{"volume"}})
		}})
		run := judged(profile(p.profile("ports: {25: '"+p.relay.address()+"'}")), ofTheClock+" or "+ofUsage)
		Expect(run.Totals.Verdicts).To(Equal(map[reports.Verdict]int{reports.Unprovisioned: run.Totals.Chosen}))
		Expect(p.asked).NotTo(ContainElement(ContainSubstring("clock")))
	})

	// Must never be FAIL: the relay did nothing wrong.
	DescribeTable("that lies makes an ERROR of whatever rests on it",
		func(lie, selection, words string) {
			p := puppetOf(map[string]http.HandlerFunc{lie: fine})
			run, err := judge(profile(p.profile("capabilities: [volume]")), selection)
			Expect(err).NotTo(HaveOccurred())
			Expect(run.Totals.Verdicts).To(HaveKeyWithValue(reports.Error, run.Totals.Ran))
			for _, c := range run.Cases {
				Expect(c.Reason).To(And(ContainSubstring("unconfirmed: the driver said that "), ContainSubstring(words)))
			}
		},
		Entry("about the world", "PUT /v1/world", ofTheWorld, "the world is made, but the relay doesn't know canary@canary-"),
		Entry("about usage", "PUT /v1/usage", ofUsage, "is used up, but its mail is taken: 250 accepted"),
	)

	It("that lies about a reset is told as drift", func() {
		p := puppetOf(map[string]http.HandlerFunc{"POST reset": fine})
		run := judged(profile(p.profile("")), "PORT-PLAIN/port-takes-mail/25")
		Expect(run.Drift).To(ContainElement(And(
			HaveField("Capability", "reset"), HaveField("Probed", reports.Absent),
			HaveField("Text", MatchRegexp(`^unconfirmed: the driver said that the counters of canary@\S+ are at zero, but its mail is refused: 550 5\.4\.5 enough; what needs it is an ERROR$`)))))
	})

	DescribeTable("whose clock is wrong makes an ERROR of what needs it",
		func(paths string, answer http.HandlerFunc, words string) {
			otherwise := map[string]http.HandlerFunc{}
			for _, path := range strings.Split(paths, ", ") {
				otherwise[path] = answer
			}
			p := puppetOf(otherwise)
			run, err := judge(profile(p.profile("")), ofTheClock)
			Expect(err).NotTo(HaveOccurred())
			Expect(run.Cases).To(HaveLen(1))
			Expect(run.Cases[0].Reason).To(ContainSubstring(words))
		},
		Entry("it doesn't move", "POST /v1/clock/advance", clockAt("2026-11-24T09:04:30Z", false),
			"unconfirmed: the driver said that the clock moved on by 48h0m0s, but it went from 2026-11-24T09:04:30 to 2026-11-24T09:04:30Z"),
		Entry("it goes backwards", "POST /v1/clock/advance", clockAt("2026-11-24T09:05:00Z", true),
			"the driver's clock went backwards, from 2026-11-24T09:05:00Z to 2026-11-24T09:04:30Z"),
		Entry("it never ends advancing", "POST /v1/clock/advance, GET /v1/clock", clockAt("2026-11-24T09:04:30Z", true),
			"the driver, asked to move the clock by 48h0m0s, says that it is advancing and comes to no end: no answer within 1s"),
		Entry("it has no time", "GET /v1/clock", func(w http.ResponseWriter, _ *http.Request) { says(w, map[string]bool{"advancing": false}) },
			"the driver's answer to clock has no now"),
	)

	DescribeTable("that fails at a verb makes an ERROR, with the cause",
		func(answer http.HandlerFunc, words string) {
			p := puppetOf(map[string]http.HandlerFunc{"PUT /v1/world": answer})
			run, err := judge(profile(p.profile("")), ofTheWorld)
			Expect(err).NotTo(HaveOccurred())
			Expect(run.Cases[0].Verdict).To(Equal(reports.Error))
			Expect(run.Cases[0].Reason).To(ContainSubstring(words))
		},
		Entry("500", problem(500, "out of paper"), "make the world: the driver failed at world: 500 Internal Server Error: out of paper"),
		Entry("400", problem(400, "no such edition"), "the driver failed at world: 400 Bad Request: no such edition"),
		Entry("401", problem(401, "who are you"), "the driver refuses the token at world: who are you; write the token"),
		Entry("HTML", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<h1>busy</h1>", http.StatusServiceUnavailable)
		}, `the driver failed at world: 503 Service Unavailable: "<h1>busy</h1>"`),
		Entry("a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusTemporaryRedirect)
		},
			"it sends to http://127.0.0.1:1/elsewhere: the token isn't shown there"),
		Entry("no answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer within 1s"),
		Entry("an end in the middle", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "the driver, asked for world: Put "),
		Entry("too much", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2<<20)) }, "the driver answers world with more than 1048576 octets"),
	)

	DescribeTable("that names a verb and, asked for it, doesn't have it leaves it unprovisioned, and is told of as a drift",
		func(ask, verb, selection string) {
			p := puppetOf(map[string]http.HandlerFunc{ask: problem(501, "not here")})
			run := judged(profile(p.profile("capabilities: [volume]")), selection)
			if selection != ofTheWorld {
				Expect(run.Totals.Verdicts).To(HaveKeyWithValue(reports.Unprovisioned, run.Totals.Chosen))
			}
			Expect(denied(run, verb)).To(HaveLen(1), "%v", run.Drift)
			Expect(features.Gating{DriftFails: true}.Decide(run).Code).To(Equal(features.ExitNonConformant))
		},
		Entry("the world", "PUT /v1/world", "world", "DOS-CONN-REUSE"),
		Entry("usage", "PUT /v1/usage", "usage", ofUsage),
		Entry("the clock, that is read", "GET /v1/clock", "clock", ofTheClock),
		Entry("the clock, that is moved", "POST /v1/clock/advance", "clock", ofTheClock),
		Entry("reset, of which only the harness sees it", "POST reset", "reset", ofTheWorld),
	)

	It("is told of as a drift when it has a verb no more while cases are run", func() {
		var worlds atomic.Int32
		p := puppetOf(nil)
		p.otherwise = map[string]http.HandlerFunc{"PUT /v1/world": func(w http.ResponseWriter, r *http.Request) {
			if worlds.Add(1) > 2 { // the rehearsal's, and that of the look for drift
				problem(501, "not here")(w, r)
				return
			}
			fine(w, r)
		}}
		run := judged(profile(p.profile("")), "DOS-CONN-REUSE")
		Expect(worlds.Load()).To(BeNumerically(">", 2))
		Expect(denied(run, "world")).To(HaveLen(1), "%v", run.Drift)
	})

	DescribeTable("isn't believed when it introduces itself",
		func(path string, answer http.HandlerFunc, code bool, words string) {
			p := puppetOf(map[string]http.HandlerFunc{path: answer})
			_, err := profile(p.profile("")).Open(context.Background(), static.Options{})
			Expect(err).To(MatchError(ContainSubstring(words)))
			Expect(errors.As(err, new(static.Faults))).To(Equal(code), "a fault of the profile: exit 2")
		},
		Entry("an unknown verb", "GET /v1/target", introduces("verbs", "fly"), true, `target.yaml:3:1: the driver's answer to describe: no verb is called "fly"`),
		Entry("an unknown capability", "GET /v1/target", introduces("capabilities", "starttsl"), true, `no capability is called "starttsl"; did you mean starttls?`),
		Entry("a verb that it hasn't", "GET /v1/target", introduces("capabilities", "clock"), true, "clock is a verb that isn't among its verbs"),
		Entry("a key that means nothing", "GET /v1/target", introduces("verb", "world"), false, `unknown field "verb"`),
		Entry("HTML", "GET /v1/target", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, false, `the driver answers target with "text/html", not with application/json: "<html>"`),
		Entry("nothing known", "GET /v1/target", nobodyKnows, true, "the driver doesn't know describe"),
	)

	It("that answers ok to whatever it is asked isn't believed at all", func() {
		p := puppetOf(nil)
		yes := httpServer(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "no-such-verb") {
				says(w, map[string]any{})
				return
			}
			p.ServeHTTP(w, r)
		})
		run, err := judge(profile("name: x\ncontrol: {url: '"+yes+"'}\n"), ofTheWorld)
		Expect(errors.As(err, new(static.Faults))).To(BeTrue())
		Expect(run.Trouble).To(MatchRegexp(`target.yaml:2:1: the driver answers ok to no-such-verb-\w+, a verb that nobody knows: nothing it says can be believed`))
	})

	It("that isn't there makes the run inconclusive", func() {
		p := puppetOf(nil)
		_, err := judge(profile("name: x\ncontrol: {url: 'http://"+unused()+"'}\nports: {25: '"+p.relay.address()+"'}\n"), ofTheWorld)
		Expect(err).To(MatchError(ContainSubstring("the driver, asked for target: Get ")))
		Expect(err).To(MatchError(ContainSubstring("connection refused")))
	})
})

// denied are the rows of a run's drift about a verb that the driver names and doesn't have.
func denied(run *reports.Run, verb string) []reports.Drift {
	return slices.DeleteFunc(slices.Clone(run.Drift), func(d reports.Drift) bool {
		return d.Capability != verb || d.Declared != reports.Present || d.Probed != reports.Absent || !strings.Contains(d.Text, "answered that it doesn't have it")
	})
}

// introduces answers as a relay that says this of itself.
func introduces(key, word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		said := map[string]any{"name": "x", "verbs": []string{"world"}, "capabilities": []string{}, "ports": map[string]string{}}
		said[key] = []string{word}
		says(w, said)
	}
}

// clockAt answers as a clock that stands there.
func clockAt(now string, advancing bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		says(w, map[string]any{"now": now, "advancing": advancing})
	}
}

var _ = Describe("A driver that is a program", func() {
	// driver is one for sh: each verb's answer, and what becomes of others.
	driver := func(script string) string {
		GinkgoHelper()
		file := filepath.Join(GinkgoT().TempDir(), "driver")
		Expect(os.WriteFile(file, []byte("#!/bin/sh\nrequest=$(cat)\ncase $request in\n"+script+"\nesac\nexit 3\n"), 0o755)).To(Succeed())
		return "exec: {command: ['" + file + "'], timeout: 2s}\n"
	}
	const describes = `*'"describe"'*) echo '{"name":"x","version":"7","verbs":["world"],"capabilities":[],"ports":{}}'; exit 0;;`

	It("that does nothing and says ok makes an ERROR, and no FAIL", func() {
		p := puppetOf(nil)
		run, err := judge(profile("name: a relay\ntimeout: 2s\nports: {25: '"+p.relay.address()+"'}\n"+driver(describes+"\n*'\"world\"'*) echo '{}'; exit 0;;")), ofTheWorld)
		Expect(err).NotTo(HaveOccurred())
		Expect(run.Target.Driver).To(Equal("exec"))
		Expect(run.Target.Version).To(Equal("7"))
		Expect(run.Totals.Verdicts).To(HaveKeyWithValue(reports.Error, run.Totals.Ran))
		Expect(run.Cases[0].Reason).To(MatchRegexp(`^make the world: unconfirmed: the driver said that the world is made, but the relay doesn't know canary@\S+, who is in it: mail on port 25: 550 5\.7\.1 who are you$`))
	})

	It("can't be told from an honest one where the relay takes anything", func() {
		relay := scripted(honestly)
		run := judged(profile("name: a relay\nports: {25: '"+relay.address()+"'}\n"+driver(describes+"\n*'\"world\"'*) echo '{}'; exit 0;;")), "PORT-PLAIN/port-takes-mail/25")
		Expect(run.Totals.Verdicts).To(Equal(map[reports.Verdict]int{reports.Pass: 1}))
	})

	It("isn't believed when it always succeeds", func() {
		p := puppetOf(nil)
		began := time.Now()
		_, err := judge(profile("name: a relay\nports: {25: '"+p.relay.address()+"'}\n"+driver(describes+"\n*) echo '{}'; exit 0;;")), ofTheWorld)
		Expect(err).To(MatchError(ContainSubstring("nothing it says can be believed")))
		Expect(time.Since(began)).To(BeNumerically("<", 10*time.Second))
	})

	It("must fail at an unknown verb in the one way that means so", func() {
		_, err := judge(profile("name: a relay\nports: {25: '"+scripted(honestly).address()+"'}\n"+driver(describes+"\n*) echo no such verb >&2; exit 1;;")), ofTheWorld)
		Expect(err).To(MatchError(MatchRegexp(`target.yaml:3:1: the driver must answer no-such-verb-\w+, .*with exit status 3, .*: exit status 1; it said last:\n  no such verb`)))
	})

	It("that hangs, prints garbage or fails at a world makes an ERROR soon", func() {
		for script, words := range map[string]string{
			"sleep 60;;":                 "the driver, asked for world: no answer within 2s",
			"sleep 60 & sleep 60;;":      "the driver, asked for world: no answer within 2s",
			"echo done; exit 0;;":        "the driver's answer to world isn't the JSON object that it should be",
			"echo no disk >&2; exit 9;;": "the driver failed at world: exit status 9; it said last:\n  no disk",
		} {
			p := puppetOf(nil)
			run, err := judge(profile("name: a relay\nports: {25: '"+p.relay.address()+"'}\n"+driver(describes+"\n*'\"world\"'*) "+script)), "PORT-PLAIN/port-takes-mail/25")
			Expect(err).NotTo(HaveOccurred())
			Expect(run.Cases[0].Reason).To(ContainSubstring(words), script)
		}
	})

	It("has what it left running ended with the target, daemons too", func(ctx SpecContext) {
		if runtime.GOOS != "linux" {
			Skip("daemons are found on Linux")
		}
		file := filepath.Join(GinkgoT().TempDir(), "daemon")
		p := puppetOf(nil)
		r, err := profile("name: a relay\nports: {25: '"+p.relay.address()+"'}\n"+driver(describes+"\n*'\"world\"'*) setsid sh -c 'echo $$ >"+file+"; exec sleep 60' >/dev/null 2>&1 </dev/null & while [ ! -s "+file+" ]; do sleep 0.02; done; echo '{}'; exit 0;;")).
			Open(ctx, static.Options{})
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Apply(ctx, target.World{})).To(MatchError(ContainSubstring("unconfirmed")))
		said, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		daemon := strings.TrimSpace(string(said))
		command := func() string {
			said, _ := os.ReadFile(filepath.Join("/proc", daemon, "cmdline"))
			return string(said)
		}
		Eventually(command).WithTimeout(30 * time.Second).Should(ContainSubstring("sleep"))
		Expect(r.Close()).To(Succeed())
		Eventually(command).WithTimeout(30 * time.Second).Should(BeEmpty())
	}, SpecTimeout(90*time.Second))

	It("is told where the relay is, and what the harness chose", func() {
		file := filepath.Join(GinkgoT().TempDir(), "words")
		relay := scripted(honestly)
		text := "name: a relay\nsink: {listen: '127.0.0.1:0'}\nports: {25: '" + relay.address() + "'}\nexec:\n  command: [sh, -c, 'echo \"$0 $1 $WORDS\" >" + file +
			`; case $(cat) in *describe*) echo "{\"name\":\"x\",\"verbs\":[\"world\"]}";; *) exit 3;; esac', '{sink}', '{port25}']` + "\n  env: {WORDS: '{control} {token} {scratch}'}\n"
		r := opened(profile(text))
		said, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		words := strings.Fields(string(said))
		Expect(words).To(HaveLen(5))
		Expect(words[0]).To(Equal(r.Sink()))
		Expect(relay.address()).To(HaveSuffix(":" + words[1]))
		Expect(words[2]).To(MatchRegexp(`^127\.0\.0\.1:\d+$`))
		Expect(len(words[3])).To(BeNumerically(">=", 20))
		Expect(words[4]).To(BeADirectory())
		Expect(r.Roles().Sender).To(BeEmpty())
		Expect(r.Describe().Capabilities).To(Equal([]target.Capability{target.CanApply, target.CanDelivered}))
	})

	It("steers one relay at a time, unless each has something of its own", func() {
		relay := "name: x\nexec: {command: [a, "
		Expect(profile(relay + "b]}\nports: {25: '127.0.0.1:1'}").Workers(4)).To(Equal(1))
		Expect(profile(relay + "b]}\nstart: {command: [c, '{port25}']}").Workers(4)).To(Equal(1))
		Expect(profile(relay + "'{port25}']}\nstart: {command: [c, '{port25}']}").Workers(4)).To(Equal(4))
	})
})

var _ = Describe("Where sessions come from", func() {
	It("is a fault of the profile where they can't", func() {
		relay := scripted(honestly) // on IPv4 only
		_, err := profile("capabilities: [source-address, source-ipv6]\nports: {25: '"+relay.address()+"'}"+minimal).Open(context.Background(), static.Options{})
		Expect(errors.As(err, new(static.Faults))).To(BeTrue())
		Expect(err).To(MatchError(MatchRegexp(`target.yaml:1:32: source-ipv6: no session comes to the relay from ::1; begin sessions with a PROXY header \(proxy: v2\)`)))
		Expect(err).NotTo(MatchError(ContainSubstring("source-address")))
	})

	It("tells faults in the order of the file", func() {
		gone := scripted(honestly)
		gone.die()
		for range 8 { // another order that comes by chance is seen
			for _, order := range []string{"source-address, source-ipv6", "source-ipv6, source-address"} {
				first, second, _ := strings.Cut(order, ", ")
				p := profile("capabilities: [" + order + "]\nports: {25: '" + gone.address() + "'}" + minimal)
				_, err := p.Open(context.Background(), static.Options{Unasked: true})
				Expect(err).To(MatchError(MatchRegexp(`target.yaml:1:16: ` + first + `: no session(.*\n)+.*target.yaml:1:\d+: ` + second + `: no session`)))
			}
		}
	})

	It("isn't believed of a driver that says more than can be", func() {
		p := puppetOf(map[string]http.HandlerFunc{"GET /v1/target": introduces("capabilities", "source-ipv6")})
		r := opened(profile(p.profile("ports: {25: '" + p.relay.address() + "'}")))
		Expect(r.Describe().Capabilities).To(Equal([]target.Capability{target.CanApply}))
		Expect(r.Declared()).To(Equal([]target.Capability{target.CanApply, target.SourceIPv6}))
	})

	It("is anywhere with a PROXY header", func() {
		var mu sync.Mutex
		var heard []string
		relay := scripted(func(_ int, line string) string {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, line)
			return ""
		})
		relay.proxied.Store(true)
		r := opened(profile("proxy: v1\ncapabilities: [source-ipv6]\nports: {25: '" + relay.address() + "'}" + minimal))
		Expect(r.Dialling().Proxy).To(Equal(1))
		Expect(r.Describe().Capabilities).To(Equal([]target.Capability{target.SourceIPv6}))
		mu.Lock()
		defer mu.Unlock()
		Expect(heard[0]).To(HavePrefix("PROXY TCP4 127.0.0.1 127.0.0.1 "))
	})
})
