package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/island"
)

var _ = Describe("an isolated target", func() {
	BeforeEach(func() {
		if err := island.Lacking(); err != nil {
			Skip(err.Error())
		}
		GinkgoT().Chdir(GinkgoT().TempDir())
		GinkgoT().Setenv(asProgram, "1") // on the island the test binary is the program
		Expect(os.WriteFile("target.yaml", []byte(strings.ReplaceAll(`name: apart
isolated: true
timeout: 2s
roles: {sender: app@corp.example, recipients: ['*@example.net']}
sink: {listen: "127.0.0.53:25"}
start:
  command: [go, run, ., -next-hop, "{sink}"]
  dir: DIR
  ready: ^ready port25=(?P<port25>\S+)$
  within: 2m # it is compiled first
`, "DIR", filepath.Dir(sample("minimal")))), 0o600)).To(Succeed())
	})

	It("is judged where nothing leads out, with its report here", func() {
		got := relayspec("conform", "--target", "target.yaml", "--select", "RFC5321-4.1.1.1*", "--report", "report")
		Expect(got.out).To(ContainSubstring("apart"), got.err)
		Expect(got.code).To(BeElementOf(0, 1), got.err)
		Expect("report/report.json").To(BeAnExistingFile())
	})

	It("is looked at there, too, and what is wrong is told with the same code", func() {
		got := relayspec("target", "target.yaml")
		Expect(got.code).To(Equal(0), got.err)
		Expect(got.out).To(MatchRegexp(`(?m)^sink          127\.0\.0\.53:25$`), "a port that the machine itself may use for something else")

		Expect(os.WriteFile("target.yaml", []byte(`name: apart
isolated: true
roles: {sender: app@corp.example, recipients: ['*@example.net']}
start: {command: [sh, -c, "echo broken; exit 7"], ready: "^ready (?P<port25>.*)$"}
`), 0o600)).To(Succeed())
		got = relayspec("target", "target.yaml")
		Expect(got.code).To(Equal(3))
		Expect(got.err).To(ContainSubstring("broken"))
	})
})

var _ = DescribeTable("what runs on an island ends this program with its code, and with a word where it was ended",
	func(interrupted bool, script string, code int, words string) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if interrupted {
			cancel()
		}
		err := cameOfIsland(ctx, exec.Command("sh", "-c", script).Run())
		var ended *exit
		Expect(errors.As(err, &ended)).To(BeTrue())
		Expect(ended.code).To(Equal(code))
		if words == "" {
			Expect(ended.err).NotTo(HaveOccurred())
			return
		}
		Expect(ended.err).To(MatchError(ContainSubstring(words)))
	},
	Entry("its own", false, "exit 1", 1, ""),
	Entry("interrupted, its own", true, "exit 130", 130, ""),
	Entry("ended by a signal", false, "kill -9 $$", 3, "ended from outside: signal: killed"),
	Entry("ended there by a signal", false, "exit 137", 3, "ended from outside: exit status 137"),
	Entry("interrupted before it was there", true, "exit 2", 130, "interrupted: "),
	Entry("a mistake of the user's", false, "exit 2", 2, ""),
	Entry("interrupted, and not in time", true, "kill -9 $$", 130, "interrupted: "),
)
