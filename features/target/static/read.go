package static

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// place is a position in the file, from 1.
type place struct{ line, column int }

// reader reads the nodes of a file into a profile, by the tags of its fields, and keeps where each key stands. What has
// the wrong form is a fault, and reading goes on.
type reader struct {
	profile     *Profile
	environment func(name string) (string, bool)
	faults      Faults
}

func (r *reader) fault(at place, format string, args ...any) {
	r.faults = append(r.faults, Fault{r.profile.file, at.line, at.column, fmt.Sprintf(format, args...)})
}

// sorted gives the faults by their places.
func (r *reader) sorted() Faults {
	slices.SortStableFunc(r.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return r.faults
}

// document reads the one document of a file; false: there is none.
func (r *reader) document(data []byte) bool {
	start := place{1, 1}
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax):
		r.fault(placeOf(syntax.Token, start), "this isn't YAML: %s; look at the indentation, quotes and brackets here", oneLine(syntax.Message))
	case err != nil:
		r.fault(start, "this isn't YAML: %s", oneLine(err.Error()))
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		r.fault(start, "the file is empty; write name:, ports: and roles:")
	case len(file.Docs) > 1:
		r.fault(r.at(file.Docs[1].Body, start), "a second document begins here; write one, without ---")
	default:
		r.profile.places[""] = start
		r.value(file.Docs[0].Body, start, "", reflect.ValueOf(r.profile).Elem())
		return true
	}
	return false
}

// oneLine makes a message fit for a line of its own.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// at is where n stands; a node without a token stands where its parent does, a mapping where its first key does.
func (r *reader) at(n ast.Node, parent place) place {
	if n == nil {
		return parent
	}
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	return placeOf(n.GetToken(), parent)
}

func placeOf(t *token.Token, parent place) place {
	if t == nil || t.Position == nil || t.Position.Line < 1 {
		return parent
	}
	return place{t.Position.Line, max(t.Position.Column, 1)}
}

// value reads n into v. path is how checks find the place again: roles.recipients[1].
func (r *reader) value(n ast.Node, at place, path string, v reflect.Value) {
	r.profile.places[path] = at
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		r.duration(n, at, path, v)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		r.value(n, at, path, v.Elem())
	case v.Kind() == reflect.Struct:
		r.fields(n, at, path, v)
	case v.Kind() == reflect.Map:
		r.words(n, at, path, v)
	case v.Kind() == reflect.Slice:
		r.items(n, at, path, v)
	case v.Kind() == reflect.String:
		if text, ok := r.text(n, at, path); ok {
			v.SetString(text)
		}
	case v.Kind() == reflect.Int:
		r.number(n, at, path, v)
	case v.Kind() == reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			r.fault(at, "%s is %s; write true or false", path, kind(n))
			return
		}
		v.SetBool(b.Value)
	}
}

// keysOf gives the keys of a struct, each with the index of its field.
func keysOf(t reflect.Type) (names []string, fields map[string]int) {
	fields = map[string]int{}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			names, fields[name] = append(names, name), i
		}
	}
	return names, fields
}

// fields reads a mapping into a struct. A struct with a short form may be a text.
func (r *reader) fields(n ast.Node, at place, path string, v reflect.Value) {
	names, fields := keysOf(v.Type())
	m, ok := n.(*ast.MappingNode)
	if !ok {
		if short, ok := v.Addr().Interface().(interface{ short(text string) }); ok && isText(n) {
			text, _ := r.text(n, at, path)
			short.short(text)
			return
		}
		r.fault(at, "%s is %s; write keys with values: %s", said(path), kind(n), strings.Join(names, ", "))
		return
	}
	for _, entry := range m.Values {
		name, key := entry.Key.GetToken().Value, r.at(entry.Key, at)
		i, known := fields[name]
		inner := strings.TrimPrefix(path+"."+name, ".")
		first, again := r.profile.places[inner]
		switch {
		case !known:
			r.fault(key, "%s has no key %q; %s", said(path), name, instead(name, names))
		case again:
			r.fault(key, "%s stands already at line %d; write it once", inner, first.line)
		case r.word(entry.Value, v.Type().Field(i), inner, r.at(entry.Value, key)):
		default:
			r.value(entry.Value, r.at(entry.Value, key), inner, v.Field(i))
			if _, isStruct := entry.Value.(*ast.MappingNode); isStruct {
				r.profile.places[inner] = key // a mapping stands where its key does
			}
		}
	}
}

