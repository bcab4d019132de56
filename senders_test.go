package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reports"
)

var _ = Describe("conform --senders", func() {
	BeforeEach(func() {
		GinkgoT().Chdir(GinkgoT().TempDir())
	})

	It("judges the fakes that are named, each against its baseline, and ends with their table", func() {
		got := relayspec("conform", "--sender", "postfix", "--sender", "qmail", "--select", "NULL-MULTI-RCPT or PF-RELAYHOST")
		Expect(got.code).To(Equal(0), got.err)
		Expect(got.out).To(ContainSubstring("XFAIL     NULL-MULTI-RCPT/a-message-with-an-empty-sender-to-three-recipients: Postfix puts up to 50"))
		Expect(got.out).To(MatchRegexp(`(?m)^rule +level +postfix +qmail$`))
		Expect(got.out).To(MatchRegexp(`(?m)^NULL-MULTI-RCPT +must +\(FAIL\) +\+$`))
		Expect(got.out).To(MatchRegexp(`(?m)^PF-RELAYHOST +must +\+ *$`))
		Expect(got.out).To(MatchRegexp(`(?m)^postfix +non-conformant: satisfied \(exit 0\)$`))
	})

	It("fails where no baseline lists what is found", func() {
		Expect(os.WriteFile("none.yaml", []byte("baseline: relayspec-baseline/1\nedition: 1\ntarget: Postfix\nentries: []\n"), 0o600)).To(Succeed())
		got := relayspec("conform", "--sender", "postfix", "--select", "NULL-MULTI-RCPT", "--baseline", "none.yaml")
		Expect(got.code).To(Equal(1))
		Expect(got.out).To(ContainSubstring("FAIL      NULL-MULTI-RCPT/a-message-with-an-empty-sender-to-three-recipients: wanted at most 1 RCPT behind MAIL FROM:<>; got 3"))
	})

	It("keeps a report of each, from which a baseline can be begun", func() {
		got := relayspec("conform", "--sender", "exim", "--select", "NULL-MULTI-RCPT", "--report", "report", "--json")
		Expect(got.code).To(Equal(0), got.err)
		var matrix reports.Matrix
		Expect(json.Unmarshal([]byte(got.out), &matrix)).To(Succeed())
		Expect(matrix.Columns).To(HaveLen(1))
		for _, name := range []string{"matrix.html", "matrix.md", "matrix.json", "exim/report.json", "exim/report.html"} {
			Expect(filepath.Join("report", filepath.FromSlash(name))).To(BeAnExistingFile())
		}
		begun := relayspec("baseline", "update", "--baseline", "own.yaml", "--report", "report/exim")
		Expect(begun.code).To(Equal(0), begun.err)
		text, err := os.ReadFile("own.yaml")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).To(ContainSubstring("NULL-MULTI-RCPT/"))
	})

	DescribeTable("says what doesn't fit", func(code int, says string, args ...string) {
		got := relayspec(append([]string{"conform"}, args...)...)
		Expect(got.code).To(Equal(code))
		Expect(got.err).To(ContainSubstring(says))
	},
		Entry("an unknown sender", 2, "did you mean postfix?", "--sender", "postfx"),
		Entry("a format of one run", 2, "--html doesn't go with --senders", "--senders", "--html", "page.html"),
		Entry("a baseline for several", 2, "--baseline with several senders", "--senders", "--baseline", "b.yaml"),
		Entry("a selection that fits nothing", 4, "nothing selected", "--sender", "qmail", "--select", "NOTHING"),
		Entry("a rule of another server", 4, "nothing selected", "--sender", "qmail", "--select", "PF-RELAYHOST"),
	)

	It("lists the cases of senders, and traces their rules", func() {
		got := relayspec("list", "--senders", "--select", "ERR-CUST-PEAK and @needs.clock")
		Expect(got.code).To(Equal(0), got.err)
		Expect(got.out).To(ContainSubstring("ERR-CUST-PEAK/it-isnt-tried-again-within-a-minute"))
		traced := relayspec("trace")
		Expect(traced.code).To(Equal(0))
		Expect(traced.out).NotTo(ContainSubstring("DEFERRED(sender"))
		Expect(strings.TrimSpace(traced.out)).To(HaveSuffix(", 0 faults"))
	})
})
