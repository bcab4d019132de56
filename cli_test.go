package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/relayspec/relayspec/reports"
)

// outcomeOf is what a run of the program left.
type outcomeOf struct {
	code     int
	out, err string
}

// relayspec runs the program with args.
func relayspec(args ...string) outcomeOf {
	GinkgoHelper()
	var out, err bytes.Buffer
	code := run(args, strings.NewReader(""), &out, &err)
	return outcomeOf{code, out.String(), err.String()}
}

var _ = Describe("The command line", func() {
	BeforeEach(func() {
		GinkgoT().Chdir(GinkgoT().TempDir()) // no relayspec.yaml of somebody else
	})

	It("shows its help, also when nothing is asked", func() {
		for _, got := range []outcomeOf{relayspec(), relayspec("--help")} {
			Expect(got.code).To(Equal(0))
			Expect(got.out).To(ContainSubstring("relayspec conform --select 'LIM-*'"))
			Expect(got.err).To(BeEmpty())
		}
	})

	DescribeTable("teaches each command by example",
		func(command, example string) {
			got := relayspec(command, "--help")
			Expect(got.code).To(Equal(0))
			Expect(got.out).To(ContainSubstring(example))
		},
		Entry(nil, "conform", "relayspec conform --select '@must and not @volume'"),
		Entry(nil, "list", "relayspec list --select 'LIM-*'"),
		Entry(nil, "trace", "relayspec trace | tail -1"),
		Entry(nil, "report", "relayspec report report --html page.html"),
		Entry(nil, "version", "relayspec version"),
	)

	It("says its version", func() {
		got := relayspec("version")
		Expect(got.code).To(Equal(0))
		Expect(got.out).To(MatchRegexp(`^relayspec \S+ go1\.\S+ \w+/\w+\n$`))
	})

	DescribeTable("ends a mistake with what to do next, and 2",
		func(wrong, next string, args ...string) {
			got := relayspec(args...)
			Expect(got.code).To(Equal(2), got.err)
			Expect(got.out).To(BeEmpty())
			lines := strings.Split(strings.TrimSpace(got.err), "\n")
			Expect(got.err).To(HavePrefix("relayspec: "))
			Expect(got.err).To(ContainSubstring(wrong))
			Expect(lines[len(lines)-1]).To(ContainSubstring(next))
		},
		Entry("unknown command", `unexpected argument judge`, "See relayspec --help", "judge"),
		Entry("unknown flag", `unknown flag --fast`, "See relayspec conform --help", "conform", "--fast"),
		Entry("wrong value", `must be one of "normal","large"`, "See relayspec conform --help", "conform", "--volume", "huge"),
		Entry("no number", `--workers`, "See relayspec conform --help", "conform", "--workers", "many"),
		Entry("negative workers", `--workers -1`, "Give 1 or more", "conform", "--workers=-1"),
		Entry("bad selection", `column 7: it ends where`, "relayspec list shows", "list", "--select", "@a and"),
		Entry("absent configuration", `absent.yaml`, "Name a file that is there", "list", "--config", "absent.yaml"),
	)
})

var _ = Describe("list", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	It("lists the cases, a line each", func() {
		got := relayspec("list", "--select", "LIM-USER-MSGS")
		Expect(got.code).To(Equal(0), got.err)
		for _, line := range strings.Split(strings.TrimSpace(got.out), "\n") {
			Expect(line).To(MatchRegexp(`^\S+/\S+ +must +documented`))
		}
	})

	It("lists them as JSON", func() {
		got := relayspec("list", "--json", "--select", "LIM-USER-MSGS")
		Expect(got.code).To(Equal(0), got.err)
		var cases []struct {
			ID    string   `json:"id"`
			Rules []string `json:"rules"`
			Line  int      `json:"line"`
		}
		Expect(json.Unmarshal([]byte(got.out), &cases)).To(Succeed())
		Expect(cases).NotTo(BeEmpty())
		for _, c := range cases {
			Expect(c.Rules).To(ContainElement("LIM-USER-MSGS"), c.ID)
			Expect(c.Line).To(BeNumerically(">", 0))
		}
	})

	It("says when nothing is selected, with 4", func() {
		got := relayspec("list", "--select", "NO-SUCH-RULE")
		Expect(got.code).To(Equal(4))
		Expect(got.err).To(ContainSubstring(`no case fits "NO-SUCH-RULE"`))
	})
})

