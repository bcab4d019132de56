package features

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports/transcript"
)

// Played is what came of playing a script on a target, beside what was recorded.
type Played struct {
	Target  target.Description
	Turns   []Turn
	Entries []transcript.Entry // the new timeline
	Notes   []string           // what was done otherwise

	namespace string
}

// Turn is one thing that a client said, did, or heard.
type Turn struct {
	Line    int    // of the transcript
	Session string //
	Said    string // as it was recorded, credentials left out
	Did     string // what else the client did

	Heard     bool         // a reply was heard: Want is the recorded one, Got what came
	Want, Got client.Reply // in the names of the recording
	To        string       // what it answers
	Marked    bool         // the offending one
	Differs   bool         // of Want only the codes are known

	Failed, Fails bool   // what it did failed when it was recorded; fails now
	Why           string // it does
	Gone          string // why it wasn't said, or nothing was heard
}

func (p *Played) add(t Turn) { p.Turns = append(p.Turns, t) }

// Like says how closely replies have to agree.
type Like int

// The ways to compare replies.
const (
	InWords Like = iota // code, enhanced code and text, but for what is new each time: ids, times, names of hosts
	InCodes             // code and enhanced code
)

// Agrees tells whether t went as it was recorded.
func (t Turn) Agrees(like Like) bool {
	switch {
	case t.Gone != "" && (t.Heard || t.Said != ""), t.Failed != t.Fails, t.Gone != "":
		return false
	case !t.Heard:
		return true
	case t.Want.Code != t.Got.Code || t.Want.Enhanced() != t.Got.Enhanced():
		return false
	}
	return like == InCodes || t.Differs || t.normal(t.Want) == t.normal(t.Got)
}

// Same tells whether all went as it was recorded.
func (p *Played) Same(like Like) bool {
	for _, t := range p.Turns {
		if !t.Agrees(like) {
			return false
		}
	}
	return true
}

// Offending is the turn that the transcript marks as the offending one; nil: none.
func (p *Played) Offending() *Turn {
	for i := range p.Turns {
		if p.Turns[i].Marked {
			return &p.Turns[i]
		}
	}
	return nil
}

// Reproduced tells whether the reply that was marked came again: with the same code and enhanced code, and behind what led
// to it.
func (p *Played) Reproduced() bool {
	marked := p.Offending()
	return marked != nil && marked.Agrees(InCodes) && p.astray() == nil
}

// astray is the first reply of another class than the recorded one before the offending reply, in its session: behind a
// command that was refused then and is taken now, or the other way round, the same reply says something else. nil: none.
func (p *Played) astray() *Turn {
	marked := p.Offending()
	for i := range p.Turns {
		t := &p.Turns[i]
		switch {
		case t == marked:
			return nil
		case t.Session == marked.Session && t.Heard && t.Want.Code/100 != t.Got.Code/100:
			return t
		}
	}
	return nil
}

// OnOffending says whether the offending reply came again, and which one came; "" where none is marked.
func (p *Played) OnOffending() string {
	marked := p.Offending()
	switch {
	case marked == nil:
		return ""
	case p.Reproduced():
		return printable("reproduced: " + marked.Got.String())
	case marked.Agrees(InCodes):
		before := p.astray()
		return printable(fmt.Sprintf("not reproduced: it came again, but before it %s, where it was %s", cmp.Or(before.Gone, before.Got.String()), before.Want))
	}
	came := marked.Got.String()
	if marked.Gone != "" {
		came = marked.Gone
	}
	return printable(fmt.Sprintf("not reproduced: it was %s, now %s", marked.Want, came))
}

// Against gives p with what came of other in the place of what was recorded. Both were played from one script.
func (p *Played) Against(other *Played) *Played {
	beside := &Played{Target: p.Target, Notes: p.Notes}
	for i, t := range p.Turns {
		was := other.Turns[i]
		t.Want, t.Failed, t.Differs = was.Got, was.Fails, false
		if t.Gone == "" {
			t.Gone = was.Gone
		} else if was.Gone != "" {
			t.Gone, t.Want, t.Got = "", client.Reply{}, client.Reply{} // neither
		}
		beside.add(t)
	}
	return beside
}

