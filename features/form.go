package features

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

var (
	// namesHost is a line that begins with a domain or an address literal. Source: RFC 5321 §4.1.1.1, §4.2.
	namesHost = regexp.MustCompile(`^(?:\[[^][ ]+\]|(?i:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.(?i:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?))*)(?: |$)`)
	// ehloLine is a keyword with its parameters. Source: RFC 5321 §4.1.1.1.
	ehloLine = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*(?: [!-~]+)*$`)
	// ehloKeyword is a keyword that is no word of a greeting.
	ehloKeyword = regexp.MustCompile(`^(?i:SIZE|8BITMIME|PIPELINING|CHUNKING|SMTPUTF8|STARTTLS|ENHANCEDSTATUSCODES|DSN|AUTH|ETRN|BINARYMIME|DELIVERBY)(?: |$)`)
)

// hasForm judges the lines of the last answer.
func hasForm(ctx context.Context, form string) error {
	s := from(ctx)
	if len(s.talk.heard) == 0 {
		return errors.New("nothing was answered: there is nothing to judge")
	}
	last := s.talk.heard[len(s.talk.heard)-1]
	lines, right := last.reply.Lines[1:], ehloLine.MatchString
	switch form {
	case "begins with a name of the relay":
		lines, right = last.reply.Lines[:1], namesHost.MatchString
	case "lists no keyword":
		right = func(line string) bool { return !ehloKeyword.MatchString(line) }
	}
	if i := slices.IndexFunc(lines, func(line string) bool { return !right(line) }); i >= 0 {
		return &Failure{
			Want:  "an answer that " + form + s.to(),
			Got:   fmt.Sprintf("%d with the line %q", last.reply.Code, s.plain(lines[i])),
			Reply: codesOf(last.reply),
		}
	}
	return nil
}

// keepsLinesWithin asks that no line of a reply, with its code and CRLF, is longer than most. Source: RFC 5321 §4.5.3.1.5.
func keepsLinesWithin(ctx context.Context, most int) error {
	const around = len("250 \r\n")
	for _, h := range from(ctx).talk.heard {
		for _, line := range h.reply.Lines {
			if len(line)+around > most {
				return &Failure{
					Want:  fmt.Sprintf("lines of at most %d octets", most),
					Got:   fmt.Sprintf("one of %d in answer to %s", len(line)+around, h.command),
					Reply: codesOf(h.reply),
				}
			}
		}
	}
	return nil
}
