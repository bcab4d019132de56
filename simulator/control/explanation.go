package control

import (
	"fmt"
	"strings"
	"time"

	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reference/wire"
)

// explanation is what the relay said or would say, and why.
type explanation struct {
	Accepted  bool          `json:"accepted"`
	At        time.Time     `json:"at,omitzero"`
	Stage     string        `json:"stage"`
	Command   string        `json:"command,omitempty"`
	Sender    string        `json:"sender,omitempty"`
	Recipient string        `json:"recipient,omitempty"`
	Reply     *replyBody    `json:"reply,omitempty"`
	Rule      policy.RuleID `json:"rule,omitempty"`
	Why       string        `json:"why,omitempty"`
	Counters  []standing    `json:"counters,omitempty"`
	NextFree  time.Time     `json:"next_free,omitzero"`
}

type replyBody struct {
	Code     int      `json:"code"`
	Enhanced string   `json:"enhanced,omitempty"`
	Lines    []string `json:"lines,omitempty"`
}

// standing is where a counter stands.
type standing struct {
	Counter       string        `json:"counter"`
	User          string        `json:"user,omitempty"`
	Rule          policy.RuleID `json:"rule"`
	Used          int           `json:"used"`
	Limit         *int          `json:"limit,omitempty"` // nil: none
	Remaining     *int          `json:"remaining,omitempty"`
	Fits          bool          `json:"fits"`
	WindowSeconds float64       `json:"window_seconds"`
	Fixed         bool          `json:"fixed"`
	NextFree      time.Time     `json:"next_free,omitzero"`
}

func standingOf(s ledger.Standing) standing {
	body := standing{
		Counter: s.Item.Counter.String(), User: s.Item.User, Rule: s.Item.Rule, Used: s.Used, Fits: s.Fits,
		WindowSeconds: s.Item.Window.Length.Seconds(), Fixed: s.Item.Window.Fixed, NextFree: s.Free,
	}
	if limit := s.Item.Limit; limit >= 0 {
		remaining := max(limit-s.Used, 0)
		body.Limit, body.Remaining = &limit, &remaining
	}
	return body
}

// look tells how a charge stands.
func (s *Server) look(charge *policy.Charge) []standing {
	if len(charge.Items()) == 0 {
		return nil
	}
	var all []standing
	for _, one := range s.options.Ledger.Look(s.options.Clock.Now(), charge) {
		all = append(all, standingOf(one))
	}
	return all
}

// refuse makes e the explanation of a decision that refuses, or that would if counters don't let it pass.
func (e *explanation) refuse(rule policy.RuleID, counters []standing) {
	e.Rule = rule
	e.Why = meaning(rule)
	if rule == "" {
		return
	}
	for i := range counters {
		if counters[i].Rule == rule && !counters[i].Fits {
			e.Counters = counters
			e.Why = e.Why + ": " + counters[i].sentence()
			e.NextFree = allFit(counters)
			return
		}
	}
}

// sentence says how a counter stands that is in the way.
func (s *standing) sentence() string {
	whose := s.Counter
	if s.User != "" {
		whose += " of " + s.User
	}
	return fmt.Sprintf("%s stands at %d of %d", whose, s.Used, *s.Limit)
}

// allFit is when every counter lets it pass; zero: never.
func allFit(counters []standing) time.Time {
	latest := time.Time{}
	for i := range counters {
		switch at := counters[i].NextFree; {
		case at.IsZero():
			return time.Time{}
		case at.After(latest):
			latest = at
		}
	}
	return latest
}

// tell fills in what was said.
func (e *explanation) tell(event *wire.Event) {
	e.At, e.Stage, e.Command, e.Sender = event.Time.UTC(), event.Stage, event.Command, event.Sender
	e.Reply = &replyBody{Code: event.Code, Enhanced: event.Enhanced, Lines: linesOf(event)}
	if e.Rule != event.Rule { // a fault, or the wire itself
		e.Rule, e.Counters, e.NextFree = event.Rule, nil, time.Time{}
		e.Why = meaning(event.Rule)
	}
	if event.Cause != "" {
		e.Why = event.Cause
	}
}

// linesOf are the lines of a reply without their codes.
func linesOf(event *wire.Event) []string {
	if unsaid(event) {
		return []string{event.Text}
	}
	const code = len("250 ")
	var lines []string
	for line := range strings.Lines(string(event.Reply)) {
		line = strings.TrimRight(line, "\r\n")
		line = line[min(code, len(line)):]
		if event.Enhanced != "" {
			line = strings.TrimPrefix(line, event.Enhanced+" ")
		}
		lines = append(lines, line)
	}
	return lines
}
