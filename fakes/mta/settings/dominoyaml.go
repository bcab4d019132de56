package settings

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// mostYAML is how many octets are parsed as YAML: a Configuration document has some thousand.
const mostYAML = 128 << 10

// readDocumentsYAML reads documents that somebody wrote down as YAML: each document of the file, each member of a list,
// and each section that is named for a form (ServerConfig, Configuration, Server) is one of Domino's; other sections are
// those of the form's tabs, and their items are the document's.
func readDocumentsYAML(r *reading, t *text) []document {
	if size := len(strings.Join(t.lines, "\n")); size > mostYAML {
		r.fail(Place{File: t.file}, "has %d KB, documents as YAML no more than %d KB: give those of one server", size>>10, mostYAML>>10)
		return nil
	}
	file, err := parser.ParseBytes([]byte(strings.Join(t.lines, "\n")), 0)
	if err != nil {
		at := Place{File: t.file}
		message := err.Error()
		if syntax, ok := errors.AsType[yaml.Error](err); ok {
			at.Line, message = syntax.GetToken().Position.Line, syntax.GetMessage()
		}
		r.fail(at, "it isn't YAML: %s; write label: value", message)
		return nil
	}
	y := yamlDocuments{r: r, file: t}
	for _, doc := range file.Docs {
		y.document(doc.Body, "", 0)
	}
	return y.documents
}

type yamlDocuments struct {
	r         *reading
	file      *text
	documents []document
}

// place is where a node stands.
func (y *yamlDocuments) place(n ast.Node) Place {
	return Place{File: y.file.file, Line: n.GetToken().Position.Line}
}

// mostNested is how deep sections may be nested.
const mostNested = 20

// document takes a node as one document, or as a list of them.
func (y *yamlDocuments) document(n ast.Node, form string, depth int) {
	switch n := n.(type) {
	case *ast.SequenceNode:
		if depth > mostNested {
			y.r.fail(y.place(n), "lists are nested too deeply")
			return
		}
		for _, member := range n.Values {
			y.document(member, form, depth+1)
		}
	case *ast.MappingNode:
		doc := document{form: form, place: y.place(n)}
		y.section(&doc, n.Values, "", 0)
		y.keep(doc)
	case *ast.MappingValueNode:
		doc := document{form: form, place: y.place(n)}
		y.section(&doc, []*ast.MappingValueNode{n}, "", 0)
		y.keep(doc)
	case nil:
	default:
		if _, isNull := n.(*ast.NullNode); !isNull {
			y.r.fail(y.place(n), "expected label: value lines, not %q", firstLine(n.String()))
		}
	}
}

func (y *yamlDocuments) keep(doc document) {
	if len(doc.items) == 0 {
		return
	}
	if form, ok := doc.items["form"]; ok {
		doc.form = form.Value
	}
	if knownForm(doc.form) {
		y.documents = append(y.documents, doc)
	}
}

// section takes the labels of a section, whose own label is tab. Ports have the same labels on the tabs of mail that comes
// in and of mail that goes out: those of the latter begin with outbound.
func (y *yamlDocuments) section(doc *document, values []*ast.MappingValueNode, tab string, depth int) {
	if depth > mostNested {
		y.r.fail(doc.place, "sections are nested too deeply")
		return
	}
	for _, v := range values {
		key := strings.Trim(v.Key.String(), `"'`)
		if knownForm(key) && key != "" {
			if _, isScalar := v.Value.(ast.ScalarNode); !isScalar {
				y.document(v.Value, key, depth+1)
				continue
			}
		}
		if strings.Contains(strings.ToLower(tab), "outbound") && strings.HasPrefix(itemName(key), "tcpip") {
			key = "outbound" + key
		}
		switch value := v.Value.(type) {
		case *ast.MappingNode:
			y.section(doc, value.Values, key, depth+1)
		case *ast.MappingValueNode:
			y.section(doc, []*ast.MappingValueNode{value}, key, depth+1)
		case *ast.SequenceNode:
			y.list(doc, key, value)
		case ast.ScalarNode:
			y.item(doc, key, value, scalarText(value))
		default:
			y.r.fail(y.place(v.Value), "%s: anchors, aliases and tags aren't read; write the value", key)
		}
	}
}

// list takes a list of values as one item.
func (y *yamlDocuments) list(doc *document, key string, n *ast.SequenceNode) {
	var values []string
	for _, member := range n.Values {
		scalar, ok := member.(ast.ScalarNode)
		if !ok {
			y.r.fail(y.place(member), "%s: expected a list of values", key)
			return
		}
		values = append(values, scalarText(scalar))
	}
	y.item(doc, key, n, strings.Join(values, ","))
}

func (y *yamlDocuments) item(doc *document, key string, n ast.Node, value string) {
	at := y.place(n)
	line := ""
	if at.Line >= 1 && at.Line <= len(y.file.lines) {
		line = y.file.lines[at.Line-1]
	}
	doc.put(y.r, key, written(value, at, line))
}

// scalarText is a value as it is written, without its quotes.
func scalarText(n ast.ScalarNode) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.NullNode:
		return ""
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value)
	}
	return n.GetToken().Value
}
