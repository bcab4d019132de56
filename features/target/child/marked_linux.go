package child

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// EndMarked ends every process of this user's that has mark, NAME=value, in the environment that it began with: what left
// its process group, as a daemon does, is found by what it was given. It goes over the processes until none is left, a few
// times at most, for one may be starting another.
func EndMarked(mark string) {
	for range 5 {
		if !endMarked([]byte(mark)) {
			return
		}
	}
}

// endMarked goes over the processes once, and tells whether it ended any.
func endMarked(mark []byte) bool {
	found, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is right
	ended := false
	for _, file := range found {
		environment, err := os.ReadFile(file) // another user's can't be read, and one that ended is gone
		if err != nil || !hasMark(environment, mark) {
			continue
		}
		process, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && process != os.Getpid() && syscall.Kill(process, syscall.SIGKILL) == nil {
			ended = true
		}
	}
	return ended
}

func hasMark(environment, mark []byte) bool {
	for entry := range bytes.SplitSeq(environment, []byte{0}) {
		if bytes.Equal(entry, mark) {
			return true
		}
	}
	return false
}
