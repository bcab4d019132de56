package services

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

//go:embed codes.tsv
var codesTable string

// Code is one row of the service maker's pages about SMTP errors that can touch the relay, and what becomes of it here.
// Source: relay-rules section 4.
type Code struct {
	Code     int    `json:"code"`
	Enhanced string `json:"enhanced"` // as the pages have it, where they differ both
	Text     string `json:"text"`     // the stable part of it
	Relay    string `json:"relay"`    // whether it is the relay's own, a generic one, or said by somebody behind it
	Source   string `json:"source"`   // H: help page, W: seen on the wire, DOC: the document
	// Replies are the service's replies that give it. None: the relay doesn't, and Note says why.
	Replies []policy.ReplyName `json:"replies,omitempty"`
	// Shown is what shows it: the ID of a case, "story NAME" of the wire's testdata, or "test NAME" of its tests.
	// A case may need a switch of the service: "CASE with NAME=VALUE".
	Shown string `json:"shown,omitempty"`
	Note  string `json:"note,omitempty"` // why not, or in which form
}

// Codes reads the table that comes with this program. Every row of section 4 stands in it once. The error names the line.
func Codes() ([]Code, error) { return parseCodes(codesTable) }

// parseCodes reads tab-separated rows; # begins a comment.
func parseCodes(table string) ([]Code, error) {
	var codes []Code
	for i, line := range strings.Split(strings.TrimSuffix(table, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		c, err := parseCode(strings.Split(line, "\t"))
		if err != nil {
			return nil, fmt.Errorf("codes.tsv:%d: %w", i+1, err)
		}
		codes = append(codes, c)
	}
	return codes, nil
}

func parseCode(cells []string) (Code, error) {
	const columns = 8
	if len(cells) != columns {
		return Code{}, fmt.Errorf("%d columns, want %d", len(cells), columns)
	}
	c := Code{Enhanced: cells[1], Text: cells[2], Relay: cells[3], Source: cells[4], Shown: cells[6], Note: cells[7]}
	var err error
	if c.Code, err = strconv.Atoi(cells[0]); err != nil {
		return Code{}, fmt.Errorf("%q is no code", cells[0])
	}
	for _, name := range strings.Split(cells[5], ",") {
		switch {
		case name == "":
		case !slices.Contains(policy.ReplyNames(), policy.ReplyName(name)):
			return Code{}, fmt.Errorf("no reply is called %q", name)
		default:
			c.Replies = append(c.Replies, policy.ReplyName(name))
		}
	}
	switch {
	case len(c.Replies) == 0 && c.Note == "":
		return Code{}, fmt.Errorf("no reply gives it and nothing says why not")
	case len(c.Replies) > 0 && c.Shown == "":
		return Code{}, fmt.Errorf("the relay gives it and nothing shows it")
	}
	return c, nil
}
