package faults

import (
	"cmp"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reference"
)

// Most is how many faults a Set holds at once.
const Most = 1000

// Set holds the faults that are active. Its methods may be called from many goroutines; its fields are set before that.
type Set struct {
	// Struck is told of each fault that strikes, in the goroutine of the session, before the relay waits, answers or drops.
	// It must not wait for anything. nil: nobody wants to know.
	Struck func(Stroke)

	now  func() time.Time
	mark string // in a reply: close here, and write nothing of it

	mu     sync.Mutex
	active []*active // in the order of Add
	given  int       // IDs so far
}

// Stroke is a fault that struck.
type Stroke struct {
	Time      time.Time  `json:"time"` // by the relay's clock
	Fault     Fault      `json:"fault"`
	Session   string     `json:"session,omitempty"` // empty where a connection was accepted
	Peer      netip.Addr `json:"peer"`
	Sender    string     `json:"sender,omitempty"`
	Recipient string     `json:"recipient,omitempty"` // of RCPT
}

// New makes an empty Set. now is the relay's clock: by it faults expire.
func New(now func() time.Time) *Set { return &Set{now: now, mark: crand.Text()} }

// Add makes f active, and gives it back with its ID, its seed and the time when it expires.
// The error is Invalid for each field that can't be as it is, joined.
func (s *Set) Add(f Fault) (Fault, error) {
	f.Struck, f.Expires = 0, time.Time{}
	if f.Reply != nil {
		reply := *f.Reply
		reply.Lines = slices.Clone(reply.Lines)
		f.Reply = &reply
	}
	if err := f.check(); err != nil {
		return Fault{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	switch {
	case len(s.active) >= Most:
		return Fault{}, &Invalid{"id", strconv.Itoa(Most) + " faults are active already", "fewer: remove those that have done their work"}
	case f.ID != "" && s.find(f.ID) >= 0:
		return Fault{}, &Invalid{"id", strconv.Quote(f.ID) + " is active already", "another, or none to be given one; or remove that one first"}
	}
	f.ID = cmp.Or(f.ID, s.nextID())
	if f.Probability > 0 && f.Probability < 1 {
		f.Seed = cmp.Or(f.Seed, 1+rand.Uint64N(1<<53-1)) // which JSON's readers keep exactly
	}
	if f.TTL > 0 {
		f.Expires = s.now().Add(time.Duration(f.TTL))
	}
	s.active = append(s.active, activate(f))
	return f, nil
}

func (s *Set) nextID() string {
	for {
		s.given++
		if id := fmt.Sprintf("f%d", s.given); s.find(id) < 0 {
			return id
		}
	}
}

// find gives the index of a fault, -1 for none.
func (s *Set) find(id string) int {
	return slices.IndexFunc(s.active, func(a *active) bool { return a.ID == id })
}

// All gives what is active, in the order in which it was added, with what remains of each: Count is what is left of it.
func (s *Set) All() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	all := make([]Fault, len(s.active))
	for i, a := range s.active {
		all[i] = a.Fault
	}
	return all
}

// Remove takes a fault back. False: none of that ID is active.
func (s *Set) Remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	at := s.find(id)
	if at < 0 {
		return false
	}
	s.active = slices.Delete(s.active, at, at+1)
	return true
}

// Clear takes all faults back.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = nil
}

// Wrap puts s around the relay that o describes: its listeners, its Engine and its Tap, outside of what wraps them
// already, so that a Tap of the caller's sees what really goes over the wire. It is called last, before reference.Start.
func (s *Set) Wrap(o *reference.Options) {
	for _, listeners := range o.Listeners {
		for i, l := range listeners {
			listeners[i] = s.Listener(l)
		}
	}
	engine, tap := o.Engine, o.Tap
	o.Engine = s.Engine
	if engine != nil {
		o.Engine = s.engineAround(engine)
	}
	o.Tap = s.Tap
	if tap != nil {
		o.Tap = s.tapAround(tap)
	}
}

// expire forgets what has outlived its TTL.
func (s *Set) expire() {
	now := s.now()
	s.active = slices.DeleteFunc(s.active, func(a *active) bool { return !a.Expires.IsZero() && !now.Before(a.Expires) })
}

// watches tells whether a fault may strike at stage.
func (s *Set) watches(stage Stage) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.active, func(a *active) bool { return a.On == stage })
}

// strike gives what strikes at o, and counts it down.
func (s *Set) strike(o occasion) harm {
	struck := s.strikes(&o)
	if s.Struck != nil {
		for _, f := range struck {
			s.Struck(s.stroke(f, &o))
		}
	}
	return harmOf(struck)
}

// strikes gives the faults that strike at o: as far as the first that answers, drops or slows down.
func (s *Set) strikes(o *occasion) (struck []Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.active) == 0 {
		return nil
	}
	s.expire()
	for _, a := range s.active {
		if !a.strikes(o) {
			continue
		}
		a.Struck++
		struck = append(struck, a.Fault)
		if a.Count > 0 {
			a.Count--
			struck[len(struck)-1].Count = a.Count
			a.spent = a.Count == 0
		}
		if a.Reply != nil || a.Drop || a.Rate > 0 {
			break
		}
	}
	s.active = slices.DeleteFunc(s.active, func(a *active) bool { return a.spent })
	return struck
}

func (s *Set) stroke(f Fault, o *occasion) Stroke {
	stroke := Stroke{Time: s.now(), Fault: f, Peer: o.peer}
	if o.facts != nil {
		stroke.Session = o.facts.Session
		stroke.Sender, stroke.Recipient = o.facts.Sender.String(), o.facts.Rcpt.String()
	}
	return stroke
}

// harm is what the faults of one occasion do together.
type harm struct {
	id    string // of the fault that answers or drops, else of the last
	delay time.Duration
	reply *Reply
	rate  int
	drop  bool
}

func harmOf(struck []Fault) (h harm) {
	for _, f := range struck {
		h.id, h.reply, h.rate, h.drop = f.ID, f.Reply, f.Rate, f.Drop
		h.delay += time.Duration(f.Delay)
	}
	return h
}
