// Package yamlfile reads a YAML file that people write into a struct, strictly, and keeps where each key stands, so that
// whoever checks what it says can point at the line.
//
// The fields to read carry a tag yaml:"key"; a tag or:"word" takes that word in the place of a number or of a section. A
// text of a type that is Worded takes only its words. An unknown key, a key that stands twice and a value of another kind
// are Faults with file, line and column, each with what to write instead; reading goes on, so that all of them are told at
// once. Anchors, aliases and tags aren't read.
//
// Start with Read.
package yamlfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
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

// Place is a position in a file, from 1.
type Place struct{ Line, Column int }

// Form says what a file is. The zero value fills nothing in.
type Form struct {
	What  string // what faults call the file: "a profile"
	Empty string // what to do about one in which nothing is: "write name:, ports: and roles:"
	// Environment gives the values of ${NAME} in texts; nil: such words stay as they are written.
	Environment func(name string) (string, bool)
	// ZeroTimes lets a length of time be 0: what it is of never comes.
	ZeroTimes bool
}

// Worded is a text that has known words. A type of texts says so with a method on its value.
type Worded interface{ Words() []string }

// Shortened is a section that has a short form, a text alone.
type Shortened interface{ Short(text string) }

// File is what was read of a file: where its keys stand, and its faults. One goroutine uses it.
type File struct {
	Name string
	// Places has where each key stands, by its path: "roles.recipients[1]". "" is the file's beginning.
	Places map[string]Place
	form   Form
	faults Faults
}

// Read reads data, the content of the file name, into what the pointer into points to. read tells whether there was a
// document to read, so that it is worth checking what it says.
func Read(name string, data []byte, form Form, into any) (f *File, read bool) {
	f = &File{Name: name, Places: map[string]Place{}, form: form}
	return f, f.document(data, reflect.ValueOf(into).Elem())
}

// Fault adds a fault at a place.
func (r *File) Fault(at Place, format string, args ...any) {
	r.faults = append(r.faults, Fault{r.Name, at.Line, at.Column, fmt.Sprintf(format, args...)})
}

// At finds a place; a key that isn't there stands where its section does.
func (r *File) At(path string) Place {
	for {
		if at, ok := r.Places[path]; ok {
			return at
		}
		if path == "" {
			return Place{1, 1}
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

// WellFormed tells whether no fault was told of what stands at path.
func (r *File) WellFormed(path string) bool {
	at, ok := r.Places[path]
	return !ok || !slices.ContainsFunc(r.faults, func(f Fault) bool { return f.Line == at.Line && f.Column == at.Column })
}

// Faults gives the faults by their places; nil: there are none.
func (r *File) Faults() Faults {
	slices.SortStableFunc(r.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return r.faults
}

// document reads the one document of a file; false: there is none.
func (r *File) document(data []byte, into reflect.Value) bool {
	start := Place{1, 1}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) // the parser would count each line end twice
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax):
		r.Fault(placeOf(syntax.Token, start), "this isn't YAML: %s; look at the indentation, quotes and brackets here", oneLine(syntax.Message))
	case err != nil:
		r.Fault(start, "this isn't YAML: %s", oneLine(err.Error()))
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		r.Fault(start, "the file is empty; %s", r.form.Empty)
	case len(file.Docs) > 1:
		r.Fault(r.at(file.Docs[1].Body, start), "a second document begins here; write one, without ---")
	default:
		r.Places[""] = start
		r.value(file.Docs[0].Body, start, "", into)
		return true
	}
	return false
}

// oneLine makes a message fit for a line of its own.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// at is where n stands; a node without a token stands where its parent does, a mapping where its first key does.
func (r *File) at(n ast.Node, parent Place) Place {
	if n == nil {
		return parent
	}
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	return placeOf(n.GetToken(), parent)
}

func placeOf(t *token.Token, parent Place) Place {
	if t == nil || t.Position == nil || t.Position.Line < 1 {
		return parent
	}
	return Place{t.Position.Line, max(t.Position.Column, 1)}
}

// value reads n into v. path is how checks find the place again: roles.recipients[1].
func (r *File) value(n ast.Node, at Place, path string, v reflect.Value) {
	r.Places[path] = at
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
	default:
		r.single(n, at, path, v)
	}
}

// single reads a value that has no parts. A field of a kind that no file has is a programmer's mistake.
func (r *File) single(n ast.Node, at Place, path string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.String:
		if text, ok := r.text(n, at, path); ok {
			r.worded(text, at, path, v)
			v.SetString(text)
		}
	case v.CanInt():
		r.number(n, at, path, v)
	case v.CanFloat():
		r.fraction(n, at, path, v)
	case v.Kind() == reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			r.Fault(at, "%s is %s; write true or false", path, r.kind(n))
			return
		}
		v.SetBool(b.Value)
	default:
		panic(fmt.Sprintf("yamlfile: %s is a field of the type %s, which isn't read", path, v.Type()))
	}
}

// worded faults a text that isn't one of the words of its type.
func (r *File) worded(text string, at Place, path string, v reflect.Value) {
	if w, ok := v.Interface().(Worded); ok && !slices.Contains(w.Words(), text) {
		r.Fault(at, "%s is %q; %s", path, text, Instead(text, w.Words()))
	}
}

// KeysOf gives the keys of a struct, each with the index of its field.
func KeysOf(t reflect.Type) (names []string, fields map[string]int) {
	fields = map[string]int{}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			names, fields[name] = append(names, name), i
		}
	}
	return names, fields
}

