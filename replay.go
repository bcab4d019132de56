package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target/static"
	"github.com/relayspec/relayspec/reports/transcript"
)

// replay is the command that plays a transcript again.
type replay struct {
	Transcript     string        `arg:"" help:"A file of a report's transcripts folder, or of relayspec record; - is standard input."`
	Target         string        `default:"embedded" placeholder:"FILE" help:"The relay to play it on: a profile, or embedded, the relay of this program."`
	Against        string        `placeholder:"FILE" help:"Play it on this relay too, and show where the two differ."`
	Codes          bool          `help:"Compare codes and enhanced codes only, not the words behind them."`
	Out            place         `placeholder:"FILE" help:"Write the new transcript."`
	AsFeature      bool          `help:"Write it as scenarios to begin with, and play nothing."`
	Bound          time.Duration `default:"2m" help:"How long it may take on each relay."`
	IOwnThisTarget bool          `name:"i-own-this-target" help:"Let volume go to a relay that isn't on this machine. Say so only of your own."`
}

// exitDiffers is the exit code when something isn't as it was, or as it should be.
const exitDiffers = 1

// Help teaches by example.
func (replay) Help() string {
	return `Says the client's side of a kept transcript again and compares what the relay answers: the same codes, enhanced codes and
words, but for what is new each time: ids, times, ports, names of hosts, and the random names of a scenario.

The world that a scenario made is made again, under fresh names and with fresh credentials, and counters and the clock are
set as they were, where the relay's driver can. On a relay with roles of its own these play the recorded ones. Credentials
are never in a transcript; those that it names are made again, or taken from the profile. Messages in a row stand in it in
short, up to some hundred of them; one of a case that sends more isn't whole, and says how to come by one that is.

  relayspec replay report/transcripts/CON-HELO/a-name.txt --target relay.yaml
  relayspec replay FILE                                      on the relay of this program
  relayspec replay FILE --target relay.yaml --against embedded
  relayspec replay FILE --target relay.yaml --codes --out again.txt
  relayspec replay FILE --as-feature                         as scenarios to begin with

The last line says what came of it: "the same" or "differs"; and where the transcript marks an offending reply (!),
"reproduced" when that came again with the same code and enhanced code, behind replies that took or refused the same, or
"not reproduced".

Exit codes: 0 the same, or the offending reply is reproduced; 1 it differs, or the offending reply is not reproduced;
with --against: 0 the two relays answer the same, 1 they don't;
2 a mistake in the command line, the profile or the transcript, each with its line, or --out can't be written; 3 it could not
be played: the relay can't be opened, or can't be brought into the state that the transcript begins with; 130 interrupted. It
always ends: every wait is bounded.`
}

// Run plays and compares.
func (c *replay) Run(ctx context.Context, s *streams) error {
	script, err := c.script(s.in)
	if err != nil {
		return err
	}
	if c.AsFeature {
		return script.WriteFeature(s.out)
	}
	if c.Bound <= 0 {
		return &exit{exitUsage, &advice{fmt.Errorf("--bound %s leaves no time", c.Bound), "Give a minute or so"}}
	}
	var played []*features.Played
	for _, name := range c.targets() {
		p, err := c.play(ctx, script, name)
		if err != nil && ctx.Err() != nil {
			return &exit{features.ExitInterrupted, errors.New("interrupted before all was played")}
		}
		if err != nil {
			return err
		}
		played = append(played, p)
	}
	if err := c.keep(played[0], s.out); err != nil {
		return err
	}
	if len(played) == 1 {
		return c.tell(s.out, played[0])
	}
	return c.tellBoth(s.out, played[0], played[1])
}

// targets are the relays that the command opens.
func (c *replay) targets() []string {
	if c.Against == "" {
		return []string{c.Target}
	}
	return []string{c.Target, c.Against}
}

// script reads the transcript; an error stands with its file and line.
func (c *replay) script(stdin io.Reader) (*features.Script, error) {
	next := "Name a whole file of a report's transcripts folder, or one that relayspec record has written"
	in := stdin
	if c.Transcript != "-" {
		file, err := os.Open(c.Transcript)
		if err != nil {
			return nil, &exit{exitUsage, &advice{err, next}}
		}
		defer file.Close()
		in = file
	}
	script, err := features.ReadScript(in)
	if much := (*features.Incomplete)(nil); errors.As(err, &much) {
		next = c.instead(much)
	}
	if wrong := (*transcript.LineError)(nil); errors.As(err, &wrong) {
		return nil, &exit{exitUsage, &advice{fmt.Errorf("%s:%d: %w", c.Transcript, wrong.Line, wrong.Err), next}}
	}
	if err != nil {
		return nil, &exit{exitUsage, &advice{fmt.Errorf("%s: %w", c.Transcript, err), next}}
	}
	return script, nil
}

