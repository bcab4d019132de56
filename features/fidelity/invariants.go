package fidelity

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/relay"
)

// byInvariants compares what doesn't hang on timing.
func (c *comparison) byInvariants() {
	c.greetings()
	c.transactions()
	c.reuse()
	c.parallelism()
	c.resets()
	c.endings()
	if strings.HasPrefix(c.Case, "h_") {
		c.schedule()
	}
}

// greetings compares what comes before the first MAIL.
func (c *comparison) greetings() {
	was, is := opening(c.recorded), opening(c.played)
	for _, said := range is {
		if !slices.Contains(was, said) {
			c.differ(Invariant, "", "the fake begins a connection with %s, the real server with %s", said, strings.Join(was, ", or "))
		}
	}
}

// opening are the distinct ways in which connections begin.
func opening(all []conversation) []string {
	found := map[string]bool{}
	for _, c := range all {
		var before []string
		for _, said := range c.commands {
			if strings.HasPrefix(strings.ToUpper(said), "MAIL") {
				break
			}
			if said != "QUIT" {
				before = append(before, said)
			}
		}
		found[strings.Join(before, ", ")] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// transactions compares how many recipients they have, and how their commands share segments.
func (c *comparison) transactions() {
	was, is := batches(c.recorded), batches(c.played)
	if !strings.HasPrefix(c.Case, "h_") && was != is { // how often it is tried is the schedule's
		c.differ(Invariant, "", "transactions by their number of recipients: recorded %s, the fake's %s", was, is)
	}
	before, now := shapes(c.recorded), shapes(c.played)
	for _, shape := range slices.Sorted(maps.Keys(now)) {
		if !before[shape] {
			c.differ(Invariant, "", "the fake sends a message as [%s], the real server as [%s]",
				shape, strings.Join(slices.Sorted(maps.Keys(before)), "] or ["))
		}
	}
}

// batches tells how many transactions of how many recipients there are: "3x50 1x1".
func batches(all []conversation) string {
	found := map[int]int{}
	for _, c := range all {
		for _, t := range c.turns {
			found[t.recipients]++
		}
	}
	var parts []string
	for _, recipients := range slices.Backward(slices.Sorted(maps.Keys(found))) {
		parts = append(parts, fmt.Sprintf("%dx%d", found[recipients], recipients))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " ")
}

// shapes are the distinct ways in which a message is sent, what ends its connection left out.
func shapes(all []conversation) map[string]bool {
	found := map[string]bool{}
	for _, c := range all {
		for _, t := range c.turns {
			shape := strings.TrimSuffix(strings.TrimSuffix(t.shape, " | QUIT"), " | RSET")
			found[strings.TrimSuffix(shape, " | RSET")] = true
		}
	}
	return found
}

// reuse compares whether connections carry more than one message.
func (c *comparison) reuse() {
	was, is := messagesAtMost(c.recorded), messagesAtMost(c.played)
	switch {
	case was <= 1 && is > 1:
		c.differ(Invariant, "", "a connection carries 1 message, the fake's carry up to %d", is)
	case was > 1 && is <= 1:
		c.differ(Invariant, "", "connections carry up to %d messages, the fake's only 1", was)
	}
}

func messagesAtMost(all []conversation) int {
	most := 0
	for _, c := range all {
		most = max(most, len(c.turns))
	}
	return most
}

// parallelism compares how many connections are open at one time. A bounce that goes by itself may meet another message, or
// just miss it.
func (c *comparison) parallelism() {
	switch was := parallel(c.recorded); {
	case was == 1 && c.atOnce > 1+bouncesApart(c.recorded):
		c.differ(Invariant, "", "one connection at a time, the fake has %d open at once", c.atOnce)
	case c.most > 0 && c.atOnce > max(c.most, was):
		c.differ(Invariant, "", "%d connections at once, the profile has %d as the most", c.atOnce, c.most)
	}
}

// bouncesApart counts the connections that bring a bounce first.
func bouncesApart(all []conversation) int {
	n := 0
	for _, c := range all {
		if len(c.Messages) > 0 && isBounce(c.Messages[0].Content) {
			n++
		}
	}
	return n
}

// resets compares where RSET stands.
func (c *comparison) resets() {
	was, is := aroundResets(c.recorded), aroundResets(c.played)
	for _, place := range slices.Sorted(maps.Keys(is)) {
		if !was[place] {
			c.differ(Invariant, "", "the fake says RSET %s, the real server never there", place)
		}
	}
	if messagesAtMost(c.played) < 2 {
		return
	}
	for _, place := range slices.Sorted(maps.Keys(was)) {
		if strings.HasSuffix(place, "before MAIL") && !is[place] {
			c.differ(Invariant, "", "the real server says RSET %s, the fake doesn't", place)
		}
	}
}

// aroundResets are the places where RSET stands: alone or with others in a segment, behind and before what.
func aroundResets(all []conversation) map[string]bool {
	found := map[string]bool{}
	for _, c := range all {
		var said []relay.Step
		for _, step := range c.Steps {
			if step.Verb != "" && (step.Kind == relay.Command || step.Kind == relay.Content) {
				said = append(said, step)
			}
		}
		for i, step := range said {
			if step.Verb == "RSET" {
				found[placeOf(said, i)] = true
			}
		}
	}
	return found
}

func placeOf(said []relay.Step, i int) string {
	how, next := "alone", "the end"
	if i+1 < len(said) {
		next = said[i+1].Verb
		if said[i+1].Segment == said[i].Segment {
			how = "with what follows"
		}
	}
	before := "nothing"
	if i > 0 {
		before = said[i-1].Verb
	}
	return fmt.Sprintf("%s behind %s before %s", how, before, next)
}

// endings compares how connections end, and after how long an idle one does.
func (c *comparison) endings() {
	was, is := ends(c.recorded), ends(c.played)
	for _, end := range slices.Sorted(maps.Keys(is)) {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(was)), func(e relay.Ending) bool { return alike(e, end) }) {
			c.differ(Invariant, "", "the fake ends connections by %s, the real server by %s", end, joined(slices.Sorted(maps.Keys(was))))
		}
	}
	before, now := was[relay.ByEOF], is[relay.ByEOF]
	if before >= time.Second && now > 0 && !near(before, now) {
		c.differ(Invariant, "", "an idle connection is closed after %s, the fake's after %s", rounded(before), rounded(now))
	}
}

