// Package exec drives a relay by a program of its owner's: one run a verb, one JSON request on standard input, one JSON
// object on standard output.
//
//	{"verb":"describe"}                               {"name":..., "version":..., "verbs":[...], "capabilities":[...], "ports":{...}}
//	{"verb":"world","world":{"customers":[...]}}      {}    what isn't named is gone afterwards
//	{"verb":"reset","customer":"id"}                  {}
//	{"verb":"usage","usage":{"customer":...}}         {}
//	{"verb":"clock"}                                  {"now":"2026-11-24T12:00:00Z"}
//	{"verb":"clock","advance":86400}                  {"now":...}, when all that fell due is done
//
// It ends with 0 when it is done, with 3 for a verb that it doesn't have, and with anything else when it failed: what it
// said last on standard error is the reason. Start with Driver.
package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/child"
)

// Driver steers a relay by a program. Command must be given.
type Driver struct {
	Command []string      // the program and its arguments
	Env     []string      // besides the environment, NAME=value each
	Dir     string        // where it runs; empty: here
	Timeout time.Duration // how long one verb may take; 0: 30 s
}

var _ target.Driver = (*Driver)(nil)

// notSupported is the exit status for a verb that a driver doesn't have.
const notSupported = 3

// request is what the program reads. Only what its verb takes is written.
type request struct {
	Verb     string        `json:"verb"`
	World    *target.World `json:"world,omitempty"`
	Customer string        `json:"customer,omitempty"`
	Usage    *target.Usage `json:"usage,omitempty"`
	Advance  float64       `json:"advance,omitempty"` // seconds
}

// Introduce implements target.Driver.
func (d *Driver) Introduce(ctx context.Context) (target.Introduction, error) {
	var said target.Introduction
	return said, d.ask(ctx, request{Verb: "describe"}, &said)
}

// Challenge implements target.Driver.
func (d *Driver) Challenge(ctx context.Context, verb string) error {
	return d.ask(ctx, request{Verb: verb}, nil)
}

// Apply implements target.Applier.
func (d *Driver) Apply(ctx context.Context, w target.World) error {
	return d.ask(ctx, request{Verb: "world", World: &w}, nil)
}

// Reset implements target.Resetter.
func (d *Driver) Reset(ctx context.Context, customer string) error {
	return d.ask(ctx, request{Verb: "reset", Customer: customer}, nil)
}

// SetUsage implements target.UsageSetter.
func (d *Driver) SetUsage(ctx context.Context, u target.Usage) error {
	return d.ask(ctx, request{Verb: "usage", Usage: &u}, nil)
}

// Now implements target.Clock.
func (d *Driver) Now(ctx context.Context) (time.Time, error) { return d.clock(ctx, 0) }

// Advance implements target.Clock.
func (d *Driver) Advance(ctx context.Context, by time.Duration) error {
	_, err := d.clock(ctx, by)
	return err
}

func (d *Driver) clock(ctx context.Context, advance time.Duration) (time.Time, error) {
	var said struct {
		Now time.Time `json:"now"`
	}
	err := d.ask(ctx, request{Verb: "clock", Advance: advance.Seconds()}, &said)
	if err == nil && said.Now.IsZero() {
		err = errors.New(`the driver's answer to clock has no "now"; print {"now":"2026-11-24T12:00:00Z"}`)
	}
	return said.Now, err
}

// ask asks for one verb. into gets the answer; nil: any object will do.
func (d *Driver) ask(ctx context.Context, r request, into any) error {
	input, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the request %s: %w", r.Verb, err)
	}
	within := d.Timeout
	if within == 0 {
		within = 30 * time.Second
	}
	answer, err := child.Ask(ctx, child.Question{Command: d.Command, Env: d.Env, Dir: d.Dir, Input: append(input, '\n'), Within: within})
	switch {
	case err != nil:
		return fmt.Errorf("the driver, asked for %s: %w", r.Verb, err)
	case answer.Code == notSupported:
		return target.ErrUnsupported
	case answer.Code != 0:
		return fmt.Errorf("the driver failed at %s: exit status %d%s", r.Verb, answer.Code, answer.Tail)
	}
	return read(r.Verb, answer.Output, into)
}

// read reads one JSON object and nothing behind it. Where its keys mean something an unknown one is a mistake.
func read(verb string, output []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(output))
	if into == nil {
		into = &map[string]any{}
	} else {
		decoder.DisallowUnknownFields()
	}
	err := decoder.Decode(into)
	if err == nil && bytes.TrimSpace(output)[0] != '{' {
		err = errors.New("it is null")
	}
	if err == nil {
		if _, behind := decoder.Token(); behind != io.EOF {
			err = errors.New("more stands behind it")
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the driver answers nothing to %s; print a JSON object, {} where there is nothing to say", verb)
	case err != nil:
		return fmt.Errorf("the driver's answer to %s isn't the JSON object that it should be: %w: %q", verb, err, child.Beginning(output))
	}
	return nil
}
