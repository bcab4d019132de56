package features

import (
	"regexp"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// Party is who a suite judges.
type Party struct {
	// Subjects are those of the catalogue whose rules it judges: "relay"; "sender" and "sender:postfix". One that ends in *
	// is all that begin so.
	Subjects []string
	// Capabilities are those that its scenarios may need.
	Capabilities []target.Capability
}

// Relays is the party that a relay is of.
func Relays() Party { return Party{Subjects: []string{"relay"}, Capabilities: target.Known()} }

// has tells whether subject is one of p's.
func (p Party) has(subject string) bool {
	return slices.ContainsFunc(p.Subjects, func(own string) bool {
		start, whole := strings.CutSuffix(own, "*")
		return subject == own || whole && strings.HasPrefix(subject, start)
	})
}

// knows tells whether a scenario may need c.
func (p Party) knows(c target.Capability) bool { return slices.Contains(p.Capabilities, c) }

// due tells whether scenarios about p must judge r now: it is on one of p's subjects, whose work is done, and something
// can be observed.
func (p Party) due(r *Rule) bool {
	if len(r.JudgedBy) == 0 {
		return false
	}
	for subject, work := range r.Subjects {
		if work.done() && p.has(subject) {
			return true
		}
	}
	return false
}

// about says who p is, where there are several parties.
func (p Party) about(parties int) string {
	if parties == 1 {
		return ""
	}
	return " on " + strings.Join(p.Subjects, ", ")
}

// level is that of r for p, which the note may give otherwise than for the others.
func (p Party) level(r *Rule) reports.Level {
	for _, match := range ownLevel.FindAllStringSubmatch(r.Note, -1) {
		if p.has(match[1]) {
			return reports.Level(match[2])
		}
	}
	return r.Level
}

// ownLevel matches what a note says of a subject's own level: "sender: should".
var ownLevel = regexp.MustCompile(`\b([a-z]+): (must|should|may|info)\b`)

// For is the part of s that judges those subjects alone: the scenarios that stand under a rule of theirs, under an RFC's,
// or under one that is only about other parties. Of the rules of subjects that s is about and the part isn't, the scenarios
// that are left say nothing.
func (s *Suite) For(subjects ...string) *Suite {
	part := *s
	part.party.Subjects = subjects
	part.Cases, part.byPickle = nil, map[string]int{}
	at, strange := map[int]int{}, part.strange(s.party)
	for i := range s.Cases {
		c := s.Cases[i]
		if !strange(c.Rules[0]) {
			at[i] = len(part.Cases)
			c.Rules = slices.DeleteFunc(slices.Clone(c.Rules), strange)
			part.Cases = append(part.Cases, c)
		}
	}
	for mark, i := range s.byPickle {
		if place, kept := at[i]; kept {
			part.byPickle[mark] = place
		}
	}
	return &part
}

// strange tells which rules whole is about, and s, a part of it, isn't.
func (s *Suite) strange(whole Party) func(id string) bool {
	return func(id string) bool {
		r := s.Catalogue.Rule(id)
		if r == nil {
			return false
		}
		others := false
		for subject := range r.Subjects {
			if s.party.has(subject) {
				return false
			}
			others = others || whole.has(subject)
		}
		return others
	}
}
