package features

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/features/yamlfile"
	"github.com/relayspec/relayspec/reports"
)

// BaselineForm names the form of a baseline's file. It changes when a reader of the old form would misread the new one.
const BaselineForm = "relayspec-baseline/1"

// Edition names the features that a baseline was written by. It changes when cases come to be called otherwise, or to ask
// for something else, so that an older baseline would excuse what nobody has looked at. New cases don't change it.
const Edition = "1"

// todo stands for a reason that nobody has written yet.
const todo = "TODO"

// maxBaseline bounds a baseline, in octets.
const maxBaseline = 4 << 20

// Baseline is a list of failures of a relay that somebody has looked at and expects. It is read from a file and isn't
// changed afterwards.
//
// A case belongs to the first entry whose glob fits it. The entry is satisfied when all cases that belong to it, and ran,
// fail as it says: with its verdict, and its fingerprint, which is the step that decided and the class of the offending
// reply. An entry with neither step nor reply takes any failure with its verdict.
type Baseline struct {
	Form    string        `yaml:"baseline"` // BaselineForm
	Edition string        `yaml:"edition"`  // Edition
	Target  string        `yaml:"target"`   // what the relay calls itself
	Tool    string        `yaml:"tool"`     // who wrote it: information
	Entries []Expectation `yaml:"entries"`

	file string
	data []byte
}

// Expectation is an entry of a baseline: cases that are expected to fail, and how.
type Expectation struct {
	ID      string `yaml:"id"`      // glob over case IDs, as in ParseSelection
	Verdict string `yaml:"verdict"` // FAIL, NONSTRICT or NOTE
	Step    string `yaml:"step"`    // the step that decides, with its keyword; empty: any
	Reply   string `yaml:"reply"`   // its class "5xx", its code "550", its codes "550 5.7.1", or "none"; empty: any
	Reason  string `yaml:"reason"`  // why it is so, in words that the relay's maintainer would accept
	Issue   string `yaml:"issue"`   // URL of where it is spoken of
	Until   string `yaml:"until"`   // the last day on which it is expected, 2027-01-31

	line int
}

// LoadBaseline reads a baseline. The error is yamlfile.Faults, all of them, when the file can be read.
func LoadBaseline(file string) (*Baseline, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("load the baseline: %w", err)
	}
	if info.Size() > maxBaseline {
		return nil, fmt.Errorf("load the baseline: %s has %d octets; a baseline has at most %d", file, info.Size(), maxBaseline)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("load the baseline: %w", err)
	}
	return ParseBaseline(file, data)
}

// ParseBaseline reads the content of a baseline; file stands in the faults. The error is yamlfile.Faults.
func ParseBaseline(file string, data []byte) (*Baseline, error) {
	return parseBaseline(file, data, false)
}

// parseBaseline reads a baseline. A draft is one that is about to be written anew: it may lack reasons.
func parseBaseline(file string, data []byte, draft bool) (*Baseline, error) {
	b := &Baseline{file: file, data: data}
	read, ok := yamlfile.Read(file, data, baselineForm(), b)
	c := &baselineChecker{b, read, draft}
	switch {
	case ok && b.Form != "" && b.Form != BaselineForm:
		return nil, c.only("baseline", "the baseline is in the form %q; this program reads %q: judge with the relayspec that wrote it%s, or begin a new file with relayspec baseline update",
			b.Form, BaselineForm, b.by())
	case ok && b.Edition != "" && b.Edition != Edition:
		return nil, c.only("edition", "the baseline is for edition %s of the features, and these are edition %s: judge with the relayspec that wrote it%s, or begin a new file with relayspec baseline update",
			b.Edition, Edition, b.by())
	case ok:
		c.all()
	}
	if faults := read.Faults(); len(faults) > 0 {
		return nil, faults
	}
	return b, nil
}

func baselineForm() yamlfile.Form {
	return yamlfile.Form{What: "a baseline", Empty: "relayspec baseline update writes one"}
}

// by says who wrote b, in parentheses; "" when it doesn't say.
func (b *Baseline) by() string {
	if b.Tool == "" {
		return ""
	}
	return " (" + b.Tool + ")"
}

// baselineChecker finds what is wrong with a baseline that has the right form.
type baselineChecker struct {
	*Baseline
	read  *yamlfile.File
	draft bool
}

// only is one fault in the place of all others: what else there is to say of the file, another program knows.
func (c *baselineChecker) only(path, format string, args ...any) yamlfile.Faults {
	at := c.read.At(path)
	return yamlfile.Faults{{File: c.file, Line: at.Line, Column: at.Column, Text: fmt.Sprintf(format, args...)}}
}

func (c *baselineChecker) fault(path, format string, args ...any) {
	if c.read.WellFormed(path) {
		c.read.Fault(c.read.At(path), format, args...)
	}
}