func joined(ends []relay.Ending) string {
	words := make([]string, len(ends))
	for i, e := range ends {
		words[i] = string(e)
	}
	return strings.Join(words, " or ")
}

// ends gives the longest silence before each way of ending.
func ends(all []conversation) map[relay.Ending]time.Duration {
	found := map[relay.Ending]time.Duration{}
	for _, c := range all {
		found[c.End] = max(found[c.End], c.idle)
	}
	return found
}

func rounded(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

// schedule compares the times between attempts, each a connection. One may have missed a run of the queue, or caught an
// earlier one, as long as those after it aren't late, or early, for more than one.
func (c *comparison) schedule() {
	was, is := gaps(c.recorded), gaps(c.played)
	ahead := time.Duration(0) // of the fake's
	for i, before := range was {
		if i >= len(is) {
			c.differ(Invariant, "", "attempt %d comes after %s, the fake makes only %d", i+2, rounded(before), len(is)+1)
			return
		}
		ahead += before - is[i]
		if !near(before, is[i]) && ahead.Abs() > c.queueRun+sooner {
			c.differ(Invariant, "", "attempt %d comes %s after the one before, the fake's %s", i+2, rounded(before), rounded(is[i]))
		}
	}
	if len(is) > len(was) {
		c.differ(Invariant, "", "%d attempts, the fake makes %d", len(was)+1, len(is)+1)
	}
}

// sooner is by how much an attempt may be off beside a run of the queue.
const sooner = 750 * time.Millisecond

func gaps(all []conversation) []time.Duration {
	var found []time.Duration
	for i := 1; i < len(all); i++ {
		found = append(found, all[i].Opened.Sub(all[i-1].Opened))
	}
	return found
}
