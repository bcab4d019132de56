package features

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/relayspec/relayspec/features/target"
	reference "github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reports"
	"github.com/relayspec/relayspec/reports/transcript"
)

// told makes the tests below be what Run makes of verdicts: they fail and skip on purpose, in a process of their own.
const told = "TEST_TELLS_VERDICTS"

func TestTellInAnotherProcess(t *testing.T) {
	if os.Getenv(told) == "" {
		t.Skip("only as the process of TestRunTellsVerdicts")
	}
	c := reports.Case{
		ID: "LIM-A/case", Name: "Case", Feature: "a.feature", Line: 7, Rule: "The rule holds", Level: reports.Must, Source: "documented",
		Step: "Then it holds", Transcript: []transcript.Entry{{Kind: transcript.Server, Text: "550 no", Marked: true}},
	}
	for _, verdict := range []reports.Verdict{
		reports.Pass, reports.Fail, reports.NonStrict, reports.Noted, reports.Error, reports.Unsupported, reports.Unprovisioned, reports.Disabled,
	} {
		t.Run(string(verdict), func(t *testing.T) {
			c := c
			c.Verdict = verdict
			switch verdict {
			case reports.Fail, reports.NonStrict, reports.Noted:
				c.Want, c.Got = "250", "550 no"
			default:
				c.Reason = "for a reason"
			}
			tell(t, c)
		})
	}
}

func TestRunTellsVerdicts(t *testing.T) {
	child := exec.Command(os.Args[0], "-test.run", "^TestTellInAnotherProcess$", "-test.v")
	child.Env = append(os.Environ(), told+"=1")
	said, err := child.CombinedOutput()
	if err == nil {
		t.Error("a FAIL and an ERROR didn't fail the process")
	}
	out := string(said)
	for verdict, result := range map[string]string{
		"PASS": "PASS", "FAIL": "FAIL", "ERROR": "FAIL", "NONSTRICT": "PASS", "NOTE": "PASS",
		"UNSUPPORTED": "SKIP", "UNPROVISIONABLE": "SKIP", "DISABLED": "SKIP",
	} {
		if want := "--- " + result + ": TestTellInAnotherProcess/" + verdict + " "; !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for _, want := range []string{
		"FAIL The rule holds (must, documented)", "scenario Case (a.feature:7)", "step     Then it holds", "wanted   250", "got      550 no",
		"S: 550 no", "ERROR The rule holds", "reason   for a reason", "UNPROVISIONABLE(for a reason)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// The relay of this tree, judged as anybody's would be.
func TestRunJudgesARelay(t *testing.T) {
	relay, closer, err := reference.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	Run(t, relay, RunOptions{Select: "PORT-* or LIM-CUST-LICENCE"})
}

func TestRunRefusesWhatItCannotRead(t *testing.T) {
	relay := &fakeTarget{}
	for want, options := range map[string][]RunOptions{
		"nothing selected: no case fits": {{Select: "NO-SUCH-RULE"}},
		"column 3":                       {{Select: "( or"}},
		"takes one RunOptions, not 2":    {{}, {}},
	} {
		if _, err := runnerOf(t, relay, options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	odd := &fakeTarget{capabilities: []target.Capability{"odd"}}
	if _, err := runnerOf(t, odd, nil); err == nil || !strings.Contains(err.Error(), `the capability "odd"`) {
		t.Errorf("got %v", err)
	}
}