func (c *baselineChecker) all() {
	for _, key := range []struct{ name, value, write string }{
		{"baseline", c.Form, "baseline: " + BaselineForm},
		{"edition", c.Edition, "edition: " + Edition},
		{"target", c.Target, "target: and what the relay is called in reports"},
	} {
		if key.value == "" {
			c.fault(key.name, "%s is missing or empty; write %s", key.name, key.write)
		}
	}
	if _, has := c.read.Places["entries"]; !has {
		c.fault("", "entries is missing; write entries: and a list, or entries: [] when nothing is expected to fail")
	}
	for i := range c.Entries {
		path := fmt.Sprintf("entries[%d]", i)
		c.Entries[i].line = c.read.At(path).Line
		c.entry(path, &c.Entries[i])
		twin := slices.IndexFunc(c.Entries[:i], func(e Expectation) bool { return e.ID == c.Entries[i].ID })
		if twin >= 0 && c.Entries[i].ID != "" {
			c.fault(path+".id", "%s stands already at line %d, and cases belong to the first entry that fits; write it once", c.Entries[i].ID, c.Entries[twin].line)
		}
	}
}

// replyPattern is the form of an entry's reply.
var replyPattern = regexp.MustCompile(`^(none|[2-5][0-9xyz]{2}( [245]\.[0-9]{1,3}\.[0-9]{1,3})?)$`)

func (c *baselineChecker) entry(path string, e *Expectation) {
	if !strings.Contains(e.ID, "/") && e.ID != "*" {
		c.fault(path+".id", "%s.id is %q; write a case's ID as the report gives it, RULE/scenario, in which * stands for anything", path, e.ID)
	}
	switch reports.Verdict(e.Verdict) {
	case reports.Fail, reports.NonStrict, reports.Noted:
	case reports.Error:
		c.fault(path+".verdict", "an ERROR can't be expected: nobody could tell what the relay does; mend what keeps the judge from telling")
	default:
		c.fault(path+".verdict", "%s.verdict is %q; write FAIL, NONSTRICT or NOTE", path, e.Verdict)
	}
	if e.Reply != "" && !replyPattern.MatchString(e.Reply) {
		c.fault(path+".reply", "%s.reply is %q; write a class such as 5xx, a code such as 550, codes such as 550 5.7.1, or none", path, e.Reply)
	}
	if !c.draft && (strings.TrimSpace(e.Reason) == "" || strings.HasPrefix(e.Reason, todo)) {
		c.fault(path+".reason", "%s.reason is missing; write why the relay may do so, in words that its maintainer would accept", path)
	}
	if where, err := url.Parse(e.Issue); e.Issue != "" && (err != nil || where.Host == "" || where.Scheme != "https" && where.Scheme != "http") {
		c.fault(path+".issue", "%s.issue is %q; write a URL: https://...", path, e.Issue)
	}
	if _, err := time.Parse(time.DateOnly, e.Until); e.Until != "" && err != nil {
		c.fault(path+".until", "%s.until is %q; write a day, such as 2027-01-31", path, e.Until)
	}
}

// checkTarget gives a fault when b is another relay's.
func (b *Baseline) checkTarget(name string) error {
	if b.Target == name {
		return nil
	}
	var into Baseline
	read, _ := yamlfile.Read(b.file, b.data, baselineForm(), &into)
	return (&baselineChecker{b, read, false}).only("target",
		"the baseline is that of %q, and the relay under test is called %q: give the baseline of this relay, or correct the name", b.Target, name)
}

// fits tells whether a case that came to c.Own() failed as e says.
func (e *Expectation) fits(c *reports.Case) bool {
	return string(c.Own()) == e.Verdict && (e.Step == "" || e.Step == c.Step) && replyFits(e.Reply, c.Reply)
}

// replyFits tells whether an entry's reply takes the codes of a reply.
func replyFits(pattern, codes string) bool {
	switch pattern {
	case "":
		return true
	case "none":
		return codes == ""
	}
	code, enhanced, both := strings.Cut(pattern, " ")
	got, gotEnhanced, _ := strings.Cut(codes, " ")
	if len(got) != len(code) || both && enhanced != gotEnhanced {
		return false
	}
	for i := range len(code) {
		if code[i] != got[i] && !strings.ContainsRune("xyz", rune(code[i])) {
			return false
		}
	}
	return true
}

// classOf is the class of a reply's codes: "5xx", or "none".
func classOf(codes string) string {
	if codes == "" {
		return "none"
	}
	return codes[:1] + "xx"
}

// wants says in words what e expects.
func (e *Expectation) wants() string {
	said := e.Verdict
	switch e.Reply {
	case "":
	case "none":
		said += " without a reply at fault"
	default:
		said += " with " + e.Reply
	}
	if e.Step != "" {
		said += " at " + e.Step
	}
	return said
}

// expired tells whether the last day of e is over.
func (e *Expectation) expired(now time.Time) bool {
	last, err := time.Parse(time.DateOnly, e.Until)
	return e.Until != "" && err == nil && !now.Before(last.AddDate(0, 0, 1))
}
