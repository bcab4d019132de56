package transcript

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The file form has one entry a line:
//
//	+0.000000 [one] #: connected to 127.0.0.1:25
//	+0.001234 [one] S: 220 relay.example ESMTP
//	+0.002000 [one] C: AUTH PLAIN [redacted]
//	! +0.002500 [one] S: 535 5.7.8 no
//	+0.003000 [one] R: "MAIL FROM:<a@b>\n"
//	+0.004000 [one] X: by the relay
//	+0.005000 @: clock {"advance":60}
//
// A mark stands in front, the time is in seconds, a session without a name has no brackets. A text is Go-quoted when it
// has octets that aren't printable, when it would otherwise read as something else, and always in R. Empty lines and
// lines that begin with # are comments.

// maxLine bounds a line that Parse reads, in octets.
const maxLine = 16 << 20

// WriteText writes the entries in the file form, credentials left out.
func (t *Transcript) WriteText(w io.Writer) error { return WriteEntries(w, t.Entries()) }

// WriteEntries writes entries in the file form, credentials left out. Parse reads it back.
func WriteEntries(w io.Writer, entries []Entry) error {
	buffered := bufio.NewWriter(w)
	var line []byte
	for _, e := range entries {
		line = append(e.AppendText(line[:0]), '\n')
		if _, err := buffered.Write(line); err != nil {
			return fmt.Errorf("write the transcript: %w", err)
		}
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write the transcript: %w", err)
	}
	return nil
}

// String gives e in the file form, credentials left out.
func (e Entry) String() string { return string(e.AppendText(nil)) }

// AppendText adds e in the file form to dst, credentials left out, without an end of line.
func (e Entry) AppendText(dst []byte) []byte {
	if e.Marked {
		dst = append(dst, "! "...)
	}
	dst = append(dst, '+')
	dst = appendSeconds(dst, e.At)
	if e.Session != "" {
		dst = append(dst, " ["...)
		dst = appendSession(dst, e.Session)
		dst = append(dst, ']')
	}
	dst = append(dst, ' ', byte(e.Kind), ':')
	if text := e.shown(); text != "" {
		dst = append(dst, ' ')
		dst = append(dst, text...)
	}
	return dst
}

// shown gives the text as it stands in a file or a report: redacted, and quoted where that is needed.
func (e Entry) shown() string {
	text := e.Redacted()
	secret := e.Secret || carriesCredentials(e)
	switch {
	case e.Kind == Raw && secret && text == redacted:
		return text
	case e.Kind == Raw, !plain(text), text == redacted && !secret:
		return strconv.Quote(text)
	}
	return text
}

// plain tells whether text reads back as it is: printable, no quote in front, no blank at the end.
func plain(text string) bool {
	if strings.HasPrefix(text, `"`) || strings.HasSuffix(text, " ") {
		return false
	}
	for i, r := range text {
		if !strconv.IsPrint(r) {
			return false
		}
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return false // an octet that is no UTF-8
		}
	}
	return true
}

func appendSession(dst []byte, name string) []byte {
	if plain(name) && !strings.Contains(name, "]") {
		return append(dst, name...)
	}
	return strconv.AppendQuote(dst, name)
}

// appendSeconds writes d with six digits behind the point, or nine where they say more. Less than zero is zero.
func appendSeconds(dst []byte, d time.Duration) []byte {
	d = max(0, d)
	dst = strconv.AppendInt(dst, int64(d/time.Second), 10)
	if d%time.Microsecond == 0 {
		return fmt.Appendf(dst, ".%06d", d%time.Second/time.Microsecond)
	}
	return fmt.Appendf(dst, ".%09d", d%time.Second)
}

// Parse reads the file form. The error is a *LineError.
func Parse(r io.Reader) ([]Entry, error) {
	entries, _, err := ParseLines(r)
	return entries, err
}

// LineError is what is wrong with a line of a transcript.
type LineError struct {
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("transcript line %d: %v", e.Line, e.Err) }

