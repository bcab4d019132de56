//go:build unix

package child

import (
	"os/exec"
	"syscall"
)

// inGroup makes the process the first of a group of its own, so that its children can be ended with it.
func inGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithUs(c.SysProcAttr)
}

// askGroup asks the group to end. What has ended already doesn't mind.
func askGroup(c *exec.Cmd) { syscall.Kill(-c.Process.Pid, syscall.SIGTERM) }

// killGroup ends what is left of the group, and tells whether there was anything.
func killGroup(c *exec.Cmd) bool { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) == nil }
