package fidelity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/relay"
)

// Script is what the relay of the recording did: the set-up that stands in the transcript, as far as its keys are known,
// and for the rest what was answered in the dialogue. notes say what could not be taken over.
//
// What a rule of the set-up has left to count is what the recording's end left of it, so how often it applied is taken from
// the dialogue.
func (r *Recording) Script() (script *relay.Script, notes []string, err error) {
	script = &relay.Script{}
	if r.Sink != "" {
		if script, notes, err = r.setUp(); err != nil {
			return nil, nil, err
		}
	} else {
		script.Ext, script.AuthAfterTLS = r.offered()
	}
	for _, stage := range stagesOf(script) {
		stage.amend(r)
	}
	r.certificate(script)
	return script, notes, script.Check()
}

// setUp reads the JSON at the top.
func (r *Recording) setUp() (*relay.Script, []string, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.Sink), &keys); err != nil {
		return nil, nil, fmt.Errorf("%s: the line \"# sink:\": %w: expected JSON", r.File, err)
	}
	script, unknown := &relay.Script{}, map[string]json.RawMessage{}
	for key, value := range keys {
		understood := slices.Contains([]string{"ext", "auth_after_tls", "rcpt_rules", "data_rules", "mail_rules"}, key)
		if !understood || !take(script, key, value) {
			unknown[key] = value
		}
	}
	if unknown["ext"] != nil || keys["ext"] == nil {
		script.Ext, script.AuthAfterTLS = r.offered()
	}
	return script, guessed(script, unknown), nil
}

// take takes one key over into the script; false: its value has a form that isn't known.
func take(script *relay.Script, key string, value json.RawMessage) bool {
	one, err := json.Marshal(map[string]json.RawMessage{key: value})
	if err != nil {
		return false
	}
	if _, err := relay.ReadScript(bytes.NewReader(one)); err != nil {
		return false
	}
	return json.Unmarshal(one, script) == nil
}

// guessed takes over what the words of an unknown key leave no doubt about; the notes are about the others.
func guessed(script *relay.Script, unknown map[string]json.RawMessage) (notes []string) {
	for key, value := range unknown {
		var number float64
		isNumber := json.Unmarshal(value, &number) == nil
		switch {
		case isNumber && number >= 1 && mostRecipients.MatchString(key):
			script.MaxRcpt = int(number)
		case isNumber && number > 0 && number <= 60 && delays.MatchString(key):
			script.End = append(script.End, relay.Rule{Delay: relay.Duration(number * float64(time.Second))})
		default:
			notes = append(notes, fmt.Sprintf("the relay's set-up has %q, which isn't known: what it did is taken from the dialogue", key))
		}
	}
	slices.Sort(notes)
	return notes
}

// Keys whose names leave no doubt.
var (
	mostRecipients = regexp.MustCompile(`(?i)max.*(rcpt|recip)|(rcpt|recip).*max`)
	delays         = regexp.MustCompile(`(?i)delay|sleep`)
)

// offered is what EHLO was answered, where the set-up doesn't say.
func (r *Recording) offered() (ext []string, authAfterTLS bool) {
	var clear, encrypted []string
	for _, s := range r.Sessions {
		inTLS := false
		for i, step := range s.Steps {
			switch {
			case step.Kind == relay.Note && strings.HasPrefix(step.Text, "TLS established"):
				inTLS = true
			case step.Verb == "EHLO" && i+1 < len(s.Steps) && strings.HasPrefix(s.Steps[i+1].Text, "250"):
				lines := strings.Split(s.Steps[i+1].Text, "\n")[1:]
				for j := range lines {
					lines[j] = lines[j][min(4, len(lines[j])):]
				}
				if inTLS {
					encrypted = lines
				} else {
					clear = lines
				}
			}
		}
	}
	for _, line := range encrypted {
		if strings.HasPrefix(line, "AUTH") && !slices.Contains(clear, line) {
			clear, authAfterTLS = append(clear, line), true
		}
	}
	return clear, authAfterTLS
}

// certificate has TLS be trusted where it was.
func (r *Recording) certificate(script *relay.Script) {
	if r.trusted() {
		script.Certificate = relay.Trusted
	}
}

