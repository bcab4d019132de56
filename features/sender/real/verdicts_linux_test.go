package real

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/sender"
	"github.com/relayspec/relayspec/reports"
)

var only = flag.String("only", "*", "TestVerdicts: the cases, as of conform --select")

var verdicts = flag.Bool("verdicts", false, "judge the real servers and their fakes, which takes minutes")

// TestVerdicts: a real server's verdicts are its fake's, case by case.
func TestVerdicts(t *testing.T) {
	if !*verdicts {
		t.Skip("-verdicts runs it")
	}
	for _, name := range []string{"postfix", "sendmail", "exim"} {
		t.Run(name, func(t *testing.T) {
			if !ashore(t, name, 20*time.Minute, "-verdicts", "-only", *only) {
				return
			}
			fake, err := sender.OpenFake(name)
			if err != nil {
				t.Fatal(err)
			}
			alike(t, judge(t, openReal(t, name)), judge(t, fake))
		})
	}
}

// alike compares case by case; what one of them lacks is told, and compared with nothing.
func alike(t *testing.T, real, fake *reports.Run) {
	t.Helper()
	of := map[string]reports.Case{}
	for _, c := range fake.Cases {
		of[c.ID] = c
	}
	for _, c := range real.Cases {
		f := of[c.ID]
		mark := "  "
		if c.Verdict != f.Verdict {
			mark = "! "
		}
		fmt.Printf("%s%-12s %-12s %s\n", mark, c.Verdict, f.Verdict, c.ID)
		if c.Verdict != f.Verdict {
			fmt.Printf("      real: %s; %s; %s\n      fake: %s; %s; %s\n", c.Step, c.Got, c.Reason, f.Step, f.Got, f.Reason)
		}
	}
}

func judge(t *testing.T, s sender.Sender) *reports.Run {
	t.Helper()
	suite, err := sender.Load()
	if err != nil {
		t.Fatal(err)
	}
	selection, err := features.ParseSelection(*only)
	if err != nil {
		t.Fatal(err)
	}
	run, err := sender.Judge(context.Background(), suite, s, features.Options{
		Select: selection, Progress: func(c reports.Case, n, of int) {
			fmt.Printf("%d/%d %s %s %s | %s | %s %s\n", n, of, c.Verdict, c.ID, c.Duration, c.Step, c.Got, c.Reason)
		},
	})
	if err != nil {
		t.Error(err)
	}
	return run
}

func openReal(t *testing.T, name string) *Sender {
	t.Helper()
	profile, err := Load(filepath.Join("..", "..", "senders", name, "sender.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), profile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
