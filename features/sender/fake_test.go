package sender

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/sourced"
	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/reports"
)

// judged judges a sender by the cases that are selected, against a baseline, nil for none.
func judged(t *testing.T, s Sender, selection string, baseline *features.Baseline) *reports.Run {
	t.Helper()
	suite, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := features.ParseSelection(selection)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	run, err := Judge(ctx, suite, s, features.Options{Select: chosen, Baseline: baseline})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// open gives a fake.
func open(t *testing.T, name string) Sender {
	t.Helper()
	s, err := OpenFake(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFaithfulFakesAreAsTheirBaselinesSay(t *testing.T) {
	for _, name := range Fakes() {
		t.Run(name, func(t *testing.T) {
			baseline, err := Baseline(name)
			if err != nil {
				t.Fatal(err)
			}
			run := judged(t, open(t, name), "", baseline)
			t.Logf("%s: %v", run.Overall, run.Totals.Verdicts)
			if code := features.ExitCode(run); code != features.ExitSatisfied {
				t.Errorf("the gate: %s", run.Gate)
			}
			for _, c := range run.Cases {
				if c.Listed == nil && c.Verdict.Ran() && c.Verdict != reports.Pass {
					t.Errorf("%s %s, which no baseline lists: wanted %s; got %s %s", c.Verdict, c.ID, c.Want, c.Got, c.Reason)
				}
			}
		})
	}
}

// TestWhatIsAssumedDecidesNothing holds that each value on which a capability rests is one of some profile's, and that a
// fake of which it is assumed isn't judged by it, with the reason.
func TestWhatIsAssumedDecidesNothing(t *testing.T) {
	said := map[string]bool{}
	rests := map[string]bool{}
	for _, name := range Fakes() {
		profile := open(t, name).(*fake).profile
		for _, g := range grounds(profile) {
			for _, path := range g.paths {
				name := strings.Replace(path, ".documented.", ".vendor.", 1) // two choices of the same values
				rests[name] = true
				said[name] = said[name] || profile.Source(path) != ""
			}
		}
	}
	for path := range rests {
		if !said[path] {
			t.Errorf("no profile says %s", path)
		}
	}
	p := *open(t, "postfix").(*fake).profile
	p.Session.Splits.Most.Source = sourced.Memory
	s, err := Fake(&p)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range judged(t, s, "NULL-MULTI-RCPT", nil).Cases {
		if c.Verdict != reports.Unsupported || c.Reason != "known-recipients: assumed in the profile: session.recipients.most" {
			t.Errorf("%s: %s (%s)", c.ID, c.Verdict, c.Reason)
		}
	}
}

// restless is a sender that can't tell whether it is at rest, as real ones can't.
type restless struct{ Sender }

func (r restless) Start(ctx context.Context, s Setup) (Server, error) {
	server, err := r.Sender.Start(ctx, s)
	return struct{ Server }{server}, err
}

func TestSendersThatCannotTellWhetherTheyAreAtRestAreWaitedFor(t *testing.T) {
	run := judged(t, restless{open(t, "postfix")}, "ERR-USER or C-TESTMAIL/a-message-to-three-*", nil)
	for _, c := range run.Cases {
		if c.Verdict != reports.Pass {
			t.Errorf("%s %s: wanted %s; got %s %s", c.Verdict, c.ID, c.Want, c.Got, c.Reason)
		}
	}
	run = judged(t, restless{open(t, "postfix")}, "ERR-CUST-PEAK/it-isnt-tried-*", nil)
	if c := run.Cases[0]; c.Verdict != reports.Unprovisioned && c.Verdict != reports.Error {
		t.Errorf("a server without the clock that was declared: %s %s", c.Verdict, c.Reason)
	}
}
