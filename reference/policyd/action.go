package policyd

import (
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// What is answered where nothing is refused. Source: access(5).
const (
	permit    = "OK"    // the recipient may be relayed to
	unopposed = "DUNNO" // whatever Postfix has to say to it
)

// longestAction is how much of an answer's text Postfix is given, in octets: it makes one reply line of it.
const longestAction = 400

// refusal makes a reply of the service an action of access(5): 550 5.4.5 text. Its lines become one, for that is all that
// Postfix can say.
func refusal(r policy.Reply) string {
	words := []string{strconv.Itoa(r.Code)}
	if r.Enhanced != "" {
		words = append(words, r.Enhanced)
	}
	for _, line := range r.Lines {
		words = append(words, strings.Fields(line)...)
	}
	action := strings.Join(words, " ")
	if len(action) <= longestAction {
		return action
	}
	return action[:max(strings.LastIndexByte(action[:longestAction+1], ' '), 0)]
}

// printable makes what a client said fit for a reply.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}
