package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/relayspec/relayspec/features"
)

// gating are the flags that say what is in the way of a build.
type gating struct {
	Baseline    place  `placeholder:"FILE" help:"Compare with the failures that this file expects (see relayspec baseline --help)."`
	Strict      bool   `help:"NONSTRICT, NOTE and FLAKY are in the way, too: exit code 1, unless the baseline lists them. It can't list a FLAKY."`
	MinRun      string `placeholder:"N|N%" help:"How many cases must run, or which part of those chosen; fewer are inconclusive."`
	RerunFailed int    `default:"0" placeholder:"N" help:"Run a case that came to FAIL or ERROR again, up to N times. One that holds then is FLAKY; what fails as the baseline says isn't run again."`
	Drift       string `default:"warn" enum:"warn,error" help:"What a DRIFT is: ${enum}."`
	Disable     string `placeholder:"EXPR" help:"Leave these cases out: DISABLED(user). They are told of, unlike those that --select doesn't take."`
	Shard       string `placeholder:"I/N" help:"Run only the I-th of N parts. relayspec report DIR DIR ... puts their reports together."`
}

// gate reads the flags into options. An error ends with what to do next.
func (g *gating) gate(o *features.Options) (err error) {
	if g.Baseline != "" {
		if o.Baseline, err = loadBaseline(string(g.Baseline)); err != nil {
			return err
		}
	}
	o.Gating = features.Gating{Strict: g.Strict, DriftFails: g.Drift == "error"}
	if o.Gating.MinRun, err = features.ParseMinimum(g.MinRun); err != nil {
		return &exit{exitUsage, &advice{fmt.Errorf("--min-run: %w", err), "See relayspec conform --help"}}
	}
	if g.RerunFailed < 0 {
		return &exit{exitUsage, &advice{fmt.Errorf("--rerun-failed %d is less than never", g.RerunFailed), "Give 1 or more, or leave it out"}}
	}
	o.Reruns = g.RerunFailed
	if g.Disable != "" {
		if o.Disable, err = features.ParseSelection(g.Disable); err != nil {
			return &exit{exitUsage, &advice{fmt.Errorf("--disable: %w", err), "Write it as --select is written"}}
		}
		o.Disabled = g.Disable
	}
	if o.Shard, err = features.ParseShard(g.Shard); err != nil {
		return &exit{exitUsage, &advice{fmt.Errorf("--shard: %w", err), "Give each of N runs another I, from 1/N to N/N"}}
	}
	return nil
}

// loadBaseline reads a baseline; an error ends with what to do next.
func loadBaseline(file string) (*features.Baseline, error) {
	b, err := features.LoadBaseline(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &exit{exitUsage, &advice{err, "relayspec baseline update --baseline FILE --report DIR begins one"}}
	case err != nil:
		return nil, &exit{exitUsage, &advice{err, "Mend these lines; relayspec baseline --help says what a baseline may say"}}
	}
	return b, nil
}
