package static

import _ "embed"

//go:embed profile.schema.json
var schema string

// Schema is the JSON Schema of a profile, for editors and other readers.
func Schema() string { return schema }
