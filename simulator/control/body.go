package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The bounds of a body, in octets.
const (
	maxBody  = 1 << 20
	maxWorld = 64 << 20
)

// reading serves a request with a body: one that doesn't fit its schema in the document is refused, with where.
func reading[T any](d *document, schema string, most int64, serve func(http.ResponseWriter, *http.Request, *T)) http.Handler {
	checked := d.schema(schema)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("a body has at most %d octets here", most))
			return
		case err != nil:
			problem(w, http.StatusBadRequest, "the body didn't come whole: "+err.Error())
			return
		}
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			problem(w, http.StatusBadRequest, "the body isn't JSON: "+err.Error())
			return
		}
		if err := checked.Validate(parsed); err != nil {
			problem(w, http.StatusBadRequest, "the body doesn't fit the schema "+schema+" of /v1/openapi.json", faultsOf(err)...)
			return
		}
		body := new(T)
		if err := json.Unmarshal(text, body); err != nil {
			problem(w, http.StatusBadRequest, "the body can't be read: "+err.Error())
			return
		}
		serve(w, r, body)
	})
}
