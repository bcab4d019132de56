package client

import (
	"strconv"
	"strings"
)

// Reply is what a relay answered. It may be shared between calls: don't change its Lines.
type Reply struct {
	Code  int      // 200 to 599; 0: there was no reply
	Lines []string // as sent, without code, separator and CRLF; at least one
}

// Positive tells whether r is a 2yz reply. Source: RFC 5321 §4.2.1.
func (r Reply) Positive() bool { return r.Code/100 == 2 }

// Intermediate tells whether r is a 3yz reply: the relay waits for more. Source: RFC 5321 §4.2.1.
func (r Reply) Intermediate() bool { return r.Code/100 == 3 }

// Transient tells whether r is a 4yz reply. Source: RFC 5321 §4.2.1.
func (r Reply) Transient() bool { return r.Code/100 == 4 }

// Permanent tells whether r is a 5yz reply. Source: RFC 5321 §4.2.1.
func (r Reply) Permanent() bool { return r.Code/100 == 5 }

// Enhanced gives the enhanced status code, class.subject.detail, of the first line that has one; "" when none has.
// It is as the relay gave it: its class may disagree with Code. Source: RFC 2034 §4, RFC 3463 §2.
func (r Reply) Enhanced() string {
	for _, line := range r.Lines {
		if code, _ := cutEnhanced(line); code != "" {
			return code
		}
	}
	return ""
}

// Text gives the lines without their codes, the enhanced ones too, joined by a blank: where the relay wraps its
// sentence doesn't matter.
func (r Reply) Text() string {
	if len(r.Lines) == 1 {
		_, text := cutEnhanced(r.Lines[0])
		return text
	}
	texts := make([]string, len(r.Lines))
	for i, line := range r.Lines {
		_, texts[i] = cutEnhanced(line)
	}
	return strings.Join(texts, " ")
}

// String gives r for a person to read: its codes, then its text.
func (r Reply) String() string {
	if r.Code == 0 {
		return "no reply"
	}
	s := strconv.Itoa(r.Code)
	for _, part := range []string{r.Enhanced(), r.Text()} {
		if part != "" {
			s += " " + part
		}
	}
	return s
}

// cutEnhanced takes an enhanced status code from the front of line. Source: RFC 3463 §2 (class 2, 4 or 5; up to three
// digits for subject and detail).
func cutEnhanced(line string) (code, text string) {
	code, text, _ = strings.Cut(line, " ")
	class, rest, _ := strings.Cut(code, ".")
	subject, detail, _ := strings.Cut(rest, ".")
	if class != "2" && class != "4" && class != "5" || !upTo3Digits(subject) || !upTo3Digits(detail) {
		return "", line
	}
	return code, text
}

func upTo3Digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 3
}

// Wire gives r's lines as they were sent, without CRLF. Source: RFC 5321 §4.2.1.
func (r Reply) Wire() []string {
	lines := make([]string, len(r.Lines))
	for i, line := range r.Lines {
		separator := "-"
		if i == len(r.Lines)-1 {
			separator = " "
		}
		lines[i] = strconv.Itoa(r.Code) + separator + line
	}
	return lines
}
