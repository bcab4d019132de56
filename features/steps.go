package features

import (
	"errors"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/relayspec/relayspec/reports"
)

// stepsByID gives every step of a feature file by its AST ID.
func stepsByID(document *messages.Feature) map[string]*messages.Step {
	found := map[string]*messages.Step{}
	keep := func(background *messages.Background, scenario *messages.Scenario) {
		var steps []*messages.Step
		if background != nil {
			steps = background.Steps
		}
		if scenario != nil {
			steps = append(steps, scenario.Steps...)
		}
		for _, step := range steps {
			found[step.Id] = step
		}
	}
	for _, child := range document.Children {
		keep(child.Background, child.Scenario)
		if child.Rule == nil {
			continue
		}
		for _, inner := range child.Rule.Children {
			keep(inner.Background, inner.Scenario)
		}
	}
	return found
}

// stepsOf gives the steps of pickle, those of its backgrounds first, each with its keyword and line in the file. None has run.
func (f *feature) stepsOf(pickle *messages.Pickle) []reports.Step {
	steps := make([]reports.Step, len(pickle.Steps))
	for i, step := range pickle.Steps {
		steps[i] = reports.Step{Text: step.Text, Result: reports.StepSkipped}
		if written := f.steps[step.AstNodeIds[0]]; written != nil {
			steps[i].Keyword = strings.TrimSpace(written.Keyword)
			steps[i].Line = int(written.Location.Line)
		}
		if step.Argument != nil {
			steps[i].Table, steps[i].Doc = argumentOf(step.Argument)
		}
	}
	return steps
}

func argumentOf(argument *messages.PickleStepArgument) (table [][]string, doc string) {
	if argument.DataTable != nil {
		for _, row := range argument.DataTable.Rows {
			cells := make([]string, len(row.Cells))
			for i, cell := range row.Cells {
				cells[i] = cell.Value
			}
			table = append(table, cells)
		}
	}
	if argument.DocString != nil {
		doc = argument.DocString.Content
	}
	return table, doc
}

// resultOf is what became of a step that raised err, nil when it raised nothing.
func resultOf(err error) reports.StepResult {
	var missing *Missing
	switch {
	case err == nil:
		return reports.StepPassed
	case errors.Is(err, godog.ErrUndefined):
		return reports.StepUndefined
	case errors.As(err, &missing):
		return reports.StepSkipped
	}
	return reports.StepFailed
}
