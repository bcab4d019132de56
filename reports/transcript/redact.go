package transcript

import "strings"

// redacted stands for credentials in what is written.
const redacted = "[redacted]"

// Redacted stands for credentials in what is written.
const Redacted = redacted

// Redacted gives the text as it may be written: credentials left out, the mechanism of AUTH kept. It changes nothing
// when it is applied to its own result.
//
// The initial response of AUTH is a credential whether Secret is set or not. Source: RFC 4954 §4.
func (e Entry) Redacted() string {
	switch {
	case e.Kind == Client && hasInitialResponse(e.Text):
		return redactInitialResponse(e.Text)
	case e.Secret:
		return redacted
	case e.Kind == Raw:
		return redactLines(e.Text)
	}
	return e.Text
}

// carriesCredentials tells whether e is secret by what it says.
func carriesCredentials(e Entry) bool {
	return e.Kind == Client && hasInitialResponse(e.Text)
}

// hasInitialResponse tells whether line is AUTH, a mechanism, and something behind it.
func hasInitialResponse(line string) bool {
	const verb = "AUTH"
	if len(line) <= len(verb) || !strings.EqualFold(line[:len(verb)], verb) || !blank(line[len(verb)]) {
		return false
	}
	return len(strings.Fields(line)) > 2
}

func blank(b byte) bool { return b == ' ' || b == '\t' }

func redactInitialResponse(line string) string {
	words := strings.Fields(line)
	return words[0] + " " + words[1] + " " + redacted
}

// redactLines leaves the credentials out of octets that hold whole commands: initial responses, and the lines that
// follow an AUTH without one, which are pipelined responses.
func redactLines(octets string) string {
	if !containsFold(octets, "auth") {
		return octets
	}
	lines := strings.SplitAfter(octets, "\n")
	responses := 0
	for i, line := range lines {
		text := strings.TrimRight(line, "\r\n")
		switch {
		case text == "":
		case responses > 0:
			responses--
			lines[i] = redacted + line[len(text):]
		case hasInitialResponse(text):
			lines[i] = redactInitialResponse(text) + line[len(text):]
		default:
			responses = responsesTo(text)
		}
	}
	return strings.Join(lines, "")
}

// responsesTo tells how many responses follow line: two behind AUTH LOGIN, one behind another mechanism.
func responsesTo(line string) int {
	words := strings.Fields(line)
	switch {
	case len(words) != 2 || !strings.EqualFold(words[0], "AUTH"):
		return 0
	case strings.EqualFold(words[1], "LOGIN"):
		return 2
	}
	return 1
}

func containsFold(s, lower string) bool { return strings.Contains(strings.ToLower(s), lower) }
