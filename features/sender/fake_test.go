package sender

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/reports"
)

// judged judges a sender by the cases that are selected.
func judged(t *testing.T, s Sender, selection string) *reports.Run {
	t.Helper()
	suite, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := features.ParseSelection(selection)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run, err := Judge(ctx, suite, s, features.Options{Select: chosen})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestTmp(t *testing.T) {
	for _, name := range Fakes() {
		s, err := OpenFake(name)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		run := judged(t, s, os.Getenv("SEL"))
		t.Logf("== %s %s %v %v", name, run.Overall, run.Totals.Verdicts, time.Since(began))
		for _, c := range run.Cases {
			if c.Verdict != reports.Pass {
				t.Logf("%s %s: want %s; got %s; %s", c.Verdict, c.ID, c.Want, c.Got, c.Reason)
				if os.Getenv("TR") != "" {
					for _, e := range c.Transcript {
						t.Log(e)
					}
				}
			}
		}
	}
}
