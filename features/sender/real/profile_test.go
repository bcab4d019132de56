package real

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoad(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":    {"", "profile.yaml:1:1: the file is empty; write name:, profile: and command:"},
		"no command": {"name: Mine\n", "profile.yaml:1:1: command is missing: write the driver, as in command: [./start]"},
		"no such capability": {"name: Mine\ncommand: [./start]\ncapabilities: [clock]\n",
			"profile.yaml:3:16: no driver declares clock; there are configuration, client-tls, client-auth, internal-routes, short-timeouts"},
		"a scale below none": {"name: Mine\ncommand: [./start]\nscale: -1\n", "profile.yaml:3:8: scale is out of range; write a number from 0 to 2147483648"},
		"all well":           {"name: Mine\ncommand: [./start]\nscale: 60\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("profile.yaml", []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load("profile.yaml")
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestProfilesOfThisTree: each is well formed, and names a driver that is there.
func TestProfilesOfThisTree(t *testing.T) {
	files, err := filepath.Glob("../../senders/*/sender.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		p, err := Load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := os.Stat(p.command()[0]); err != nil {
			t.Error(err)
		}
	}
}
