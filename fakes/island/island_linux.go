package island

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Lacking says what an island takes that isn't here; nil: nothing.
func Lacking() error {
	if os.Geteuid() != 0 {
		return errors.New("an island takes namespaces of its own, and only root can make them: run this as root")
	}
	return nil
}

// Inside tells whether this process runs on an island.
func Inside() bool { return os.Getenv(stageEnv) == settled && deserted() == nil }

// deserted gives an error when a network can be reached from here.
func deserted() error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 {
			return fmt.Errorf("the network here isn't the island's own: it has %s", i.Name)
		}
	}
	return nil
}

// Ground is the folder in memory on the island where this process runs: gone with it, and open to the users that programs
// become. Temporary files go there, too.
func Ground() string { return os.Getenv(groundEnv) }

// Command is this program, called with args, on an island that is made for it. When ctx is done the program there is
// interrupted. The caller sets the streams and bounds how long it may take with WaitDelay. Its exit code is that of the
// program there; 128 and more is the signal that ended it.
//
// The goroutine that starts it keeps its thread until it has ended (runtime.LockOSThread): the island ends with the thread.
func Command(ctx context.Context, o Options, args ...string) (*exec.Cmd, error) {
	if os.Getenv(stageEnv) == first {
		panic("island: a program that doesn't begin with Land would go on to an island without end")
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ground, err := freeGround()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, program, args...)
	c.Env = append(os.Environ(), stageEnv+"="+first, hostsEnv+"="+strings.Join(o.Hosts, " "), namesEnv+"="+o.names(), groundEnv+"="+ground)
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true, // a terminal's interruption is passed on, and must not come twice
	}
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	return c, nil
}

// freeGround finds a folder that nothing of the caller's is in, so that it can be covered.
func freeGround() (string, error) {
	own := []string{os.TempDir()}
	if dir, err := os.Getwd(); err == nil {
		own = append(own, dir)
	}
	if home, err := os.UserHomeDir(); err == nil {
		own = append(own, home)
	}
	if program, err := os.Executable(); err == nil {
		own = append(own, program)
	}
	for _, dir := range []string{"/mnt", "/media", "/srv"} {
		info, err := os.Stat(dir)
		if err == nil && info.IsDir() && !holdsAny(dir, own) {
			return dir, nil
		}
	}
	return "", errors.New("an island takes a folder to cover: make /mnt, and work in another one")
}

// holdsAny tells whether any of paths is in dir.
func holdsAny(dir string, paths []string) bool {
	for _, path := range paths {
		if strings.HasPrefix(filepath.Clean(path)+"/", dir+"/") {
			return true
		}
	}
	return false
}
