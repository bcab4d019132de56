package mail

import (
	"bytes"
	"strings"
)

// split divides a message into its header, each line ended, and the rest: the empty line and the body. Content that doesn't
// begin with a field has no header: the rest begins with the empty line that it lacks.
func split(content []byte) (header, rest []byte) {
	content = ended(content)
	if !beginsWithField(content) {
		if !bytes.HasPrefix(content, []byte("\r\n")) {
			content = append([]byte("\r\n"), content...)
		}
		return nil, content
	}
	if at := bytes.Index(content, []byte("\r\n\r\n")); at >= 0 {
		return content[: at+2 : at+2], content[at+2:]
	}
	return content, []byte("\r\n")
}

// ended is content with the end that its last line lacks.
func ended(content []byte) []byte {
	if len(content) == 0 || bytes.HasSuffix(content, []byte("\r\n")) {
		return content
	}
	return append(bytes.Clone(content), "\r\n"...)
}

// beginsWithField tells whether the first line is a field's. Source: RFC 5322 §3.6.8.
func beginsWithField(content []byte) bool {
	name, _, found := bytes.Cut(content, []byte(":"))
	return found && len(name) > 0 && bytes.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// field gives the body of the first field of a name, unfolded.
func field(header []byte, name string) (body string, has bool) {
	for each := range fields(header) {
		if key, value, found := strings.Cut(each, ":"); found && strings.EqualFold(strings.TrimRight(key, " \t"), name) {
			return strings.TrimSpace(strings.ReplaceAll(value, "\r\n", "")), true
		}
	}
	return "", false
}

// fields yields the fields of a header, each with its continuation lines and its line end.
func fields(header []byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var one strings.Builder
		for line := range strings.SplitAfterSeq(string(header), "\r\n") {
			if one.Len() > 0 && line != "" && line[0] != ' ' && line[0] != '\t' {
				if !yield(one.String()) {
					return
				}
				one.Reset()
			}
			one.WriteString(line)
		}
		if one.Len() > 0 {
			yield(one.String())
		}
	}
}

// longest is the length of the longest line, without its end.
func longest(content []byte) (octets int) {
	for line := range bytes.SplitSeq(content, []byte("\n")) {
		octets = max(octets, len(bytes.TrimSuffix(line, []byte("\r"))))
	}
	return octets
}

// eightBit tells whether content has octets that aren't ASCII.
func eightBit(content []byte) bool {
	return bytes.IndexFunc(content, func(r rune) bool { return r >= 0x80 }) >= 0
}
