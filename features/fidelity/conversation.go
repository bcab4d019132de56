package fidelity

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/relay"
)

// conversation is what is compared of a connection.
type conversation struct {
	*relay.Session
	commands []string      // as they are compared, <end-of-data> among them
	segments [][]string    // of two or more commands
	turns    []turn        // a message each
	idle     time.Duration // the silence before it was closed
}

// lastSaid is when either side said something last.
func lastSaid(s *relay.Session) time.Time {
	if len(s.Steps) == 0 {
		return s.Opened
	}
	return s.Steps[len(s.Steps)-1].At
}

// conversations of a recording have the silences that it tells of: it doesn't say when each line was said.
func (r *Recording) conversations() []conversation {
	all := conversations(r.Sessions)
	for i := range all {
		all[i].idle = r.idle[all[i].Number]
	}
	return all
}

// turn is one transaction: from MAIL to what ends it.
type turn struct {
	sender     string
	recipients int
	shape      string // its commands by the segments that they came in: "MAIL RCPT DATA | <end-of-data> QUIT"
	message    int    // index of its content; -1: none came
	size       int    // that MAIL announced; 0: none
}

func conversations(sessions []relay.Session) []conversation {
	all := make([]conversation, len(sessions))
	for i := range sessions {
		s := &sessions[i]
		c := conversation{Session: s, segments: s.Segments()}
		for _, step := range s.Steps {
			if step.Kind == relay.Command || step.Kind == relay.Content && step.Verb != "" {
				c.commands = append(c.commands, command(step))
			}
		}
		c.turns, c.idle = turns(s), s.Closed.Sub(lastSaid(s))
		all[i] = c
	}
	return all
}

// turns are the transactions of s.
func turns(s *relay.Session) []turn {
	var all []turn
	var now *turn
	segment := 0
	for _, step := range s.Steps {
		if step.Kind != relay.Command && step.Kind != relay.Content {
			continue
		}
		if step.Verb == "MAIL" {
			sender, parameters := envelope(step.Text)
			all = append(all, turn{sender: sender, message: -1, size: announced(parameters)})
			now = &all[len(all)-1]
		}
		if now == nil {
			continue
		}
		switch {
		case step.Kind == relay.Content:
			now.message = step.Message
		case step.Verb == "RCPT":
			now.recipients++
		}
		if step.Verb == "" || step.Verb == "RCPT" && strings.HasSuffix(now.shape, "RCPT") && step.Segment == segment {
			continue
		}
		now.add(step.Verb, step.Segment != segment)
		segment = step.Segment
	}
	return all
}

// add writes a command into the shape.
func (t *turn) add(verb string, apart bool) {
	switch {
	case t.shape == "":
	case apart:
		t.shape += " | "
	default:
		t.shape += " "
	}
	t.shape += verb
}

// announced is the size among MAIL's parameters; 0: none.
func announced(parameters string) int {
	found := sizes.FindString(parameters)
	if found == "" {
		return 0
	}
	size, _ := strconv.Atoi(found[len("SIZE="):])
	return size
}

// key is all that is compared of c, to find its like.
func (c *conversation) key() string {
	return strings.Join(c.commands, "\n") + fmt.Sprint(c.segments, c.End, c.TLS != "")
}

// unlike says how far c is from other.
func (c *conversation) unlike(other *conversation) int {
	if c.key() == other.key() {
		return 0
	}
	far := 1
	for i := range max(len(c.commands), len(other.commands)) {
		switch {
		case i >= len(c.commands) || i >= len(other.commands):
			far += 2
		case c.commands[i] != other.commands[i]:
			far += 2
		}
	}
	return far
}

// pairs lays each recorded conversation beside the played one that is most like it, of those equally like it the earliest;
// nil on a side that has none.
func pairs(recorded, played []conversation) [][2]*conversation {
	free := make([]*conversation, len(played))
	for i := range played {
		free[i] = &played[i]
	}
	var all [][2]*conversation
	match := func(c *conversation, atMost int) bool {
		best, at := atMost+1, -1
		for i, other := range free {
			if far := c.unlike(other); far < best {
				best, at = far, i
			}
		}
		if at < 0 {
			return false
		}
		all = append(all, [2]*conversation{c, free[at]})
		free = slices.Delete(free, at, at+1)
		return true
	}
	var left []*conversation
	for i := range recorded {
		if !match(&recorded[i], 0) {
			left = append(left, &recorded[i])
		}
	}
	for _, c := range left {
		if !match(c, 1<<30) {
			all = append(all, [2]*conversation{c, nil})
		}
	}
	for _, other := range free {
		all = append(all, [2]*conversation{nil, other})
	}
	slices.SortStableFunc(all, func(a, b [2]*conversation) int { return numberOf(a) - numberOf(b) })
	return all
}

func numberOf(pair [2]*conversation) int {
	if pair[0] != nil {
		return pair[0].Number
	}
	return 1<<30 + pair[1].Number
}

// parallel is how many of the connections were open at one time, at most.
func parallel(all []conversation) int {
	most := 0
	for i := range all {
		open := 0
		for j := range all {
			if !all[j].Opened.After(all[i].Opened) && (all[j].Closed.After(all[i].Opened) || j == i) {
				open++
			}
		}
		most = max(most, open)
	}
	return most
}

// added is by how many octets the announced size differs from the content's; ok is false where either isn't there.
func (c *conversation) added(t turn) (difference int, ok bool) {
	if t.size == 0 || t.message < 0 {
		return 0, false
	}
	return t.size - len(c.Messages[t.message].Content), true
}
