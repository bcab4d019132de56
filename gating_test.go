package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reports"
)

// needy are cases of which the go-smtp sample fails all, and holds beside it.
const (
	needy = "RFC5321-3.3/rcpt-needs-mail/rcpt-first-by-a-client-that-has/*"
	well  = "RFC5321-4.1.1.9/*"
)

var _ = Describe("The gate of conform", Ordered, func() {
	var kept string // a report of the go-smtp sample

	BeforeAll(func() {
		kept = filepath.Join(GinkgoT().TempDir(), "kept")
		got := relayspec("conform", "--target", sample("gosmtp"), "--select", needy+" or "+well, "--report", kept)
		Expect(got.code).To(Equal(1), got.err)
	})

	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	// conform judges the go-smtp sample by needy.
	conform := func(flags ...string) outcomeOf {
		GinkgoHelper()
		return relayspec(append([]string{"conform", "--target", sample("gosmtp"), "--select", needy}, flags...)...)
	}
	// update writes baseline.yaml from the kept report, with reasons.
	update := func() string {
		GinkgoHelper()
		got := relayspec("baseline", "update", "--baseline", "baseline.yaml", "--report", kept)
		Expect(got.code).To(Equal(0), got.err)
		return rewrite("baseline.yaml", func(text string) string {
			Expect(strings.Count(text, "reason: TODO\n")).To(Equal(3), text)
			return strings.ReplaceAll(text, "reason: TODO\n", "reason: go-smtp answers 502, as its maintainers want it\n")
		})
	}

	It("is satisfied by what the baseline lists, and the relay stays non-conformant", func() {
		update()
		got := conform("--baseline", "baseline.yaml", "--report", "report")
		Expect(got.code).To(Equal(0), got.err+got.out)
		Expect(got.out).To(HaveSuffix("Baseline baseline.yaml: 3 entries: 3 as expected\nGate     satisfied (exit 0)\nOverall  non-conformant\n"))
		check := relayspec("baseline", "check", "--baseline", "baseline.yaml", "--report", "report")
		Expect(check.code).To(Equal(0), check.err)
		Expect(check.out).To(MatchRegexp(`(?m)^holds +baseline.yaml:\d+: RFC5321-3.3/rcpt-needs-mail`))
		Expect(relayspec("baseline", "update", "--baseline", "baseline.yaml", "--report", "report")).To(
			Equal(outcomeOf{out: "baseline.yaml is up to date\n"}))
	})

	It("ends with 1 when a line is taken out of the baseline", func() {
		text := update()
		lines := strings.SplitAfter(text, "\n")
		first := strings.Count(text[:strings.Index(text, "  - id:")], "\n")
		rewrite("baseline.yaml", func(string) string {
			return strings.Join(append(lines[:first:first], lines[first+5:]...), "")
		})
		got := conform("--baseline", "baseline.yaml")
		Expect(got.code).To(Equal(1), got.err+got.out)
		Expect(got.out).To(MatchRegexp(`Gate     not satisfied \(exit 1\)\n         1 case FAIL: ` + "RFC5321-3.3/rcpt-needs-mail"))
	})

	It("ends with 5 when a listed failure passes", func() {
		update()
		rewrite("baseline.yaml", func(text string) string {
			return text + "  - {id: \"" + well + "\", verdict: FAIL, reason: it was so once}\n"
		})
		got := relayspec("conform", "--target", sample("gosmtp"), "--select", needy+" or "+well, "--baseline", "baseline.yaml")
		Expect(got.code).To(Equal(5), got.err+got.out)
		Expect(got.out).To(And(ContainSubstring("XPASS RFC5321-4.1.1.9/"), ContainSubstring("Gate     baseline stale (exit 5)")))
		Expect(conform("--baseline", "baseline.yaml").code).To(Equal(0), "what isn't chosen isn't stale")
		Expect(relayspec("baseline", "check", "--baseline", "baseline.yaml", "--report", kept).code).To(Equal(5))

		got = relayspec("baseline", "update", "--baseline", "baseline.yaml", "--report", kept)
		Expect(got).To(Equal(outcomeOf{out: "removed " + well + ": it holds now\n"}))
		Expect(relayspec("baseline", "check", "--baseline", "baseline.yaml", "--report", kept).code).To(Equal(0))
	})

	It("ends with 5 when an entry matches nothing, or its last day is over", func() {
		update()
		rewrite("baseline.yaml", func(text string) string {
			return text + "  - {id: RFC0-1/gone, verdict: FAIL, reason: so}\n"
		})
		Expect(conform("--baseline", "baseline.yaml").code).To(Equal(5))
		rewrite("baseline.yaml", func(text string) string {
			return strings.Replace(strings.Split(text, "  - {id: RFC0")[0], "    reason:", "    until: 2020-02-29\n    reason:", 1)
		})
		got := conform("--baseline", "baseline.yaml")
		Expect(got.code).To(Equal(5), got.err+got.out)
		Expect(got.out).To(ContainSubstring("its last day was 2020-02-29"))
	})

	DescribeTable("ends with 2 when the baseline is at fault",
		func(change func(string) string, words string) {
			Expect(os.WriteFile("baseline.yaml", []byte(change("baseline: relayspec-baseline/1\nedition: 1\ntarget: go-smtp sample\nentries: []\n")), 0o644)).To(Succeed())
			got := conform("--baseline", "baseline.yaml")
			Expect(got.code).To(Equal(2), got.err)
			Expect(got.err).To(And(HavePrefix("relayspec: baseline.yaml:"), ContainSubstring(words)))
		},
		Entry("of another edition", func(s string) string { return strings.Replace(s, "edition: 1", "edition: 2", 1) },
			"2:10: the baseline is for edition 2 of the features, and these are edition 1"),
		Entry("of another form", func(s string) string { return strings.Replace(s, "line/1", "line/2", 1) }, `1:11: the baseline is in the form "relayspec-baseline/2"`),
		Entry("of another relay", func(s string) string { return strings.Replace(s, "go-smtp", "other", 1) }, `3:9: the baseline is that of "other sample"`),
		Entry("no YAML", func(string) string { return "{" }, "this isn't YAML"),
	)

	It("ends with 2 when the baseline isn't there, and with 4 when nothing is chosen", func() {
		got := conform("--baseline", "absent.yaml")
		Expect(got.code).To(Equal(2))
		Expect(got.err).To(ContainSubstring("relayspec baseline update --baseline FILE --report DIR begins one"))
		update()
		got = relayspec("conform", "--target", sample("gosmtp"), "--select", "NO-SUCH-RULE", "--baseline", "baseline.yaml", "--report", "report")
		Expect(got.code).To(Equal(4), got.err)
		Expect(runFrom("report").Gate.Word).To(Equal(reports.NothingRan))
	})

	It("ends with 3 when the relay is killed in the middle, with a report", func() {
		aProfile(dyingRelay(20), "")
		got := relayspec("conform", "--target", "target.yaml", "--select", "RFC5321-4*", "--report", "report")
		Expect(got.code).To(Equal(3), got.err+got.out)
		run := runFrom("report")
		Expect(run.Totals.Ran).To(BeNumerically(">", 5))
		Expect(run.Totals.NotRun).To(BeNumerically(">", 5))
		Expect(run.Totals.Verdicts[reports.Fail]).To(BeZero())
		Expect(run.NotRun[0].Reason).To(ContainSubstring("the relay serves nobody any more"))
	})

	It("is stricter as the flags say", func() {
		got := relayspec("conform", "--target", sample("gosmtp"), "--select", well, "--min-run", "100")
		Expect(got.code).To(Equal(3), got.out)
		Expect(got.out).To(MatchRegexp(`\d+ of \d+ chosen cases ran, and 100 must`))
		got = relayspec("conform", "--target", sample("gosmtp"), "--select", "RFC5321-4.2/* or "+well, "--disable", "not "+well, "--json")
		Expect(got.code).To(Equal(0), got.out)
		run := runOf(got.out)
		Expect(run.Disabled).To(Equal("not " + well))
		Expect(run.Totals.Verdicts[reports.Disabled]).To(BeNumerically(">", 0))
		for _, flags := range [][]string{{"--min-run", "many"}, {"--rerun-failed", "-1"}, {"--disable", "("}, {"--shard", "3/2"}, {"--drift", "fine"}, {"--baseline", ""}} {
			Expect(conform(flags...).code).To(Equal(2), "%v", flags)
		}
	})

	It("puts the reports of shards together", func() {
		for _, shard := range []string{"1/2", "2/2"} {
			got := conform("--shard", shard, "--report", "report-"+shard[:1])
			Expect(got.code).To(Equal(1), got.err)
			Expect(got.out).To(ContainSubstring(", shard " + shard))
		}
		got := relayspec("report", "report-1", "report-2", "--report", "whole", "--gate")
		Expect(got).To(Equal(outcomeOf{code: 1}))
		Expect(relayspec("report", "report-1", "report-2").code).To(Equal(0))
		got = relayspec("report", "report-1", "--gate")
		Expect(got.code).To(Equal(2), "what a part says isn't what the whole says")
		Expect(got.err).To(ContainSubstring("the report of shard 2/2 is missing"))
		Expect(relayspec("report", "report-1").code).To(Equal(0))
		Expect(runFrom("whole").Totals.Verdicts).To(Equal(map[reports.Verdict]int{reports.Fail: 3}))
		got = relayspec("report", "report-1", "report-1")
		Expect(got.code).To(Equal(2))
		Expect(got.err).To(And(ContainSubstring("report-1 and report-1 are both shard 1/2"), ContainSubstring("the report of shard 2/2 is missing")))
	})

	It("annotates the lines of the features for GitHub, and lets no text be a command", func() {
		got := conform("--annotations", "github")
		Expect(got.code).To(Equal(1))
		Expect(got.out).To(MatchRegexp(`^::stop-commands::(\w{20,})\n(?s:.*)\n::\w{20,}::\n::error file=features/protocol/rfc5321-order.feature,line=\d+,title=FAIL RFC5321-3.3/`))
		Expect(got.out).To(HaveSuffix("3 cases FAIL: " + strings.TrimSuffix(needy, "*") + "connected, " + strings.TrimSuffix(needy, "*") + "said-ehlo, " + strings.TrimSuffix(needy, "*") + "said-helo\n"))
		got = conform("--annotations", "github", "--json")
		Expect(runOf(got.out).Gate.Code).To(Equal(1))
		Expect(strings.Count(got.err, "::error ")).To(Equal(3))
	})
})

