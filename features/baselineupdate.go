package features

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/relayspec/relayspec/features/yamlfile"
	"github.com/relayspec/relayspec/reports"
)

// BaselineUpdate says how a baseline is brought up to date. Suite must be given.
type BaselineUpdate struct {
	Suite *Suite
	// Strict lists what is NONSTRICT and NOTE, too: what a strict gate asks for.
	Strict bool
	// Tool is who writes it: information.
	Tool reports.Tool
}

// Update gives the baseline file, whose content is old, as run has it to be, and a line for each change. Without content a
// new one is begun; without changes the content is old.
//
// Entries that hold, and those of whose cases run tells nothing, stay as they are written, comments included. One whose
// cases hold is taken out. One of which a part does is replaced by an entry a case that still fails. What fails otherwise
// than an entry says, or isn't listed, is listed anew with the reason TODO, with which no baseline is read: somebody has to
// write why. An ERROR is never listed, nor is a FLAKY. The error is yamlfile.Faults where old is at fault.
func (o BaselineUpdate) Update(file string, old []byte, run *reports.Run) (content []byte, changes []string, err error) {
	if len(bytes.TrimSpace(old)) == 0 {
		old = o.begin(run.Target.Name)
		changes = append(changes, "begun "+file)
	}
	unix := bytes.ReplaceAll(old, []byte("\r\n"), []byte("\n"))
	b, err := parseBaseline(file, unix, true)
	if err != nil {
		return nil, nil, err
	}
	if err := b.checkTarget(run.Target.Name); err != nil {
		return nil, nil, err
	}
	run = unlisted(run)
	found := b.gather(run, o.Suite)
	d, err := newDraft(b)
	if err != nil {
		return nil, nil, err
	}
	for i := range b.Entries {
		if said := d.revise(i, &found[i], run); said != "" {
			changes = append(changes, said)
		}
	}
	for i := range run.Cases {
		if c := &run.Cases[i]; b.entryOf(c.ID) < 0 && o.lists(c) {
			d.added = append(d.added, expectationOf(c, todo))
			changes = append(changes, "added "+c.ID+": "+d.added[len(d.added)-1].wants())
		}
	}
	if len(changes) == 0 {
		return old, nil, nil
	}
	content, err = d.render(o.Tool)
	if len(unix) < len(old) {
		content = bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n"))
	}
	return content, changes, err
}

// lists tells whether c belongs into a baseline that doesn't list it.
func (o BaselineUpdate) lists(c *reports.Case) bool {
	return c.Verdict == reports.Fail || o.Strict && (c.Verdict == reports.NonStrict || c.Verdict == reports.Noted)
}

// begin is a baseline of a target that lists nothing.
func (o BaselineUpdate) begin(target string) []byte {
	return []byte("# Failures that are expected of this relay: relayspec conform --baseline THIS-FILE. relayspec baseline --help says more.\n" +
		"baseline: " + BaselineForm + "\nedition: " + Edition + "\ntarget: " + scalar(target) + "\ntool: " + scalar(toolOf(o.Tool)) + "\nentries: []\n")
}

func toolOf(t reports.Tool) string { return strings.TrimSpace(t.Name + " " + t.Version) }

// scalar writes s as YAML, on one line.
func scalar(s string) string {
	data, err := yaml.MarshalWithOptions(s, yaml.JSON())
	if plain, plainErr := yaml.Marshal(s); plainErr == nil && !bytes.HasPrefix(plain, []byte("|")) {
		data, err = plain, plainErr
	}
	if err != nil {
		return fmt.Sprintf("%q", s)
	}
	return strings.TrimSpace(string(data))
}

// unlisted gives run without what a baseline has said of its cases.
func unlisted(run *reports.Run) *reports.Run {
	out := *run
	out.Baseline, out.Gate, out.Cases = nil, nil, slices.Clone(run.Cases)
	for i := range out.Cases {
		c := &out.Cases[i]
		c.Listed = nil
		switch c.Verdict {
		case reports.XFail, reports.XPass:
			c.Verdict, c.Found = c.Found, ""
		}
		if c.Verdict == reports.Flaky {
			c.Found = reports.Pass
		}
	}
	return &out
}

