package features

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/reports"
)

// Work is a piece of work of the project. A rule is judged on a subject when that subject's work is done.
type Work string

// The works of the catalogue.
const (
	Spine   Work = "spine"   // the relay on the wire
	Senders Work = "senders" // the nine sending servers
	Console Work = "console" // the admin console
	Later   Work = "later"   // not planned yet
)

// done tells whether w is finished: its rules must have scenarios, and count in percentages.
func (w Work) done() bool { return w == Spine || w == Senders }

// known tells whether the catalogue may name w.
func (w Work) known() bool { return slices.Contains([]Work{Spine, Senders, Console, Later}, w) }

// Rule is one line of the catalogue.
type Rule struct {
	ID       string
	Chapter  string // of the document: 1.2
	Line     string // of the document: "L19", "L54, L131"
	Level    reports.Level
	Subjects map[string]Work // who the rule is judged on, and the work that brings it; empty: nobody, it is information
	JudgedBy []string        // wire, admin, audit, lint; empty: nothing observable
	Note     string
}

// deferred gives the subjects whose work isn't done, or whom nobody of parties is about, each as subject@work, sorted.
func (r *Rule) deferred(parties []Party) []string {
	var parts []string
	for subject, work := range r.Subjects {
		judged := slices.ContainsFunc(parties, func(p Party) bool { return p.has(subject) })
		if !work.done() || !judged {
			parts = append(parts, subject+"@"+string(work))
		}
	}
	slices.Sort(parts)
	return parts
}

// Catalogue is every documented rule once, in the order of the document.
type Catalogue struct {
	Rules []Rule
	byID  map[string]*Rule
}

// Rule finds a rule by its ID, nil when the catalogue hasn't got it.
func (c *Catalogue) Rule(id string) *Rule { return c.byID[id] }

// columns of the catalogue, tab-separated.
const (
	columnID = iota
	columnChapter
	columnLine
	columnLevel
	columnSubjects
	columnJudgedBy
	columnNote
	columns
)

// ParseCatalogue reads the tab-separated catalogue text; name stands in the errors. It reports every fault, each with its line.
func ParseCatalogue(name, text string) (*Catalogue, error) {
	c := &Catalogue{byID: map[string]*Rule{}}
	var faults []error
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rule, err := parseRule(line)
		if err == nil && slices.ContainsFunc(c.Rules, func(r Rule) bool { return r.ID == rule.ID }) {
			err = fmt.Errorf("%s stands here for the second time", rule.ID)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s:%d: %w", name, i+1, err))
			continue
		}
		c.Rules = append(c.Rules, rule)
	}
	if len(c.Rules) == 0 && faults == nil {
		faults = append(faults, fmt.Errorf("%s: no rule in it", name))
	}
	for i := range c.Rules {
		c.byID[c.Rules[i].ID] = &c.Rules[i]
	}
	return c, errors.Join(faults...)
}

func parseRule(line string) (Rule, error) {
	cells := strings.Split(line, "\t")
	if len(cells) != columns {
		return Rule{}, fmt.Errorf("%d columns, want %d", len(cells), columns)
	}
	r := Rule{
		ID:      cells[columnID],
		Chapter: cells[columnChapter],
		Line:    cells[columnLine],
		Level:   reports.Level(cells[columnLevel]),
		Note:    cells[columnNote],
	}
	if !ruleID.MatchString(r.ID) {
		return Rule{}, fmt.Errorf("%q is no rule ID: capitals, digits and hyphens", r.ID)
	}
	if !slices.Contains(levels(), r.Level) {
		return Rule{}, fmt.Errorf("%q is no level: must, should, may or info", r.Level)
	}
	subjects, err := parseSubjects(cells[columnSubjects])
	if err != nil {
		return Rule{}, err
	}
	r.Subjects = subjects
	if judged := cells[columnJudgedBy]; judged != "none" {
		r.JudgedBy = strings.Split(judged, ",")
	}
	return r, nil
}

// parseSubjects reads "relay@spine,console@later"; "info" alone is nobody.
func parseSubjects(cell string) (map[string]Work, error) {
	subjects := map[string]Work{}
	if cell == "info" {
		return subjects, nil
	}
	for _, part := range strings.Split(cell, ",") {
		subject, work, ok := strings.Cut(part, "@")
		switch {
		case !ok || subject == "":
			return nil, fmt.Errorf("subject %q: want SUBJECT@WORK, or info alone", part)
		case !Work(work).known():
			return nil, fmt.Errorf("subject %q: no work is called %q", part, work)
		}
		subjects[subject] = Work(work)
	}
	return subjects, nil
}

func levels() []reports.Level {
	return []reports.Level{reports.Must, reports.Should, reports.May, reports.Info}
}
