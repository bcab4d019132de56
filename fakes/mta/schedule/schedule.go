// Package schedule says when a sending server tries again what its relay deferred, and when it gives up: a pure function of
// the times of a message. How a server counts is data (Rule); nothing asks for a server's name.
//
// Start with Rule.Next.
package schedule

import (
	"math"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// Class is what went wrong with a try; some servers tell the two apart.
type Class string

// The classes.
const (
	Connection Class = "connection" // no session came about: no connection, no greeting, or one that defers
	Message    Class = "message"    // the relay deferred the message or its recipient
)

// Kind is how the time until the next try is found.
type Kind string

// The kinds. Attempts counts the tries so far, from 1; age is the message's at the last of them.
const (
	Growing   Kind = "growing"   // as long again as the message is old, from Min to Max
	Every     Kind = "every"     // at each queue run
	Ladder    Kind = "ladder"    // Steps in order, the last of them for all that follow
	Multiples Kind = "multiples" // Min times attempts, Max at most
	Square    Kind = "square"    // at birth + (floor(sqrt(age)) + Root)^2, in seconds
	Staged    Kind = "staged"    // Stages by age
	Troubled  Kind = "troubled"  // Trouble in order after Connection, Deferral after Message
)

// Words are the kinds that a profile may name.
func (Kind) Words() []string {
	return []string{"growing", "every", "ladder", "multiples", "square", "staged", "troubled"}
}

// Ending is how a message's life ends.
type Ending string

// The endings.
const (
	AtTry  Ending = "at-try"  // at the first try past Expire that fails
	OnTime Ending = "on-time" // when Expire is over: there is one try then, and none after it
)

// Words are the endings that a profile may name.
func (Ending) Words() []string { return []string{"at-try", "on-time"} }

// Choices are the set-ups of a server.
type Choices struct {
	// Documented is what the relay's document has its administrators set; its zero value: it leaves Vendor's as they are.
	Documented Rule `yaml:"documented"`
	Vendor     Rule `yaml:"vendor"` // what the server comes with
}

// Choose gives the documented set-up, or the vendor's.
func (c Choices) Choose(documented bool) Rule {
	if documented && c.Documented.Kind.Value != "" {
		return c.Documented
	}
	return c.Vendor
}

// Rule is when a server tries again. Which fields count is Kind's; those that don't may be left out.
type Rule struct {
	Kind sourced.Value[Kind] `yaml:"kind"`
	// QueueRun is how often the queue is looked at: what is due waits for it. 0: each message has a timer of its own.
	QueueRun sourced.Value[time.Duration]   `yaml:"queue_run"`
	Min      sourced.Value[time.Duration]   `yaml:"min"`
	Max      sourced.Value[time.Duration]   `yaml:"max"` // 0: no bound
	Steps    sourced.Value[[]time.Duration] `yaml:"steps"`
	Root     sourced.Value[int]             `yaml:"root"`
	Stages   sourced.Value[[]Stage]         `yaml:"stages"`
	Trouble  []Step                         `yaml:"trouble"`
	Deferral sourced.Value[time.Duration]   `yaml:"deferral"`
	Expire   sourced.Value[time.Duration]   `yaml:"expire"` // the age at which a message is returned; 0: never
	Ending   sourced.Value[Ending]          `yaml:"ending"`
	Warn     sourced.Value[time.Duration]   `yaml:"warn"` // the age at which the sender is told of the delay; 0: never
}

// Stage is a part of a message's life.
type Stage struct {
	Until  time.Duration `yaml:"until"`  // the last age that it is for; what is older stays in the last one
	Every  time.Duration `yaml:"every"`  // between two tries, the first two where it grows
	Factor float64       `yaml:"factor"` // by which each wait is longer than the one before; 0: it doesn't grow
}

// Step is a number of waits that are alike.
type Step struct {
	Times sourced.Value[int]           `yaml:"times"` // 0: all that follow
	Every sourced.Value[time.Duration] `yaml:"every"`
}

// Next says when a message is tried again that was queued at birth and whose try at last failed, its attempts-th, counted
// from 1. expired: not any more, it is returned to its sender now. next is always after last, unless expired.
//
// The queue runs are counted from birth. A server with more than one message has them from its start: see NextFrom.
func (r Rule) Next(birth, last time.Time, attempts int, class Class) (next time.Time, expired bool) {
	return r.NextFrom(birth, birth, last, attempts, class)
}

// NextFrom is Next for a server whose queue runs are counted from start.
func (r Rule) NextFrom(start, birth, last time.Time, attempts int, class Class) (next time.Time, expired bool) {
	age := max(0, last.Sub(birth))
	life := r.Expire.Value
	if life > 0 && age >= life {
		return last, true
	}
	next = r.run(start, last, birth.Add(r.due(start.Sub(birth), age, max(1, attempts), class)))
	if end := birth.Add(life); life > 0 && r.Ending.Value == OnTime && next.After(end) {
		next = end
	}
	return next, false
}

// WarnAt says when the sender of a message is told that it is delayed; false: never.
func (r Rule) WarnAt(birth time.Time) (time.Time, bool) {
	return birth.Add(r.Warn.Value), r.Warn.Value > 0
}

// due is the age at which a message may be tried again; start is the age at which a queue run was.
func (r Rule) due(start, age time.Duration, attempts int, class Class) time.Duration {
	switch r.Kind.Value {
	case Growing:
		return age + r.bounded(max(age, r.Min.Value))
	case Ladder:
		return age + rung(r.Steps.Value, attempts)
	case Multiples:
		return age + r.bounded(r.Min.Value*time.Duration(attempts))
	case Square:
		return square(age, r.Root.Value)
	case Staged:
		return age + r.staged(start, age)
	case Troubled:
		if class == Message {
			return age + r.Deferral.Value
		}
		return age + step(r.Trouble, attempts)
	}
	return age // the next queue run
}

// bounded is d, Max at most.
func (r Rule) bounded(d time.Duration) time.Duration {
	if r.Max.Value > 0 {
		return min(d, r.Max.Value)
	}
	return d
}

// rung is the n-th of steps, from 1, or the last.
func rung(steps []time.Duration, n int) time.Duration {
	if len(steps) == 0 {
		return 0
	}
	return steps[min(n, len(steps))-1]
}

// step is the n-th wait of steps, from 1.
func step(steps []Step, n int) (every time.Duration) {
	for _, s := range steps {
		every = s.Every.Value
		if n -= s.Times.Value; s.Times.Value == 0 || n <= 0 {
			break
		}
	}
	return every
}

// square is the age after age at which the root of the age, in whole seconds, is root longer.
func square(age time.Duration, root int) time.Duration {
	n := time.Duration(math.Sqrt(age.Seconds())) + time.Duration(root)
	return n * n * time.Second
}

// mostTries bounds how far a life is counted in stages.
const mostTries = 10000

// staged is how long a message of age waits. What has grown so far is found by going through its life: its tries are the
// ones that the stages and the queue runs let it have.
func (r Rule) staged(start, age time.Duration) time.Duration {
	wait := r.wait(0, 0)
	for at, n := time.Duration(0), 0; n < mostTries; n++ {
		at = r.rounded(start, at, at+wait)
		if at > age+r.slack() {
			break
		}
		wait = r.wait(at, wait)
	}
	return wait
}

// wait is how long a message of age waits that waited before.
func (r Rule) wait(age, before time.Duration) time.Duration {
	stages := r.Stages.Value
	for i, s := range stages {
		if age > s.Until && i < len(stages)-1 {
			continue
		}
		if s.Factor > 0 && before >= s.Every {
			return time.Duration(float64(before) * s.Factor)
		}
		return s.Every
	}
	return 0
}

// run is the queue run at which what is due is looked at. It is after last.
func (r Rule) run(start, last, due time.Time) time.Time {
	return start.Add(r.rounded(0, last.Sub(start), due.Sub(start)))
}

// rounded is run for lengths of time.
func (r Rule) rounded(start, last, due time.Duration) time.Duration {
	every := r.QueueRun.Value
	if every <= 0 {
		return max(due, last+shortest)
	}
	n := (due - start - r.slack() + every - 1) / every
	at := start + n*every
	if at <= last {
		at += (last - at + every) / every * every
	}
	return at
}

// shortest is the least time between two tries, so that a profile without waits makes no endless loop.
const shortest = time.Second

// slack is how little late a try may be without missing the queue run that it would have had: servers count in seconds.
func (r Rule) slack() time.Duration { return min(time.Second-1, r.QueueRun.Value/10) }