// expectationOf lists a case as it failed.
func expectationOf(c *reports.Case, reason string) Expectation {
	return Expectation{ID: c.ID, Verdict: string(c.Own()), Step: c.Step, Reply: classOf(c.Reply), Reason: reason}
}

// draft is a baseline's file while it is written anew. What isn't changed keeps its lines.
type draft struct {
	*Baseline
	lines  []string // each with its end
	ranges []lineRange
	list   int    // the line of entries:, from 0
	end    int    // behind the last entry; blank lines and comments may follow it
	indent string // before the hyphen of an entry
	fresh  map[int][]Expectation
	added  []Expectation
}

// lineRange is where an entry stands, from 0: first is the first of the comments that stand right before it.
type lineRange struct{ first, item, end int }

// newDraft finds where the entries stand.
func newDraft(b *Baseline) (*draft, error) {
	d := &draft{Baseline: b, lines: strings.SplitAfter(string(b.data), "\n"), fresh: map[int][]Expectation{}, indent: "  "}
	if d.lines[len(d.lines)-1] == "" {
		d.lines = d.lines[:len(d.lines)-1]
	}
	var into Baseline
	read, _ := yamlfile.Read(b.file, b.data, baselineForm(), &into)
	d.list = slices.IndexFunc(d.lines, func(line string) bool { return strings.HasPrefix(line, "entries:") })
	if d.list < 0 {
		return nil, d.unwritable(read.At("entries").Line)
	}
	d.end = d.list + 1
	for i := d.end; i < len(d.lines) && !startsKey(d.lines[i]); i++ {
		if text := strings.TrimSpace(d.lines[i]); text != "" && text[0] != '#' {
			d.end = i + 1
		}
	}
	for i := range b.Entries {
		item := read.At(fmt.Sprintf("entries[%d]", i)).Line - 1
		for item > d.list && (item >= len(d.lines) || !isItem(d.lines[item])) {
			item--
		}
		if item <= d.list || i > 0 && item <= d.ranges[i-1].item {
			return nil, d.unwritable(item + 1)
		}
		d.place(item)
	}
	return d, nil
}

// unwritable is the error of a file in which an entry has no lines of its own.
func (d *draft) unwritable(line int) error {
	return yamlfile.Faults{{File: d.file, Line: line, Column: 1, Text: "entries stand in brackets here; write each on lines of its own after a hyphen, so that they can be changed one by one"}}
}

// place keeps the lines of the next entry: comments right before it are its own, and it ends where the next one begins.
func (d *draft) place(item int) {
	first := item
	for first > d.list+1 && strings.HasPrefix(strings.TrimSpace(d.lines[first-1]), "#") {
		first--
	}
	if n := len(d.ranges); n > 0 {
		d.ranges[n-1].end = first
	}
	d.indent = d.lines[item][:strings.IndexByte(d.lines[item], '-')]
	d.ranges = append(d.ranges, lineRange{first, item, d.end})
}

func isItem(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " "), "-") }

// startsKey tells whether line begins a key of the file: neither an item, a comment nor blank, and not indented.
func startsKey(line string) bool {
	return strings.TrimSpace(line) != "" && !strings.ContainsRune(" \t-#", rune(line[0]))
}

