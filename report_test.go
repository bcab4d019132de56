package main

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reports"
)

var _ = Describe("The formats of a report", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	// read is the content of a file.
	read := func(path ...string) string {
		GinkgoHelper()
		data, err := os.ReadFile(filepath.Join(path...))
		Expect(err).NotTo(HaveOccurred())
		return string(data)
	}
	names := []string{"badge.json", "cucumber.json", "junit.xml", "report.html", "report.json", "report.txt", "summary.md"}

	Context("with a report that is kept", func() {
		BeforeEach(func() {
			got := relayspec("conform", "--select", "SVC-PURPOSE", "--report", "kept")
			Expect(got.code).To(Equal(0), got.err+got.out)
		})

		It("has them all in its directory", func() {
			for _, name := range names {
				Expect(filepath.Join("kept", name)).To(BeARegularFile())
			}
			var badge struct{ Message string }
			Expect(json.Unmarshal([]byte(read("kept", "badge.json")), &badge)).To(Succeed())
			Expect(badge.Message).To(MatchRegexp(`^1/\d+ must, \d+ not judged$`))
			Expect(xml.Unmarshal([]byte(read("kept", "junit.xml")), new(struct{}))).To(Succeed())
		})

		It("writes it again as it was", func() {
			for _, from := range []string{"kept", filepath.Join("kept", "report.json")} {
				Expect(relayspec("report", from, "--report", "again")).To(Equal(outcomeOf{}))
				for _, name := range names {
					Expect(read("again", name)).To(Equal(read("kept", name)), name)
				}
			}
			got := relayspec("report", "kept")
			Expect(got).To(Equal(outcomeOf{out: read("kept", "report.txt")}))
			Expect(relayspec("report", "kept", "--json")).To(Equal(outcomeOf{out: read("kept", "report.json")}))
		})

		DescribeTable("writes one of them to a file or to standard output",
			func(flag, name string) {
				Expect(relayspec("report", "kept", flag, "one")).To(Equal(outcomeOf{}))
				Expect(read("one")).To(Equal(read("kept", name)))
				Expect(relayspec("report", "kept", flag, "-")).To(Equal(outcomeOf{out: read("kept", name)}))
			},
			Entry(nil, "--html", "report.html"),
			Entry(nil, "--junit", "junit.xml"),
			Entry(nil, "--summary", "summary.md"),
			Entry(nil, "--badge", "badge.json"),
			Entry(nil, "--cucumber", "cucumber.json"),
		)

		It("appends a summary", func() {
			Expect(os.WriteFile("steps.md", []byte("before\n"), 0o644)).To(Succeed())
			Expect(relayspec("report", "kept", "--summary", "steps.md").code).To(Equal(0))
			Expect(read("steps.md")).To(Equal("before\n" + read("kept", "summary.md")))
		})

		It("refuses what is no report of this form", func() {
			other := strings.Replace(read("kept", "report.json"), reports.SchemaName, "relayspec-report/99", 1)
			Expect(os.WriteFile("other.json", []byte(other), 0o644)).To(Succeed())
			for from, wrong := range map[string]string{
				"other.json":                        `other.json: read the report: a report of another form: "relayspec-report/99", this program reads "relayspec-report/1"`,
				filepath.Join("kept", "junit.xml"):  "line 1: it is no JSON",
				filepath.Join("kept", "badge.json"): `no member "schema" names it`,
				"absent":                            "no such file",
				"-":                                 "line 1: it is no JSON", // standard input is empty
			} {
				got := relayspec("report", from, "--html", "page.html")
				Expect(got.code).To(Equal(2))
				Expect(got.err).To(And(ContainSubstring(wrong), HaveSuffix("of this version has written\n")))
				Expect("page.html").NotTo(BeAnExistingFile())
			}
		})
	})

	It("prints the schema", func() {
		Expect(relayspec("report", "--schema")).To(Equal(outcomeOf{out: reports.Schema()}))
	})

	It("writes single files after a run, and one format to standard output in place of the text", func() {
		got := relayspec("conform", "--select", "SVC-PURPOSE", "--junit", "-", "--html", "page.html", "--summary", "s.md")
		Expect(got.code).To(Equal(0), got.err)
		Expect(got.out).To(HavePrefix("<?xml"))
		Expect(xml.Unmarshal([]byte(got.out), new(struct{}))).To(Succeed())
		Expect(read("page.html")).To(HavePrefix("<!DOCTYPE html>"))
		Expect(read("s.md")).To(HavePrefix("## "))
	})

	It("leaves a step's summary alone unless it is asked", func() {
		GinkgoT().Setenv("GITHUB_STEP_SUMMARY", "step.md")
		Expect(relayspec("conform", "--select", "SVC-PURPOSE").code).To(Equal(0))
		Expect("step.md").NotTo(BeAnExistingFile())
	})

	It("writes them in every case", func() {
		got := relayspec("conform", "--select", "NO-SUCH-RULE", "--junit", "j.xml", "--html", "page.html")
		Expect(got.code).To(Equal(4))
		Expect(read("j.xml")).To(ContainSubstring("<error"))
		Expect(read("page.html")).To(ContainSubstring("inconclusive"))
	})

	DescribeTable("tells a mistake before the run",
		func(wrong, next string, args ...string) {
			Expect(os.Mkdir("folder", 0o755)).To(Succeed())
			got := relayspec(args...)
			Expect(got.code).To(Equal(2), got.err)
			Expect(got.out).To(BeEmpty())
			Expect(got.err).To(And(ContainSubstring(wrong), ContainSubstring(next)))
		},
		Entry("no such folder", "a report can't be written to absent/j.xml", "with --junit", "conform", "--junit", "absent/j.xml"),
		Entry("a folder", "a report can't be written to folder: it is a directory", "with --html", "conform", "--html", "folder"),
		Entry("two for standard output", "--html - and --badge - both ask", "Give a file", "conform", "--html=-", "--badge=-"),
		Entry("JSON and another", "--json and --junit - both ask", "Give a file", "conform", "--json", "--junit=-"),
		Entry("an empty variable", "--summary: it names nothing to write to", "See relayspec conform --help", "conform", "--summary", ""),
		Entry("no report named", "no report is named", "Name the directory", "report"),
	)
})
