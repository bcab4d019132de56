// Package mutants judges the judge: relays that each break a rule on purpose, and relays that differ within the rules.
//
// A mutant names, before it is run, the rules that it breaks; the first is the one whose scenarios must find it out. A
// compliant variant answers otherwise what the document leaves open; no scenario may fail it. Both are the reference
// relay with a part wrapped or a datum changed: the relay has no branches for them.
//
// The wire's mutants stand between client and relay, in tap.go: where a line is heard or a reply said otherwise.
//
// Start with Mutants and Variants.
package mutants

import (
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/policy"
)

// Mutant is a relay that breaks rules.
type Mutant struct {
	Name   string   // what is wrong with it, for ever
	Breaks []string // rule IDs; a scenario of the first must fail it
	Relay  embedded.Options
	// Noted: what it breaks is only observed or assumed, so that a NOTE is all that it can get.
	Noted bool
}

// Variant is a relay that keeps every rule in its own way.
type Variant struct {
	Name  string
	Relay embedded.Options
}

// Mutants lists every broken relay.
func Mutants() []Mutant {
	var all []Mutant
	for _, group := range [][]Mutant{
		limits(), counting(), replies(), senders(), methods(), transport(),
		order(), session(), commands(), paths(), contents(), lines(), sizes(),
		parametric(), size(), enhanced(), pipelining(), startTLS(), body(),
		authentication(), mechanisms(), chunking(), smtpUTF8(), dsn(),
	} {
		all = append(all, group...)
	}
	for i := range all {
		all[i].Relay.Name = "mutant: " + all[i].Name
	}
	return all
}

// number changes the service's limits.
func number(change func(*policy.Limits)) embedded.Options {
	return embedded.Options{Service: func(s *policy.Service) { change(&s.Limits) }}
}

// reply changes one reply of the service.
func reply(name policy.ReplyName, change func(*policy.Reply)) embedded.Options {
	return embedded.Options{Service: func(s *policy.Service) {
		r := s.Replies[name]
		change(&r)
		s.Replies[name] = r
	}}
}

// customers changes every customer of every world.
func customers(change func(*target.Customer)) embedded.Options {
	return embedded.Options{World: func(w target.World) target.World {
		for i := range w.Customers {
			change(&w.Customers[i])
		}
		return w
	}}
}

// settings changes every relay setting of every world.
func settings(change func(*target.Setting)) embedded.Options {
	return customers(func(c *target.Customer) {
		c.Settings = append([]target.Setting(nil), c.Settings...) // the scenario keeps its own
		for i := range c.Settings {
			change(&c.Settings[i])
		}
	})
}

// decides wraps the policy in another way to decide.
func decides(otherwise func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision) embedded.Options {
	return embedded.Options{Decider: func(next reference.Decider) reference.Decider { return &wrapped{next, otherwise} }}
}

// wrapped is a policy that decides otherwise.
type wrapped struct {
	reference.Decider
	otherwise func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision
}

func (w *wrapped) Decide(stage policy.Stage, f *policy.Facts) policy.Decision {
	return w.otherwise(w.Decider, stage, f)
}

// sees makes the policy decide about other facts than those that are.
func sees(change func(next reference.Decider, f *policy.Facts)) embedded.Options {
	return decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
		other := *f
		change(next, &other)
		return next.Decide(stage, &other)
	})
}

// charges changes what acceptance uses up. It gets the facts, and the charge's account and items to change.
func charges(change func(next reference.Decider, f *policy.Facts, account string, items []policy.Item) (string, []policy.Item)) embedded.Options {
	return decides(func(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
		d := next.Decide(stage, f)
		if len(d.Charge.Items()) == 0 {
			return d
		}
		account, items := change(next, f, d.Charge.Account, append([]policy.Item(nil), d.Charge.Items()...))
		d.Charge = &policy.Charge{Account: account, Recipients: d.Charge.Recipients}
		for _, item := range items {
			d.Charge.Add(item)
		}
		return d
	})
}

// items changes each item of a charge by itself.
func items(change func(f *policy.Facts, item *policy.Item)) embedded.Options {
	return charges(func(_ reference.Decider, f *policy.Facts, account string, items []policy.Item) (string, []policy.Item) {
		for i := range items {
			change(f, &items[i])
		}
		return account, items
	})
}

// directoryOf is what the policy under a wrapper asks.
func directoryOf(next reference.Decider) policy.Directory { return next.(*policy.Policy).Directory }

// serviceOf is the service of the policy under a wrapper.
func serviceOf(next reference.Decider) *policy.Service { return next.(*policy.Policy).Service }

// ofCustomer tells whether an item is one of the customer's.
func ofCustomer(item *policy.Item) bool { return item.User == "" }
