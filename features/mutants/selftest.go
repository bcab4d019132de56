package mutants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reports"
)

// Options says what Test runs. Suite must be given.
type Options struct {
	Suite    *features.Suite
	Mutants  []Mutant
	Variants []Variant
	Workers  int           // scenarios side by side; 0: two a CPU, for they wait a good deal
	Tool     reports.Tool  //
	Progress func(Finding) // told of each relay when it has been judged; nil: nobody
	// Controlled serves each relay by the simulator's API and judges it through the driver over HTTP, as any relay of
	// somebody else's. Whose mutation stands at the wire is left out: OfTheWire tells.
	Controlled bool
	// Wide judges a mutant by every scenario of its document or RFC, not only by those of the rules that it names: what
	// else it breaks is then told, and so are the scenarios that kill nothing. It takes several times as long.
	Wide bool
}

// Finding is what the judge made of one relay.
type Finding struct {
	Name    string   `json:"name"`
	Breaks  []string `json:"breaks,omitempty"`  // empty for a variant
	Noted   bool     `json:"noted,omitempty"`   // a mutant of what is only observed or assumed: killed by a NOTE
	Good    bool     `json:"good"`              // a mutant was killed by its first rule, a variant wasn't failed
	Killers []string `json:"killers,omitempty"` // cases of the first rule that failed it
	// Others are cases of other rules that failed it: a mutant's neighbours. Unlisted are those of them whose rules it
	// didn't name; they are read by people, not gated.
	Others   []string      `json:"others,omitempty"`
	Unlisted []string      `json:"unlisted,omitempty"` // with what came
	Errors   []string      `json:"errors,omitempty"`   // cases that came to ERROR, with the reason
	Cases    int           `json:"cases"`              // that ran
	Took     time.Duration `json:"-"`
}

// Result is what Test found.
type Result struct {
	Mutants  []Finding `json:"mutants"`
	Variants []Finding `json:"variants"`
	Idle     []string  `json:"idle"`     // cases of must rules that killed no mutant; empty unless Options.Wide
	Unbroken []string  `json:"unbroken"` // must rules that no mutant breaks first
}

// Killed is how many mutants were found out by their own rule.
func (r *Result) Killed() int { return good(r.Mutants) }

// Spared is how many variants got no FAIL and no ERROR.
func (r *Result) Spared() int { return good(r.Variants) }

func good(findings []Finding) int {
	n := 0
	for _, f := range findings {
		if f.Good {
			n++
		}
	}
	return n
}

// Good tells whether the judge can be trusted: every mutant killed, every variant spared, every must rule broken once.
func (r *Result) Good() bool {
	return r.Killed() == len(r.Mutants) && r.Spared() == len(r.Variants) && len(r.Unbroken) == 0
}

// Test judges every mutant and every variant. The error is that of ctx, or of a relay that could not be started; the
// result then holds what was found before.
func Test(ctx context.Context, o Options) (*Result, error) {
	r := &Result{}
	kills := map[string]bool{}
	for _, v := range o.Variants {
		f, err := o.judge(ctx, Finding{Name: v.Name}, v.Relay)
		if err != nil {
			return r, err
		}
		f.Good = len(f.Others) == 0 && len(f.Errors) == 0
		r.Variants = append(r.Variants, o.told(f))
	}
	for _, m := range o.Mutants {
		f, err := o.judge(ctx, Finding{Name: m.Name, Breaks: m.Breaks, Noted: m.Noted}, m.Relay)
		if err != nil {
			return r, err
		}
		f.Good = len(f.Killers) > 0
		for _, id := range slices.Concat(f.Killers, f.Others) {
			kills[id] = true
		}
		r.Mutants = append(r.Mutants, o.told(f))
	}
	if o.Wide {
		r.Idle = o.idle(kills)
	}
	r.Unbroken = o.unbroken()
	return r, nil
}

func (o *Options) told(f Finding) Finding {
	if o.Progress != nil {
		o.Progress(f)
	}
	return f
}