// What is new each time. A keyword of EHLO is no id, and is compared as it is.
var (
	aTime = regexp.MustCompile(`(?i)(?:(?:mon|tue|wed|thu|fri|sat|sun), )?\d{1,2} (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{4}(?: \d\d:\d\d(?::\d\d)?(?: ?(?:[+-]\d{4}|[A-Z]{2,4}))?(?: \([A-Z]+\))?)?` +
		`|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?`)
	aPort    = regexp.MustCompile(`((?:\d{1,3}\.){3}\d{1,3}|\]):\d{2,5}\b`)
	anID     = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9_.+/=-]{5,}`)
	queued   = regexp.MustCompile(`(?i)\b((?:queued|id|as|mid|ref|session)[ =:]+)<?[^\s>,;)]+`)
	hostname = regexp.MustCompile(`(?i)^\s*[a-z0-9-]+(?:\.[a-z0-9-]+)+\b`)
)

// normal gives the text of a reply without what is new each time.
func (t Turn) normal(r client.Reply) string {
	verb := strings.ToUpper(firstWord(t.To))
	hello := r.Code == 250 && (verb == "EHLO" || verb == "HELO" || verb == "LHLO")
	lines := r.Lines
	if hello && len(lines) > 1 {
		return normalLine(lines[0], true) + "\n" + strings.Join(lines[1:], "\n")
	}
	named := hello || t.To == "" || r.Code == 221 || r.Code == 421
	if !hello {
		return normalLine(r.Text(), named) // where lines are wrapped doesn't matter
	}
	return normalLine(lines[0], true)
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return word
}

func normalLine(line string, named bool) string {
	if named {
		line = hostname.ReplaceAllString(line, "HOST")
	}
	line = aTime.ReplaceAllString(line, "TIME")
	line = aPort.ReplaceAllString(line, "$1:PORT")
	line = queued.ReplaceAllString(line, "${1}ID")
	return anID.ReplaceAllStringFunc(line, func(word string) string {
		if likeID(word) {
			return "ID"
		}
		return word
	})
}

// likeID tells whether word is made by a machine: letters and digits mixed more than once, or many digits.
func likeID(word string) bool {
	digits, letters, changes := 0, 0, 0
	last := 0 // 1 a digit, 2 a letter
	for _, r := range word {
		kind := last
		switch {
		case '0' <= r && r <= '9':
			digits, kind = digits+1, 1
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			letters, kind = letters+1, 2
		}
		if last != 0 && kind != last {
			changes++
		}
		last = kind
	}
	return digits >= 6 || digits >= 2 && letters >= 2 && changes >= 2
}

// around is how many turns a difference is shown with on either side.
const around = 3

// WriteDiff writes what didn't go as it was recorded, with what led to it: "-" is what was recorded, "+" what came, ">>"
// stands before the offending reply. was and is name the two sides. It tells how many turns differ.
func (p *Played) WriteDiff(w io.Writer, like Like, was, is string) (int, error) {
	differ, shown := 0, make([]bool, len(p.Turns))
	for i, t := range p.Turns {
		if t.Agrees(like) {
			continue
		}
		differ++
		for j := max(0, i-around); j <= min(len(p.Turns)-1, i+around); j++ {
			shown[j] = true
		}
	}
	var b strings.Builder
	if differ > 0 {
		fmt.Fprintf(&b, "--- %s\n+++ %s\n", was, is)
	}
	gap := false
	for i, t := range p.Turns {
		if !shown[i] {
			gap = true
			continue
		}
		if gap {
			b.WriteString("   ...\n")
		}
		gap = false
		for _, line := range t.lines(like) {
			fmt.Fprintln(&b, line)
		}
	}
	_, err := io.WriteString(w, b.String())
	return differ, err
}

// lines shows a turn.
func (t Turn) lines(like Like) []string {
	where := fmt.Sprintf("%4d", t.Line)
	if t.Session != "" {
		where += " [" + printable(t.Session) + "]"
	}
	mark := "  "
	if t.Marked {
		mark = ">>"
	}
	line := func(sign, text string) string { return fmt.Sprintf("%s%s %s %s", mark, sign, where, printable(text)) }
	both := func(was, is []string) []string {
		var all []string
		for _, text := range was {
			all = append(all, line("-", text))
		}
		for _, text := range is {
			all = append(all, line("+", text))
		}
		return all
	}
	switch {
	case t.Heard && t.Agrees(like):
		return prefixed(line, " ", "S: ", t.Got.Wire())
	case t.Heard:
		var is []string
		if t.Got.Code != 0 {
			is = withPrefix("S: ", t.Got.Wire())
		}
		if t.Gone != "" {
			is = append(is, "("+t.Gone+")")
		}
		return both(withPrefix("S: ", t.Want.Wire()), is)
	case t.Said != "" && t.Gone != "":
		return []string{line("-", "C: "+t.Said), line("+", "(not said: "+t.Gone+")")}
	case t.Said != "":
		return []string{line(" ", "C: "+t.Said)}
	}
	did := "(it " + t.Did + ")"
	if t.Failed {
		did = "(it " + t.Did + ": that fails)"
	}
	if t.Agrees(like) {
		return []string{line(" ", did)}
	}
	why := t.Gone
	switch {
	case t.Fails:
		why = t.Why
	case why == "":
		why = "that succeeds"
	}
	return both([]string{did}, []string{"(" + why + ")"})
}

func prefixed(line func(sign, text string) string, sign, prefix string, texts []string) []string {
	var all []string
	for _, text := range texts {
		all = append(all, line(sign, prefix+text))
	}
	return all
}

func withPrefix(prefix string, texts []string) []string {
	var all []string
	for _, text := range texts {
		all = append(all, prefix+text)
	}
	return all
}

// printable keeps control characters from a reader's terminal.
func printable(s string) string {
	quoted := strconv.Quote(s)
	if quoted == `"`+s+`"` {
		return s
	}
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
