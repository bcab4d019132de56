package directory

import (
	"fmt"
	"math"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// reader reads the nodes of a world file. What has the wrong form is a fault, and reading goes on.
type reader struct {
	*builder
	file string
}

// at is where n stands; a node without a token stands where its parent does.
func (r *reader) at(n ast.Node, parent Position) Position {
	if n == nil {
		return parent
	}
	return r.place(n.GetToken(), parent)
}

func (r *reader) place(t *token.Token, parent Position) Position {
	if t == nil || t.Position == nil || t.Position.Line < 1 {
		return parent
	}
	return Position{r.file, t.Position.Line, max(t.Position.Column, 1)}
}

// field is one key of a mapping with its value.
type field struct {
	key   Position
	value ast.Node
	at    Position // of value
}

// fields are the keys of a mapping.
type fields struct {
	at     Position // of the first key
	byName map[string]field
}

// mapping reads a mapping that may have these keys. what names it in a fault.
func (r *reader) mapping(n ast.Node, parent Position, what string, keys ...string) (fields, bool) {
	f := fields{at: r.at(n, parent), byName: make(map[string]field)}
	m, ok := n.(*ast.MappingNode)
	if !ok {
		r.fault(f.at, "", fmt.Sprintf("%s is %s; write keys with values: %s", what, kind(n), strings.Join(keys, ", ")))
		return f, false
	}
	for i, v := range m.Values {
		key := r.at(v.Key, f.at)
		if i == 0 && !m.IsFlowStyle {
			f.at = key
		}
		r.key(f, v, key, what, keys)
	}
	return f, true
}

// key adds one key to f, or says what is wrong with it.
func (r *reader) key(f fields, v *ast.MappingValueNode, at Position, what string, keys []string) {
	name, ok := v.Key.(*ast.StringNode)
	if !ok {
		r.fault(at, "", fmt.Sprintf("a key of %s is %s; write one of %s", what, kind(v.Key), strings.Join(keys, ", ")))
		return
	}
	if first, again := f.byName[name.Value]; again {
		r.fault(at, "", fmt.Sprintf("%s stands already at %s; write it once", name.Value, first.key))
		return
	}
	f.byName[name.Value] = field{at, v.Value, r.at(v.Value, at)}
	for _, k := range keys {
		if k == name.Value {
			return
		}
	}
	r.fault(at, "", fmt.Sprintf("%s has no key %s; %s", what, quote(name.Value), suggest(name.Value, keys)))
}

// required gives a field, or says that it is missing and what to write.
func (r *reader) required(f fields, name, write string) (field, bool) {
	v, ok := f.byName[name]
	if !ok {
		r.fault(f.at, "", fmt.Sprintf("%s is missing; write %s", name, write))
	}
	return v, ok
}

// text reads a string. A number isn't one: 10 and 010 would be the same. The fault doesn't show the value: it may be a password.
func (r *reader) text(v field, name string) (string, bool) {
	switch n := v.value.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		if n.Value != nil {
			return n.Value.Value, true
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		r.fault(v.at, "", fmt.Sprintf("%s is %s; write it in quotes", name, kind(n)))
		return "", false
	}
	r.fault(v.at, "", fmt.Sprintf("%s is %s; write text", name, kind(v.value)))
	return "", false
}

// boolean reads true or false; absent gives otherwise.
func (r *reader) boolean(f fields, name string, otherwise bool) bool {
	v, ok := f.byName[name]
	if !ok {
		return otherwise
	}
	b, ok := v.value.(*ast.BoolNode)
	if !ok {
		r.fault(v.at, "", fmt.Sprintf("%s is %s; write true or false", name, kind(v.value)))
		return otherwise
	}
	return b.Value
}

// number reads an integer.
func (r *reader) number(v field, name string) (int, bool) {
	if n, ok := v.value.(*ast.IntegerNode); ok {
		switch i := n.Value.(type) {
		case int64:
			return int(i), true
		case uint64:
			if i <= math.MaxInt {
				return int(i), true
			}
		}
		r.fault(v.at, "", name+" is too large; write a smaller number")
		return 0, false
	}
	r.fault(v.at, "", fmt.Sprintf("%s is %s; write a whole number", name, kind(v.value)))
	return 0, false
}

// list reads a sequence; absent is an empty one. present tells whether a sequence stands there.
func (r *reader) list(f fields, name string) (items []field, present bool) {
	v, ok := f.byName[name]
	if !ok {
		return nil, false
	}
	s, ok := v.value.(*ast.SequenceNode)
	if !ok {
		r.fault(v.at, "", fmt.Sprintf("%s is %s; write a list: each item on its own line after a hyphen, or [a, b]", name, kind(v.value)))
		return nil, false
	}
	for _, n := range s.Values {
		at := r.at(n, v.at)
		items = append(items, field{at, n, at})
	}
	return items, true
}

// kind says in words what a node is.
func kind(n ast.Node) string {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias, which a world file doesn't have"
	case *ast.TagNode:
		return "a tagged value, which a world file doesn't have"
	}
	return "something else"
}
