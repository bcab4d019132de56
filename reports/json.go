package reports

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"
)

//go:embed schema.json
var schema string

// Schema gives the JSON Schema (draft 2020-12) of what WriteJSON writes.
func Schema() string { return schema }

// jsonRun is a Run in its file: durations are seconds.
type jsonRun struct {
	*Run
	Seconds float64    `json:"seconds"`
	Rules   []Rule     `json:"rules"`
	Cases   []jsonCase `json:"cases"`
	NotRun  []NotRun   `json:"not_run"`
}

type jsonCase struct {
	Case
	Seconds float64    `json:"seconds"`
	Steps   []jsonStep `json:"steps,omitempty"`
}

type jsonStep struct {
	Step
	Seconds float64 `json:"seconds"`
}

// WriteJSON writes run as one JSON object in the form of Schema. Credentials are left out.
func WriteJSON(w io.Writer, run *Run) error {
	run = written(run)
	out := jsonRun{
		Run:     run,
		Seconds: seconds(run.Duration),
		Rules:   append([]Rule{}, run.Rules...), // never null
		Cases:   []jsonCase{},
		NotRun:  append([]NotRun{}, run.NotRun...),
	}
	for _, c := range run.Cases {
		written := jsonCase{Case: c, Seconds: seconds(c.Duration)}
		for _, s := range c.Steps {
			written.Steps = append(written.Steps, jsonStep{Step: s, Seconds: seconds(s.Duration)})
		}
		out.Cases = append(out.Cases, written)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return fmt.Errorf("write the JSON report: %w", err)
	}
	return nil
}

// seconds gives d with milliseconds behind the point.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }
