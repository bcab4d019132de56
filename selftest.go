package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/mutants"
)

// selftest is the command that judges the judge.
type selftest struct {
	Mutant  string `placeholder:"GLOB" help:"Only mutants whose name or first rule fits, and no variants."`
	Target  string `default:"embedded" enum:"embedded,control" help:"How the relays are driven: ${enum}. Over control each is served by the simulator's HTTP API, and those that are broken at the wire are left out."`
	Workers int    `default:"0" placeholder:"N" help:"Scenarios side by side. Default: two a CPU."`
	Wide    bool   `help:"Judge each mutant by every scenario of its document or RFC, and list the scenarios that kill nothing. Takes several times as long."`
	JSON    bool   `name:"json" help:"Write JSON."`
	Verbose bool   `short:"v" help:"Say of each relay which cases failed it."`
}

// Help teaches by example.
func (selftest) Help() string {
	return `Runs the features against relays that each break a rule on purpose (mutants), and against relays that differ within the rules
(compliant variants). A mutant must be failed by a scenario of the rule that it breaks; a variant by none.

  relayspec selftest                              all of them
  relayspec selftest --mutant 'LIM-CUST-*' -v     those that break a rule about customers' limits
  relayspec selftest --target control             each served over HTTP and judged as a stranger's
  relayspec selftest --wide --json | jq '.idle'   scenarios that no mutant fails

Counters are preloaded where that is faster: a mutant is told by the same steps. The last line has the counts.
Exit codes: 0 every mutant was killed by its own rule and no variant was failed; 1 not so; 4 no mutant fits; 130 interrupted.`
}

// Run judges the judge.
func (c *selftest) Run(ctx context.Context, s *streams) error {
	suite, err := features.Load()
	if err != nil {
		return &exit{exitUsage, fmt.Errorf("the features of this program are at fault: %w", err)}
	}
	o := mutants.Options{Suite: suite, Mutants: mutants.Mutants(), Variants: mutants.Variants(), Workers: c.Workers, Wide: c.Wide, Tool: tool()}
	if c.Target == "control" {
		o.Controlled = true
		o.Mutants = slices.DeleteFunc(o.Mutants, func(m mutants.Mutant) bool { return mutants.OfTheWire(m.Relay) })
		o.Variants = slices.DeleteFunc(o.Variants, func(v mutants.Variant) bool { return mutants.OfTheWire(v.Relay) })
	}
	if c.Mutant != "" {
		o.Variants, o.Mutants = nil, c.chosen(o.Mutants)
		if len(o.Mutants) == 0 {
			return &exit{features.ExitNothingRan, fmt.Errorf("no mutant fits %q\nrelayspec selftest --json | jq .mutants shows them all", c.Mutant)}
		}
	}
	if !c.JSON {
		o.Progress = func(f mutants.Finding) { c.tell(s, f) }
	}
	started := time.Now()
	result, err := mutants.Test(ctx, o)
	switch {
	case ctx.Err() != nil:
		return &exit{features.ExitInterrupted, fmt.Errorf("interrupted after %d variants and %d mutants", len(result.Variants), len(result.Mutants))}
	case err != nil:
		return &exit{features.ExitInconclusive, err}
	}
	return c.conclude(s, result, time.Since(started))
}

func (c *selftest) chosen(all []mutants.Mutant) []mutants.Mutant {
	var chosen []mutants.Mutant
	for _, m := range all {
		if features.Glob(c.Mutant, m.Name) || features.Glob(c.Mutant, m.Breaks[0]) {
			chosen = append(chosen, m)
		}
	}
	return chosen
}

// tell prints a line of a relay, and more where it came out wrong.
func (c *selftest) tell(s *streams, f mutants.Finding) {
	word, rule := "spared", "variant"
	if len(f.Breaks) > 0 {
		word, rule = "killed", f.Breaks[0]
	}
	if !f.Good {
		word = map[string]string{"spared": "FAILED", "killed": "SURVIVED"}[word]
	}
	fmt.Fprintf(s.out, "%-8s  %-24s  %s (%d cases, %d failed, %d errors, %.1f s)\n",
		word, rule, f.Name, f.Cases, len(f.Killers)+len(f.Others), len(f.Errors), f.Took.Seconds())
	if c.Verbose {
		c.each(s, "killed by", f.Killers)
	}
	if c.Verbose || !f.Good {
		c.each(s, "also failed", f.Others)
		c.each(s, "error", f.Errors)
	}
	if c.Verbose {
		c.each(s, "not named by the mutant", f.Unlisted)
	} else if len(f.Unlisted) > 0 {
		fmt.Fprintf(s.out, "          not named by the mutant: %s\n", byRule(f.Unlisted))
	}
}

// byRule counts cases by the rule they stand under, in the order of their first one.
func byRule(ids []string) string {
	var rules []string
	counts := map[string]int{}
	for _, id := range ids {
		rule, _, _ := strings.Cut(id, "/")
		if counts[rule]++; counts[rule] == 1 {
			rules = append(rules, rule)
		}
	}
	for i, rule := range rules {
		rules[i] = fmt.Sprintf("%s %d", rule, counts[rule])
	}
	return strings.Join(rules, ", ")
}

func (c *selftest) each(s *streams, what string, ids []string) {
	const most = 4
	for i, id := range ids {
		if i == most && !c.Verbose {
			fmt.Fprintf(s.out, "          ... and %d more\n", len(ids)-most)
			return
		}
		fmt.Fprintf(s.out, "          %s: %s\n", what, id)
	}
}

// conclude prints the counts, and decides.
func (c *selftest) conclude(s *streams, r *mutants.Result, took time.Duration) error {
	if c.JSON {
		encoder := json.NewEncoder(s.out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(r); err != nil {
			return err
		}
	} else {
		c.summary(s, r, took)
	}
	if r.Good() || c.partial() && r.Killed() == len(r.Mutants) && r.Spared() == len(r.Variants) {
		return nil
	}
	return &exit{code: features.ExitNonConformant}
}

// partial tells whether some mutants were left out, so that rules without one say nothing.
func (c *selftest) partial() bool { return c.Mutant != "" || c.Target == "control" }

func (c *selftest) summary(s *streams, r *mutants.Result, took time.Duration) {
	if c.Mutant != "" {
		fmt.Fprintf(s.out, "%d of %d mutants killed by their own rule, %.0f s\n", r.Killed(), len(r.Mutants), took.Seconds())
		return
	}
	for _, id := range r.Idle {
		fmt.Fprintf(s.out, "idle: %s kills no mutant\n", id)
	}
	if c.partial() {
		fmt.Fprintf(s.out, "%d of %d mutants of policy and ledger killed by their own rule, %d of %d compliant variants spared, over control, %.0f s\n",
			r.Killed(), len(r.Mutants), r.Spared(), len(r.Variants), took.Seconds())
		return
	}
	for _, rule := range r.Unbroken {
		fmt.Fprintf(s.out, "unbroken: no mutant breaks %s\n", rule)
	}
	idle := ""
	if c.Wide {
		idle = fmt.Sprintf("%d idle scenarios, ", len(r.Idle))
	}
	fmt.Fprintf(s.out, "%d of %d mutants killed by their own rule, %d of %d compliant variants spared, %s%d must rules without a mutant, %.0f s\n",
		r.Killed(), len(r.Mutants), r.Spared(), len(r.Variants), idle, len(r.Unbroken), took.Seconds())
}
