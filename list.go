package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/relayspec/relayspec/features"
)

// list is the command that shows the cases.
type list struct {
	Select  string `placeholder:"EXPR" help:"Only these cases: @tags, globs over rules and cases, and, or, not, parentheses."`
	Senders bool   `help:"The cases that judge sending servers (conform --senders)."`
	JSON    bool   `name:"json" help:"Write JSON."`
}

// Help teaches by example.
func (list) Help() string {
	return `A line a case: its ID, the level of its rule, where the rule comes from, and what the relay under test must be able to do.

  relayspec list                                        every case
  relayspec list --select 'LIM-*'                       the cases of the limits
  relayspec list --select '@must and not @needs.clock'  what any relay can be asked
  relayspec list --senders                              what sending servers are judged by
  relayspec list --json | jq -r '.[].id'                only the names`
}

// Run prints the cases.
func (l *list) Run(s *streams) error {
	load := loadSelected
	if l.Senders {
		load = loadSenders
	}
	suite, selection, err := load(l.Select)
	if err != nil {
		return err
	}
	cases := []features.Case{}
	for i := range suite.Cases {
		if selection(&suite.Cases[i]) {
			cases = append(cases, suite.Cases[i])
		}
	}
	if len(cases) == 0 {
		return nothingSelected(l.Select)
	}
	if l.JSON {
		encoder := json.NewEncoder(s.out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(cases)
	}
	table := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	for _, c := range cases {
		needs := make([]string, len(c.Needs))
		for i, need := range c.Needs {
			needs[i] = string(need)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", c.ID, c.Level, c.Source, strings.Join(needs, ","))
	}
	return table.Flush()
}

// loadSelected reads the features of this program and an expression that selects among them.
func loadSelected(expression string) (*features.Suite, features.Selection, error) {
	suite, err := features.Load()
	if err != nil {
		return nil, nil, &exit{exitUsage, fmt.Errorf("the features of this program are at fault: %w", err)}
	}
	selection, err := features.ParseSelection(expression)
	if err != nil {
		const next = "Write it like 'LIM-* and not @needs.clock'; relayspec list shows the cases, their tags stand in its --json"
		return nil, nil, &exit{exitUsage, &advice{err, next}}
	}
	return suite, selection, nil
}

// nothingSelected says that no case fits expression.
func nothingSelected(expression string) error {
	const next = "relayspec list shows every case that there is"
	return &exit{features.ExitNothingRan, &advice{fmt.Errorf("%w: no case fits %q", features.ErrNothingSelected, expression), next}}
}
