// Package services holds SMTP relay services as data: their limits, texts and answers to what a document leaves open.
//
// A service is one YAML file, google-workspace.yaml the only one so far; every fact in it names its source and whether
// it is documented, observed or assumed. Load makes a policy.Service of it. The package knows the form of the file; what
// the values mean is policy's matter.
//
// Start with google-workspace.yaml, then Load.
package services

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/relayspec/relayspec/reference/policy"
)

//go:embed *.yaml
var files embed.FS

// Default is the name of the service that is used when nothing else is asked for.
const Default = "google-workspace"

// Load reads the built-in service called name. Overrides set switches by name: "day-window": "fixed".
// The error says file and line of the fault, or which switch or value is unknown and what there is.
func Load(name string, overrides map[string]string) (*policy.Service, error) {
	data, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no service is called %q; there is %s", name, Default)
	}
	return Parse(name+".yaml", data, overrides)
}

// LoadFile reads a service from a file of the user's own, in the form of google-workspace.yaml.
func LoadFile(path string, overrides map[string]string) (*policy.Service, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read service: %w", err)
	}
	return Parse(path, data, overrides)
}

// Parse reads a service from data; file is for messages.
func Parse(file string, data []byte, overrides map[string]string) (*policy.Service, error) {
	var d document
	decoder := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	if err := decoder.Decode(&d); err != nil {
		return nil, placed(file, data, err)
	}
	if err := d.check(); err != nil {
		return nil, placed(file, data, err)
	}
	for _, name := range sortedKeys(overrides) {
		if err := d.override(name, overrides[name]); err != nil {
			return nil, err
		}
	}
	s, err := d.service()
	if err != nil {
		return nil, placed(file, data, err)
	}
	return s, nil
}

// Grade says how well a fact is known.
type Grade string

// The grades.
const (
	Documented Grade = "documented"
	Observed   Grade = "observed"
	Assumed    Grade = "assumed"
)

// fact is a value with where it is from.
type fact[T any] struct {
	Value  T      `yaml:"value"`
	Of     []T    `yaml:"of,omitempty"`
	Source string `yaml:"source"`
	Grade  Grade  `yaml:"grade"`
}

// document is a service file.
type document struct {
	Name         string                  `yaml:"name"`
	Host         fact[string]            `yaml:"host"`
	Limits       map[string]fact[string] `yaml:"limits"`
	Switches     map[string]fact[string] `yaml:"switches"`
	Capabilities fact[[]string]          `yaml:"capabilities"`
	Mechanisms   fact[[]string]          `yaml:"mechanisms"`
	Replies      map[string]reply        `yaml:"replies"`
}

// reply is a reply with where it is from.
type reply struct {
	Code     int      `yaml:"code"`
	Enhanced string   `yaml:"enhanced"`
	Wrap     int      `yaml:"wrap"`
	Lines    []string `yaml:"lines"`
	Source   string   `yaml:"source"`
	Grade    Grade    `yaml:"grade"`
}

// check refuses facts without source or grade, values that aren't among their choices, and replies that are no replies.
func (d *document) check() error {
	for _, err := range []error{
		sourced(at("host"), d.Host.Source, d.Host.Grade),
		sourced(at("capabilities"), d.Capabilities.Source, d.Capabilities.Grade),
		sourced(at("mechanisms"), d.Mechanisms.Source, d.Mechanisms.Grade),
	} {
		if err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(d.Limits) {
		if err := sourced(at("limits", name), d.Limits[name].Source, d.Limits[name].Grade); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(d.Switches) {
		f := d.Switches[name]
		if err := sourced(at("switches", name), f.Source, f.Grade); err != nil {
			return err
		}
		if !slices.Contains(f.Of, f.Value) {
			return at("switches", name).wrong("%q is none of %s", f.Value, strings.Join(f.Of, ", "))
		}
	}
	for _, name := range sortedKeys(d.Replies) {
		if err := d.Replies[name].check(at("replies", name)); err != nil {
			return err
		}
	}
	return nil
}

// check refuses what would be no reply on the wire. Source: RFC 5321 §4.2, RFC 3463 §2.
func (r reply) check(where place) error {
	if r.Code < 200 || r.Code > 599 || len(r.Lines) == 0 {
		return where.wrong("a reply needs a code of 200 to 599 and at least one line")
	}
	if r.Enhanced != "" && r.Enhanced[0] != strconv.Itoa(r.Code)[0] {
		return where.wrong("code %d and enhanced code %s are of different classes", r.Code, r.Enhanced)
	}
	return sourced(where, r.Source, r.Grade)
}

func sourced(where place, source string, grade Grade) error {
	if source == "" || !slices.Contains([]Grade{Documented, Observed, Assumed}, grade) {
		return where.wrong("it needs a source and a grade of documented, observed or assumed")
	}
	return nil
}

// override sets a switch to one of its choices.
func (d *document) override(name, value string) error {
	f, ok := d.Switches[name]
	if !ok {
		return fmt.Errorf("no switch is called %q; there are %s", name, strings.Join(sortedKeys(d.Switches), ", "))
	}
	if !slices.Contains(f.Of, value) {
		return fmt.Errorf("switch %s can't be %q; choose one of %s", name, value, strings.Join(f.Of, ", "))
	}
	f.Value = value
	d.Switches[name] = f
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
