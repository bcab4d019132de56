package session

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
)

// Count is how many octets SIZE= says a message has, as a profile writes it: none, stored or received, and then what is
// added: "stored+1023". The word lines stands for the number of lines: "received-lines" counts line ends as one octet.
//
//	none      SIZE isn't said
//	stored    the content as it is sent, before dots are added
//	received  what the server was given, before it added its own; where nobody knows that, SIZE isn't said
type Count string

// countForm is the form of a Count.
var countForm = regexp.MustCompile(`^(none|stored|received)([+-]\d{1,9}|[+-]lines)?$`)

// Check says what is wrong with a Count.
func (c Count) Check() error {
	if !countForm.MatchString(string(c)) {
		return fmt.Errorf("%q; write none, or stored or received with what is added, as stored+1023 or received-lines", string(c))
	}
	return nil
}

// of counts a message whose content is sent as content. ok: SIZE is said.
func (c Count) of(content []byte, received int64) (octets int64, ok bool) {
	parts := countForm.FindStringSubmatch(string(c))
	if parts == nil || parts[1] == "none" || parts[1] == "received" && received <= 0 {
		return 0, false
	}
	octets = int64(len(content))
	if parts[1] == "received" {
		content = content[max(0, octets-received):] // what the server adds stands before it
		octets = received
	}
	return max(0, octets+added(parts[2], content)), true
}

// added is what is added to a count of content.
func added(what string, content []byte) int64 {
	lines := int64(bytes.Count(content, []byte("\n")))
	switch what {
	case "+lines":
		return lines
	case "-lines":
		return -lines
	}
	n, _ := strconv.ParseInt(what, 10, 64) // nothing is 0
	return n
}
