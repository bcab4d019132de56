package settings

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// readDXL reads the documents of an export, those whose form is looked at.
func readDXL(r *reading, t *text) []document {
	d := xml.NewDecoder(strings.NewReader(strings.Join(t.lines, "\n")))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is in UTF-8 by now
	x := dxl{r: r, file: t}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return x.documents
		}
		line, _ := d.InputPos()
		if err != nil {
			if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
				line, err = syntax.Line, errors.New(syntax.Msg)
			}
			r.fail(t.at(line-1), "it isn't XML as Domino exports it: %v", err)
			return x.documents
		}
		switch token := token.(type) {
		case xml.StartElement:
			x.start(token, t.at(line-1))
		case xml.EndElement:
			x.end(token)
		case xml.CharData:
			if x.item != "" {
				if strings.TrimSpace(x.value.Value) == "" { // where the value begins, not its element
					x.value.Place = t.at(line - 1)
					x.value.Text = t.lines[line-1]
				}
				x.value.Value += string(token)
			}
		}
	}
}

// dxl is what has been read of an export so far.
type dxl struct {
	r         *reading
	file      *text
	documents []document
	now       *document
	item      string // whose value is being read
	value     setting
}

func (x *dxl) start(e xml.StartElement, at Place) {
	switch e.Name.Local {
	case "document":
		x.now = &document{form: attribute(e, "form"), place: at}
	case "item":
		if x.now != nil {
			x.item, x.value = attribute(e, "name"), written("", at, x.file.lines[at.Line-1])
		}
	case "text", "number", "datetime":
		if x.item != "" && strings.TrimSpace(x.value.Value) != "" {
			x.value.Value = strings.TrimSpace(x.value.Value) + ","
		}
	}
}

func (x *dxl) end(e xml.EndElement) {
	switch {
	case e.Name.Local == "item" && x.now != nil && x.item != "":
		x.value.Value = strings.TrimSpace(x.value.Value)
		if x.item == "Form" {
			x.now.form = x.value.Value
		}
		x.now.put(x.r, x.item, x.value)
		x.item = ""
	case e.Name.Local == "document" && x.now != nil:
		if knownForm(x.now.form) {
			x.documents = append(x.documents, *x.now)
		}
		x.now = nil
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
