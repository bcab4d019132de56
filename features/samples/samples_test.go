// Package samples holds relays of somebody else's making that the judge is shown on. This file judges them and compares
// what came with what is known of them; go test ./features/samples -update writes that anew.
package samples

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/static"
	"github.com/relayspec/relayspec/reports"
)

var update = flag.Bool("update", false, "write what the judge says of the samples to ../testdata")

// selection is what the samples are judged by: what any relay can be asked, the RFCs' rules, and the document's rules about
// ports and service. Where a chapter needs customers the samples can't be judged, and that is part of the fixture.
const selection = "RFC* or @PORT-PLAIN or @SVC-PURPOSE or @DOS-CONN-REUSE or @HELO-DOS-SOMETIMES"

func TestWhatTheJudgeSaysOfTheSamples(t *testing.T) {
	for _, name := range []string{"gosmtp", "minimal"} {
		t.Run(name, func(t *testing.T) {
			got := verdicts(judge(t, filepath.Join(name, "target.yaml")))
			golden := filepath.Join("..", "testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; go test ./features/samples -update writes it", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("verdicts (-want +got); if they are right, go test ./features/samples -update:\n%s", diff)
			}
		})
	}
}

// judge judges the relay of a profile.
func judge(t *testing.T, file string) *reports.Run {
	t.Helper()
	profile, err := static.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return judgeProfile(t, profile)
}

func judgeProfile(t *testing.T, profile *static.Profile) *reports.Run {
	t.Helper()
	suite, err := features.Load()
	if err != nil {
		t.Fatal(err)
	}
	selected, err := features.ParseSelection(selection)
	if err != nil {
		t.Fatal(err)
	}
	run, err := features.Judge(context.Background(), features.Options{
		Suite: suite, Open: profile.Opener(static.Options{}), Workers: 2, Select: selected,
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := run.Totals.Verdicts[reports.Error]; n > 0 || len(run.NotRun) > 0 {
		var report strings.Builder
		if err := reports.WriteText(&report, run, reports.TextOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%d errors, %d not run:\n%s", n, len(run.NotRun), report.String())
	}
	return run
}

// verdicts gives a line a rule, and one for each case in it that didn't pass: nothing in them changes from run to run.
func verdicts(run *reports.Run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s\n", run.Target.Name, run.Target.Version, strings.Join(run.Target.Capabilities, " "))
	for _, rule := range run.Rules {
		if rule.Cases == 0 {
			continue
		}
		word := string(rule.Verdict)
		if word == "" {
			word = "not judged: " + rule.Reason
		}
		fmt.Fprintf(&b, "%s (%s): %s\n", rule.ID, rule.Level, word)
		for _, c := range run.Cases {
			if c.Rules[0] == rule.ID && c.Verdict.Ran() && c.Verdict != reports.Pass {
				fmt.Fprintf(&b, "  %s %s\n    wanted %s\n    got %s\n", c.Verdict, c.ID, c.Want, c.Got)
			}
		}
	}
	fmt.Fprintf(&b, "%s\n", run.Overall)
	return b.String()
}

// A relay that relays only for who has authenticated is judged as one is that relays for its machine, too: what it comes to
// is the same, but for what is about mail without AUTH, which nobody can be asked for.
func TestARelayThatWantsAUTHIsJudgedAlike(t *testing.T) {
	file := filepath.Join("gosmtp", "target.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	alone, _, _ := strings.Cut(string(text), "customers:") // whose mail it takes without AUTH
	wantsAUTH := strings.NewReplacer("-senders, corp.example", "-senders, nobody.example", "roles:\n", "roles:\n  authenticate: true\n")
	profile, err := static.Parse(file, []byte(wantsAUTH.Replace(alone)), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	open, strict := judge(t, file), judgeProfile(t, profile)
	alike, barred := 0, 0
	for i, c := range strict.Cases {
		if !strings.HasPrefix(c.ID, "RFC") {
			continue // of the chapter about customers
		}
		if strings.HasSuffix(c.Reason, " without AUTH") && c.Verdict == reports.Unprovisioned {
			barred++
			continue
		}
		want := open.Cases[i]
		if diff := cmp.Diff([]string{want.ID, string(want.Verdict), want.Reply, want.Reason}, []string{c.ID, string(c.Verdict), c.Reply, c.Reason}); diff != "" {
			t.Errorf("%s (-without +with AUTH):\n%s%s", c.ID, diff, c.Got)
			continue
		}
		alike++
	}
	if barred == 0 || alike < 10*barred {
		t.Errorf("%d cases are alike, and %d aren't judged without AUTH: few should be, but some", alike, barred)
	}
	t.Logf("%d cases are alike, and %d aren't judged without AUTH", alike, barred)
}

// The sample on go-smtp takes mail of its sender domain, and other mail after AUTH behind TLS.
func TestTheGoSMTPSampleKeepsItsRules(t *testing.T) {
	profile, err := static.Load(filepath.Join("gosmtp", "target.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	relay, err := profile.Open(t.Context(), static.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	c, err := smtp.DialStartTLS(relay.Address(target.Port587), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send := func(sender string) error {
		return c.SendMail(sender, []string{"bob@example.net"}, strings.NewReader("token-x.\r\n"))
	}
	if err := send("app@corp.example"); err != nil {
		t.Error("its own domain:", err)
	}
	if err := send("app@elsewhere.example"); err == nil {
		t.Error("a foreign domain was taken")
	}
	if err := c.Reset(); err != nil {
		t.Fatal(err)
	}
	if err := c.Auth(sasl.NewPlainClient("", "app@corp.example", "wrong")); err == nil {
		t.Error("a wrong password was taken")
	}
	if err := c.Auth(sasl.NewPlainClient("", "app@corp.example", "correct horse")); err != nil {
		t.Error("the right password:", err)
	}
	if err := send("app@elsewhere.example"); err != nil {
		t.Error("after AUTH:", err)
	}
	arrived, err := relay.Delivered(t.Context(), "token-x.", time.Second)
	if err != nil || len(arrived) != 2 {
		t.Errorf("%d messages arrived, %v", len(arrived), err)
	}
}
