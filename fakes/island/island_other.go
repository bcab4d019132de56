//go:build !linux

package island

import (
	"context"
	"errors"
	"os/exec"
)

var errNotLinux = errors.New("an island takes namespaces, and only Linux has them: run this on Linux, as root")

// Lacking says what an island takes that isn't here.
func Lacking() error { return errNotLinux }

// Inside tells whether this process runs on an island.
func Inside() bool { return false }

// Ground is the folder in memory on an island.
func Ground() string { return "" }

// Command is this program on an island; there are none here.
func Command(context.Context, Options, ...string) (*exec.Cmd, error) { return nil, errNotLinux }

// Land makes this process what it is on an island.
func Land() {}