// word reads a text where a field of another kind may have one word instead; false: it is read as its kind.
func (r *reader) word(n ast.Node, field reflect.StructField, path string, at place) bool {
	word := field.Tag.Get("or")
	if _, isString := n.(*ast.StringNode); word == "" || !isString {
		return false
	}
	r.profile.places[path] = at
	if n.GetToken().Value != word {
		what := "a number"
		if field.Type.Kind() == reflect.Pointer {
			what = "keys with values"
		}
		r.fault(at, "%s is another text than %s; write %s, or %s", path, word, word, what)
	}
	return true
}

// said names the whole file, where path is empty.
func said(path string) string {
	if path == "" {
		return "a profile"
	}
	return path
}

// words reads a mapping of texts.
func (r *reader) words(n ast.Node, at place, path string, v reflect.Value) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		r.fault(at, "%s is %s; write NAME: value, a line each", path, kind(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, entry := range m.Values {
		name := entry.Key.GetToken().Value
		inner, key := path+"."+name, r.at(entry.Key, at)
		if first, again := r.profile.places[inner]; again {
			r.fault(key, "%s stands already at line %d; write it once", inner, first.line)
			continue
		}
		place := r.at(entry.Value, key)
		r.profile.places[inner] = place
		if text, ok := r.text(entry.Value, place, inner); ok {
			v.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(text))
		}
	}
}

// items reads a list; it isn't nil, even when it is empty.
func (r *reader) items(n ast.Node, at place, path string, v reflect.Value) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.fault(at, "%s is %s; write a list: each item on its own line after a hyphen, or [a, b]", path, kind(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values)))
	for i, item := range s.Values {
		r.value(item, r.at(item, at), path+"["+strconv.Itoa(i)+"]", v.Index(i))
	}
}

// isText tells whether n can be read as a text: a number is taken as it is written.
func isText(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode, *ast.IntegerNode, *ast.FloatNode:
		return true
	}
	return false
}

// variable is an environment variable in a text; with two dollars it is meant as it is written.
var variable = regexp.MustCompile(`\$?\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// text reads a text and fills in the environment. A fault doesn't show the value: it may be a password.
func (r *reader) text(n ast.Node, at place, path string) (string, bool) {
	if !isText(n) {
		r.fault(at, "%s is %s; write text", path, kind(n))
		return "", false
	}
	text := n.GetToken().Value
	if literal, ok := n.(*ast.LiteralNode); ok {
		text = literal.Value.Value
	}
	return variable.ReplaceAllStringFunc(text, func(word string) string {
		if strings.HasPrefix(word, "$$") {
			return word[1:]
		}
		name := word[2 : len(word)-1]
		value, set := r.environment(name)
		if !set {
			r.fault(at, "%s: the environment variable %s isn't set; export it, or write the value", path, name)
		}
		return value
	}), true
}

func (r *reader) number(n ast.Node, at place, path string, v reflect.Value) {
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		r.fault(at, "%s is %s; write a whole number", path, kind(n))
		return
	}
	if u, ok := i.Value.(uint64); ok && u <= 1<<31 {
		v.SetInt(int64(u))
		return
	}
	r.fault(at, "%s is out of range; write a number from 0 to 2147483648", path)
}

func (r *reader) duration(n ast.Node, at place, path string, v reflect.Value) {
	text := ""
	if isText(n) {
		text = n.GetToken().Value
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		r.fault(at, "%s is no length of time; write a number with its unit, such as 20s or 1m30s", path)
		return
	}
	v.SetInt(int64(d))
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
	}
	return "an anchor, an alias or a tag, which a profile doesn't have"
}