var _ = Describe("trace", func() {
	It("ends with the counts of every rule of the catalogue", func() {
		got := relayspec("trace")
		lines := strings.Split(strings.TrimSpace(got.out), "\n")
		Expect(lines[len(lines)-1]).To(MatchRegexp(`^\d+ rules: \d+ judged by \d+ scenarios, \d+ deferred, \d+ not judged for a reason, \d+ faults$`))
		Expect(got.out).To(ContainSubstring("DEFERRED(console@later)"))
	})

	It("writes JSON that agrees with its exit code", func() {
		got := relayspec("trace", "--json")
		var traced struct {
			Faults []string `json:"faults"`
			Counts struct{ Rules, Judged, Deferred, Faults int }
		}
		Expect(json.Unmarshal([]byte(got.out), &traced)).To(Succeed())
		Expect(traced.Counts.Faults).To(Equal(len(traced.Faults)))
		Expect(got.code == 0).To(Equal(len(traced.Faults) == 0), "exit %d", got.code)
	})
})

var _ = Describe("The configuration", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	write := func(name, text string) {
		GinkgoHelper()
		Expect(os.WriteFile(name, []byte(text), 0o644)).To(Succeed())
	}
	const userMessages, userRecipients, customerDay = "LIM-USER-MSGS/", "LIM-USER-UNIQ/", "LIM-CUST-DAY/"

	It("is read where it is by default", func() {
		write("relayspec.yaml", "list:\n  select: LIM-USER-MSGS\n")
		got := relayspec("list")
		Expect(got.out).To(And(ContainSubstring(userMessages), Not(ContainSubstring(userRecipients))), got.err)
	})

	It("gives way to the environment, and that to flags", func() {
		write("relayspec.yaml", "list:\n  select: LIM-USER-MSGS\n")
		GinkgoT().Setenv("RELAYSPEC_SELECT", "LIM-USER-UNIQ")
		got := relayspec("list")
		Expect(got.out).To(And(ContainSubstring(userRecipients), Not(ContainSubstring(userMessages))), got.err)
		got = relayspec("list", "--select", "LIM-CUST-DAY")
		Expect(got.out).To(And(ContainSubstring(customerDay), Not(ContainSubstring(userRecipients))), got.err)
	})

	It("is the one that is named, and then not the default one", func() {
		write("relayspec.yaml", "nonsense: true\n")
		write("mine.yaml", "list: {select: LIM-USER-MSGS, json: true}\n")
		for _, got := range []outcomeOf{
			relayspec("list", "--config", "mine.yaml"),
			relayspec("--config", "mine.yaml", "list"),
		} {
			Expect(got.code).To(Equal(0), got.err)
			Expect(got.out).To(HavePrefix("["))
		}
		GinkgoT().Setenv("RELAYSPEC_CONFIG", "mine.yaml")
		Expect(relayspec("list").out).To(HavePrefix("["))
	})

	It("may be empty", func() {
		write("relayspec.yaml", "# nothing yet\n")
		Expect(relayspec("list").code).To(Equal(0))
		write("relayspec.yaml", "list:\n")
		Expect(relayspec("list").code).To(Equal(0))
	})

	DescribeTable("is an error with its line where it is wrong",
		func(text string, wrong ...string) {
			write("relayspec.yaml", text)
			got := relayspec("list")
			Expect(got.code).To(Equal(2), got.out)
			for _, w := range wrong {
				Expect(got.err).To(ContainSubstring(w))
			}
			Expect(got.err).To(ContainSubstring("relayspec COMMAND --help"))
		},
		Entry("unknown command", "conform:\n  workers: 2\njudge:\n  x: 1\n", `relayspec.yaml:3: relayspec has no command or flag "judge"`),
		Entry("unknown flag", "conform:\n  workers: 2\n  fast: true\n", `relayspec.yaml:3: conform has no command or flag "fast"`),
		Entry("wrong type", "conform:\n  workers: many\n", "relayspec.yaml:2: --workers: expected a valid"),
		Entry("wrong choice", "conform:\n  volume: huge\n", `relayspec.yaml:2: --volume: "huge" is none of light,normal,large`),
		Entry("no value", "conform:\n  workers:\n", "relayspec.yaml:2: --workers: it has no value"),
		Entry("no section", "conform: 3\n", "relayspec.yaml:1: found 3 where flags of conform should be"),
		Entry("a map for a value", "conform:\n  workers: {a: 1}\n", "relayspec.yaml:2: --workers: found"),
		Entry("all of them", "judge: 1\nconform:\n  fast: 1\n", "relayspec.yaml:1: ", "relayspec.yaml:3: "),
		Entry("no YAML", "conform: [\n", "relayspec.yaml: "),
		Entry("twice the same", "list:\n  json: true\n  json: false\n", "relayspec.yaml: "),
		Entry("two documents", "list:\n---\nlist:\n", "relayspec.yaml: more than one YAML document"),
		Entry("itself", "config: other.yaml\n", `relayspec.yaml:1: relayspec has no command or flag "config"`),
	)
})

