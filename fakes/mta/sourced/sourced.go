// Package sourced has values of a sending server's profile together with where each was learned. What is only
// remembered is assumed: it is printed as such and decides no verdict.
package sourced

// Source is where a value was learned.
type Source string

// The sources, as profiles write them.
const (
	Documented Source = "doc" // the document, or a vendor's public one
	Observed   Source = "obs" // seen on the wire of the real program
	Configured Source = "cfg" // the default that the installed program prints
	Headers    Source = "hdr" // real headers in public archives
	Memory     Source = "mem" // unverified memory: assumed
)

// Sources are all of them, the surest first.
func Sources() []Source { return []Source{Documented, Observed, Configured, Headers, Memory} }

// Words are the sources, as a file that is read strictly may write them (features/yamlfile).
func (Source) Words() []string {
	return []string{string(Documented), string(Observed), string(Configured), string(Headers), string(Memory)}
}

// Value is a value with its source.
type Value[T any] struct {
	Value  T      `yaml:"value"`
	Source Source `yaml:"source"`
	Note   string `yaml:"note"` // where that stands, or what it rests on
}

// Assumed tells whether nothing but memory speaks for v.
func (v Value[T]) Assumed() bool { return v.Source == Memory }

// From is where v was learned.
func (v Value[T]) From() Source { return v.Source }
