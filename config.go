package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// defaultConfig is the configuration file that is read when it is there.
const defaultConfig = "relayspec.yaml"

// config is a configuration file: a section a command, in it the names of the command's flags.
//
//	conform:
//	  workers: 4
//	  select: LIM-* and not @volume
type config struct {
	path   string
	values map[string]any // "conform.workers" -> a string, or a list of strings
	faults []error
}

// BeforeResolve reads the configuration file, so that it says what neither a flag nor the environment does. kong calls it.
func (c *cli) BeforeResolve(ctx *kong.Context) error {
	path, asked := defaultConfig, false
	for _, flag := range ctx.Model.Flags {
		if flag.Name == "config" && !ofServer(ctx.Selected()) {
			given, _ := ctx.FlagValue(flag).([]string)
			if len(given) > 1 {
				return &advice{fmt.Errorf("--config stands %d times", len(given)), "Put all flags into one file"}
			}
			if len(given) == 1 && given[0] != "" {
				path, asked = given[0], true
			}
		}
	}
	data, err := os.ReadFile(path)
	if !asked && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &advice{fmt.Errorf("read the configuration: %w", err), "Name a file that is there with --config, or leave it out"}
	}
	read, err := parseConfig(path, data, ctx.Model)
	if err != nil {
		return &advice{err, "The keys are the commands' names, and in each the names of its flags as relayspec COMMAND --help shows them"}
	}
	ctx.AddResolver(read)
	return nil
}

// serverConfig are the files of --config where they are a sending server's, as its administrator wrote them.
type serverConfig []string

// ofServer tells whether --config of a command names the configuration of a sending server, not flags.
func ofServer(command *kong.Node) bool { return command != nil && command.Name == "send" }

// serverConfigOf gives what stands on the command line: the environment speaks only of files of flags.
func serverConfigOf(ctx *kong.Context) (files serverConfig) {
	for _, step := range ctx.Path {
		if step.Flag != nil && step.Flag.Name == "config" && ofServer(ctx.Selected()) {
			files, _ = ctx.FlagValue(step.Flag).([]string)
		}
	}
	return files
}

// parseConfig reads a configuration and checks it against the command line's model: a key that names no command or flag,
// or a value that isn't the flag's, is an error with its file and line.
func parseConfig(path string, data []byte, model *kong.Application) (*config, error) {
	c := &config{path: path, values: map[string]any{}}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case len(file.Docs) > 1:
		return nil, fmt.Errorf("%s: more than one YAML document", path)
	case len(file.Docs) == 1 && file.Docs[0].Body != nil:
		c.section(file.Docs[0].Body, model.Node)
	}
	return c, errors.Join(c.faults...)
}

func (c *config) fault(at ast.Node, format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf("%s:%d: %w", c.path, at.GetToken().Position.Line, fmt.Errorf(format, args...)))
}

// section reads what stands under a command.
func (c *config) section(node ast.Node, command *kong.Node) {
	entries, ok := node.(ast.MapNode)
	if !ok {
		if _, empty := node.(*ast.NullNode); !empty {
			c.fault(node, "found %s where flags of %s should be", node, command.Name)
		}
		return
	}
	for entry := entries.MapRange(); entry.Next(); {
		name := entry.Key().GetToken().Value
		if child := childOf(command, name); child != nil {
			c.section(entry.Value(), child)
			continue
		}
		if flag := flagOf(command, name); flag != nil {
			c.flag(entry.Key(), entry.Value(), command, flag)
			continue
		}
		c.fault(entry.Key(), "%s has no command or flag %q", command.Name, name)
	}
}

func childOf(command *kong.Node, name string) *kong.Node {
	for _, child := range command.Children {
		if child.Type == kong.CommandNode && child.Name == name {
			return child
		}
	}
	return nil
}

// flagOf finds a flag that a configuration may set: not help, and not the configuration itself.
func flagOf(command *kong.Node, name string) *kong.Flag {
	for _, flag := range command.Flags {
		if flag.Name == name && name != "help" && name != "config" {
			return flag
		}
	}
	return nil
}

func (c *config) flag(key, node ast.Node, command *kong.Node, flag *kong.Flag) {
	value, err := valueOf(node)
	if err == nil {
		scratch := reflect.New(flag.Target.Type()).Elem()
		err = flag.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), scratch)
		err = unnamed(err, flag)
	}
	if text, ok := value.(string); ok && err == nil && flag.Enum != "" && !flag.EnumMap()[text] {
		err = fmt.Errorf("%q is none of %s", text, flag.Enum)
	}
	if err != nil {
		c.fault(key, "--%s: %w", flag.Name, err)
		return
	}
	c.values[pathOf(command)+"."+flag.Name] = value
}

// unnamed is err without the flag's name that kong puts in front.
func unnamed(err error, flag *kong.Flag) error {
	if err == nil {
		return nil
	}
	return errors.New(strings.TrimPrefix(err.Error(), "--"+flag.Name+": "))
}

// valueOf gives a scalar as it is written, or a list of such.
func valueOf(node ast.Node) (any, error) {
	switch node := node.(type) {
	case *ast.NullNode:
		return nil, errors.New("it has no value")
	case *ast.SequenceNode:
		items := []any{}
		for _, item := range node.Values {
			value, err := valueOf(item)
			if err != nil {
				return nil, err
			}
			items = append(items, value)
		}
		return items, nil
	case *ast.LiteralNode:
		return node.Value.Value, nil
	case ast.ScalarNode:
		return node.GetToken().Value, nil
	}
	return nil, fmt.Errorf("found %s where a value should be", node)
}

// pathOf is the command as one writes it, without the program's name.
func pathOf(node *kong.Node) string {
	var names []string
	for ; node != nil && node.Type == kong.CommandNode; node = node.Parent {
		names = append([]string{node.Name}, names...)
	}
	return strings.Join(names, " ")
}

// Validate is part of kong.Resolver; parseConfig has done it, with lines.
func (c *config) Validate(*kong.Application) error { return nil }

// Resolve gives what the file says of flag, nil when it says nothing or the environment speaks.
func (c *config) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	value, ok := c.values[pathOf(parent.Node())+"."+flag.Name]
	if !ok {
		return nil, nil
	}
	return value, nil
}
