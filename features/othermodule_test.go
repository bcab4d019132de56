package features

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inOtherModule runs go in the module that stands for somebody else's. Its go.mod may have to follow ours: a copy does.
func inOtherModule(t *testing.T, command string, args ...string) []byte {
	t.Helper()
	dir := filepath.Join("testdata", "othermodule")
	copied := filepath.Join(t.TempDir(), "go.mod")
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(copied), name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.Command("go", append([]string{command, "-modfile", copied, "-mod=mod"}, args...)...)
	run.Dir = dir
	var faults bytes.Buffer
	run.Stderr = &faults
	out, err := run.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s%s", command, err, out, &faults)
	}
	return out
}

func TestAnotherModuleJudgesItsRelay(t *testing.T) {
	if testing.Short() {
		t.Skip("builds another module")
	}
	results := map[string]string{}
	said := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(inOtherModule(t, "test", "-json", "-count=1", "./...")))
	for lines.Scan() {
		var event struct{ Action, Test, Output string }
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatal(err)
		}
		switch event.Action {
		case "pass", "fail", "skip":
			results[event.Test] = event.Action
		case "output":
			said[event.Test] += event.Output
		}
	}
	for test, want := range map[string]string{
		"TestRelay":          "pass",
		"TestWithGodogAlone": "pass",
		"TestRelay/PORT-PLAIN/port-takes-mail/25":                      "pass",
		"TestRelay/DOS-CONN-REUSE/100-messages-go-through-one-session": "pass",
		"TestRelay/LIM-USER-MSGS/a-day-later-the-user-relays-again":    "skip",
	} {
		if results[test] != want {
			t.Errorf("%s: %q, want %s\n%s", test, results[test], want, said[test])
		}
	}
	if reason := said["TestRelay/LIM-USER-MSGS/a-day-later-the-user-relays-again"]; !strings.Contains(reason, "UNSUPPORTED(volume)") {
		t.Errorf("the skip gives no reason:\n%s", reason)
	}
}

// Who judges a relay of their own is not given ours with it.
func TestAnotherModuleGetsNoRelayOfOurs(t *testing.T) {
	packages := strings.Fields(string(inOtherModule(t, "list", "-deps", "-test", "./...")))
	ours := 0
	for _, name := range packages {
		path, of := strings.CutPrefix(name, modulePath+"/")
		if !of {
			continue
		}
		ours++
		for _, part := range []string{"reference", "simulator", "embedded"} {
			if strings.Contains("/"+path+"/", "/"+part+"/") {
				t.Errorf("%s comes with the judge", name)
			}
		}
	}
	if ours == 0 {
		t.Fatalf("no package of ours among %d", len(packages))
	}
}
