package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features/fidelity"
)

var _ = Describe("relayspec fidelity", func() {
	var folder, recorded, profiles string

	BeforeEach(func() {
		here, err := os.Getwd()
		Expect(err).NotTo(HaveOccurred())
		recorded = filepath.Join(here, "fakes", "mta", "testdata", "transcripts")
		profiles = filepath.Join(here, "fakes", "mta", "profiles")
		folder = GinkgoT().TempDir()
		GinkgoT().Chdir(folder)
	})

	// put writes a file of the folder: a copy of another one with something replaced.
	put := func(name, of string, replace ...string) {
		GinkgoHelper()
		text, err := os.ReadFile(of)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(filepath.Join(folder, name), []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o644)).To(Succeed())
	}
	transcript := func(name string) string { return filepath.Join(recorded, name+".txt") }

	It("prints server and case, and ends with 0 where nothing that counts differs", func() {
		put("qmail-a_plain.txt", transcript("qmail-a_plain"))
		put("exim-b_full.txt", transcript("exim-b_full"))
		got := relayspec("fidelity", folder)
		Expect(got.err).To(BeEmpty())
		Expect(got.code).To(Equal(0))
		Expect(got.out).To(MatchRegexp(`case +exim +qmail\na_plain +- +same\nb_full +same +-\n`))
		Expect(got.out).To(ContainSubstring("Novell GroupWise"))
		Expect(got.out).To(HaveSuffix("2 transcripts: 2 compared exactly, 0 by invariants; none differs in what counts\n"))
	})

	It("ends with 1 where the real server did otherwise, and says where", func() {
		put("sendmail-a_plain.txt", transcript("sendmail-a_plain"), "C: MAIL From:", "C: RSET\nS: 250 2.1.5 Flushed\nC: MAIL From:")
		got := relayspec("fidelity", folder)
		Expect(got.code).To(Equal(1))
		Expect(got.out).To(ContainSubstring(`DIFFERS  sequence, connection 1: behind EHLO mail.corp.example: recorded "RSET", the fake says "MAIL From`))
		got = relayspec("fidelity", folder, "--json")
		Expect(got.code).To(Equal(1))
		var report fidelity.Report
		Expect(json.Unmarshal([]byte(got.out), &report)).To(Succeed())
		Expect(report.Results).To(HaveExactElements(SatisfyAll(HaveField("Server", "sendmail"), HaveField("Differences", ContainElement(
			SatisfyAll(HaveField("Kind", fidelity.Sequence), HaveField("Counts", true)))))))
	})

	It("measures a profile of one's own", func() {
		put("opensmtpd-a_plain.txt", transcript("qmail-a_plain"), "mta: qmail", "mta: opensmtpd")
		got := relayspec("fidelity", folder)
		Expect(got.code).To(Equal(0))
		Expect(got.out).To(ContainSubstring("there is no fake of opensmtpd: nothing is compared"))
		put("mine.yaml", filepath.Join(profiles, "qmail.yaml"), "name: qmail", "name: opensmtpd")
		got = relayspec("fidelity", folder, "--profile", filepath.Join(folder, "mine.yaml"))
		Expect(got.code).To(Equal(0))
		Expect(got.out).To(MatchRegexp(`a_plain +same\n`))
	})

	DescribeTable("ends with 2 where it can't be done, and says what to do",
		func(prepare func(), args []string, want ...string) {
			prepare()
			got := relayspec(append([]string{"fidelity"}, args...)...)
			Expect(got.code).To(Equal(2))
			for _, words := range want {
				Expect(got.out + got.err).To(ContainSubstring(words))
			}
		},
		Entry("no folder", func() {}, []string{"nowhere"}, "nowhere", "Name a folder with transcripts"),
		Entry("no transcript", func() {}, []string{"."}, "no transcript in it", "Name a folder with transcripts"),
		Entry("no argument", func() {}, nil, "See relayspec fidelity --help"),
		Entry("something else", func() { os.WriteFile("a.txt", []byte("\xff\xfehello\n"), 0o644) }, []string{"."}, "a.txt:1: expected a line that begins with", "1 of 1 transcripts could not be played"),
		Entry("a profile that isn't there", func() { os.WriteFile("a.txt", nil, 0o644) }, []string{".", "--profile", "none.yaml"}, "none.yaml", "Mend the profile"),
	)
})
