package services

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// place is where something stands in a service file: the keys that lead to it.
type place []string

func at(keys ...string) place { return keys }

// fault is what is wrong with a service file, and where.
type fault struct {
	place
	text string
}

func (p place) wrong(format string, arguments ...any) error {
	return &fault{p, fmt.Sprintf(format, arguments...)}
}

func (f *fault) Error() string { return strings.Join(f.place, ".") + ": " + f.text }

// placed says file and line of err, as far as they are known.
func placed(file string, data []byte, err error) error {
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		if token := syntax.GetToken(); token != nil && token.Position != nil {
			return fmt.Errorf("%s:%d:%d: %s", file, token.Position.Line, token.Position.Column, syntax.GetMessage())
		}
	}
	var f *fault
	if errors.As(err, &f) {
		if line := f.line(data); line > 0 {
			return fmt.Errorf("%s:%d: %w", file, line, err)
		}
	}
	return fmt.Errorf("%s: %w", file, err)
}

// line is the line of what p leads to; 0: it isn't there.
func (p place) line(data []byte) int {
	builder := (&yaml.PathBuilder{}).Root()
	for _, key := range p {
		builder = builder.Child(key)
	}
	node, err := builder.Build().ReadNode(bytes.NewReader(data))
	if err != nil || node.GetToken() == nil || node.GetToken().Position == nil {
		return 0
	}
	return node.GetToken().Position.Line
}
