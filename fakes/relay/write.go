package relay

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// pauseShown is from how long a silence is written down.
const pauseShown = 500 * time.Millisecond

// WriteTranscript writes what came in the form of the transcripts of real servers (fakes/mta/testdata/transcripts): C: and
// S: lines, --- where connections open and close, # before commands that came in one read, and where nothing was said for
// a while. head are lines that stand at the top behind "# ".
func (r *Relay) WriteTranscript(w io.Writer, head ...string) error {
	return WriteSessions(w, r.Started(), r.Sessions(), head...)
}

// WriteSessions is WriteTranscript of sessions that were kept.
func WriteSessions(w io.Writer, started time.Time, sessions []Session, head ...string) error {
	b := bufio.NewWriter(w)
	for _, line := range head {
		fmt.Fprintf(b, "# %s\n", line)
	}
	for i := range sessions {
		sessions[i].write(b, started)
	}
	return b.Flush()
}

func (s *Session) write(w io.Writer, started time.Time) {
	fmt.Fprintf(w, "--- connection %d opened t=+%.3fs\n", s.Number, s.Opened.Sub(started).Seconds())
	last, shown := s.Opened, 0
	for i, step := range s.Steps {
		writePause(w, step.At.Sub(last))
		last = step.At
		if step.Kind == Content {
			s.writeContent(w, s.Messages[step.Message])
		}
		if step.Segment != 0 && step.Segment != shown && step.Verb != "" {
			shown = step.Segment
			s.writeSegment(w, i)
		}
		writeStep(w, step)
	}
	if s.Closed.IsZero() {
		return
	}
	writePause(w, s.Closed.Sub(last))
	fmt.Fprintf(w, "--- connection %d closed t=+%.3fs by %s\n", s.Number, s.Closed.Sub(started).Seconds(), s.End.words())
}

func writePause(w io.Writer, pause time.Duration) {
	if pause >= pauseShown {
		fmt.Fprintf(w, "# (%.3fs later)\n", pause.Seconds())
	}
}

// words is how an ending is told.
func (e Ending) words() string {
	switch e {
	case ByQuit:
		return "client QUIT"
	case ByEOF:
		return "client (EOF without QUIT)"
	}
	return string(e)
}

// writeSegment tells which commands share the segment of step i, its first.
func (s *Session) writeSegment(w io.Writer, i int) {
	var verbs []string
	for _, step := range s.Steps[i:] {
		if step.Segment == s.Steps[i].Segment && step.Verb != "" {
			verbs = append(verbs, step.Verb)
		}
	}
	if len(verbs) > 1 {
		fmt.Fprintf(w, "# (one TCP segment/TLS record carries: %s)\n", strings.Join(verbs, " "))
	}
}

func writeStep(w io.Writer, step Step) {
	switch step.Kind {
	case Command:
		fmt.Fprintf(w, "C: %s\n", step.Text)
	case Content:
		if step.Verb == EndOfData {
			fmt.Fprintln(w, "C: .")
		}
	case Note:
		fmt.Fprintf(w, "# %s\n", step.Text)
	case Reply:
		for line := range strings.SplitSeq(strings.TrimSuffix(step.Text, "\r\n"), "\n") {
			fmt.Fprintf(w, "S: %s\n", strings.TrimSuffix(line, "\r"))
		}
	}
}

// writeContent writes a content as it went over the wire, up to its end.
func (s *Session) writeContent(w io.Writer, m Message) {
	lines := bytes.Split(m.Content, []byte("\r\n"))
	if !m.Chunked && len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	for _, line := range lines {
		stuffing := ""
		if !m.Chunked && bytes.HasPrefix(line, []byte(".")) {
			stuffing = "."
		}
		fmt.Fprintf(w, "C: %s%s\n", stuffing, line)
	}
}
