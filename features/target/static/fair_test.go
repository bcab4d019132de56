package static_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target/static"
	"github.com/relayspec/relayspec/reports"
)

// verdict judges the relay of a profile by one case.
func verdict(p *static.Profile, id string) reports.Case {
	GinkgoHelper()
	suite, err := features.Load()
	Expect(err).NotTo(HaveOccurred())
	chosen, err := features.ParseSelection(id)
	Expect(err).NotTo(HaveOccurred())
	run, err := features.Judge(context.Background(), features.Options{Suite: suite, Open: p.Opener(static.Options{}), Workers: -1, Select: chosen})
	Expect(err).NotTo(HaveOccurred())
	Expect(run.Cases).To(HaveLen(1))
	return run.Cases[0]
}

var _ = Describe("What a relay does is told from what can't be told", func() {
	It("fails one that closes a session which should go on, and greets the next client", func() {
		r := scripted(func(_ int, line string) string {
			switch {
			case line == "XYZZY":
				return "500 what?"
			case line == "NOOP":
				return closes
			}
			return ""
		})
		c := verdict(profile(at25(r.address())), "RFC5321-4.1.4/same-state/a-transaction-goes-on-after/an-unknown-command-xyzzy")
		Expect(c.Verdict).To(Equal(reports.Fail))
		Expect(c.Got).To(Equal("the relay closed the connection"))
	})

	const imperfect = "RFC5321-3.3/imperfect/a-message/without-an-empty-line-hello"

	It("holds it against a relay that one message is put off always, and others not", func() {
		r := scripted(func(int, string) string { return "" })
		r.weigh = func(content string) string {
			if !strings.Contains(content, "From:") {
				return "451 this is no message"
			}
			return "250 accepted"
		}
		c := verdict(profile(at25(r.address())), imperfect)
		Expect(c.Verdict).To(Equal(reports.NonStrict))
		Expect(c.Got).To(HavePrefix("451"))
	})

	It("can't tell anything of one that puts all messages off", func() {
		r := scripted(func(int, string) string { return "" })
		r.weigh = func(string) string { return "451 later" }
		c := verdict(profile(at25(r.address())), imperfect)
		Expect(c.Verdict).To(Equal(reports.Error))
		Expect(c.Reason).To(ContainSubstring("put the client off"))
	})

	It("sends one by one to a relay that drops what comes together with a message", func() {
		var dropping atomic.Int32 // lines that are still to be dropped
		r := scripted(func(_ int, line string) string {
			if dropping.Load() > 0 {
				dropping.Add(-1)
				return "503 out of sequence"
			}
			if strings.HasPrefix(line, "EHLO") {
				return "250-relay.example\r\n250 PIPELINING"
			}
			return ""
		})
		var messages atomic.Int32
		r.weigh = func(string) string {
			if messages.Add(1) == 1 {
				dropping.Store(3) // MAIL, RCPT and DATA
			}
			return "250 accepted"
		}
		Expect(verdict(profile(at25(r.address())), "DOS-CONN-REUSE/100-messages-go-through-one-session").Verdict).To(Equal(reports.Pass))
		Expect(messages.Load()).To(BeEquivalentTo(100))
	})

	DescribeTable("holds against a relay that it lost a command, if it answers the next one and never that",
		func(behind string, verdictOf reports.Verdict, words string) {
			var taken atomic.Bool // a message
			r := scripted(func(_ int, line string) string {
				switch {
				case strings.HasPrefix(line, "EHLO"):
					return "250-relay.example\r\n250 PIPELINING"
				case taken.Load() && line == "QUIT":
					return hangs
				case taken.Load() && line == "NOOP":
					return behind
				}
				return ""
			})
			r.weigh = func(string) string { taken.Store(true); return "250 accepted" }
			patient := strings.Replace(at25(r.address()), "timeout: 300ms", "timeout: 1s", 1)
			c := verdict(profile(patient), "RFC2920-3.2/input-kept/quit-behind-the-final-dot")
			Expect(c.Verdict).To(Equal(verdictOf), c.Reason)
			Expect(c.Got + c.Reason).To(ContainSubstring(words))
		},
		Entry("lost", "250 ok", reports.Fail, "was lost"),
		Entry("late", "221 late\r\n250 ok", reports.Error, "doesn't answer"),
		Entry("silent", hangs, reports.Error, "doesn't answer"),
		Entry("closed", closes, reports.Error, "doesn't answer"),
	)

	It("has customers that are there already begin at zero where a driver can reset them", func() {
		asked := filepath.Join(GinkgoT().TempDir(), "asked")
		driver := `
exec:
  command:
    - sh
    - -c
    - |
      request=$(cat)
      case $request in
      *'"describe"'*) echo '{"name": "scripted", "verbs": ["reset"], "capabilities": []}' ;;
      *'"reset"'*) printf '%s\n' "$request" >>"$ASKED"; echo '{}' ;;
      *) exit 3 ;;
      esac
  env: {ASKED: ` + asked + "}\n"
		const spends = "LIM-CUST-PEAK/what-was-given-up-with-rset-takes-no-place"
		r := scripted(func(int, string) string { return "" })
		Expect(verdict(profile(at25(r.address())), spends).Verdict).To(Equal(reports.Unprovisioned))
		Expect(verdict(profile(at25(r.address())+driver), spends).Verdict).NotTo(Equal(reports.Unprovisioned))
		Expect(os.ReadFile(asked)).To(ContainSubstring(`"customer":"corp"`))
	})

	It("isn't asked before it listens at all of its ports", func() {
		text := started("slow {port25} {port587}", "")
		r, err := profile(text).Open(context.Background(), static.Options{})
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Close()).To(Succeed())
	})
})
