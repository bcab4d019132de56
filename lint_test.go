package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/features/lint"
)

var updateLint = flag.Bool("lint.update", false, "write what lint says of the samples to their session.txt, to be read by a person")

// TestLintSaysOfTheSamplesWhatIsListed runs lint on real files, as the first line of each session has it.
func TestLintSaysOfTheSamplesWhatIsListed(t *testing.T) {
	root, err := filepath.Abs("features/lint/testdata")
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := filepath.Glob(filepath.Join(root, "*", "*", "session.txt"))
	if err != nil || len(sessions) == 0 {
		t.Fatal("no samples", err)
	}
	count := map[string]int{}
	for _, path := range sessions {
		folder, server := filepath.Dir(path), filepath.Base(filepath.Dir(filepath.Dir(path)))
		t.Run(server+"/"+filepath.Base(folder), func(t *testing.T) {
			t.Chdir(folder)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			command, _, _ := strings.Cut(string(text), "\n")
			words := strings.Fields(command)
			if len(words) < 4 || words[0] != "$" || words[1] != "relayspec" {
				t.Fatalf("%s begins with %q; write the command behind $", path, command)
			}
			got := program(words[2:]...)
			if got.code != 0 && !strings.Contains(folder, "documented") {
				count[server]++
			}
			said := fmt.Sprintf("%s\n%s%sexit %d\n", command, got.out, got.err, got.code)
			if *updateLint {
				if err := os.WriteFile(path, []byte(said), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(text), said); diff != "" && !*updateLint {
				t.Errorf("session (-want +got); -lint.update writes it anew:\n%s", diff)
			}
		})
	}
	for _, server := range lint.Servers() {
		if count[server] < 3 {
			t.Errorf("%s has %d samples that fail, want 3", server, count[server])
		}
	}
}

// program runs the program with args, outside of Ginkgo.
func program(args ...string) outcomeOf {
	var out, err bytes.Buffer
	code := run(args, strings.NewReader(""), &out, &err)
	return outcomeOf{code, out.String(), err.String()}
}
