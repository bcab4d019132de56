package mail

import (
	"bytes"
	"errors"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"
)

// Text is a template of package text/template, with these functions besides its own:
//
//	tab                     a tab
//	wrap WIDTH INDENT TEXT  TEXT in lines of at most WIDTH octets, broken at blanks; those after the first are indented
//	fold WIDTH INDENT TEXT  the same, broken anywhere
//	indent PREFIX LINES     each of LINES, ended, behind PREFIX
//	join LINES              LINES with a blank between them
//	base NAME               NAME up to its first dot
//	lower TEXT, upper TEXT  TEXT in small letters, in capitals
//	quoted TEXT             TEXT as quoted-printable
//	ms TIME                 the milliseconds of TIME's second
type Text string

// functions are those of a Text.
func functions() template.FuncMap {
	return template.FuncMap{
		"tab":    func() string { return "\t" },
		"wrap":   wrap,
		"fold":   fold,
		"indent": indented,
		"join":   func(lines []string) string { return strings.Join(lines, " ") },
		"lower":  strings.ToLower,
		"upper":  strings.ToUpper,
		"quoted": quotedText,
		"ms":     func(at time.Time) int { return at.Nanosecond() / int(time.Millisecond) },
		"base": func(name string) string {
			name, _, _ = strings.Cut(name, ".")
			return name
		},
	}
}

// parsed are templates that are read already, by their text. nil: there are none.
type parsed map[Text]*template.Template

// parse reads a template.
func parse(name string, text Text) (*template.Template, error) {
	t, err := template.New(name).Funcs(functions()).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("the template of %s: %w", name, err)
	}
	return t, nil
}

// read reads each of the named templates.
func read(texts map[string]Text) (parsed, error) {
	all := parsed{}
	for name, text := range texts {
		t, err := parse(name, text)
		if err != nil {
			return nil, err
		}
		all[text] = t
	}
	return all, nil
}

// fill fills a template in. Lines end as the template's do, with LF.
func (p parsed) fill(name string, text Text, data any) (string, error) {
	t, known := p[text]
	if !known {
		var err error
		if t, err = parse(name, text); err != nil {
			return "", err
		}
	}
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		return "", fmt.Errorf("fill in the template of %s: %w", name, err)
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n"), nil
}

// lines gives the lines of a header that a template made, CRLF-ended; empty ones, which it has where it decides, are left
// out.
func lines(header string) []byte {
	var out bytes.Buffer
	for line := range strings.SplitSeq(header, "\n") {
		if line != "" {
			out.WriteString(line + "\r\n")
		}
	}
	return out.Bytes()
}

// wrap breaks text at blanks.
func wrap(width, indent int, text string) string {
	return broken(width, indent, text, cutBlank)
}

// cutBlank cuts text at the last blank that leaves at most room octets before it, else at the first one after.
func cutBlank(text string, room int) (line, rest string) {
	at := strings.LastIndexByte(text[:max(0, room)+1], ' ')
	if at <= 0 {
		if at = strings.IndexByte(text[1:], ' ') + 1; at == 0 {
			return text, ""
		}
	}
	return text[:at], text[at+1:]
}

// fold breaks text anywhere, though not within a character.
func fold(width, indent int, text string) string {
	return broken(width, indent, text, func(text string, room int) (string, string) {
		n := max(1, room)
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n++
		}
		return text[:n], text[n:]
	})
}

// broken breaks text into lines of at most width octets. cut cuts a text that is longer than room.
func broken(width, indent int, text string, cut func(text string, room int) (line, rest string)) string {
	var out strings.Builder
	for room := width; len(text) > room; room = width - indent {
		line, rest := cut(text, room)
		if rest == "" {
			break
		}
		out.WriteString(line + "\n" + strings.Repeat(" ", indent))
		text = rest
	}
	return out.String() + text
}

// quotedText is text as quoted-printable. Source: RFC 2045 §6.7.
func quotedText(text string) (string, error) {
	var out strings.Builder
	w := quotedprintable.NewWriter(&out)
	_, err := w.Write([]byte(text))
	return out.String(), errors.Join(err, w.Close())
}

// indented puts prefix before each line, and ends it.
func indented(prefix string, lines []string) string {
	var out strings.Builder
	for _, line := range lines {
		out.WriteString(prefix + line + "\n")
	}
	return out.String()
}
