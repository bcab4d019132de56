package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/sender"
	"github.com/relayspec/relayspec/reports"
)

// audit is the command that judges whatever real server is pointed at it.
type audit struct {
	Listen    []string      `placeholder:"ADDR" help:"Where the auditing relay listens, host:port; STARTTLS is offered. May be given several times. Default: 127.0.0.1:2525."`
	ListenTLS []string      `name:"listen-tls" placeholder:"ADDR" help:"Likewise, with TLS from the start, as on port 465."`
	Domain    []string      `placeholder:"NAME" help:"A domain of the company: the name that its servers present is to be in one. May be given several times."`
	Least     time.Duration `default:"1m" help:"How long a server must wait before it tries again. Default: ${default}, the document's shortest interval."`
	Within    time.Duration `default:"2h" help:"How long another try, and a notice, are waited for. Default: ${default}."`
	Senders   int           `default:"0" placeholder:"N" help:"End when so many servers were judged to the end. Default: go on until it is interrupted."`
	Report    place         `placeholder:"DIR" help:"Write a report of each server to DIR/NAME, in every format, with the transcripts."`
	JSON      bool          `name:"json" help:"Write a line of JSON for each verdict instead of text."`
}

// Help teaches by example.
func (audit) Help() string {
	return `Runs a relay that judges sending servers. Point a server of yours at it, in a test set-up, and have it send a message
whenever the audit says so: what it refuses once must come back to its sender, or be tried again, as the document has it.
Servers are told apart by their address and by the name that they present; several are judged at once.

  relayspec audit --listen 192.0.2.7:25 --domain corp.example --report report
  relayspec audit --listen :25 --listen-tls :465 --json | jq 'select(.verdict == "FAIL")'

No message goes on from here: all of them are dropped, and none is kept. Messages whose notices the server delivers itself, to
users of its own, can't be judged by them: give messages a sender whose mail goes out. Certificates are this relay's own.

An interruption (Ctrl-C) ends the audit; the report has what was found.

Exit codes:
  0    each server was judged to the end, and each rule that must hold does
  1    a rule that must hold doesn't
  2    a mistake in the command line, or nothing can be listened on
  3    nobody could tell, or a report can't be written
  4    no server came
  130  interrupted before a server was judged to the end`
}

