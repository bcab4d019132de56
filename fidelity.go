package main

import (
	"context"
	"fmt"

	"github.com/relayspec/relayspec/fakes/mta"
	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/fidelity"
)

// faithful is the command that measures the fakes of sending servers by transcripts of the real ones.
type faithful struct {
	Folder  string   `arg:"" help:"A folder with transcripts, *.txt, in the form of fakes/mta/testdata/transcripts."`
	Profile []string `placeholder:"FILE" sep:"none" help:"Measure this profile, in the place of the one of its name or besides. May be given more than once."`
	JSON    bool     `name:"json" help:"Write JSON."`
}

// Help teaches by example.
func (faithful) Help() string {
	return `Plays the scripted relay of each transcript against the fake of the server that was recorded, and compares what the fake sends
with what the real server sent.

Cases in which a server does one thing at a time (a to e, j and k) are compared exactly, connection by connection: the
commands and their order, which of them share a segment, how connections begin and end. Left out is what differs each
time: ids, dates, versions, and the numbers of SIZE and BDAT, which are compared with the size of the content. Cases that
hang on timing (f, h, and those with several connections open at once) are compared by what holds whatever the timing:
messages a connection, connections at once, where RSET stands, how an idle connection ends, and the times of retries,
within a tenth and three quarters of a second, or one run of the queue.

A difference that counts makes a fake unfaithful; one in the words of a message, or in its announced size, is shown and
doesn't. Servers without transcripts are told with what their profiles rest on: the document, observation, printed
defaults, headers, or memory.

  relayspec fidelity fakes/mta/testdata/transcripts
  relayspec fidelity recorded --json | jq '.results[] | select(.differences)'
  relayspec fidelity recorded --profile my-postfix.yaml      a profile of your own

Transcripts of servers that have no fake are named, and are no mistake. Timers of retries go on the movable clock, so nothing
takes longer than its idle connections.

Exit codes: 0 no difference that counts; 1 one that does; 2 a mistake in the command line, or a transcript that can't be read
or played, each with its file and line; 130 interrupted: what was played until then is told.`
}

// Run plays and compares.
func (c *faithful) Run(ctx context.Context, s *streams) error {
	files, err := fidelity.Transcripts(c.Folder)
	if err != nil {
		return &exit{exitUsage, &advice{err, "Name a folder with transcripts, such as fakes/mta/testdata/transcripts"}}
	}
	own, err := c.own()
	if err != nil {
		return &exit{exitUsage, &advice{err, "Mend the profile and measure it again"}}
	}
	report, err := fidelity.Judge(ctx, files, fidelity.Options{Own: own})
	if err != nil && report == nil {
		return err
	}
	write := report.WriteText
	if c.JSON {
		write = report.WriteJSON
	}
	if err := write(s.out); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return &exit{features.ExitInterrupted, fmt.Errorf("interrupted: %d of %d transcripts were played", len(report.Results), len(files))}
	case report.Failed() > 0:
		return &exit{exitUsage, &advice{fmt.Errorf("%d of %d transcripts could not be played", report.Failed(), len(files)), "The lines marked ERROR say why"}}
	case report.Broken() > 0:
		return &exit{code: exitDiffers}
	}
	return nil
}

// own are the profiles that were named.
func (c *faithful) own() ([]*mta.Profile, error) {
	var all []*mta.Profile
	for _, file := range c.Profile {
		profile, err := mta.LoadFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, profile)
	}
	return all, nil
}
