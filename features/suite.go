package features

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	gherkin "github.com/cucumber/gherkin/go/v26"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// Suite is the catalogue and every case of the features. It is read once and shared: nothing changes it.
type Suite struct {
	Catalogue *Catalogue
	Cases     []Case // in the order of chapter, feature file and line

	party     Party
	files     []file
	sentences map[string]string // rule ID -> the sentence of its Rule:
	byPickle  map[string]int    // fingerprint -> index in Cases
}

// Case is one scenario, or one row of an outline.
type Case struct {
	ID       string              `json:"id"`    // RULE-ID/name-of-the-scenario, then /cells for an outline's row
	Rules    []string            `json:"rules"` // the first is the one it stands under
	Name     string              `json:"name"`
	Feature  string              `json:"feature"` // path of the feature file
	Line     int                 `json:"line"`
	Level    reports.Level       `json:"level"`
	Source   string              `json:"source"`          // documented, observed, assumed, rfc
	Needs    []target.Capability `json:"needs,omitempty"` // what the target must declare
	Volume   bool                `json:"volume,omitempty"`
	Sentence string              `json:"rule"` // of its Rule:
	Tags     []string            `json:"tags"`

	FeatureName string         `json:"-"` // of its Feature:
	FeatureLine int            `json:"-"`
	Steps       []reports.Step `json:"-"` // none has run
}

// file is the source of a feature file.
type file struct {
	path    string
	lines   []string
	stretch []stretch
}

// stretch is where a Scenario: stands in its file, tags included, and what cases it makes.
type stretch struct {
	first, last int // lines, from 1, both included
	cases       []string
}

// ParseSuite reads every *.feature file of fsys, which judge relays; root stands before their paths. An error lists every
// fault with its file and line.
func ParseSuite(fsys fs.FS, root string, catalogue *Catalogue) (*Suite, error) {
	return ParseSuiteOf(Relays(), fsys, root, catalogue)
}

// ParseSuiteOf is ParseSuite for features that judge another party than relays.
func ParseSuiteOf(party Party, fsys fs.FS, root string, catalogue *Catalogue) (*Suite, error) {
	s := &Suite{Catalogue: catalogue, party: party, sentences: map[string]string{}, byPickle: map[string]int{}}
	reader := &reader{suite: s, lines: map[string]string{}, pickles: map[string]string{}}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".feature") {
			return err
		}
		source, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		reader.read(path.Join(root, name), string(source))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the features: %w", err)
	}
	if err := errors.Join(reader.faults...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.Cases, s.compare)
	at := map[string]int{}
	for i := range s.Cases {
		at[s.Cases[i].ID] = i
	}
	for mark, id := range reader.pickles {
		s.byPickle[mark] = at[id]
	}
	return s, nil
}

// compare orders cases by the chapter of their rule, file and line. RFCs come after the document.
func (s *Suite) compare(a, b Case) int {
	return cmp.Or(
		cmp.Compare(s.place(a.Rules[0]), s.place(b.Rules[0])),
		cmp.Compare(s.chapter(a.Rules[0]), s.chapter(b.Rules[0])),
		cmp.Compare(a.Feature, b.Feature),
		cmp.Compare(a.Line, b.Line),
	)
}

// place numbers the chapters of the catalogue in their order; an RFC's rule comes behind.
func (s *Suite) place(id string) int {
	chapter := s.chapter(id)
	at := slices.IndexFunc(s.Catalogue.Rules, func(r Rule) bool { return r.Chapter == chapter })
	if at < 0 {
		return len(s.Catalogue.Rules)
	}
	return at
}

// chapter is the document's chapter of a rule, or the RFC that an RFC's rule is of.
func (s *Suite) chapter(id string) string {
	if rule := s.Catalogue.Rule(id); rule != nil {
		return rule.Chapter
	}
	rfc, _, _ := strings.Cut(id, "-")
	return rfc
}

