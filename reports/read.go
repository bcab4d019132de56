package reports

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxReport bounds a report that ReadJSON reads, in octets.
const maxReport = 256 << 20

// ErrSchema is the error of a report in another form than this program's.
var ErrSchema = errors.New("a report of another form")

// ReadJSON reads what WriteJSON wrote.
//
// It is strict: what isn't in the form of Schema, or whose totals don't count its cases, is an error that says where, as a
// line or as a JSON pointer. Another form is ErrSchema.
func ReadJSON(r io.Reader) (*Run, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxReport+1))
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	if len(data) > maxReport {
		return nil, fmt.Errorf("read the report: it is longer than %d MiB", maxReport>>20)
	}
	run, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	return run, nil
}

func parse(data []byte) (*Run, error) {
	if err := inForm(data); err != nil {
		return nil, err
	}
	in := jsonRun{Run: &Run{}}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err // an entry of a transcript that doesn't read back
	}
	run := in.Run
	run.Duration, run.Rules, run.NotRun = duration(in.Seconds), in.Rules, in.NotRun
	for _, c := range in.Cases {
		c.Duration = duration(c.Seconds)
		for _, s := range c.Steps {
			s.Duration = duration(s.Seconds)
			c.Case.Steps = append(c.Case.Steps, s.Step)
		}
		run.Cases = append(run.Cases, c.Case)
	}
	if counted := Count(run.Cases, run.Rules, run.NotRun); !reflect.DeepEqual(counted, run.Totals) {
		return nil, errors.New("at /totals: they don't count its cases and rules: it was changed by hand")
	}
	return run, nil
}

// inForm tells what in data isn't as Schema has it.
func inForm(data []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return syntax(data, err)
	}
	switch object, _ := value.(map[string]any); name := object["schema"].(type) {
	case nil:
		return fmt.Errorf("%w: no member \"schema\" names it, want %q", ErrSchema, SchemaName)
	case string:
		if name != SchemaName {
			return fmt.Errorf("%w: %q, this program reads %q", ErrSchema, name, SchemaName)
		}
	}
	compiled, err := compile()
	if err != nil {
		return err
	}
	return violations(compiled.Validate(value))
}

func compile() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return nil, err
	}
	const name = "relayspec:report"
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(name, document); err != nil {
		return nil, err
	}
	return compiler.Compile(name)
}

// syntax says at which line data stops being JSON.
func syntax(data []byte, err error) error {
	at := len(data)
	if fault := (*json.SyntaxError)(nil); errors.As(err, &fault) {
		at = min(int(fault.Offset), len(data))
	}
	return fmt.Errorf("line %d: it is no JSON: %w", 1+bytes.Count(data[:at], []byte("\n")), err)
}

// maxViolations bounds how much is said of what isn't in the form.
const maxViolations = 5

// violations says where a value breaks the schema: the leaves of err, each with its JSON pointer.
func violations(err error) error {
	var broken *jsonschema.ValidationError
	if !errors.As(err, &broken) {
		return err
	}
	found := leaves(*broken.DetailedOutput())
	slices.Sort(found)
	found = slices.Compact(found)
	if more := len(found) - maxViolations; more > 0 {
		found = append(found[:maxViolations], fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(found, "\n"))
}

func leaves(unit jsonschema.OutputUnit) []string {
	if len(unit.Errors) == 0 {
		return []string{fmt.Sprintf("at %s: %s", cmp.Or(unit.InstanceLocation, "/"), unit.Error)}
	}
	var found []string
	for _, cause := range unit.Errors {
		found = append(found, leaves(cause)...)
	}
	return found
}

// maxSeconds is the longest duration that is kept.
const maxSeconds = 9e9

// duration gives seconds, which aren't negative, to the millisecond.
func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(min(seconds, maxSeconds)*1000)) * time.Millisecond
}
