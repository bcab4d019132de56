package fidelity

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/relay"
)

// Kind is what a difference is in.
type Kind string

// The kinds. Sequence, Segment and Connection count in exact cases, Invariant in all: a fake with one of them isn't
// faithful.
const (
	Sequence   Kind = "sequence"   // which commands, in which order, with which arguments
	Segment    Kind = "segment"    // which commands share a segment, or a record of TLS
	Connection Kind = "connection" // how many connections, whether in TLS, how they end
	Invariant  Kind = "invariant"  // what holds whatever the timing
	Size       Kind = "size"       // what SIZE announces, against the content
	Text       Kind = "content"    // what the message says
	Missing    Kind = "message"    // a message that only one side sent
)

// Difference is one difference, told in one line.
type Difference struct {
	Kind   Kind   `json:"kind"`
	Where  string `json:"where,omitempty"` // "connection 2"
	Text   string `json:"text"`
	Counts bool   `json:"counts"` // the fake isn't faithful here
}

func (d Difference) String() string {
	if d.Where == "" {
		return fmt.Sprintf("%s: %s", d.Kind, d.Text)
	}
	return fmt.Sprintf("%s, %s: %s", d.Kind, d.Where, d.Text)
}

// Way is how a case is compared.
type Way string

// The ways.
const (
	Exactly      Way = "exact"      // connection by connection
	ByInvariants Way = "invariants" // by what doesn't hang on timing
)

// way is how the recording's case is compared, and why not exactly.
func (r *Recording) way(recorded []conversation) (Way, string) {
	switch {
	case strings.HasPrefix(r.Case, "f_"), strings.HasPrefix(r.Case, "h_"):
		return ByInvariants, "when messages come and are tried again is timing's"
	case parallel(recorded) > 1:
		return ByInvariants, "the real server had several connections open at once: what each carried, and when it ended, is timing's"
	}
	return Exactly, ""
}

// counts tells whether the exact comparison of this case decides: the server does one thing at a time in it.
func (r *Recording) decides() bool {
	return len(r.Case) > 1 && r.Case[1] == '_' && strings.ContainsRune("abcdejk", rune(r.Case[0]))
}

// comparison is what is found out about one recording.
type comparison struct {
	*Recording
	recorded, played []conversation
	atOnce           int           // connections that the fake had open at one time
	most             int           // those that its profile admits; 0: no bound
	queueRun         time.Duration // of the fake's
	found            []Difference
}

func (c *comparison) differ(kind Kind, where, format string, values ...any) {
	counts := kind == Invariant
	if kind == Sequence || kind == Segment || kind == Connection {
		counts = c.decides()
	}
	c.found = append(c.found, Difference{kind, where, fmt.Sprintf(format, values...), counts})
}

// Compare lays what was played beside what was recorded. most is how many connections the fake may have open at one time;
// 0: there is no bound.
func Compare(r *Recording, played *Played, most int) []Difference {
	c := &comparison{
		Recording: r, recorded: r.conversations(), played: conversations(played.Sessions), atOnce: played.AtOnce, most: most,
		queueRun: played.QueueRun,
	}
	if way, _ := r.way(c.recorded); way == Exactly {
		c.exactly()
	} else {
		c.byInvariants()
	}
	c.sizes()
	c.contents()
	return c.found
}

// exactly compares connection by connection.
func (c *comparison) exactly() {
	if len(c.recorded) != len(c.played) {
		was, is := count(len(c.recorded), "connection"), count(len(c.played), "connection")
		c.differ(Connection, "", "%s recorded, the fake opens %s", was, is)
	}
	for _, pair := range pairs(c.recorded, c.played) {
		was, is := pair[0], pair[1]
		switch {
		case is == nil:
			c.differ(Sequence, where(was), "the fake has no connection like it: %s", summary(was.commands))
		case was == nil:
			c.differ(Sequence, "the fake's "+where(is), "the real server has none like it: %s", summary(is.commands))
		default:
			c.pair(was, is)
		}
	}
}

func where(c *conversation) string { return fmt.Sprintf("connection %d", c.Number) }

// pair compares two connections.
func (c *comparison) pair(was, is *conversation) {
	if (was.TLS != "") != (is.TLS != "") && !c.rejected(was) {
		c.differ(Connection, where(was), "recorded %s, the fake %s", inTLS(was), inTLS(is))
	}
	same := slices.Equal(was.commands, is.commands)
	if !same {
		c.differ(Sequence, where(was), "%s", firstDifference(was.commands, is.commands))
	}
	if same && !slices.EqualFunc(was.segments, is.segments, slices.Equal) {
		c.differ(Segment, where(was), "recorded %s, the fake %s", groups(was.segments), groups(is.segments))
	}
	if !alike(was.End, is.End) {
		c.differ(Connection, where(was), "recorded ended by %s, the fake's by %s", was.End, is.End)
	}
}

