package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Programs that aren't ours look names up and send mail wherever they are told to. Here they do it in a network of their
// own, which has only a loopback interface, with a table of hosts of ours and no resolver.

const (
	// realEnv, where it is set, makes a failure of what else is a skip: in CI everything is there.
	realEnv = "RELAYSPEC_REAL"
	// insideEnv tells a test that it runs in the namespaces.
	insideEnv = "TEST_RUNS_ALONE"
	// aloneFor bounds a test in there, the start of its programs included.
	aloneFor = 90 * time.Second
	// ground is where a test in there keeps its files: in memory, gone with it, and open to the users that programs become.
	ground = "/mnt"
)

// alone runs the test that calls it in namespaces of its own: network, mounts and processes, so that nothing gets out and
// nothing is left behind. It tells whether it is in there already: if not, the test has been run and there is no more to do.
// Each program that isn't here, with the package that has it, is a reason to skip.
func alone(t *testing.T, programs map[string]string) (inside bool) {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		furnish(t)
		return true
	}
	t.Parallel()
	if err := lacking(programs); err != nil {
		notRun(t, err)
	}
	c, cancel := unshared(t, "-test.run="+onlyThis(t), "-test.v", "-test.timeout="+aloneFor.String())
	defer cancel()
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		notRun(t, fmt.Errorf("namespaces can't be made: %w", err))
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "--- PASS: "+t.Name()+" ") { // or it was another test, or none
		t.Fatalf("the test didn't run in there:\n%s", &out)
	}
	return false
}

// notRun skips, or fails where everything has to be there.
func notRun(t *testing.T, err error) {
	t.Helper()
	why := fmt.Sprintf("not run: %v; it needs root, namespaces (unshare) and other people's programs", strings.ReplaceAll(err.Error(), "\n", ", "))
	if os.Getenv(realEnv) != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// onlyThis is a pattern for -test.run that means t.
func onlyThis(t *testing.T) string {
	var levels []string
	for _, name := range strings.Split(t.Name(), "/") {
		levels = append(levels, "^"+regexp.QuoteMeta(name)+"$")
	}
	return strings.Join(levels, "/")
}

// lacking says what can't be had on this machine.
func lacking(programs map[string]string) error {
	var errs []error
	if os.Geteuid() != 0 {
		errs = append(errs, errors.New("this isn't root"))
	}
	for program, pkg := range programs {
		if _, err := programPath(program); err != nil {
			errs = append(errs, fmt.Errorf("%s isn't installed: apt-get install %s", program, pkg))
		}
	}
	return errors.Join(errs...)
}

// programPath finds a program, also where only root looks.
func programPath(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", program))
}

// unshared is this test binary as the first process of new namespaces: with it all others in there end.
func unshared(t *testing.T, args ...string) (*exec.Cmd, context.CancelFunc) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), aloneFor+patience)
	c := exec.CommandContext(ctx, program, args...)
	c.Env = append(os.Environ(), insideEnv+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}
	c.WaitDelay = time.Second
	return c, cancel
}

// furnish makes the namespaces fit to live in: a loopback interface that is up, files in memory, names without a resolver.
func furnish(t *testing.T) {
	t.Helper()
	interfaces, err := net.Interfaces()
	if err != nil || len(interfaces) != 1 || interfaces[0].Flags&net.FlagLoopback == 0 {
		t.Fatalf("the network here isn't the test's own: %v, %v", interfaces, err)
	}
	mount := func(what, where, kind string, flags uintptr, options string) {
		if err := syscall.Mount(what, where, kind, flags, options); err != nil {
			t.Fatalf("mount %s at %s: %v", what, where, err)
		}
	}
	mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	mount("ground", ground, "tmpfs", 0, "mode=755")
	for file, text := range map[string]string{
		"hosts":       "127.0.0.1 localhost smtp-relay.gmail.com\n", // the relay under the name that is configured for the real one
		"resolv.conf": "# nobody to ask\n",
	} {
		ours := filepath.Join(ground, file)
		write(t, ours, text)
		mount(ours, filepath.Join("/etc", file), "", syscall.MS_BIND, "")
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("ip link set lo up: %v: %s", err, out)
	}
}

// write writes a file that every user may read.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
