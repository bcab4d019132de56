package features

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports/transcript"
)

// Script is a transcript that can be played again.
type Script struct {
	plan      client.Plan
	namespace string             // that the scenario's names carry; "": there was no scenario
	bound     map[string]string  // the scenario's names -> those of the relay that it was recorded on
	roles     *rolesNote         // nil: no dialogue of the protocol
	calls     map[int]calledStep // by the index in plan
}

// calledStep is a call that was read.
type calledStep struct {
	world *target.World // credentials stand in it by their names
	usage *target.Usage
	clock *clockNote
	reset string
}

// Incomplete says of the transcript of a case that it hasn't got everything: the case sends more than a transcript keeps.
type Incomplete struct {
	Case   string // its ID
	Volume Volume // with which it was judged
	Err    error  // a *transcript.LineError
}

func (i *Incomplete) Error() string { return i.Err.Error() }

// Unwrap gives the cause.
func (i *Incomplete) Unwrap() error { return i.Err }

// ReadScript reads a transcript. The error is a *transcript.LineError where a line is wrong, or something is missing behind
// it: the file was cut. Around it is an *Incomplete where a case sent more than was kept.
func ReadScript(r io.Reader) (*Script, error) {
	entries, lines, err := transcript.ParseLines(r)
	if err != nil {
		return nil, err
	}
	plan, err := client.PlanOf(entries, lines)
	if errors.Is(err, client.ErrLeftOut) {
		return nil, notWhole(entries, err)
	}
	if err != nil {
		return nil, err
	}
	s := &Script{plan: plan, calls: map[int]calledStep{}}
	for i := range plan {
		if plan[i].Do != client.DoCall {
			continue
		}
		if err := s.call(i); err != nil {
			return nil, &transcript.LineError{Line: plan[i].Line, Err: err}
		}
	}
	return s, nil
}

// notWhole is err with the case whose transcript it is, where it is one's.
func notWhole(entries []transcript.Entry, err error) error {
	for _, e := range entries {
		var note caseNote
		verb, body := e.Verb()
		if e.Kind == transcript.Call && verb == caseCall && json.Unmarshal(body, &note) == nil && note.Case != "" {
			return &Incomplete{note.Case, note.Volume, err}
		}
	}
	return err
}

// call reads the call that is step i.
func (s *Script) call(i int) error {
	step, called := &s.plan[i], calledStep{}
	var err error
	read := func(into any) {
		if err = json.Unmarshal(step.Body, into); err == nil && step.Verb != caseCall { // of the case's ID nothing is played
			err = transcript.Misnamed(step.Body)
		}
		if err != nil {
			err = fmt.Errorf("what follows %s can't be read: %w", step.Verb, err)
		}
	}
	switch step.Verb {
	case caseCall:
		var note caseNote
		read(&note)
		s.namespace = note.Namespace
	case bindCall:
		var note bindNote
		read(&note)
		s.bound = note.Names
	case rolesCall:
		s.roles = &rolesNote{}
		read(s.roles)
	case worldCall:
		called.world = &target.World{}
		read(called.world)
	case usageCall:
		called.usage = &target.Usage{}
		read(called.usage)
	case clockCall:
		called.clock = &clockNote{}
		read(called.clock)
		if err == nil && (called.clock.Advance < 0 || called.clock.Advance > maxAdvance) {
			err = fmt.Errorf("the clock can't be moved by %g s", called.clock.Advance)
		}
	case resetCall:
		var note resetNote
		read(&note)
		called.reset = note.Customer
	default:
		return fmt.Errorf("nobody knows the call %q", step.Verb)
	}
	s.calls[i] = called
	return err
}

// maxAdvance is how far a replay moves a clock at once: a hundred years, in seconds.
const maxAdvance = 100 * 365 * 24 * 3600

// Unplayable says that a script can't be played on a target, and at which line.
type Unplayable struct {
	Line int // of the transcript; 0: none
	Err  error
}

func (u *Unplayable) Error() string {
	if u.Line == 0 {
		return u.Err.Error()
	}
	return fmt.Sprintf("line %d: %v", u.Line, u.Err)
}

// Unwrap gives the cause.
func (u *Unplayable) Unwrap() error { return u.Err }

// Play says what the client's side of the script says, on t, and hears what t answers.
//
// The world of a scenario is made again under fresh names, with fresh credentials; on a relay whose customers or roles have
// names of their own these are said in the place of the recorded ones. Where a relay answers otherwise what is said next is
// left out if it would be taken for something else: the text of a message that the relay doesn't ask for, say. Every wait is
// bounded as t's sessions are.
//
// The error is *Unplayable: a verb that t lacks, credentials that nobody knows.
func (s *Script) Play(ctx context.Context, t target.Target) (*Played, error) {
	p, err := s.newPlayer(t)
	if err != nil {
		return nil, err
	}
	defer p.hangUpAll()
	for i := range s.plan {
		if err := p.step(ctx, i); err != nil {
			return nil, &Unplayable{s.plan[i].Line, err}
		}
		if ctx.Err() != nil {
			return nil, &Unplayable{s.plan[i].Line, context.Cause(ctx)}
		}
	}
	p.hangUpAll()
	p.played.Entries = p.transcript.Entries()
	return p.played, nil
}
