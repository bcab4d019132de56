package reports

import (
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reports/transcript"
)

// written gives run as every format writes it: credentials left out of each text, durations of whole milliseconds, so
// that a report which is read back gives the same files. It changes nothing when it is applied to its own result.
func written(run *Run) *Run {
	var said []transcript.Entry
	for _, c := range run.Cases {
		for _, e := range c.Transcript {
			e.Session = c.ID + " " + e.Session // answers to AUTH are told apart by session
			said = append(said, e)
		}
	}
	secrets := transcript.SecretsOf(said)
	out := mapping{text: secrets.LeaveOut, line: secrets.LeaveOut, said: secrets.LeaveOut, name: same}.run(run)
	out.Duration = out.Duration.Round(time.Millisecond)
	for i := range out.Cases {
		c := &out.Cases[i]
		c.Duration = c.Duration.Round(time.Millisecond)
		for j := range c.Steps {
			c.Steps[j].Duration = c.Steps[j].Duration.Round(time.Millisecond)
		}
	}
	return out
}

// shown gives run as it is shown to people: as written, and without control characters. What came over the wire is hostile.
func shown(run *Run) *Run {
	return mapping{text: lines, line: clean, said: same, name: clean}.run(written(run)) // what was said is quoted as it is written
}

func same(s string) string { return s }

// lines cleans each line of s.
func lines(s string) string {
	parts := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, part := range parts {
		parts[i] = clean(strings.ReplaceAll(strings.TrimSuffix(part, "\r"), "\t", "    "))
	}
	return strings.Join(parts, "\n")
}

// mapping changes the strings of a run.
type mapping struct {
	text func(string) string // what may have several lines: what a relay said, an error
	line func(string) string // what has one
	said func(string) string // the entries of a transcript
	name func(string) string // what things are called for ever: an ID, a file
}

// run gives a changed copy of run, which shares nothing with it.
func (m mapping) run(run *Run) *Run {
	out := *run
	out.Tool = Tool{m.name(run.Tool.Name), m.name(run.Tool.Version)}
	out.Target = Target{
		Name: m.line(run.Target.Name), Version: m.line(run.Target.Version), Driver: m.line(run.Target.Driver),
		Capabilities: all(run.Target.Capabilities, m.line),
	}
	out.Volume, out.Selection, out.Trouble = m.name(run.Volume), m.line(run.Selection), m.text(run.Trouble)
	out.Disabled, out.Gate, out.Baseline = m.line(run.Disabled), m.gate(run.Gate), m.baseline(run.Baseline)
	out.Drift = m.drift(run.Drift)
	out.Rules, out.Cases, out.NotRun = slices.Clone(run.Rules), slices.Clone(run.Cases), slices.Clone(run.NotRun)
	for i := range out.Rules {
		r := &out.Rules[i]
		r.ID, r.Chapter, r.Line = m.name(r.ID), m.name(r.Chapter), m.name(r.Line)
		r.Sentence, r.Reason = m.line(r.Sentence), m.line(r.Reason)
	}
	for i := range out.Cases {
		m.ofCase(&out.Cases[i])
	}
	for i := range out.NotRun {
		n := &out.NotRun[i]
		n.ID, n.Feature, n.Name, n.Reason = m.name(n.ID), m.name(n.Feature), m.line(n.Name), m.line(n.Reason)
	}
	return &out
}

func (m mapping) ofCase(c *Case) {
	c.ID, c.Feature, c.Source = m.name(c.ID), m.name(c.Feature), m.name(c.Source)
	c.Rules, c.Tags, c.Stages = all(c.Rules, m.name), all(c.Tags, m.name), all(c.Stages, m.line)
	c.Name, c.Rule, c.FeatureName, c.Step = m.line(c.Name), m.line(c.Rule), m.line(c.FeatureName), m.line(c.Step)
	c.Reason, c.Want, c.Got = m.text(c.Reason), m.text(c.Want), m.text(c.Got)
	c.Reply = m.line(c.Reply)
	if c.Listed != nil {
		l := *c.Listed
		l.Entry, l.Wants, l.Until = m.name(l.Entry), m.line(l.Wants), m.name(l.Until)
		l.Reason, l.Issue = m.text(l.Reason), m.line(l.Issue)
		c.Listed = &l
	}
	c.Steps = slices.Clone(c.Steps)
	for i := range c.Steps {
		m.step(&c.Steps[i])
	}
	c.Transcript = slices.Clone(c.Transcript)
	for i, e := range c.Transcript {
		if e.Kind == transcript.Call {
			continue // it speaks of credentials by their names only, and a program is to read it back
		}
		c.Transcript[i].Text, c.Transcript[i].Session = m.said(e.Redacted()), m.said(e.Session)
	}
}

func (m mapping) gate(g *Gate) *Gate {
	if g == nil {
		return nil
	}
	out := *g
	out.Reasons = append([]string{}, all(g.Reasons, m.line)...)
	return &out
}

func (m mapping) baseline(b *Baseline) *Baseline {
	if b == nil {
		return nil
	}
	out := *b
	out.File, out.Target, out.Entries = m.name(b.File), m.line(b.Target), append([]Entry{}, b.Entries...)
	for i := range out.Entries {
		e := &out.Entries[i]
		e.ID, e.Step, e.Reply, e.Until = m.name(e.ID), m.line(e.Step), m.line(e.Reply), m.name(e.Until)
		e.Reason, e.Issue, e.Text = m.text(e.Reason), m.line(e.Issue), m.text(e.Text)
	}
	return &out
}

func (m mapping) step(s *Step) {
	s.Keyword, s.Text, s.Doc = m.name(s.Keyword), m.line(s.Text), m.text(s.Doc)
	s.Table = slices.Clone(s.Table)
	for i, row := range s.Table {
		s.Table[i] = all(row, m.line)
	}
}

func all(values []string, f func(string) string) []string {
	if values == nil {
		return nil
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = f(v)
	}
	return out
}