// alike tells whether connections ended alike. A client that leaves without a word, with something of the relay's unread,
// ends by an error where another one ends by EOF: that is its kernel's affair.
func alike(was, is relay.Ending) bool {
	silent := func(e relay.Ending) bool { return e == relay.ByEOF || e == relay.ByError }
	return was == is || silent(was) && silent(is)
}

// rejected tells whether the server gave up the connection over the relay's certificate: the recording's relay then thought
// that TLS was on.
func (c *comparison) rejected(was *conversation) bool {
	n := len(was.commands)
	return n > 0 && was.commands[n-1] == "STARTTLS"
}

func inTLS(c *conversation) string {
	if c.TLS != "" {
		return "in TLS"
	}
	return "in clear"
}

func groups(segments [][]string) string {
	if len(segments) == 0 {
		return "none shared"
	}
	all := make([]string, len(segments))
	for i, s := range segments {
		all[i] = "[" + summary(s) + "]"
	}
	return strings.Join(all, " ")
}

// summary is a list of commands on one line, repetitions told by their number.
func summary(commands []string) string {
	var parts []string
	for i := 0; i < len(commands); {
		n := i
		verb, _, _ := strings.Cut(commands[i], " ")
		for n < len(commands) && (commands[n] == verb || strings.HasPrefix(commands[n], verb+" ")) {
			n++
		}
		if n-i > 1 {
			verb = fmt.Sprintf("%s x%d", verb, n-i)
		}
		parts = append(parts, verb)
		i = n
	}
	return strings.Join(parts, " ")
}

// firstDifference tells where two lists of commands part.
func firstDifference(was, is []string) string {
	i := 0
	for i < len(was) && i < len(is) && was[i] == is[i] {
		i++
	}
	behind := "at the beginning"
	if i > 0 {
		behind = "behind " + shortened(was[i-1], 60)
	}
	return fmt.Sprintf("%s: recorded %s, the fake says %s", behind, at(was, i), at(is, i))
}

func at(commands []string, i int) string {
	if i >= len(commands) {
		return "nothing more"
	}
	return fmt.Sprintf("%q", shortened(commands[i], 80))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sizes compares what SIZE announces with the content that then comes, as the real server did.
func (c *comparison) sizes() {
	was, is := announcements(c.recorded), announcements(c.played)
	for bounce, before := range was {
		now, ok := is[bounce]
		if !ok || (before-now) <= sizeTolerance && (now-before) <= sizeTolerance {
			continue
		}
		c.differ(Size, "", "SIZE of %s is the content's %+d octets in the recording, %+d in the fake", messageOf(bounce), before, now)
	}
}

// sizeTolerance is by how many octets ids and dates may make a size differ.
const sizeTolerance = 24

func messageOf(bounce bool) string {
	if bounce {
		return "a bounce"
	}
	return "a message"
}

// announcements gives by how much the first announced size differs from its content, for messages and for bounces.
func announcements(all []conversation) map[bool]int {
	found := map[bool]int{}
	for i := range all {
		for _, t := range all[i].turns {
			if added, ok := all[i].added(t); ok {
				bounce := isBounce(all[i].Messages[t.message].Content)
				if _, there := found[bounce]; !there {
					found[bounce] = added
				}
			}
		}
	}
	return found
}

// contents compares what the messages say, each with the one that has its subject.
func (c *comparison) contents() {
	was, is := texts(c.recorded), texts(c.played)
	for _, key := range slices.Sorted(maps.Keys(was)) {
		text, ok := is[key]
		switch {
		case !ok:
			c.differ(Missing, "", "the fake never sends %s", key)
		case text != was[key]:
			c.differ(Text, "", "%s: %s", key, firstLine(was[key], text))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(is)) {
		if _, ok := was[key]; !ok {
			c.differ(Missing, "", "only the fake sends %s", key)
		}
	}
}

// texts are the normalised contents by what they are.
func texts(all []conversation) map[string]string {
	found := map[string]string{}
	for i := range all {
		for _, m := range all[i].Messages {
			name := fmt.Sprintf("%q", strings.TrimSpace(strings.TrimPrefix(subject(m.Content), "Subject:")))
			if isBounce(m.Content) {
				name = "the bounce " + name
			}
			found[name] = normalContent(m.Content)
		}
	}
	return found
}

func normalContent(content []byte) string {
	lines := bytes.Split(content, []byte("\r\n"))
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(normal(string(line)) + "\n")
	}
	return b.String()
}

// firstLine tells where two contents part, and in how many lines they differ.
func firstLine(was, is string) string {
	a, b := strings.Split(was, "\n"), strings.Split(is, "\n")
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	line := func(lines []string) string {
		if i >= len(lines) {
			return "nothing"
		}
		return fmt.Sprintf("%q", shortened(lines[i], 70))
	}
	return fmt.Sprintf("line %d: recorded %s, the fake %s", i+1, line(a), line(b))
}

// near tells whether b is a within the tolerance of schedules: a tenth, and three quarters of a second.
func near(a, b time.Duration) bool {
	return (a - b).Abs() <= a/10+750*time.Millisecond
}