// instead says what to do about a case that sends more than its transcript keeps.
func (c *replay) instead(much *features.Incomplete) string {
	if much.Volume == features.VolumeLight {
		return fmt.Sprintf("This case always sends so much. Judge it again, alone: relayspec conform --target %s --select '%s'", c.Target, much.Case)
	}
	const words = "Judge it with counters that are set in the place of what was sent, which the relay's driver must be able to do, and " +
		"play that transcript: relayspec conform --target %s --select '%s' --volume light --keep-transcripts"
	return fmt.Sprintf(words, c.Target, much.Case)
}

// play opens a relay, plays the script on it, and closes it.
func (c *replay) play(ctx context.Context, script *features.Script, name string) (*features.Played, error) {
	open, _, err := opener(name, 1, static.Options{Own: c.IOwnThisTarget})
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, c.Bound, fmt.Errorf("it takes longer than %s", c.Bound))
	defer cancel()
	relay, closer, err := open(bounded)
	switch {
	case errors.As(err, new(static.Faults)):
		return nil, &exit{exitUsage, &advice{err, "Mend the profile and play it again"}}
	case err != nil:
		if bounded.Err() != nil {
			err = fmt.Errorf("%w: %w", context.Cause(bounded), err)
		}
		return nil, &exit{exitUnopened, &advice{err, "See that the relay runs and that the profile says where"}}
	}
	played, err := script.Play(bounded, relay)
	closing := closer.Close()
	if wrong := (*features.Unplayable)(nil); errors.As(err, &wrong) {
		next := fmt.Sprintf("On %s this transcript can't be played. Play it on a relay whose driver can, relayspec replay --help", name)
		return nil, &exit{exitUnopened, &advice{fmt.Errorf("%s:%d: %w", c.Transcript, wrong.Line, wrong.Err), next}}
	}
	if err := errors.Join(err, closing); err != nil {
		return nil, &exit{exitUnopened, err}
	}
	return played, nil
}

// like says how replies are compared.
func (c *replay) like() features.Like {
	if c.Codes {
		return features.InCodes
	}
	return features.InWords
}

// tell compares what came with what was recorded.
func (c *replay) tell(w io.Writer, played *features.Played) error {
	differ, err := played.WriteDiff(w, c.like(), c.Transcript, called(played))
	if err != nil {
		return err
	}
	for _, note := range played.Notes {
		fmt.Fprintln(w, note)
	}
	verdict := "the same"
	if differ > 0 {
		verdict = fmt.Sprintf("differs in %d of %d turns", differ, len(played.Turns))
	}
	bad := differ > 0
	if marked := played.Offending(); marked != nil {
		bad = !played.Reproduced()
		verdict += ": " + played.OnOffending()
	}
	if _, err := fmt.Fprintf(w, "%s: %s\n", called(played), verdict); err != nil {
		return err
	}
	if bad {
		return &exit{code: exitDiffers}
	}
	return nil
}

// tellBoth compares what came of the two relays.
func (c *replay) tellBoth(w io.Writer, played, other *features.Played) error {
	beside := other.Against(played)
	differ, err := beside.WriteDiff(w, c.like(), called(played), called(other))
	if err != nil {
		return err
	}
	for _, p := range []*features.Played{played, other} {
		for _, note := range p.Notes {
			fmt.Fprintf(w, "%s: %s\n", called(p), note)
		}
		if p.Offending() != nil {
			fmt.Fprintf(w, "%s: %s\n", called(p), p.OnOffending())
		}
	}
	if differ == 0 {
		_, err := fmt.Fprintf(w, "%s and %s: the same\n", called(played), called(other))
		return err
	}
	fmt.Fprintf(w, "%s and %s: differ in %d of %d turns\n", called(played), called(other), differ, len(beside.Turns))
	return &exit{code: exitDiffers}
}

// called names a relay.
func called(p *features.Played) string {
	return strings.TrimSpace(p.Target.Name + " " + p.Target.Version)
}

// keep writes the new transcript where that is asked for.
func (c *replay) keep(played *features.Played, stdout io.Writer) error {
	if c.Out == "" {
		return nil
	}
	var text bytes.Buffer
	if err := transcript.WriteEntries(&text, played.Entries); err != nil {
		return err
	}
	if c.Out == "-" {
		_, err := stdout.Write(text.Bytes())
		return err
	}
	if err := os.WriteFile(string(c.Out), text.Bytes(), 0o644); err != nil {
		return &exit{exitUsage, &advice{err, "Name what can be written with --out"}}
	}
	return nil
}
