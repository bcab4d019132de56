package features

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
	"github.com/relayspec/relayspec/reports/transcript"
)

// RunOptions says what Run judges by. The zero value takes every case.
type RunOptions struct {
	// Select takes the cases, in the words of ParseSelection: "@must and not @volume"; empty: all.
	Select string
	// Volume is what may really be sent; empty: VolumeNormal.
	Volume Volume
	// Bound is how long a case may take. 0: 2 min, and 15 min for @volume at VolumeLarge; -1: no bound.
	Bound time.Duration
}

// Run judges a relay within go test: each case is a test of its own, named by its ID, so that -run takes some of them:
// go test -run 'TestRelay/LIM-USER-MSGS'.
//
// A FAIL and an ERROR fail their test, an ERROR by that word: the judge could not tell. What the target can't do, or
// doesn't declare, is skipped with the reason. A should rule that is missed, and what is only information, are logged.
// The target stays open; its relay serves one case at a time. options are one RunOptions or none.
func Run(t *testing.T, relay target.Target, options ...RunOptions) {
	t.Helper()
	r, err := runnerOf(t, relay, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range r.chosen {
		t.Run(r.Suite.Cases[i].ID, func(t *testing.T) {
			t.Helper()
			if err := r.walk([]int{i}); err != nil {
				t.Fatal(err)
			}
			c, ended := r.results[i]
			if !ended {
				t.Fatalf("not run: %s", r.dropped[i])
			}
			tell(t, c)
		})
	}
}

// runnerOf prepares a run on a target that is open.
func runnerOf(t *testing.T, relay target.Target, options []RunOptions) (*runner, error) {
	var o RunOptions
	switch len(options) {
	case 0:
	case 1:
		o = options[0]
	default:
		return nil, fmt.Errorf("features.Run takes one RunOptions, not %d", len(options))
	}
	suite, err := Load()
	if err != nil {
		return nil, err
	}
	selection, err := ParseSelection(o.Select)
	if err != nil {
		return nil, err
	}
	r := newRunner(t.Context(), Options{
		Suite:   suite,
		Open:    func(context.Context) (target.Target, io.Closer, error) { return relay, nil, nil },
		Workers: -1, Select: selection, Volume: o.Volume, Bound: o.Bound,
	}, registerSteps)
	if len(r.chosen) == 0 {
		return nil, fmt.Errorf("%w: no case fits %q", ErrNothingSelected, o.Select)
	}
	if r.namespace, err = newNamespace(); err != nil {
		return nil, err
	}
	return r, r.open()
}

// tell makes what a case came to the result of its test.
func tell(t *testing.T, c reports.Case) {
	t.Helper()
	switch c.Verdict {
	case reports.Pass:
	case reports.Fail, reports.Error:
		t.Errorf("%s %s", c.Verdict, account(c))
	case reports.NonStrict, reports.Noted:
		t.Logf("%s %s", c.Verdict, account(c))
	default:
		t.Skipf("%s(%s)", c.Verdict, c.Reason)
	}
}

// account says in lines what a case asked for and what came.
func account(c reports.Case) string {
	lines := []string{c.Rule + " (" + string(c.Level) + ", " + c.Source + ")"}
	say := func(name, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("  %-8s %s", name, value))
		}
	}
	say("scenario", fmt.Sprintf("%s (%s:%d)", c.Name, c.Feature, c.Line))
	say("step", c.Step)
	say("wanted", c.Want)
	say("got", c.Got)
	say("reason", c.Reason)
	return strings.Join(append(lines, lastLines(c.Transcript)...), "\n")
}

// tailLines is how much of a transcript an account shows.
const tailLines = 12

// lastLines gives the last lines of a transcript; the offending reply has its mark.
func lastLines(entries []transcript.Entry) []string {
	var lines []string
	for _, e := range entries[max(0, len(entries)-tailLines):] {
		lines = append(lines, "  "+e.String())
	}
	return lines
}
