// Package lint holds the configuration of a sending server against the documented rules of the relay service: what differs,
// where it stands, why it matters, and the line to write instead. It also has the documented set-up of each server, step by
// step (RecipeFor), with what has to be put right in it.
//
// It judges what is written, not what the server does: that is features/sender's. What files don't say, and no default
// tells, is Unsaid, never a finding.
//
// Start with Check; the rules stand in rules.go.
package lint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/reports"
)

// Relay is the host that all recipes name. Source: HOST-RELAY, documented.
const Relay = "smtp-relay.gmail.com"

// Senders is what the admin console allows as senders (SND-OPTIONS).
type Senders string

// The options of the console. The zero value is not known.
const (
	Registered Senders = "registered" // users of the customer
	Domains    Senders = "domains"    // any address in a domain of the customer
	AnySender  Senders = "any"        // any address at all
)

// Options is what is known of the customer and of the relay's settings, beside the files. With the zero value nothing is:
// what depends on it is told as information.
type Options struct {
	Senders    Senders
	RequireTLS bool          // "Require TLS encryption" is ticked
	Domains    []string      // of the customer; nil: not known
	Level      reports.Level // findings of a lower level are left out; "": none is
}

// Finding is where a configuration differs from the document.
type Finding struct {
	Rule   string           `json:"rule"`           // of the catalogue
	Also   []string         `json:"also,omitempty"` // other rules that the same words break
	Level  reports.Level    `json:"level"`          // the rule's; lower where the difference does less harm, higher where RFC 5321 asks for it
	Server string           `json:"server"`         // postfix
	Place  settings.Place   `json:"place"`
	Via    []settings.Place `json:"via,omitempty"` // the expansions and includes by which the value came to be
	Text   string           `json:"text"`          // what differs
	Why    string           `json:"why"`
	// Instead is what to write there; it may have several lines. "": there is nothing to write.
	Instead string `json:"instead,omitempty"`
}

// State is how a configuration stands to a rule.
type State string

// The states.
const (
	Kept   State = "kept"
	Broken State = "broken" // it has findings
	Noted  State = "noted"  // its findings are information, or rest on what isn't known
	Unsaid State = "unsaid" // the files don't tell, nor does a default
)

// Outcome is how one configuration stands to one rule.
type Outcome struct {
	Rule     string
	Level    reports.Level
	Server   string
	State    State
	Unsaid   string // what the files don't tell
	Findings []Finding
}

// Check gives what differs, each finding once, in the order of files and lines. Exchange's hub and edge are held against
// each other where both are given.
func Check(setups ...*settings.Setup) []Finding { return Options{}.Check(setups...) }

// Check is the function Check for a customer of whom something is known.
func (o Options) Check(setups ...*settings.Setup) []Finding {
	var all []Finding
	for _, outcome := range o.Examine(setups...) {
		for _, f := range outcome.Findings {
			if rank(f.Level) >= rank(o.Level) {
				all = join(all, f)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line),
			cmp.Compare(rank(b.Level), rank(a.Level)))
	})
	return all
}

// Examine gives how the configurations stand to each rule that is about them, in the order of the catalogue.
func (o Options) Examine(setups ...*settings.Setup) []Outcome {
	var all []Outcome
	for _, s := range setups {
		recipe, err := load(s.Server)
		if err != nil { // a server that isn't known has no lines to write
			recipe = &Recipe{}
		}
		for _, r := range rules() {
			if len(r.servers) > 0 && !slices.Contains(r.servers, s.Server) {
				continue
			}
			l := &look{Options: o, Setup: s, all: setups, recipe: recipe, rule: &r}
			l.State = Kept
			r.check(l)
			all = append(all, Outcome{Rule: r.id, Level: r.level, Server: s.Server, State: l.State, Unsaid: l.unsaid, Findings: l.findings})
		}
	}
	return all
}

// Untold are the outcomes for which the files tell too little, each rule once: of a hub and an edge one may tell.
func Untold(outcomes []Outcome) []Outcome {
	var all []Outcome
	for _, o := range outcomes {
		told := slices.ContainsFunc(outcomes, func(other Outcome) bool { return other.Rule == o.Rule && other.State != Unsaid })
		again := slices.ContainsFunc(all, func(other Outcome) bool { return other.Rule == o.Rule })
		if o.State == Unsaid && !told && !again {
			all = append(all, o)
		}
	}
	return all
}

// Of gives the outcome for a rule; of several configurations the worst. ok: the rule is about one of them.
func Of(outcomes []Outcome, rule string) (worst Outcome, ok bool) {
	states := []State{Kept, Unsaid, Noted, Broken}
	for _, o := range outcomes {
		if o.Rule == rule && (!ok || slices.Index(states, o.State) > slices.Index(states, worst.State)) {
			worst, ok = o, true
		}
	}
	return worst, ok
}

// join adds f, or lets what is told already at its place tell of its rule, too.
func join(all []Finding, f Finding) []Finding {
	for i := range all {
		old := &all[i]
		if old.Place != f.Place || old.Text != f.Text || old.Server != f.Server {
			continue
		}
		if rank(f.Level) > rank(old.Level) {
			f.Also = append([]string{old.Rule}, old.Also...)
			*old = f
		} else if old.Rule != f.Rule && !slices.Contains(old.Also, f.Rule) {
			old.Also = append(slices.Clip(old.Also), f.Rule)
		}
		return all
	}
	return append(all, f)
}

// Levels are the levels of findings, the weightiest first.
func Levels() []reports.Level {
	return []reports.Level{reports.Must, reports.Should, reports.May, reports.Info}
}

// rank is higher for what weighs more; 0: no level.
func rank(l reports.Level) int {
	at := slices.Index(Levels(), l)
	if at < 0 {
		return 0
	}
	return len(Levels()) - at
}

// Fails tells whether findings make a configuration fail: one is a must, or with strict a should.
func Fails(findings []Finding, strict bool) bool {
	least := reports.Must
	if strict {
		least = reports.Should
	}
	return slices.ContainsFunc(findings, func(f Finding) bool { return rank(f.Level) >= rank(least) })
}
