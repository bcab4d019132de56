package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wrote has two sessions written to the place that c names, the second begun before the first has ended, and gives what
// stands in each file, and on standard output as "-".
func wrote(t *testing.T, c *record) map[string]string {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	if err := os.WriteFile("one.txt", []byte("of another run\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := &writing{record: c, out: &out, files: map[string]*os.File{}}
	var open []io.WriteCloser
	for _, name := range []string{"1", "2"} {
		file, err := w.open(name)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, file)
	}
	for i, name := range []string{"1", "2"} {
		io.WriteString(open[i], "+0 S: 220 "+name+"\n+0 X: by the client\n")
		if err := open[i].Close(); err != nil {
			t.Fatal(err)
		}
		w.session(name, nil)
	}
	if w.failed() != nil || w.count() != 2 {
		t.Fatalf("%d sessions: %v", w.count(), w.failed())
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("%v is left behind", left)
	}
	texts := map[string]string{"-": out.String()}
	for _, name := range []string{"one.txt", "new.txt", "sessions/session-1.txt", "sessions/session-2.txt", "sessions/session-2.feature"} {
		if text, err := os.ReadFile(name); err == nil {
			texts[name] = string(text)
		}
	}
	return texts
}

func TestWhereRecordedSessionsGo(t *testing.T) {
	one := func(name string) string { return "+0 S: 220 " + name + "\n+0 X: by the client\n" }
	const before = "of another run\n"
	for name, c := range map[string]struct {
		place place
		want  map[string]string
	}{
		"standard output": {"", map[string]string{"-": one("1") + one("2"), "one.txt": before}},
		"one file":        {"new.txt", map[string]string{"-": "", "one.txt": before, "new.txt": one("1") + one("2")}},
		"one that came":   {"one.txt", map[string]string{"-": "", "one.txt": before + one("1") + one("2")}},
		"a directory":     {"sessions/", map[string]string{"-": "", "one.txt": before, "sessions/session-1.txt": one("1"), "sessions/session-2.txt": one("2")}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, wrote(t, &record{Out: c.place})); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("features", func(t *testing.T) {
		texts := wrote(t, &record{Out: "sessions/", Feature: true})
		if !strings.Contains(texts["sessions/session-2.feature"], "Then the relay answers 220") || texts["sessions/session-2.txt"] != "" {
			t.Errorf("got %q", texts)
		}
	})
}

func TestATranscriptThatCantBeWrittenIsTold(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	w := &writing{record: &record{Out: "nowhere/one.txt"}, files: map[string]*os.File{}}
	file, err := w.open("1")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(file, "+0 S: 220 x\n")
	file.Close()
	full := errors.New("no space left")
	w.session("1", full)
	if err := w.failed(); !errors.Is(err, full) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	_, kept, _ := strings.Cut(w.failed().Error(), "session 1 is kept in ")
	if text, err := os.ReadFile(kept); err != nil || string(text) != "+0 S: 220 x\n" {
		t.Errorf("kept: %q, %v", text, err)
	}
}

func TestRecordOverwritesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"one.txt": "x", "empty.txt": "", "full/session-7.txt": "", "other/notes.txt": "x"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		out     place
		feature bool
		refused string // a part of what is said; "": it may be written to
	}{
		{"nowhere/one.txt", false, "--out nowhere/one.txt: stat nowhere: no such file or directory\nMake that directory"},
		{"one.txt", false, "--out one.txt: there is such a file already\nName a new one"},
		{"full", false, "--out full: it holds sessions already: session-7.txt\nName another directory"},
		{"full/", false, "it holds sessions already"},
		{"full/", true, ""},
		{"other/", false, ""}, {"new/", false, ""}, {"new.txt", false, ""}, {"empty.txt", false, ""}, {os.DevNull, false, ""}, {"", false, ""}, {"-", false, ""},
	} {
		err := (&record{Listen: "127.0.0.1:0", Upstream: "127.0.0.1:1", Out: c.out, Feature: c.feature}).check(t.Context())
		var ended *exit
		switch {
		case c.refused == "" && err != nil:
			t.Errorf("%q, features %t: %v", c.out, c.feature, err)
		case c.refused != "" && (!errors.As(err, &ended) || ended.code != exitUsage || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%q: got %v", c.out, err)
		}
	}
	w := &writing{record: &record{Out: "full"}, files: map[string]*os.File{}}
	if _, err := w.open("7"); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file that came in between: %v", err)
	}
}
