package main

import (
	"encoding/json"
	"errors"
	"fmt"

	setup "github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/features/lint"
	"github.com/relayspec/relayspec/reports"
)

// check is the command that holds a sending server's configuration against the document.
type check struct {
	Files   []string `arg:"" placeholder:"FILE" help:"Configuration files, or folders of them, of one server or of several."`
	Server  string   `placeholder:"NAME" help:"Whose configuration it is: postfix, sendmail, exchange-hub ... Default: the files tell."`
	Senders string   `name:"allowed-senders" enum:",registered,domains,any" default:"" placeholder:"WHO" help:"What the relay's setting allows as senders: registered, domains or any. Default: not known."`
	TLS     bool     `name:"require-tls" help:"\"Require TLS encryption\" is ticked in the relay's setting."`
	Domain  []string `placeholder:"NAME" help:"A domain of the customer's; may be given several times. Default: not known."`
	Level   string   `enum:"must,should,may,info" default:"info" help:"The least level to tell of: ${enum}."`
	Strict  bool     `help:"A should makes the exit code 1, too."`
	JSON    bool     `name:"json" xor:"form" help:"Write JSON."`
	SARIF   bool     `name:"sarif" xor:"form" help:"Write SARIF 2.1.0, which services that show code take."`
}

// Help teaches by example.
func (check) Help() string {
	return `Reads what a sending server is configured with, and says by rule what differs from the document: where it stands, why it
matters, and the line to write instead. It reads Postfix main.cf and postconf -n, sendmail.mc and sendmail.cf, qmail's control
folder, Get-SendConnector, Get-ReceiveConnector, Get-EdgeSubscription and Get-TransportServer | Format-List of Exchange
2007/2010, the settings of Exchange 2000/2003, Domino (notes.ini, DXL or YAML), GroupWise gwia.cfg, and serveradmin settings
mail of Mac OS X Server.

  relayspec lint /etc/postfix/main.cf
  relayspec lint --require-tls --allowed-senders any --domain corp.example /etc/postfix/main.cf
  relayspec lint hub.txt edge.txt                        Exchange's hub and edge, compared
  relayspec lint --level should --json /var/qmail/control | jq '.findings[].rule'

Levels are the rules' own (must, should, may, info); a finding is information where it rests on what isn't known, such as
the relay's setting. Exit codes: 0 nothing that must be; 1 a must is broken, or with --strict a should; 2 a mistake in the
command line, or a file that can't be read, each fault with its line.`
}

// checked is what is written as JSON.
type checked struct {
	Servers  []checkedServer `json:"servers"`
	Findings []lint.Finding  `json:"findings"`
	Unsaid   []unsaid        `json:"unsaid"` // rules that can't be judged by these files
	Warnings []string        `json:"warnings,omitempty"`
}

type checkedServer struct {
	Server string   `json:"server"`
	Files  []string `json:"files"`
}

type unsaid struct {
	Rule   string `json:"rule"`
	Server string `json:"server"`
	Why    string `json:"why"`
}

// Run reads and judges.
func (c *check) Run(s *streams) error {
	setups, warnings, err := setup.ReadAll(c.Server, c.Files...)
	if err != nil {
		return &exit{exitUsage, &advice{err, "Mend what can't be read, or leave it out, and lint again"}}
	}
	if !c.JSON {
		for _, w := range warnings {
			fmt.Fprintf(s.err, "relayspec: warning: %v\n", w)
		}
	}
	options := lint.Options{Senders: lint.Senders(c.Senders), RequireTLS: c.TLS, Domains: c.Domain}
	all := options.Check(setups...) // Level narrows what is told, not what the exit code says
	options.Level = reports.Level(c.Level)
	told := options.Check(setups...)
	switch {
	case c.JSON:
		err = c.json(s, options, setups, warnings, told)
	case c.SARIF:
		err = lint.WriteSARIF(s.out, tool().Version, told)
	default:
		err = lint.WriteText(s.out, setups, told, lint.Untold(options.Examine(setups...)))
	}
	if err == nil && lint.Fails(all, c.Strict) {
		return &exit{code: 1}
	}
	return err
}

func (c *check) json(s *streams, o lint.Options, setups []*setup.Setup, warnings setup.Faults, findings []lint.Finding) error {
	out := checked{Servers: []checkedServer{}, Findings: append([]lint.Finding{}, findings...), Unsaid: []unsaid{}}
	for _, each := range setups {
		out.Servers = append(out.Servers, checkedServer{each.Server, each.Files})
	}
	for _, outcome := range lint.Untold(o.Examine(setups...)) {
		out.Unsaid = append(out.Unsaid, unsaid{outcome.Rule, outcome.Server, outcome.Unsaid})
	}
	for _, w := range warnings {
		out.Warnings = append(out.Warnings, w.Error())
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

// instructions is the command that prints how a sending server is set up.
type instructions struct {
	Server       string `arg:"" optional:"" placeholder:"SERVER" help:"The server: see --list."`
	List         bool   `help:"List the servers."`
	AsDocumented bool   `help:"Only what the document says, its slips included."`
	Name         string `default:"mail.your-domain.example" help:"The name that the server is to present."`
	Domain       string `default:"your-domain.example" help:"A domain of the customer's."`
	JSON         bool   `name:"json" help:"Write JSON."`
}

// Help teaches by example.
func (instructions) Help() string {
	return `Prints how one of the nine documented servers is pointed at the relay: each step of the document with its rule and the lines
to write; and what has to be put right in it: a port 25 that fails where TLS is required, a file that the server never reads,
how to say whose the server is, which the document asks for and doesn't show.

  relayspec recipe --list
  relayspec recipe postfix --name mail.corp.example --domain corp.example
  relayspec recipe qmail --as-documented`
}

// Run prints.
func (c *instructions) Run(s *streams) error {
	if c.List {
		for _, name := range lint.Servers() {
			recipe, err := lint.RecipeFor(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "%-14s %s\n", name, recipe.Title)
		}
		return nil
	}
	if c.Server == "" {
		return &exit{exitUsage, &advice{errors.New("no server is named"), "relayspec recipe --list shows them"}}
	}
	recipe, err := lint.RecipeFor(c.Server)
	if err != nil {
		return &exit{exitUsage, &advice{err, "relayspec recipe --list shows them"}}
	}
	if !c.JSON {
		return recipe.WriteText(s.out, !c.AsDocumented, c.Name, c.Domain)
	}
	if c.AsDocumented {
		recipe.Corrections = nil
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(recipe)
}