// trusted tells whether the relay's certificate was one that the server could check: the transcript says so, or it doesn't
// say otherwise and the server went on in TLS.
func (r *Recording) trusted() bool {
	told := r.Case + " " + r.Title + " " + r.Note
	if strings.Contains(told, "trusted") {
		return !strings.Contains(told, "untrusted")
	}
	return !strings.Contains(told, "self-signed") && slices.ContainsFunc(r.Sessions, func(s relay.Session) bool {
		commands := s.Commands(false)
		return s.TLS != "" && len(commands) > 0 && commands[len(commands)-1] != "STARTTLS"
	})
}

// stage is a place where a relay answers.
type stage struct {
	rules   *relay.Rules
	success string       // what the reply begins with when nothing is refused
	verbs   []string     // of the step that is answered; nil: the greeting
	content *relay.Rules // for what happens in the middle of a content; nil: nothing can
	about   func(session *relay.Session, step int) []string
}

func stagesOf(s *relay.Script) []stage {
	anything := func(*relay.Session, int) []string { return []string{""} }
	address := func(session *relay.Session, step int) []string {
		a, _ := envelope(session.Steps[step].Text)
		return []string{a}
	}
	mechanism := func(session *relay.Session, step int) []string {
		return []string{strings.ToUpper(strings.Fields(session.Steps[step].Text + " x")[1])}
	}
	recipients := func(session *relay.Session, step int) []string {
		if session.Steps[step].Kind == relay.Content {
			return session.Messages[session.Steps[step].Message].Recipients
		}
		return acceptedBefore(session, step)
	}
	return []stage{
		{&s.Greeting, "220", nil, nil, anything},
		{&s.EHLO, "250", []string{"EHLO"}, nil, anything},
		{&s.HELO, "250", []string{"HELO"}, nil, anything},
		{&s.StartTLS, "220", []string{"STARTTLS"}, nil, anything},
		{&s.Auth, "235", []string{"AUTH"}, nil, mechanism},
		{&s.Mail, "250", []string{"MAIL"}, nil, address},
		{&s.Rcpt, "25", []string{"RCPT"}, nil, address},
		{&s.Data, "354", []string{"DATA", "BDAT"}, &s.Content, recipients},
		{&s.End, "250", []string{relay.EndOfData}, nil, recipients},
		{&s.Reset, "250", []string{"RSET"}, nil, anything},
		{&s.Quit, "221", []string{"QUIT"}, nil, anything},
	}
}

// acceptedBefore are the recipients that the transaction has at step.
func acceptedBefore(session *relay.Session, step int) []string {
	var all []string
	for i, s := range session.Steps[:step] {
		switch s.Verb {
		case "MAIL", "RSET", relay.EndOfData:
			all = nil
		case "RCPT":
			if i+1 < len(session.Steps) && strings.HasPrefix(session.Steps[i+1].Text, "25") {
				address, _ := envelope(s.Text)
				all = append(all, address)
			}
		}
	}
	return all
}

// answered is one answer of a stage.
type answered struct {
	about  []string
	reply  string // "": none came
	closed bool   // the relay closed the connection behind it
	cut    bool   // in the middle of the content
	there  string // what was said there
	delay  time.Duration
	early  bool // before AUTH's credentials were asked for
}

// answers are those that the recording has at this stage, in its order.
func (g stage) answers(r *Recording) []answered {
	var all []answered
	for i := range r.Sessions {
		s := &r.Sessions[i]
		if g.verbs == nil {
			if first := (answered{about: []string{""}}); first.take(s, -1) {
				all = append(all, first)
			}
			continue
		}
		for j, step := range s.Steps {
			if !g.asked(step) {
				continue
			}
			if a := (answered{about: g.about(s, j)}); a.take(s, j) {
				all = append(all, a)
			}
		}
	}
	return all
}

// asked tells whether step is answered at this stage.
func (g stage) asked(step relay.Step) bool {
	if step.Kind == relay.Content {
		return slices.Contains(g.verbs, relay.EndOfData)
	}
	return step.Kind == relay.Command && step.Verb != "" && slices.Contains(g.verbs, step.Verb)
}