// rewrite changes a file, and gives its new content.
func rewrite(name string, change func(string) string) string {
	GinkgoHelper()
	data, err := os.ReadFile(name)
	Expect(err).NotTo(HaveOccurred())
	text := change(string(data))
	Expect(os.WriteFile(name, []byte(text), 0o644)).To(Succeed())
	return text
}

// runFrom reads the report that is kept in dir.
func runFrom(dir string) *reports.Run {
	GinkgoHelper()
	run, err := readReport(dir, nil)
	Expect(err).NotTo(HaveOccurred())
	return run
}

// dyingRelay starts the minimal sample behind a door that kills it when somebody comes for the n-th time, and gives the
// door's address.
func dyingRelay(n int32) string {
	GinkgoHelper()
	binary := filepath.Join(GinkgoT().TempDir(), "minimal")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = filepath.Join(rootDir, "features", "samples", "minimal")
	built, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(built))
	relay := exec.Command(binary, "-next-hop", "127.0.0.1:1")
	out, err := relay.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(relay.Start()).To(Succeed())
	line, err := bufio.NewReader(out).ReadString('\n')
	Expect(err).NotTo(HaveOccurred())
	address := strings.TrimSpace(strings.TrimPrefix(line, "ready port25="))

	door, err := net.Listen("tcp4", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	var sessions sync.WaitGroup
	DeferCleanup(func() {
		door.Close()
		relay.Process.Kill()
		relay.Wait()
		sessions.Wait()
	})
	var came atomic.Int32
	sessions.Go(func() {
		for {
			client, err := door.Accept()
			if err != nil {
				return
			}
			if came.Add(1) == n {
				relay.Process.Kill()
				door.Close()
			}
			sessions.Go(func() { pass(client, address) })
		}
	})
	return door.Addr().String()
}

// pass passes on what is said, until one of both has ended.
func pass(client net.Conn, address string) {
	defer client.Close()
	relay, err := net.Dial("tcp4", address)
	if err != nil {
		return
	}
	defer relay.Close()
	var both sync.WaitGroup
	both.Go(func() {
		io.Copy(relay, client)
		relay.Close()
	})
	io.Copy(client, relay)
	client.Close()
	both.Wait()
}
