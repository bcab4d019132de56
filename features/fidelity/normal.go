package fidelity

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/fakes/relay"
)

// What differs each time is normalised before it is compared. Sizes are compared apart from the commands that carry them.
var (
	sizes    = regexp.MustCompile(`(?i)\bSIZE=\d+`)
	chunks   = regexp.MustCompile(`(?i)^BDAT \d+`)
	dates    = regexp.MustCompile(`(?:[A-Z][a-z]{2}, +)?\d{1,2} [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d(?: (?:[+-]\d{4}|GMT|UTC|[A-Z]{3,4}))?(?: \([A-Z]+\))?`)
	stamps   = regexp.MustCompile(`\b20\d{12}\b`)
	epochs   = regexp.MustCompile(`\b1[6-9]\d{8}\b`)
	exims    = regexp.MustCompile(`\b(E?)[0-9A-Za-z]{6}-[0-9A-Za-z]{6}-[0-9A-Za-z]{2}\b`)
	eximdsn  = regexp.MustCompile(`eximdsn-\d+`)
	sendmail = regexp.MustCompile(`\b[0-9A-Za-z]{8}\d{6}\b`)
	postfix  = regexp.MustCompile(`\b[0-9A-F]{6,12}\b`)
	qmails   = regexp.MustCompile(`\(qmail \d+ `)
	qmailIDs = regexp.MustCompile(`<(?:DATE|\d{14})\.\d+\.qmail@`)
	versions = regexp.MustCompile(`\d+\.\d+\.\d+(?:\.\d+)?/\d[^)\s]*|Exim \d+\.\d+(?:\.\d+)?`)
	sinkIDs  = regexp.MustCompile(`sink\d{6}`)
)

// normal is a line of a content, without what differs each time: dates, ids and versions.
func normal(line string) string {
	for _, rule := range []struct {
		of  *regexp.Regexp
		put string
	}{
		{dates, "DATE"}, {qmailIDs, "<ID.qmail@"}, {stamps, "DATE"}, {eximdsn, "eximdsn-ID"}, {exims, "${1}ID"}, {versions, "VERSION"},
		{epochs, "TIME"}, {sendmail, "ID"}, {postfix, "ID"}, {qmails, "(qmail ID "}, {sinkIDs, "sinkID"},
	} {
		line = rule.of.ReplaceAllString(line, rule.put)
	}
	return line
}

// command is a command as it is compared: sizes left out, credentials told by whose they are.
func command(step relay.Step) string {
	switch step.Verb {
	case "":
		return "(credentials)"
	case "AUTH":
		fields := strings.Fields(step.Text)
		if len(fields) < 3 {
			return step.Text
		}
		octets, err := base64.StdEncoding.DecodeString(fields[2])
		parts := strings.Split(string(octets), "\x00")
		if err != nil || len(parts) != 3 {
			return fields[0] + " " + fields[1] + " (initial response)"
		}
		return fields[0] + " " + fields[1] + " (authzid " + strconv.Quote(parts[0]) + ", user " + strconv.Quote(parts[1]) + ")"
	case relay.EndOfData:
		return step.Verb
	}
	return chunks.ReplaceAllString(sizes.ReplaceAllString(step.Text, "SIZE=n"), "BDAT n")
}