// Unwrap gives the cause.
func (e *LineError) Unwrap() error { return e.Err }

// ParseLines is Parse that tells of each entry in which line it stands. A last line without its end is an error: the file
// was cut.
func ParseLines(r io.Reader) (entries []Entry, numbers []int, err error) {
	lines := bufio.NewReaderSize(r, 64<<10)
	for number := 1; ; number++ {
		line, err := readLine(lines)
		if err == io.EOF {
			return entries, numbers, nil
		}
		if err != nil {
			return nil, nil, &LineError{number, err}
		}
		if line == "" || line[0] == '#' {
			continue
		}
		e, err := parseEntry(line)
		if err != nil {
			return nil, nil, &LineError{number, err}
		}
		entries, numbers = append(entries, e), append(numbers, number)
	}
}

// readLine reads a line and takes its end off.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		piece, err := r.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case len(line) > maxLine:
			return "", fmt.Errorf("it is longer than %d MiB", maxLine>>20)
		case err == nil:
			return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
		case err == io.EOF && len(line) > 0:
			return "", errCut
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		}
	}
}

var (
	errCut     = errors.New("the file ends within the line: it was cut")
	errTime    = errors.New("want +SECONDS at the beginning of the line")
	errSession = errors.New("want [SESSION] behind the time")
	errKind    = errors.New("want one of C: S: R: #: X: @: before the text")
	errQuote   = errors.New("want a Go-quoted text")
)

func parseEntry(line string) (Entry, error) {
	var e Entry
	rest, marked := strings.CutPrefix(line, "! ")
	e.Marked = marked
	seconds, rest, found := strings.Cut(rest, " ")
	at, ok := parseSeconds(seconds)
	if !found || !ok {
		return Entry{}, errTime
	}
	e.At = at
	session, rest, ok := cutSession(rest)
	if !ok {
		return Entry{}, errSession
	}
	e.Session = session
	if len(rest) < 2 || !Kind(rest[0]).Valid() || rest[1] != ':' {
		return Entry{}, errKind
	}
	e.Kind = Kind(rest[0])
	text := rest[2:]
	if text != "" && text[0] != ' ' {
		return Entry{}, errKind
	}
	return e.withText(strings.TrimPrefix(text, " "))
}

// withText gives e with what shown made of its text.
func (e Entry) withText(shown string) (Entry, error) {
	switch {
	case shown == redacted:
		e.Text, e.Secret = shown, true
		return e, nil
	case strings.HasPrefix(shown, `"`):
		text, err := strconv.Unquote(shown)
		if err != nil {
			return Entry{}, errQuote
		}
		e.Text = text
	case e.Kind == Raw && shown != "":
		return Entry{}, errQuote
	default:
		e.Text = shown
	}
	e.Secret = carriesCredentials(e)
	return e, nil
}

// cutSession takes [name] and a blank from the front of s, where they are.
func cutSession(s string) (name, rest string, ok bool) {
	inner, bracketed := strings.CutPrefix(s, "[")
	if !bracketed {
		return "", s, true
	}
	if !strings.HasPrefix(inner, `"`) {
		name, rest, ok = strings.Cut(inner, "] ")
		return name, rest, ok && name != "" && !strings.Contains(name, "]")
	}
	quoted, err := strconv.QuotedPrefix(inner)
	if err != nil {
		return "", "", false
	}
	name, err = strconv.Unquote(quoted)
	rest, ok = strings.CutPrefix(inner[len(quoted):], "] ")
	return name, rest, ok && err == nil
}

// parseSeconds reads +S or +S.F with up to nine digits behind the point.
func parseSeconds(s string) (time.Duration, bool) {
	digits, ok := strings.CutPrefix(s, "+")
	whole, fraction, pointed := strings.Cut(digits, ".")
	if !ok || !allDigits(whole) || pointed && (!allDigits(fraction) || len(fraction) > 9) {
		return 0, false
	}
	d, err := time.ParseDuration(digits + "s")
	return d, err == nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
