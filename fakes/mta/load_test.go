package mta

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryProfileLoadsWithASourceForEachValue(t *testing.T) {
	names := Names()
	if len(names) != 10 {
		t.Errorf("there are %d profiles, want the ten: %v", len(names), names)
	}
	for _, name := range names {
		p, err := Load(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.Name != name {
			t.Errorf("%s calls itself %s", name, p.Name)
		}
		total := 0
		for source, n := range p.Shares() {
			if source == "" {
				t.Errorf("%s: %d values without a source", name, n)
			}
			total += n
		}
		if assumed := len(p.Assumed()); total < 18 || assumed != p.Shares()["mem"] {
			t.Errorf("%s: %d values, %d of them assumed, %v", name, total, assumed, p.Shares())
		}
	}
}

func TestLoadTellsWhatIsThere(t *testing.T) {
	for name, want := range map[string]string{
		"posfix":     `there is no sending server "posfix"; did you mean postfix?`,
		"../postfix": `there is no sending server "../postfix"; did you mean postfix?`,
		"":           `there is no sending server ""; write one of domino, `,
	} {
		if _, err := Load(name); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

func TestLoadFileFaultsWhatIsMissingOrWrong(t *testing.T) {
	good, err := profiles.ReadFile("profiles/postfix.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"name: postfix\n", "", ":1:1: the profile says no name; write name: and it"},
		{"  port: {value: 25, source: doc}\n", "", ":6:1: route.port isn't said; write port: {value: ..., source: ...}"},
		{"port: {value: 25, source: doc}", "port: {value: 25}", "route.port has no source; write source: and one of doc, obs, cfg, hdr, mem"},
		{"port: {value: 25, source: doc}", "port: {value: 25, source: dcc}", `route.port.source is "dcc"; did you mean doc?`},
		{"port: {value: 25,", "port: {value: 65536,", "route.port.value is no port; write a number from 1 to 65535"},
		{"spread: {value: 1,", "spread: {value: 0,", "connections.spread.value must be at least 1"},
		{"reuse: {value: backlog,", "reuse: {value: always,", `connections.reuse.value is "always"; write one of never, waiting, backlog, after-first`},
		{"lookup: {value: [mx, a]", "lookup: {value: [mx, cname]", `route.lookup.value[1] is "cname"; write one of mx, a, aaaa`},
		{"at_once:", "at_onc:", `connections has no key "at_onc"; did you mean at_once?`},
	} {
		if !strings.Contains(string(good), c.old) {
			t.Errorf("the profile has no %q", c.old)
			continue
		}
		name := filepath.Join(t.TempDir(), "own.yaml")
		if err := os.WriteFile(name, []byte(strings.Replace(string(good), c.old, c.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadFile(name); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%q for %q: %v\nwant %s", c.new, c.old, err, c.want)
		}
	}
	if _, err := LoadFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no file of at most") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := LoadFile(filepath.Join(t.TempDir(), "absent.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
}
