package control

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed openapi.yaml
var openapi []byte

// Document is the API's OpenAPI document, as YAML.
func Document() []byte { return slices.Clone(openapi) }

// documentURL is what the document calls itself while its schemas are compiled.
const documentURL = "urn:relayspec:control"

// document is the API's document, ready to check bodies by.
type document struct {
	json     []byte
	compiler *jsonschema.Compiler
}

func readDocument() (*document, error) {
	text, err := yaml.YAMLToJSON(openapi)
	if err != nil {
		return nil, fmt.Errorf("control: read the document: %w", err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("control: read the document: %w", err)
	}
	d := &document{json: text, compiler: jsonschema.NewCompiler()}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(documentURL, parsed); err != nil {
		return nil, fmt.Errorf("control: read the document: %w", err)
	}
	return d, nil
}

func (d *document) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(d.json) // the client is gone: nobody is left to be told
}

// schema gives a schema of the document. One that isn't there is a mistake of ours.
func (d *document) schema(name string) *jsonschema.Schema {
	return d.compiler.MustCompile(documentURL + "#/components/schemas/" + name)
}

// faultsOf says what is wrong with a body by its schema: each thing once, where it is.
func faultsOf(err error) []fault {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []fault{{Detail: err.Error()}}
	}
	faults := leaves(invalid, message.NewPrinter(language.English), nil)
	slices.SortStableFunc(faults, func(a, b fault) int { return strings.Compare(a.Pointer, b.Pointer) })
	return faults
}

// leaves adds to faults what is wrong, without what only holds it.
func leaves(e *jsonschema.ValidationError, printer *message.Printer, faults []fault) []fault {
	for _, cause := range e.Causes {
		faults = leaves(cause, printer, faults)
	}
	if len(e.Causes) > 0 {
		return faults
	}
	if unknown, ok := e.ErrorKind.(*kind.AdditionalProperties); ok {
		for _, key := range unknown.Properties {
			faults = append(faults, fault{pointer(e.InstanceLocation, key), "there is no such key here"})
		}
		return faults
	}
	return append(faults, fault{pointer(e.InstanceLocation), e.ErrorKind.LocalizedString(printer)})
}

// pointer is the JSON Pointer to a place. Source: RFC 6901 §3.
func pointer(place []string, more ...string) string {
	var b strings.Builder
	for _, key := range slices.Concat(place, more) {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
	}
	return b.String()
}
