package mutants

import (
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// enhanced are relays whose enhanced codes are wrong.
func enhanced() []Mutant {
	code := func(name policy.ReplyName, enhanced string) Mutant {
		wrong := "has no enhanced code"
		if enhanced != "" {
			wrong = "has the code " + enhanced
		}
		return Mutant{Name: "the reply " + string(name) + " " + wrong, Breaks: []string{"RFC2034-4/every-reply"}, Relay: reply(name, func(r *policy.Reply) { r.Enhanced = enhanced })}
	}
	return []Mutant{
		code(policy.ReplyAccepted, ""),
		code(policy.ReplyReset, ""),
		code(policy.ReplyQuit, ""),
		code(policy.ReplySyntax, ""),
		code(policy.ReplyUnknown, ""),
		code(policy.ReplyParameters, ""),
		code(policy.ReplyNoMail, "4.5.1"),
		code(policy.ReplyRcpt, "2.1.5000"),
		code(policy.ReplyLineTooLong, "5.5"),
		code(policy.ReplyTooBig, ""),
		code(policy.ReplyStartTLS, ""),
		code(policy.ReplyAuthMechanism, ""),
		code(policy.ReplyAuthenticated, ""),
		{Name: "HELP has no enhanced code", Breaks: []string{"RFC2034-4/information"}, Relay: reply(policy.ReplyHelp, func(r *policy.Reply) { r.Enhanced = "" })},
		{Name: "only the last line of a reply has its code", Breaks: []string{"RFC2034-4/every-line"}, Relay: rewords(plainButLast)},
	}
}

// plainButLast takes the enhanced code out of every line of a reply but the last.
func plainButLast(_, text string) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(text, "\r\n") {
		if len(line) > 4 && line[3] == '-' && strings.Count(line, ".") >= 2 && strings.IndexByte("245", line[4]) >= 0 {
			_, words, _ := strings.Cut(line, " ")
			line = line[:4] + words
		}
		b.WriteString(line)
	}
	return b.String()
}
