//go:build unix && !linux

package child

import "syscall"

// endWithUs does nothing where a process can't be told to end with another.
func endWithUs(*syscall.SysProcAttr) {}