// take reads the answer to a step of s, -1 for the greeting; false: nobody waited for one.
func (a *answered) take(s *relay.Session, step int) bool {
	before := s.Opened
	if step >= 0 {
		before = s.Steps[step].At
	}
	i := step + 1
	for i < len(s.Steps) && between(s.Steps[i]) {
		i++
	}
	if i < len(s.Steps) && s.Steps[i].Kind == relay.Reply {
		a.early = step >= 0 && s.Steps[step].Verb == "AUTH" && i == step+1 && len(strings.Fields(s.Steps[step].Text)) == 2
		a.reply, a.delay = s.Steps[i].Text, s.Steps[i].At.Sub(before)
		i = pastRemarks(s.Steps, i+1)
	}
	if a.cut = i < len(s.Steps) && strings.HasPrefix(s.Steps[i].Text, contentCut); a.cut {
		if i = pastRemarks(s.Steps, i+1); i < len(s.Steps) && s.Steps[i].Kind == relay.Reply {
			a.there = s.Steps[i].Text
			i = pastRemarks(s.Steps, i+1)
		}
	}
	a.closed = s.End == relay.ByServer && i == len(s.Steps)
	return a.reply != "" || a.closed
}

// between tells whether step may stand before an answer and isn't part of it: AUTH's questions and answers, and remarks.
func between(step relay.Step) bool {
	switch step.Kind {
	case relay.Note:
		return !strings.HasPrefix(step.Text, contentCut)
	case relay.Command:
		return step.Verb == ""
	case relay.Reply:
		return strings.HasPrefix(step.Text, "334")
	}
	return false
}

// pastRemarks is where what isn't a remark goes on, from step i.
func pastRemarks(steps []relay.Step, i int) int {
	for i < len(steps) && steps[i].Kind == relay.Note && between(steps[i]) {
		i++
	}
	return i
}

// delayShown is from how long a silence is the relay's.
const delayShown = 300 * time.Millisecond

// amend has the stage's rules say what they don't say yet.
func (g stage) amend(r *Recording) {
	all := g.answers(r)
	g.count(all)
	var added relay.Rules
	for i, a := range all {
		if g.usual(a) || g.said(added, a) || g.said(*g.rules, a) || a.cut && g.content != nil && g.met(*g.content, a) {
			continue
		}
		rule := g.rule(a, all, i)
		if a.cut && g.content != nil {
			rule.Reply, rule.Octets = a.there, 1
			*g.content = append(*g.content, rule)
			continue
		}
		added = append(added, rule)
	}
	*g.rules = append(added, *g.rules...)
	g.slow(all)
}

// usual tells whether the relay says a without being told: success, or that something is out of place.
func (g stage) usual(a answered) bool {
	return !a.closed && a.there == "" && (strings.HasPrefix(a.reply, g.success) || strings.HasPrefix(a.reply, "503"))
}

// said tells whether one of rules answers a.
func (g stage) said(rules relay.Rules, a answered) bool {
	return slices.ContainsFunc(rules, func(rule relay.Rule) bool {
		return rule.Reply == a.reply && rule.Close == a.closed && slices.ContainsFunc(a.about, rule.Matches)
	})
}

// met tells whether one of rules is about a.
func (g stage) met(rules relay.Rules, a answered) bool {
	return slices.ContainsFunc(rules, func(rule relay.Rule) bool { return slices.ContainsFunc(a.about, rule.Matches) })
}

// rule is what has a said where the recording has it.
func (g stage) rule(a answered, all []answered, at int) relay.Rule {
	rule := relay.Rule{Reply: a.reply, Close: a.closed, Match: pattern(a.about), Early: a.early}
	skip, times, ends := 0, 0, false
	for i, other := range all {
		if !slices.ContainsFunc(other.about, rule.Matches) {
			continue
		}
		switch same := other.reply == a.reply && other.closed == a.closed && other.cut == a.cut; {
		case i < at:
			skip++
		case same:
			times++
		default:
			ends = true
		}
	}
	rule.Skip = skip
	if ends {
		rule.Times = &times
	}
	return rule
}

// pattern matches what an answer was about.
func pattern(about []string) string {
	if len(about) == 0 || about[0] == "" {
		return ""
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(about[0])
}

// count has rules that count apply as often as they did.
func (g stage) count(all []answered) {
	for i := range *g.rules {
		rule := &(*g.rules)[i]
		if rule.Times == nil {
			continue
		}
		times := 0
		for _, a := range all {
			if a.reply == rule.Reply && slices.ContainsFunc(a.about, rule.Matches) {
				times++
			}
		}
		rule.Times = &times
	}
}

// slow has the relay take its time where it did.
func (g stage) slow(all []answered) {
	longest := time.Duration(0)
	for _, a := range all {
		longest = max(longest, a.delay)
	}
	if longest < delayShown {
		return
	}
	for i := range *g.rules {
		(*g.rules)[i].Delay = relay.Duration(longest)
	}
	*g.rules = append(*g.rules, relay.Rule{Delay: relay.Duration(longest)})
}
