package features

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/relayspec/relayspec/features/target"
)

// delivered tells whether m is as wanted, and shows what it is.
func delivered(m target.Message, how, want string) (got string, right bool) {
	switch how {
	case "with", "without":
		return fmt.Sprintf("%q", tail(string(m.Data))), inOrder(string(m.Data), want) == (how == "with")
	case "ending in":
		return fmt.Sprintf("%q", tail(string(m.Data))), strings.HasSuffix(string(m.Data), want)
	case "from":
		return "from <" + m.Sender + ">", want == "<>" && m.Sender == "" || sameMailbox(m.Sender, want)
	case "only to":
		return "to " + strings.Join(m.Recipients, ", "), len(m.Recipients) == 1 && sameMailbox(m.Recipients[0], want)
	}
	return "", true
}

// gap stands in what is wanted of a message for anything at all.
const gap = " ... "

// inOrder tells whether data has what is wanted, the pieces between gaps one behind another.
func inOrder(data, want string) bool {
	for _, piece := range strings.Split(want, gap) {
		_, after, found := strings.Cut(data, piece)
		if !found {
			return false
		}
		data = after
	}
	return true
}

// sameMailbox tells whether two addresses are one: domains have no case, local parts have one and may be quoted without
// need. Source: RFC 5321 §2.4, §4.1.2.
func sameMailbox(a, b string) bool {
	atA, atB := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	if atA < 0 || atB < 0 {
		return a == b
	}
	return unquoted(a[:atA]) == unquoted(b[:atB]) && strings.EqualFold(a[atA:], b[atB:])
}

// unquoted is a local part without its quotes and the backslashes in them.
func unquoted(local string) string {
	if len(local) < 2 || local[0] != '"' || local[len(local)-1] != '"' {
		return local
	}
	var b strings.Builder
	for inner := local[1 : len(local)-1]; inner != ""; inner = inner[1:] {
		if inner[0] == '\\' && len(inner) > 1 {
			inner = inner[1:]
		}
		b.WriteByte(inner[0])
	}
	return b.String()
}

// deliversAccepted asks that the last answer told the truth: what was accepted leaves the relay, what was refused doesn't.
// Source: RFC 5321 §4.2.5, §6.1.
func deliversAccepted(ctx context.Context) error {
	s := from(ctx)
	if len(s.talk.heard) == 0 {
		return errors.New("nothing was answered: there is nothing to judge")
	}
	if s.talk.heard[len(s.talk.heard)-1].reply.Positive() {
		return deliversMessage(ctx, "", "")
	}
	return deliversAtMost(ctx, 0)
}