// judge runs the cases against one relay: all against a variant; against a mutant those of its rules. What sends much runs
// only where it is the mutant's first rule's.
func (o *Options) judge(ctx context.Context, f Finding, relay embedded.Options) (Finding, error) {
	started := time.Now()
	run, err := features.Judge(ctx, features.Options{
		Suite: o.Suite,
		Open: func(ctx context.Context) (target.Target, io.Closer, error) {
			if o.Controlled {
				return openControlled(ctx, small(relay))
			}
			return embedded.OpenWith(ctx, small(relay))
		},
		Workers: cmp.Or(o.Workers, 2*runtime.GOMAXPROCS(0)),
		Select:  func(c *features.Case) bool { return o.concerns(c, f.Breaks) },
		Volume:  features.VolumeLight,
		Tool:    o.Tool,

		SkipDrift: true,
	})
	if run != nil && run.Interrupted {
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		return f, fmt.Errorf("judge %q: %w", f.Name, err)
	}
	for i := range run.Cases {
		f.add(&run.Cases[i])
	}
	f.Took = time.Since(started)
	return f, nil
}

// concerns tells whether a relay that breaks rules is judged by c. One that breaks none is a variant.
func (o *Options) concerns(c *features.Case, breaks []string) bool {
	switch {
	case len(breaks) == 0 || slices.Contains(c.Rules, breaks[0]):
		return true
	case c.Volume:
		return false
	case o.Wide:
		return documentOf(c.Rules[0]) == documentOf(breaks[0])
	}
	return slices.ContainsFunc(c.Rules, func(rule string) bool { return slices.Contains(breaks, rule) })
}

// smallMaximum is the size limit of every relay of a selftest, in octets: its edge is met by sending it.
const smallMaximum = 1 << 20

// small lowers the size limit of a relay before anything else is done to it.
func small(relay embedded.Options) embedded.Options {
	change := relay.Service
	relay.Service = func(s *policy.Service) {
		setMaximum(s, smallMaximum, smallMaximum)
		if change != nil {
			change(s)
		}
	}
	return relay
}

// documentOf names the RFC of a rule, "" where it is the document's.
func documentOf(rule string) string {
	number, _, _ := strings.Cut(rule, "-")
	if !strings.HasPrefix(number, "RFC") {
		return ""
	}
	return number
}

// add sorts one case into the finding. A variant has no rule of its own: whatever fails it stands under Others.
func (f *Finding) add(c *reports.Case) {
	own := len(f.Breaks) > 0 && slices.Contains(c.Rules, f.Breaks[0])
	switch {
	case c.Verdict == reports.Error:
		f.Errors = append(f.Errors, c.ID+": "+briefly(c.Reason))
	case own && (c.Verdict == reports.Fail || c.Verdict == reports.NonStrict || f.Noted && c.Verdict == reports.Noted):
		f.Killers = append(f.Killers, c.ID)
	case c.Verdict == reports.Fail:
		f.Others = append(f.Others, c.ID)
		if !slices.ContainsFunc(c.Rules, func(rule string) bool { return slices.Contains(f.Breaks, rule) }) {
			f.Unlisted = append(f.Unlisted, c.ID+": "+briefly(c.Got))
		}
	}
	if c.Verdict.Ran() {
		f.Cases++
	}
}

// briefly cuts a reason down to a line.
func briefly(reason string) string {
	const most = 100
	if len(reason) <= most {
		return reason
	}
	return reason[:most] + " ..."
}

// idle lists the cases of must rules that killed nothing.
func (o *Options) idle(kills map[string]bool) []string {
	var idle []string
	for i := range o.Suite.Cases {
		if c := &o.Suite.Cases[i]; c.Level == reports.Must && !kills[c.ID] {
			idle = append(idle, c.ID)
		}
	}
	return idle
}

// unbroken lists the must rules with cases that no mutant names first.
func (o *Options) unbroken() []string {
	broken := map[string]bool{}
	for _, m := range o.Mutants {
		broken[m.Breaks[0]] = broken[m.Breaks[0]] || !m.Noted
	}
	var rules []string
	for i := range o.Suite.Cases {
		c := &o.Suite.Cases[i]
		if c.Level == reports.Must && !broken[c.Rules[0]] && !slices.Contains(rules, c.Rules[0]) {
			rules = append(rules, c.Rules[0])
		}
	}
	return rules
}
