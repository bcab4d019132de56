package reports

import (
	"slices"
	"strings"
)

// chapter is what a run found by the rules of one chapter of the document, or of one RFC.
type chapter struct {
	Name   string
	Rules  []Rule
	Cases  []Case // by their first rule
	NotRun []NotRun
}

// title is how a chapter is called in a heading; an RFC has a name of its own.
func (c chapter) title() string {
	if c.Name != "" && '0' <= c.Name[0] && c.Name[0] <= '9' {
		return "Chapter " + c.Name
	}
	return c.Name
}

// otherChapter holds cases of rules that the run doesn't list.
const otherChapter = "other"

// chapters takes run apart by chapter, in the order of its rules.
func chapters(run *Run) []chapter {
	var found []chapter
	of := func(name string) *chapter {
		at := slices.IndexFunc(found, func(c chapter) bool { return c.Name == name })
		if at < 0 {
			at = len(found)
			found = append(found, chapter{Name: name})
		}
		return &found[at]
	}
	places := map[string]string{}
	for _, r := range run.Rules {
		places[r.ID] = r.Chapter
		c := of(r.Chapter)
		c.Rules = append(c.Rules, r)
	}
	for _, c := range run.Cases {
		in := of(placeOf(places, c.Rules[0]))
		in.Cases = append(in.Cases, c)
	}
	for _, n := range run.NotRun {
		in := of(placeOf(places, ruleOf(run, n.ID)))
		in.NotRun = append(in.NotRun, n)
	}
	return found
}

func placeOf(places map[string]string, rule string) string {
	if name, known := places[rule]; known {
		return name
	}
	return otherChapter
}

// ruleOf is the rule that a case's ID begins with, which may have a stroke in it; else what stands before the first one.
func ruleOf(run *Run, caseID string) string {
	for _, r := range run.Rules {
		if strings.HasPrefix(caseID, r.ID+"/") {
			return r.ID
		}
	}
	rule, _, _ := strings.Cut(caseID, "/")
	return rule
}

// documentLines gives the document's lines of each rule.
func documentLines(run *Run) map[string]string {
	found := map[string]string{}
	for _, r := range run.Rules {
		found[r.ID] = r.Line
	}
	return found
}

// worstFirst gives the verdicts of cases in which an assertion didn't hold, or the judge could not tell, or the baseline
// is wrong; those that are as the baseline says come last.
func worstFirst() []Verdict { return []Verdict{Fail, XPass, Error, NonStrict, Flaky, Noted, XFail} }

// told gives the cases that have something to tell, the worst first.
func told(run *Run) []Case {
	var found []Case
	for _, verdict := range worstFirst() {
		for _, c := range run.Cases {
			if c.Verdict == verdict {
				found = append(found, c)
			}
		}
	}
	return found
}
