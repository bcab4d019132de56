package lint

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/features/yamlfile"
)

//go:embed recipes/*.yaml
var recipes embed.FS

// Recipe is the documented set-up of a server: every step of the document's, and what has to be put right in it.
type Recipe struct {
	Server string `yaml:"server" json:"server"` // postfix
	Title  string `yaml:"title" json:"title"`   // Postfix
	Lines  string `yaml:"lines" json:"lines"`   // of the document
	Steps  []Step `yaml:"steps" json:"steps"`
	// Corrections are what the steps as documented leave wrong or open.
	Corrections []Correction `yaml:"corrections" json:"corrections"`
	// Write has the lines that set one thing, as this server's administrators write them: relay, port587, hello ... A name
	// may end with the kind of file that it is for: relay.cf.
	Write map[string]string `yaml:"write" json:"-"`
	// Timeouts are the server's defaults, by stage: data-final. Source: sending-servers 3.
	Timeouts map[string]time.Duration `yaml:"timeouts" json:"-"`
}

// Step is one step of the document.
type Step struct {
	Rule  string `yaml:"rule" json:"rule"` // of the catalogue
	Do    string `yaml:"do" json:"do"`
	File  string `yaml:"file" json:"file,omitempty"`   // into which Write is written
	Write string `yaml:"write" json:"write,omitempty"` // lines as documented
	Run   string `yaml:"run" json:"run,omitempty"`     // a command
}

// Correction is what has to be put right.
type Correction struct {
	Rule  string `yaml:"rule" json:"rule"`           // that the set-up else breaks
	Step  string `yaml:"step" json:"step,omitempty"` // the rule of the step that it stands for; "": it is one more
	When  string `yaml:"when" json:"when,omitempty"` // "": always
	Why   string `yaml:"why" json:"why"`
	File  string `yaml:"file" json:"file,omitempty"`
	Write string `yaml:"write" json:"write,omitempty"`
	Run   string `yaml:"run" json:"run,omitempty"`
}

// Servers are those that have a recipe, in the document's order.
func Servers() []string {
	return []string{"exchange-hub", "exchange-edge", "exchange-2003", "domino", "groupwise", "sendmail", "osx", "qmail", "postfix"}
}

// RecipeFor gives the recipe of a documented server.
func RecipeFor(server string) (*Recipe, error) {
	if !slices.Contains(Servers(), server) {
		return nil, fmt.Errorf("the document has no recipe for %q: %s", server, yamlfile.Instead(server, Servers()))
	}
	return load(server)
}

// load reads a recipe. Exim's, which the document hasn't got, has only lines to write.
func load(server string) (*Recipe, error) {
	name := "recipes/" + server + ".yaml"
	data, err := fs.ReadFile(recipes, name)
	if err != nil {
		return nil, fmt.Errorf("there is no recipe for %q", server)
	}
	r := &Recipe{}
	file, _ := yamlfile.Read("features/lint/"+name, data, yamlfile.Form{What: "a recipe", Empty: "write server: and steps:"}, r)
	if faults := file.Faults(); faults != nil {
		return nil, faults
	}
	return r, nil
}

// Corrected are the steps in their order, each with what is put right in it, then the rest.
func (r *Recipe) Corrected(step string) []Correction {
	return slices.DeleteFunc(slices.Clone(r.Corrections), func(c Correction) bool { return c.Step != step })
}

// indent writes text with each line behind prefix.
func indent(prefix, text string) string {
	return prefix + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+prefix)
}