var _ = Describe("conform", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	It("judges the relay of this program and reports", func() {
		got := relayspec("conform", "--select", "SVC-PURPOSE", "--report", "report", "--keep-transcripts")
		Expect(got.code).To(Equal(0), got.err+got.out)
		lines := strings.Split(strings.TrimSpace(got.out), "\n")
		Expect(lines[len(lines)-1]).To(Equal("Overall  partial"))
		Expect(got.out).NotTo(ContainSubstring("\x1b"))

		written, err := os.ReadFile(filepath.Join("report", "report.txt"))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(written)).To(Equal(got.out))
		transcripts, err := filepath.Glob(filepath.Join("report", "transcripts", "SVC-PURPOSE", "*.txt"))
		Expect(err).NotTo(HaveOccurred())
		Expect(transcripts).NotTo(BeEmpty())
	})

	It("writes JSON that keeps its schema", func() {
		got := relayspec("conform", "--select", "SVC-PURPOSE", "--json")
		Expect(got.code).To(Equal(0), got.err+got.out)
		schema, err := jsonschema.UnmarshalJSON(strings.NewReader(reports.Schema()))
		Expect(err).NotTo(HaveOccurred())
		compiler := jsonschema.NewCompiler()
		Expect(compiler.AddResource("schema.json", schema)).To(Succeed())
		compiled, err := compiler.Compile("schema.json")
		Expect(err).NotTo(HaveOccurred())
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(got.out))
		Expect(err).NotTo(HaveOccurred())
		Expect(compiled.Validate(value)).To(Succeed())
	})

	It("says when nothing is selected, with 4, and reports all the same", func() {
		got := relayspec("conform", "--select", "NO-SUCH-RULE", "--report", "report")
		Expect(got.code).To(Equal(4))
		Expect(got.err).To(ContainSubstring(`no case fits "NO-SUCH-RULE"`))
		Expect(filepath.Join("report", "report.json")).To(BeAnExistingFile())
	})

	It("says when the report can't be written", func() {
		Expect(os.WriteFile("file", nil, 0o644)).To(Succeed())
		got := relayspec("conform", "--select", "SVC-PURPOSE", "--report", "file")
		Expect(got.code).To(Equal(2))
		Expect(got.out).To(BeEmpty(), "it was told before the run")
		Expect(got.err).To(ContainSubstring("a report can't be written to file"))
		Expect(got.err).To(ContainSubstring("Name a directory that can be written"))
	})
})
