package fidelity

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/relay"
)

// Recording is a transcript of a real server.
type Recording struct {
	File   string
	Title  string // "10 messages already in queue, then flushed"
	Server string // as the transcript calls it: postfix-notls
	Case   string // f_queue10
	Note   string // what was special about the run: the scale of its timers
	Sink   string // the relay's set-up, JSON
	Inject Injection

	Sessions []relay.Session // their times are as far behind epoch as the recording says

	idle map[int]time.Duration // the silence before the end of a connection, by its number; none: it was short
}

// Injection is how messages were given to the server.
type Injection struct {
	Messages   int
	Local      bool // by its own command
	Sender     string
	Recipients int // of each
}

// epoch is the time at which a recording's relay started.
var epoch = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)

// LineError is what is wrong in a line of a transcript.
type LineError struct {
	File string
	Line int
	Text string
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// most bounds what is read of a transcript: octets of a file, and of a line of it.
const (
	mostOctets = 64 << 20
	mostLine   = 4 << 20
)

// ReadFile reads a transcript from a file. Errors: *LineError, or the file can't be read.
func ReadFile(name string) (*Recording, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Read(file, name)
}

// Read reads a transcript; name stands in its errors. The server's and the case's names, where the transcript doesn't give
// them, are those of the file: postfix-a_plain.txt.
func Read(r io.Reader, name string) (*Recording, error) {
	p := &reading{Recording: &Recording{File: name, idle: map[int]time.Duration{}}}
	lines := bufio.NewScanner(io.LimitReader(r, mostOctets+1))
	lines.Buffer(nil, mostLine)
	octets := 0
	for lines.Scan() {
		p.line++
		if octets += len(lines.Bytes()) + 1; octets > mostOctets {
			return nil, p.wrong("more than %d octets: this is no transcript", mostOctets)
		}
		if err := p.read(strings.TrimSuffix(lines.Text(), "\r")); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, p.wrong("%v: expected lines of a transcript", err)
	}
	return p.finish()
}

// Transcripts gives the files of a folder that are transcripts: *.txt. Error: there are none, or it can't be read.
func Transcripts(folder string) ([]string, error) {
	if _, err := os.Stat(folder); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(escaped(folder), "*.txt"))
	if err == nil && len(names) == 0 {
		err = errors.New(folder + ": no transcript in it, *.txt")
	}
	return names, err
}

// escaped is a folder's name as a pattern for that name alone.
func escaped(folder string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
}

func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most] + "..."
}
