package real

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// driven starts a driver that is a script of the shell's.
func driven(t *testing.T, script string) *server {
	t.Helper()
	driver := filepath.Join(t.TempDir(), "driver")
	if err := os.WriteFile(driver, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	s := newServer(&Profile{Name: "Mine", Command: []string{driver}})
	s.folder = t.TempDir()
	t.Cleanup(func() { s.Stop(context.WithoutCancel(t.Context())) })
	if err := s.start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnswers(t *testing.T) {
	s := driven(t, `echo "> done"
while read verb; do echo noise; echo "> {\"ID\":\"$verb\"}"; echo "> done"; done
`)
	for range 3 {
		queue, err := s.Queue(t.Context())
		if err != nil || len(queue) != 1 || queue[0].ID != "queue" {
			t.Fatalf("got %v, %v", queue, err)
		}
	}
}

// An answer that comes too late isn't taken for that to the next question, and nobody waits for one who isn't heard any more.
func TestALateAnswer(t *testing.T) {
	s := driven(t, `echo "> done"
read verb; sleep 0.3; for n in 1 2 3 4; do echo "> {}"; done; echo "> done"; read verb; echo "> done"
`)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Queue(short); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Fatalf("got %v", err)
	}
	if queue, err := s.Queue(t.Context()); err == nil || !strings.Contains(err.Error(), "an earlier question wasn't answered in time") {
		t.Errorf("got %v, %v", queue, err)
	}
	began := time.Now()
	if err := s.Stop(t.Context()); err != nil || time.Since(began) > 4*time.Second {
		t.Errorf("it takes %s to end: %v", time.Since(began), err)
	}
}