// limits tells whether a rule stands in the chapters about what a user and a customer may use up. A scenario of it uses that
// up, or counts on nobody having done so.
func (s *Suite) limits(id string) bool {
	chapter := s.chapter(id)
	return chapter == "1.2" || chapter == "1.3"
}

// line is the document's line of a rule; for an RFC's rule its section.
func (s *Suite) line(id string) string {
	if rule := s.Catalogue.Rule(id); rule != nil {
		return rule.Line
	}
	rfc, _, _ := strings.Cut(id, "/")
	return rfc
}

// reader reads feature files into a suite and collects what is wrong with them.
type reader struct {
	suite   *Suite
	lines   map[string]string // case ID -> file:line
	pickles map[string]string // fingerprint -> case ID
	faults  []error
}

func (r *reader) fault(path string, line int64, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("%s:%d: %w", path, line, fmt.Errorf(format, args...)))
}

func (r *reader) read(path, source string) {
	newID := (&messages.Incrementing{}).NewId
	document, err := gherkin.ParseGherkinDocument(strings.NewReader(source), newID)
	if err != nil {
		r.grammar(path, err)
		return
	}
	if document.Feature == nil {
		r.fault(path, 1, "no Feature: in it")
		return
	}
	f := feature{path: path, document: document.Feature, steps: stepsByID(document.Feature), pickles: map[string][]*messages.Pickle{}}
	for _, pickle := range gherkin.Pickles(*document, path, newID) {
		f.pickles[pickle.AstNodeIds[0]] = append(f.pickles[pickle.AstNodeIds[0]], pickle)
	}
	for _, child := range document.Feature.Children {
		switch {
		case child.Rule != nil:
			r.rule(&f, child.Rule)
		case child.Scenario != nil:
			r.fault(path, child.Scenario.Location.Line, "the scenario %q stands under no Rule:", child.Scenario.Name)
		}
	}
	lines := strings.Split(source, "\n")
	r.suite.files = append(r.suite.files, file{path: path, lines: lines, stretch: f.stretches(document.Feature, len(lines))})
}

// grammar takes the parser's errors apart: each is a line "(LINE:COLUMN): what".
func (r *reader) grammar(path string, err error) {
	found := parserError.FindAllStringSubmatch(err.Error(), -1)
	if found == nil {
		r.faults = append(r.faults, fmt.Errorf("%s: %w", path, err))
	}
	for _, match := range found {
		r.faults = append(r.faults, fmt.Errorf("%s:%s: %s", path, match[1], match[2]))
	}
}

// feature is a feature file while it is read.
type feature struct {
	path     string
	document *messages.Feature
	steps    map[string]*messages.Step     // by their AST ID
	pickles  map[string][]*messages.Pickle // by the AST ID of their scenario
	cases    map[string][]string           // by the AST ID of their scenario
}

func (r *reader) rule(f *feature, rule *messages.Rule) {
	own := firstRule(rule.Tags)
	switch {
	case own == "":
		r.fault(f.path, rule.Location.Line, "the Rule: %q has no tag that names a rule", rule.Name)
		return
	case !r.isRule(own):
		r.fault(f.path, rule.Location.Line, "no rule of the catalogue is called %s", own)
		return
	}
	sentence := sentenceOf(rule)
	if _, seen := r.suite.sentences[own]; !seen {
		r.suite.sentences[own] = sentence
	}
	scenarios := 0
	for _, child := range rule.Children {
		if child.Scenario != nil {
			scenarios++
			r.scenario(f, own, sentence, child.Scenario)
		}
	}
	if scenarios == 0 {
		r.fault(f.path, rule.Location.Line, "no scenario under the Rule: of %s", own)
	}
}

// sentenceOf is the rule in the feature's words: the name of Rule:, without a full stop.
func sentenceOf(rule *messages.Rule) string {
	return strings.TrimSuffix(strings.TrimSpace(rule.Name), ".")
}

