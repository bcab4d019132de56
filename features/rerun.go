package features

import (
	"fmt"
	"strings"

	"github.com/relayspec/relayspec/reports"
)

// rerun runs what came to FAIL or ERROR again, each time on scenarios of their own, up to r.Reruns times. What holds then is
// FLAKY. What fails as the baseline says isn't asked again: somebody has looked at it. When the run is interrupted, or no
// instance serves any more, what was found first stays.
func (r *runner) rerun() error {
	for run := 2; run <= r.Reruns+1 && r.ctx.Err() == nil && r.gone < len(r.instances); run++ {
		again := r.unexpected()
		if len(again) == 0 {
			return nil
		}
		namespace, err := newNamespace() // the counters of the first time must not be met
		if err != nil {
			return err
		}
		first := r.results
		r.namespace, r.results = namespace, map[int]reports.Case{}
		err = r.walk(again)
		second := r.results
		r.results = first
		for i, c := range second {
			r.results[i] = repeated(first[i], c, run)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// repeated is what a case came to that was run again. What is told of a FLAKY is what was wrong at first. A failure that was
// seen stays one when nobody can tell the next time.
func repeated(first, second reports.Case, runs int) reports.Case {
	second.Runs = runs
	switch {
	case second.Verdict == reports.Pass:
		flaky := first
		flaky.Verdict, flaky.Found, flaky.Runs, flaky.Steps = reports.Flaky, reports.Pass, runs, second.Steps
		flaky.Reason = strings.TrimSpace(fmt.Sprintf("%s at first, and held at run %d\n%s", first.Verdict, runs, first.Reason))
		return flaky
	case first.Verdict == reports.Fail && second.Verdict == reports.Error:
		first.Runs = runs
		return first
	}
	return second
}

// unexpected gives the cases that came to an ERROR, or to a FAIL that the baseline doesn't list as it is.
func (r *runner) unexpected() []int {
	var found []int
	for _, i := range r.chosen {
		c := r.results[i]
		switch {
		case c.Verdict == reports.Error, c.Verdict == reports.Fail && !r.Baseline.expects(&c):
			found = append(found, i)
		}
	}
	return found
}

// expects tells whether c failed as b says; nil expects nothing.
func (b *Baseline) expects(c *reports.Case) bool {
	if b == nil {
		return false
	}
	at := b.entryOf(c.ID)
	return at >= 0 && b.Entries[at].fits(c)
}
