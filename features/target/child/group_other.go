//go:build !unix

package child

import "os/exec"

// Without process groups only the process itself is ended; its own children may stay.

func inGroup(*exec.Cmd) {}

func askGroup(c *exec.Cmd) { c.Process.Kill() }

func killGroup(c *exec.Cmd) bool { return c.Process.Kill() == nil }
