package main

import (
	"encoding/json"
	"fmt"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/sender"
)

// trace is the command that relates rules and scenarios.
type trace struct {
	JSON bool `name:"json" help:"Write JSON."`
}

// Help teaches by example.
func (trace) Help() string {
	return `Every rule of the catalogue with the scenarios that judge it, DEFERRED(subject@work) where that work comes later, or the
reason why nothing judges it; then every scenario with its rules. A rule of work that is done without a scenario, or a
scenario without a rule, is a fault and makes the exit code 1.

  relayspec trace                                                  the whole
  relayspec trace | tail -1                                        the counts
  relayspec trace --json | jq '.rules[] | select(.deferred)'       what comes later`
}

// Run prints the trace.
func (t *trace) Run(s *streams) error {
	suite, err := features.Load()
	if err != nil {
		return &exit{1, &advice{fmt.Errorf("the features are at fault: %w", err), "Mend these lines, then trace again"}}
	}
	senders, err := sender.Load()
	if err != nil {
		return &exit{1, &advice{fmt.Errorf("the features are at fault: %w", err), "Mend these lines, then trace again"}}
	}
	traced := suite.Trace(senders)
	if t.JSON {
		encoder := json.NewEncoder(s.out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(traced)
	} else {
		err = traced.WriteText(s.out)
	}
	if err != nil {
		return err
	}
	if len(traced.Faults) > 0 {
		return &exit{code: 1}
	}
	return nil
}