// Run serves the audit.
func (c *audit) Run(ctx context.Context, s *streams) error {
	if err := c.usable(); err != nil {
		return err
	}
	suite, err := sender.LoadAudit()
	if err != nil {
		return &exit{exitUsage, fmt.Errorf("the features of this program are at fault: %w", err)}
	}
	tell := &auditor{s, c.JSON}
	came, err := sender.Audit(ctx, sender.AuditOptions{
		Suite: suite, Ports: c.ports(), Domains: c.Domain, Least: c.Least, Within: c.Within, Senders: c.Senders, Tool: tool(),
		Ready: tell.ready, Awaits: tell.awaits, Found: tell.found,
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		const next = "Another audit, or another server, has it: end that one, or listen elsewhere with --listen ADDR"
		return &exit{exitUsage, &advice{err, next}}
	}
	if err != nil {
		return &exit{exitUsage, &advice{err, "Name an address of this machine with --listen ADDR; ports under 1024 take root"}}
	}
	return c.conclude(s, came)
}

// usable says what in the flags can't be.
func (c *audit) usable() error {
	if c.Least < 0 || c.Within <= c.Least || c.Senders < 0 {
		err := fmt.Errorf("--least %s, --within %s and --senders %d don't go together", c.Least, c.Within, c.Senders)
		return &exit{exitUsage, &advice{err, "Give 0 or more, and --within more than --least"}}
	}
	if c.Report != "" {
		if err := reports.CheckDir(string(c.Report)); err != nil {
			return &exit{exitUsage, &advice{err, "Name a directory that can be written with --report"}}
		}
	}
	return nil
}

func (c *audit) ports() (all []sender.AuditPort) {
	for _, address := range c.Listen {
		all = append(all, sender.AuditPort{Address: address})
	}
	for _, address := range c.ListenTLS {
		all = append(all, sender.AuditPort{Address: address, ImplicitTLS: true})
	}
	if len(all) == 0 {
		all = append(all, sender.AuditPort{Address: "127.0.0.1:2525"})
	}
	return all
}

// conclude writes the reports, and ends as the worst of them.
func (c *audit) conclude(s *streams, came []*sender.Audited) error {
	code, faults := features.ExitNothingRan, []error(nil)
	for i, a := range came {
		if !c.JSON {
			fmt.Fprintf(s.out, "%s: %s, %d of %d cases judged\n", a.Name(), a.Run.Overall, a.Run.Totals.Ran, a.Run.Totals.Chosen)
		}
		if c.Report != "" {
			faults = append(faults, reports.WriteDir(filepath.Join(string(c.Report), folderOf(a)), a.Run))
		}
		if own := auditCode(a.Run); i == 0 || severity(own) > severity(code) {
			code = own
		}
	}
	if err := errors.Join(faults...); err != nil {
		return &exit{features.ExitInconclusive, &advice{err, "Name a directory that can be written with --report"}}
	}
	switch code {
	case features.ExitSatisfied:
		return nil
	case features.ExitNothingRan:
		return &exit{code, &advice{errors.New("no server came"), "Point one at the address above, and have it send a message"}}
	}
	return &exit{code: code}
}

// auditCode is what a sender's run alone would end the program with: what doesn't hold speaks before an interruption.
func auditCode(run *reports.Run) int {
	switch {
	case run.Overall == reports.NonConformant:
		return features.ExitNonConformant
	case run.Interrupted:
		return features.ExitInterrupted
	case run.Overall == reports.Inconclusive:
		return features.ExitInconclusive
	}
	return features.ExitSatisfied
}

// severity orders exit codes.
func severity(code int) int {
	switch code {
	case features.ExitNonConformant:
		return 3
	case features.ExitInconclusive:
		return 2
	case features.ExitInterrupted:
		return 1
	}
	return 0
}

// folderOf is a sender's folder in a report.
func folderOf(a *sender.Audited) string {
	name := regexp.MustCompile(`[^A-Za-z0-9.-]+`).ReplaceAllString(a.Hello, "_")
	return strings.Trim(name, ".") + "_" + strings.ReplaceAll(a.Address.String(), ":", "-")
}

// auditor tells what an audit finds while it runs.
type auditor struct {
	*streams
	json bool
}

func (t *auditor) ready(addresses []string) {
	fmt.Fprintf(t.err, "auditing senders at %s; Ctrl-C ends it\n", strings.Join(addresses, ", "))
}

func (t *auditor) awaits(a *sender.Audited, what string) {
	fmt.Fprintf(t.err, "%s is to %s\n", a.Name(), what)
}

// auditLine is a verdict as a line of JSON.
type auditLine struct {
	Sender  string          `json:"sender"`
	Address string          `json:"address"`
	ID      string          `json:"id"`
	Verdict reports.Verdict `json:"verdict"`
	Want    string          `json:"want,omitempty"`
	Got     string          `json:"got,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	Count   int             `json:"count"`
	Of      int             `json:"of"`
}

func (t *auditor) found(a *sender.Audited, c reports.Case, count, chosen int) {
	if t.json {
		line, err := json.Marshal(auditLine{a.Hello, a.Address.String(), c.ID, c.Verdict, c.Want, c.Got, c.Reason, count, chosen})
		if err == nil { // texts and numbers
			fmt.Fprintf(t.out, "%s\n", line)
		}
		return
	}
	why := c.Reason
	if c.Want != "" {
		why = fmt.Sprintf("wanted %s; got %s", c.Want, c.Got)
	}
	fmt.Fprintf(t.out, "%s  %-11s %s  %s\n", a.Name(), c.Verdict, c.ID, why)
}
