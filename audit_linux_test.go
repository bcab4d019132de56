package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/island"
)

// TestAudit: a real Postfix is walked through the cases of an audit, with verdicts while it goes on; Ctrl-C leaves a report.
func TestAudit(t *testing.T) {
	t.Run("of a real Postfix", func(t *testing.T) {
		if usesPostfix(t) {
			auditsPostfix(t)
		}
	})
}

// auditing is relayspec audit in a process of its own.
type auditing struct {
	*exec.Cmd
	out, err *stderr
}

// auditsAt starts it, on an island.
func auditsAt(t *testing.T, args ...string) *auditing {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a := &auditing{exec.Command(program, append([]string{"audit"}, args...)...), &stderr{}, &stderr{}}
	a.Dir, a.Env, a.Stdout, a.Stderr = island.Ground(), append(os.Environ(), asProgram+"=1"), a.out, a.err
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Process.Kill() })
	NewWithT(t).Eventually(a.err.String, patience).Should(ContainSubstring("auditing senders at"))
	return a
}

func auditsPostfix(t *testing.T) {
	g := NewWithT(t)
	report := filepath.Join(island.Ground(), "report")
	a := auditsAt(t, "--listen", "127.0.0.1:2525", "--least", "500ms", "--within", "20s", "--domain", "vault.example", "--report", report)
	p := startPostfix(t, "", "", map[string]string{
		"relayhost": "[127.0.0.1]:2525", "smtp_tls_security_level": "may", "smtp_sasl_auth_enable": "no",
		"minimal_backoff_time": "2s", "maximal_backoff_time": "2s",
	})
	// The operator: one message whenever the audit asks for one.
	asked := 0
	walk := func() string {
		if n := strings.Count(a.err.String(), "is to send a message"); n > asked || asked == 0 {
			asked++
			p.sends(fmt.Sprintf("Subject: test %d\nFrom: bella@vault.example\nTo: bob%d@example.net\n\nHello.\n", asked, asked), fmt.Sprintf("bob%d@example.net", asked))
		}
		return a.out.String()
	}
	g.Eventually(walk, queueTime, often).Should(MatchRegexp(`PASS +ERR-CUST-DAY/`), a.err.String)
	g.Expect(a.ProcessState).To(BeNil(), "the verdict appears while it runs")
	g.Eventually(walk, queueTime, often).Should(MatchRegexp(`(?m)^mail\.vault\.example \[127\.0\.0\.1\]  PASS +RFC5321-4\.5\.4\.1/`), a.err.String)
	for _, id := range []string{
		"ERR-CUST-DAY/a-refusal-of-the-day-at-rcpt", "ERR-CUST-DAY/a-refusal-of-the-day-at-the-end", "ERR-CUST-PEAK/a-refusal-of-the-peak-at-rcpt",
		"ERR-CUST-PEAK/a-refusal-of-the-peak-at-the-end", "HELO-UNIQUE/", "HELO-FORBIDDEN/", "HELO-DOS-SOMETIMES/", "SND-EMPTY-IDENT/", "AUTH-TLS/",
		"NULL-MULTI-RCPT/", "C-TESTMAIL/",
	} {
		g.Expect(a.out.String()).To(MatchRegexp(`PASS +` + id))
	}
	g.Expect(a.Process.Signal(os.Interrupt)).To(Succeed())
	g.Expect(exitOf(a.Wait())).To(Equal(0), a.out.String()+a.err.String())
	kept, err := os.ReadFile(filepath.Join(report, "mail.vault.example_127.0.0.1", "report.txt"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(kept)).To(ContainSubstring("ERR-CUST-PEAK"))
}
