package features

import (
	"hash/fnv"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	messages "github.com/cucumber/messages/go/v21"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// The tags of a feature, each with an @ in front: rule IDs, the level and the source of the rule, what a target must be
// able to do, and that a scenario sends a lot.
const (
	needsTag  = "needs."
	volumeTag = "volume"
)

var (
	ruleID      = regexp.MustCompile(`^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$`)
	rfcRuleID   = regexp.MustCompile(`^RFC[0-9]+-[0-9A-Z.]+/[a-z0-9-]+$`) // RFC5321-4.1.1.4/nested-mail
	parserError = regexp.MustCompile(`(?m)^\((\d+):\d+\): (.*)$`)
	placeholder = regexp.MustCompile(`<[^<>]*>`)
)

func sources() []string { return []string{"documented", "observed", "assumed", "rfc"} }

// isRule tells whether id is in the catalogue, or an RFC's rule.
func (r *reader) isRule(id string) bool {
	return r.suite.Catalogue.Rule(id) != nil || rfcRuleID.MatchString(id)
}

// firstRule gives the first tag that looks like a rule ID, "" when none does.
func firstRule(tags []*messages.Tag) string {
	for _, tag := range tags {
		if name := strings.TrimPrefix(tag.Name, "@"); ruleID.MatchString(name) || rfcRuleID.MatchString(name) {
			return name
		}
	}
	return ""
}

// tagged fills in what the tags say of c. Tags are inherited from Feature: and Rule:; the nearest source wins.
func (r *reader) tagged(c *Case, own string, tags []*messages.PickleTag) bool {
	before := len(r.faults)
	line := int64(c.Line)
	c.Rules = []string{own}
	var said []reports.Level
	for _, tag := range tags {
		name := strings.TrimPrefix(tag.Name, "@")
		if slices.Contains(sources(), name) {
			c.Source = name
		}
		if slices.Contains(c.Tags, tag.Name) {
			continue
		}
		c.Tags = append(c.Tags, tag.Name)
		capability, needs := strings.CutPrefix(name, needsTag)
		switch {
		case slices.Contains(levels(), reports.Level(name)):
			said = append(said, reports.Level(name))
		case slices.Contains(sources(), name): // taken above
		case name == volumeTag:
			c.Volume = true
			c.need(target.Volume)
		case needs && r.suite.party.knows(target.Capability(capability)):
			c.need(target.Capability(capability))
		case needs:
			r.fault(c.Feature, line, "no capability is called %q (@%s)", capability, name)
		case r.isRule(name):
			if name != own {
				c.Rules = append(c.Rules, name)
			}
		case ruleID.MatchString(name):
			r.fault(c.Feature, line, "no rule of the catalogue is called %s", name)
		default:
			r.fault(c.Feature, line, "nobody knows the tag @%s", name)
		}
	}
	r.level(c, own, said)
	if c.Source == "" {
		r.fault(c.Feature, line, "no tag says the source: one of @%s", strings.Join(sources(), " @"))
	}
	return len(r.faults) == before
}

func (c *Case) need(capability target.Capability) {
	if !slices.Contains(c.Needs, capability) {
		c.Needs = append(c.Needs, capability)
	}
}

// level checks the level's tag against the catalogue, which decides; an RFC's rule has only its tag.
func (r *reader) level(c *Case, own string, said []reports.Level) {
	line := int64(c.Line)
	if len(said) != 1 {
		r.fault(c.Feature, line, "%d tags say the level, want one of @must @should @may @info", len(said))
		return
	}
	c.Level = said[0]
	rule := r.suite.Catalogue.Rule(own)
	if rule == nil {
		return
	}
	if level := r.suite.party.level(rule); level != c.Level {
		r.fault(c.Feature, line, "the tag says @%s, the catalogue gives %s the level %s", c.Level, own, level)
	}
}

// slug gives the letters and digits of s, lower case, with a hyphen between words: "The 10,000th message" is the-10000th-message.
func slug(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		case i > 0 && i+1 < len(runes) && joins(runes[i-1], r, runes[i+1]):
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}

// joins tells whether r makes one word of its neighbours: 10,000 and customer's.
func joins(left, r, right rune) bool {
	return r == ',' && unicode.IsDigit(left) && unicode.IsDigit(right) || r == '\'' && unicode.IsLetter(left) && unicode.IsLetter(right)
}

// fingerprint is how a pickle is known again: by what it says, since godog numbers pickles anew in every run.
func fingerprint(p *messages.Pickle) string {
	hash := fnv.New128a()
	write := func(parts ...string) {
		for _, part := range parts {
			io.WriteString(hash, strconv.Quote(part))
		}
	}
	write(p.Uri, p.Name)
	for _, tag := range p.Tags {
		write(tag.Name)
	}
	for _, step := range p.Steps {
		write(step.Text)
		if step.Argument == nil {
			continue
		}
		if doc := step.Argument.DocString; doc != nil {
			write(doc.MediaType, doc.Content)
		}
		if table := step.Argument.DataTable; table != nil {
			for _, row := range table.Rows {
				for _, cell := range row.Cells {
					write(cell.Value)
				}
			}
		}
	}
	return string(hash.Sum(nil))
}
