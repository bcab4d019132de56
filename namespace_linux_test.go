package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/island"
)

// Programs that aren't ours run on an island, where nothing leads out of this machine.

const (
	// realEnv, where it is set, makes a failure of what else is a skip: in CI everything is there.
	realEnv = "RELAYSPEC_REAL"
	// aloneFor bounds a test in there, the start of its programs included.
	aloneFor = 90 * time.Second
)

// alone runs the test that calls it on an island of its own, so that nothing gets out and nothing is left behind. It tells
// whether it is in there already: if not, the test has been run and there is no more to do. Each program that isn't here,
// with the package that has it, is a reason to skip.
func alone(t *testing.T, programs map[string]string) (inside bool) {
	t.Helper()
	if island.Inside() {
		return true
	}
	t.Parallel()
	if err := lacking(programs); err != nil {
		notRun(t, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), aloneFor+patience)
	defer cancel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ours := island.Options{Hosts: []string{"smtp-relay.gmail.com"}} // the relay under the name that is configured for the real one
	c, err := island.Command(ctx, ours, "-test.run="+onlyThis(t), "-test.v", "-test.timeout="+aloneFor.String())
	if err != nil {
		notRun(t, err)
	}
	c.WaitDelay = time.Second
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
	if err := island.Lacking(); err != nil {
		errs = append(errs, err)
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

// write writes a file that every user may read.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