// fields reads a mapping into a struct. A struct with a short form may be a text.
func (r *File) fields(n ast.Node, at Place, path string, v reflect.Value) {
	names, fields := KeysOf(v.Type())
	m, ok := n.(*ast.MappingNode)
	if !ok {
		if short, ok := v.Addr().Interface().(Shortened); ok && isText(n) {
			text, _ := r.text(n, at, path)
			short.Short(text)
			return
		}
		r.Fault(at, "%s is %s; write keys with values: %s", r.said(path), r.kind(n), strings.Join(names, ", "))
		return
	}
	for _, entry := range m.Values {
		name, key := entry.Key.GetToken().Value, r.at(entry.Key, at)
		i, known := fields[name]
		inner := strings.TrimPrefix(path+"."+name, ".")
		first, again := r.Places[inner]
		switch {
		case !known:
			r.Fault(key, "%s has no key %q; %s", r.said(path), name, Instead(name, names))
		case again:
			r.Fault(key, "%s stands already at line %d; write it once", inner, first.Line)
		case r.word(entry.Value, v.Type().Field(i), inner, r.at(entry.Value, key)):
		default:
			r.value(entry.Value, r.at(entry.Value, key), inner, v.Field(i))
			if _, isStruct := entry.Value.(*ast.MappingNode); isStruct {
				r.Places[inner] = key // a mapping stands where its key does
			}
		}
	}
}

// word reads a text where a field of another kind may have one word instead; false: it is read as its kind.
func (r *File) word(n ast.Node, field reflect.StructField, path string, at Place) bool {
	word := field.Tag.Get("or")
	if _, isString := n.(*ast.StringNode); word == "" || !isString {
		return false
	}
	r.Places[path] = at
	if n.GetToken().Value != word {
		what := "a number"
		if field.Type.Kind() == reflect.Pointer {
			what = "keys with values"
		}
		r.Fault(at, "%s is another text than %s; write %s, or %s", path, word, word, what)
	}
	return true
}

// said names the whole file, where path is empty.
func (r *File) said(path string) string {
	if path == "" {
		return r.form.What
	}
	return path
}

// words reads a mapping of names that the file chooses.
func (r *File) words(n ast.Node, at Place, path string, v reflect.Value) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		r.Fault(at, "%s is %s; write NAME: value, a line each", path, r.kind(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, entry := range m.Values {
		name := entry.Key.GetToken().Value
		inner, key := path+"."+name, r.at(entry.Key, at)
		if first, again := r.Places[inner]; again {
			r.Fault(key, "%s stands already at line %d; write it once", inner, first.Line)
			continue
		}
		place := r.at(entry.Value, key)
		value := reflect.New(v.Type().Elem()).Elem()
		r.value(entry.Value, place, inner, value)
		if r.WellFormed(inner) {
			v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), value)
		}
	}
}

// items reads a list; it isn't nil, even when it is empty.
func (r *File) items(n ast.Node, at Place, path string, v reflect.Value) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.Fault(at, "%s is %s; write a list: each item on its own line after a hyphen, or [a, b]", path, r.kind(n))
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
func (r *File) text(n ast.Node, at Place, path string) (string, bool) {
	if !isText(n) {
		r.Fault(at, "%s is %s; write text", path, r.kind(n))
		return "", false
	}
	text := n.GetToken().Value
	if literal, ok := n.(*ast.LiteralNode); ok {
		text = literal.Value.Value
	}
	if r.form.Environment == nil {
		return text, true
	}
	return variable.ReplaceAllStringFunc(text, func(word string) string {
		if strings.HasPrefix(word, "$$") {
			return word[1:]
		}
		name := word[2 : len(word)-1]
		value, set := r.form.Environment(name)
		if !set {
			r.Fault(at, "%s: the environment variable %s isn't set; export it, or write the value", path, name)
		}
		return value
	}), true
}

func (r *File) number(n ast.Node, at Place, path string, v reflect.Value) {
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		r.Fault(at, "%s is %s; write a whole number", path, r.kind(n))
		return
	}
	if u, ok := i.Value.(uint64); ok && u <= 1<<31 {
		v.SetInt(int64(u))
		return
	}
	r.Fault(at, "%s is out of range; write a number from 0 to 2147483648", path)
}

func (r *File) fraction(n ast.Node, at Place, path string, v reflect.Value) {
	f, err := 0.0, error(nil)
	if isText(n) {
		f, err = strconv.ParseFloat(n.GetToken().Value, 64)
	}
	if !isText(n) || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		r.Fault(at, "%s is %s; write a number, such as 1.5", path, r.kind(n))
		return
	}
	v.SetFloat(f)
}

func (r *File) duration(n ast.Node, at Place, path string, v reflect.Value) {
	text := ""
	if isText(n) {
		text = n.GetToken().Value
	}
	d, err := time.ParseDuration(text)
	if text == "0" && r.form.ZeroTimes {
		d, err = 0, nil
	}
	if err != nil || d < 0 || d == 0 && !r.form.ZeroTimes {
		r.Fault(at, "%s is no length of time; write a number with its unit, such as 20s or 1m30s", path)
		return
	}
	v.SetInt(int64(d))
}

// kind says in words what a node is.
func (r *File) kind(n ast.Node) string {
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
	return "an anchor, an alias or a tag, which " + r.form.What + " doesn't have"
}
