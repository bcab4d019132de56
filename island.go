package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"github.com/alecthomas/kong"

	"github.com/relayspec/relayspec/fakes/island"
	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/sender/real"
	"github.com/relayspec/relayspec/features/target/static"
)

// aimed is a command that opens relays. A command that has this method goes to an island where a relay asks for it.
type aimed interface {
	// targets are the relays, as the command line names them: the file of a profile, or a word such as embedded.
	targets() []string
}

func (c *conform) targets() []string { return []string{c.Target} }
func (c *inspect) targets() []string { return []string{c.File} }

// callsForIsland tells whether the command opens a relay whose profile says isolated, and isn't on an island yet. A profile
// that can't be read is for the command to tell of.
func callsForIsland(chosen *kong.Node) (bool, error) {
	if chosen == nil || !chosen.Target.CanAddr() || island.Inside() {
		return false, nil
	}
	if judged, ok := chosen.Target.Addr().Interface().(*conform); ok && len(judged.profiles()) > 0 {
		for _, file := range judged.profiles() {
			if _, err := real.Load(file); err != nil {
				return false, &exit{exitUsage, err}
			}
		}
		if err := island.Lacking(); err != nil {
			return false, &exit{exitUsage, &advice{err, "A real server isn't ours, and must reach nobody"}}
		}
		return true, nil
	}
	command, opens := chosen.Target.Addr().Interface().(aimed)
	if !opens {
		return false, nil
	}
	for _, name := range command.targets() {
		if name == "" || name == embeddedTarget {
			continue
		}
		profile, err := static.Load(name)
		if err != nil || !profile.Isolated {
			continue
		}
		if err := island.Lacking(); err != nil {
			return false, &exit{exitUsage, &advice{err, name + " says isolated: what it starts isn't ours, and must reach nobody"}}
		}
		return true, nil
	}
	return false, nil
}

// reportWithin bounds how long a command on an island may take to end when it has been interrupted: it writes its report.
const reportWithin = time.Minute

// runOnIsland runs this program with args on an island. Its streams and its exit code are those of the program there.
func runOnIsland(ctx context.Context, args []string, s *streams) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, err := island.Command(ctx, island.Options{Names: map[string]string{real.RelayName: real.RelayAddress}}, args...)
	if err != nil {
		return &exit{exitUsage, err}
	}
	c.Stdin, c.Stdout, c.Stderr, c.WaitDelay = s.in, s.out, s.err, reportWithin
	err = c.Start()
	if err != nil {
		const next = "Namespaces are needed: in a container, run it with --privileged or --cap-add SYS_ADMIN,NET_ADMIN"
		return &exit{exitUsage, &advice{err, next}}
	}
	return cameOfIsland(ctx, c.Wait())
}

// cameOfIsland is how the program there ended: with a code of its own, or by a signal (-1, or 128 and more), and then it has
// told nobody why.
func cameOfIsland(ctx context.Context, err error) error {
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		code := ended.ExitCode()
		early := code == exitUsage && ctx.Err() != nil // Go's runtime ends a first process so that is interrupted at once
		if code >= 0 && code < 128 && !early || code == features.ExitInterrupted {
			return &exit{code: code}
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // it didn't end in time
		return &exit{features.ExitInterrupted, fmt.Errorf("interrupted: what runs on the island was ended before it could tell what it found: %w", err)}
	}
	const next = "See whether the machine ran out of memory, and run it again"
	return &exit{features.ExitInconclusive, &advice{fmt.Errorf("what runs on the island was ended from outside: %w", err), next}}
}