func (r *reader) scenario(f *feature, own, sentence string, scenario *messages.Scenario) {
	line := scenario.Location.Line
	pickles := f.pickles[scenario.Id]
	switch {
	case strings.TrimSpace(scenario.Name) == "":
		r.fault(f.path, line, "a scenario without a name")
		return
	case len(scenario.Steps) == 0:
		r.fault(f.path, line, "the scenario %q has no steps", scenario.Name)
		return
	case len(pickles) == 0:
		r.fault(f.path, line, "the outline %q has no example", scenario.Name)
		return
	}
	for _, pickle := range pickles {
		c := Case{
			Name: pickle.Name, Feature: f.path, Line: int(line), Sentence: sentence,
			FeatureName: f.document.Name, FeatureLine: int(f.document.Location.Line), Steps: f.stepsOf(pickle),
		}
		c.ID = own + "/" + slug(scenario.Name)
		if row := rowOf(scenario, pickle); row != nil {
			c.Line = int(row.Location.Line)
			c.ID = own + "/" + slug(placeholder.ReplaceAllString(scenario.Name, "")) + "/" + slug(cellsOf(row))
		}
		if !r.tagged(&c, own, pickle.Tags) {
			continue
		}
		r.keep(f, scenario.Id, c, pickle)
	}
}

// keep adds a case that has no fault of its own.
func (r *reader) keep(f *feature, scenario string, c Case, pickle *messages.Pickle) {
	at := fmt.Sprintf("%s:%d", c.Feature, c.Line)
	mark := fingerprint(pickle)
	twin, same := r.pickles[mark]
	switch first, seen := r.lines[c.ID]; {
	case same:
		r.fault(c.Feature, int64(c.Line), "the same name, tags and steps as %s", r.lines[twin])
		return
	case seen:
		r.fault(c.Feature, int64(c.Line), "the case ID %s stands already at %s", c.ID, first)
		return
	case slices.ContainsFunc(strings.Split(c.ID, "/"), func(part string) bool { return part == "" || len(part) > maxIDPart }):
		r.fault(c.Feature, int64(c.Line), "the case ID %s has a part that is empty or longer than %d", c.ID, maxIDPart)
		return
	}
	r.lines[c.ID], r.pickles[mark] = at, c.ID
	if f.cases == nil {
		f.cases = map[string][]string{}
	}
	f.cases[scenario] = append(f.cases[scenario], c.ID)
	r.suite.Cases = append(r.suite.Cases, c)
}

// maxIDPart bounds a part of a case ID in octets: it names a file.
const maxIDPart = 200

// rowOf finds the row of the examples that pickle was made of, nil for a plain scenario.
func rowOf(scenario *messages.Scenario, pickle *messages.Pickle) *messages.TableRow {
	if len(pickle.AstNodeIds) < 2 {
		return nil
	}
	for _, examples := range scenario.Examples {
		for _, row := range examples.TableBody {
			if row.Id == pickle.AstNodeIds[1] {
				return row
			}
		}
	}
	return nil
}

func cellsOf(row *messages.TableRow) string {
	cells := make([]string, len(row.Cells))
	for i, cell := range row.Cells {
		cells[i] = cell.Value
	}
	return strings.Join(cells, " ")
}

// stretches says where each scenario stands: from its first tag to the line before whatever comes next.
func (f *feature) stretches(document *messages.Feature, lines int) []stretch {
	var starts []stretch
	for _, child := range document.Children {
		if child.Rule == nil {
			continue
		}
		starts = append(starts, stretch{first: startOf(child.Rule.Location, child.Rule.Tags)})
		for _, inner := range child.Rule.Children {
			if sc := inner.Scenario; sc != nil {
				starts = append(starts, stretch{first: startOf(sc.Location, sc.Tags), cases: f.cases[sc.Id]})
			}
		}
	}
	var found []stretch
	for i, s := range starts {
		s.last = lines
		if i+1 < len(starts) {
			s.last = starts[i+1].first - 1
		}
		if s.cases != nil {
			found = append(found, s)
		}
	}
	return found
}

func startOf(location *messages.Location, tags []*messages.Tag) int {
	line := location.Line
	for _, tag := range tags {
		line = min(line, tag.Location.Line)
	}
	return int(line)
}