// revise decides what becomes of entry i, and says so; "" when it stays.
func (d *draft) revise(i int, g *belonging, run *reports.Run) string {
	e := &d.Entries[i]
	switch {
	case g.chosen < g.known || g.untold: // run doesn't know all that the entry is about
		return ""
	case g.ran > 0 && len(g.passed)+len(g.changed) == 0:
		return ""
	case len(g.passed) == g.ran:
		d.fresh[i] = nil
		return "removed " + e.ID + ": " + g.why()
	}
	d.fresh[i] = []Expectation{}
	for k := range run.Cases {
		c := &run.Cases[k]
		if d.entryOf(c.ID) != i || !slices.Contains([]reports.Verdict{reports.Fail, reports.NonStrict, reports.Noted}, c.Own()) {
			continue
		}
		fresh := expectationOf(c, e.Reason)
		fresh.Issue, fresh.Until = e.Issue, e.Until
		if c.Changed() && !strings.HasPrefix(e.Reason, todo) {
			fresh.Reason = todo + ", it was: " + e.Reason
		}
		d.fresh[i] = append(d.fresh[i], fresh)
	}
	return fmt.Sprintf("changed %s: %d of its cases hold now, %d fail otherwise", e.ID, len(g.passed), len(g.changed))
}

// why says why an entry of which nothing fails is taken out.
func (g *belonging) why() string {
	switch {
	case g.fits == 0:
		return "no case is called so"
	case g.known == 0:
		return "every case that it fits belongs to an entry before it"
	case g.ran == 0:
		return "none of its cases can be run"
	}
	return "it holds now"
}

// render writes the file.
func (d *draft) render(tool reports.Tool) ([]byte, error) {
	var out bytes.Buffer
	for _, line := range d.lines[:d.list] {
		if strings.HasPrefix(line, "tool:") {
			line = "tool: " + scalar(toolOf(tool)) + "\n"
		}
		out.WriteString(line)
	}
	items, err := d.items()
	if err != nil {
		return nil, err
	}
	if d.left() > 0 {
		out.WriteString("entries:\n" + items)
	} else {
		out.WriteString("entries: []\n" + items)
	}
	out.WriteString(strings.Join(d.lines[d.end:], ""))
	if _, err := parseBaseline(d.file, out.Bytes(), true); err != nil {
		return nil, errors.Join(errors.New("the baseline can't be written so that it reads back; begin a new file"), err)
	}
	return out.Bytes(), nil
}

// left is how many entries there are when the draft is written.
func (d *draft) left() int {
	left := len(d.ranges) + len(d.added)
	for _, fresh := range d.fresh {
		left += len(fresh) - 1
	}
	return left
}

// items writes the entries.
func (d *draft) items() (string, error) {
	var out strings.Builder
	write := func(entries []Expectation) error {
		if len(entries) == 0 {
			return nil
		}
		text, err := rendered(entries, d.indent)
		out.WriteString(text)
		return err
	}
	next := d.list + 1
	for i, r := range d.ranges {
		copyLines(&out, d.lines[next:r.first])
		next = r.end
		fresh, changed := d.fresh[i]
		if !changed {
			copyLines(&out, d.lines[r.first:r.end])
			continue
		}
		if len(fresh) > 0 {
			copyLines(&out, d.lines[r.first:r.item])
		}
		if err := write(fresh); err != nil {
			return "", err
		}
	}
	err := write(d.added)
	return out.String(), err
}

// copyLines writes lines, and ends the last one where the file didn't.
func copyLines(out *strings.Builder, lines []string) {
	for _, line := range lines {
		out.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
}

// rendered writes entries as YAML, the hyphens after indent.
func rendered(entries []Expectation, indent string) (string, error) {
	type written struct {
		ID      string `yaml:"id"`
		Verdict string `yaml:"verdict"`
		Step    string `yaml:"step,omitempty"`
		Reply   string `yaml:"reply,omitempty"`
		Reason  string `yaml:"reason"`
		Issue   string `yaml:"issue,omitempty"`
		Until   string `yaml:"until,omitempty"`
	}
	items := make([]written, len(entries))
	for i, e := range entries {
		items[i] = written{e.ID, e.Verdict, e.Step, e.Reply, e.Reason, e.Issue, e.Until}
	}
	data, err := yaml.Marshal(items)
	if err != nil {
		return "", fmt.Errorf("write the entries: %w", err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(data), "\n"), "\n")
	return indent + strings.Join(lines, indent) + "\n", nil
}
