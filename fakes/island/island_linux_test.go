package island

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) {
	Land()
	os.Exit(m.Run())
}

// bound is how long anything on an island may take.
const bound = 20 * time.Second

// visit runs the test of that name on an island and gives what it wrote and its exit code.
func visit(t *testing.T, ctx context.Context, test string, o Options) (string, int) {
	t.Helper()
	return watch(t, ctx, test, o, new(bytes.Buffer))
}

// watch is visit whose output goes to out as it comes.
func watch(t *testing.T, ctx context.Context, test string, o Options, out interface {
	io.Writer
	fmt.Stringer
}) (string, int) {
	t.Helper()
	if err := Lacking(); err != nil {
		lack(t, err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, err := Command(ctx, o, "-test.run=^"+test+"$", "-test.v", "-test.timeout="+bound.String())
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr, c.WaitDelay = out, out, bound
	if err := c.Start(); err != nil {
		lack(t, fmt.Errorf("namespaces can't be made: %w", err))
	}
	err = c.Wait()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) && ctx.Err() == nil {
		t.Fatal(err)
	}
	return out.String(), c.ProcessState.ExitCode()
}

// lack skips a test on a machine that can't have an island, and fails it where CI says that it can.
func lack(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("RELAYSPEC_REAL") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}

func TestIsland(t *testing.T) {
	out, code := visit(t, context.Background(), "TestThere", Options{Hosts: []string{"smtp-relay.gmail.com"}})
	if code != 0 || !strings.Contains(out, "--- PASS: TestThere ") {
		t.Fatalf("exit %d\n%s", code, out)
	}
}

// TestThere looks at the island from inside.
func TestThere(t *testing.T) {
	if !Inside() {
		t.Skip("TestIsland runs it")
	}
	ctx := context.Background()
	if err := deserted(); err != nil {
		t.Error(err)
	}
	if _, err := net.DialTimeout("tcp", "192.0.2.1:25", time.Second); err == nil {
		t.Error("somebody answers from elsewhere")
	}
	for name, want := range map[string][]string{
		"localhost": {"127.0.0.1", "::1"}, "smtp-relay.gmail.com": {"127.0.0.1"}, Name: {"127.0.0.1"}, "a.b.example": {Exchanger},
	} {
		got, err := net.DefaultResolver.LookupHost(ctx, name)
		if len(got) == 0 || err != nil || got[0] != want[0] {
			t.Errorf("%s is %v, %v; want %v", name, got, err, want)
		}
	}
	mx, err := net.DefaultResolver.LookupMX(ctx, "example.net")
	if err != nil || len(mx) != 1 || mx[0].Host != "mx.example.net." {
		t.Errorf("example.net's mail goes to %v, %v", mx, err)
	}
	var missing *net.DNSError
	if got, err := net.DefaultResolver.LookupHost(ctx, "gmail.com"); !errors.As(err, &missing) || !missing.IsNotFound {
		t.Errorf("gmail.com is %v, %v; want that it isn't there", got, err)
	}
	if got, _ := os.Hostname(); got != Name {
		t.Errorf("the machine is called %s", got)
	}
	if dir := t.TempDir(); !strings.HasPrefix(dir, Ground()+"/") {
		t.Errorf("temporary files are in %s, not on %s", dir, Ground())
	}
	orphanIsBuried(t)
}

// orphanIsBuried: a process whose parent has gone leaves no trace when it ends.
func orphanIsBuried(t *testing.T) {
	t.Helper()
	out, err := exec.Command("sh", "-c", "sleep 0 >/dev/null 2>&1 & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	orphan, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(bound); ; runtime.Gosched() {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", orphan)); errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("a process that ended is still there")
		}
	}
}

func TestIslandPassesTheExitCodeOn(t *testing.T) {
	if _, code := visit(t, context.Background(), "TestFailsThere", Options{}); code != 1 {
		t.Errorf("exit %d, want 1 as of a test that fails", code)
	}
}

func TestFailsThere(t *testing.T) {
	if Inside() {
		t.Fatal("as it should")
	}
	t.Skip("TestIslandPassesTheExitCodeOn runs it")
}

// once is what was written; it does something when word comes.
type once struct {
	text strings.Builder
	word string
	do   func()
}

func (o *once) String() string { return o.text.String() }

func (o *once) Write(p []byte) (int, error) {
	n, err := o.text.Write(p)
	if strings.Contains(o.String(), o.word) && o.do != nil {
		o.do()
		o.do = nil
	}
	return n, err
}

// TestIslandPassesInterruptionOn: what is interrupted here is there, and nothing that it left running is waited for.
func TestIslandPassesInterruptionOn(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	var interrupted time.Time
	out, code := watch(t, ctx, "TestWaitsThere", Options{}, &once{word: "=== RUN ", do: func() { interrupted = time.Now(); cancel() }})
	if code != 128+2 || interrupted.IsZero() || time.Since(interrupted) > bound/2 {
		t.Errorf("exit %d after %s, want 130 soon\n%s", code, time.Since(interrupted), out)
	}
}

func TestWaitsThere(t *testing.T) {
	if !Inside() {
		t.Skip("TestIslandPassesInterruptionOn runs it")
	}
	if err := exec.Command("setsid", "sleep", "600").Run(); err != nil {
		t.Fatal(err)
	}
}

func TestLandOnlyWhereAnIslandIs(t *testing.T) {
	c := exec.Command("/proc/self/exe", "-test.run=^$")
	c.Env = append(os.Environ(), stageEnv+"="+first)
	out, _ := c.CombinedOutput()
	if c.ProcessState.ExitCode() != exitUnfit || !strings.Contains(string(out), "unset it") {
		t.Errorf("exit %d: %s", c.ProcessState.ExitCode(), out)
	}
}

func TestHoldsAny(t *testing.T) {
	got := []bool{holdsAny("/mnt", []string{"/mnt/c/work"}), holdsAny("/mnt", []string{"/mnt"}), holdsAny("/mnt", []string{"/mntx", "/root"})}
	if diff := cmp.Diff([]bool{true, true, false}, got); diff != "" {
		t.Error(diff)
	}
}
