package wire

import (
	"bytes"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// longestVerb is the length of the longest verb.
const longestVerb = len("STARTTLS")

// cutVerb takes a command line apart. Verbs have no case, and blanks at the end don't count: RFC 5321 §2.4, §4.1.1.
// upper is memory for the verb; what is longer than any verb is none.
func cutVerb(line []byte, upper *[longestVerb]byte) (verb, argument []byte) {
	verb, argument, _ = bytes.Cut(bytes.TrimRight(line, " \t"), []byte{' '})
	argument = bytes.TrimLeft(argument, " ")
	if len(verb) > len(upper) {
		return nil, argument
	}
	known := upper[:len(verb)]
	for i := range known {
		known[i] = upperCase(verb[i])
	}
	return known, argument
}

// obey does what a command line says.
func (s *session) obey(line []byte) {
	var upper [longestVerb]byte
	verb, argument := cutVerb(line, &upper)
	if s.server.config.Events != nil {
		s.log(verb, bytes.TrimRight(line, " \t"))
	}
	s.fruitless++
	if most := s.server.config.MaxCommands; most > 0 && s.fruitless > most && string(verb) != "QUIT" {
		s.bye(policy.ReplyFlood)
		return
	}
	if string(verb) != "BDAT" && beginsChunk(line) {
		s.lose()
		return
	}
	switch {
	case s.barred && string(verb) != "QUIT" && string(verb) != "BDAT":
		s.say(policy.ReplyBadSequence)
	case s.chunks != nil && endsMessage(verb, argument):
		s.chunks.abandon(line)
	default:
		s.dispatch(verb, argument)
	}
}

func (s *session) dispatch(verb, argument []byte) {
	switch string(verb) {
	case "HELO", "EHLO":
		s.helo(argument, verb[0] == 'E')
	case "MAIL":
		s.mail(argument)
	case "RCPT":
		s.rcpt(argument)
	case "DATA":
		s.data(argument)
	case "BDAT":
		s.bdat(argument)
	case "RSET":
		s.rset(argument)
	case "AUTH":
		s.auth(argument)
	case "STARTTLS":
		s.startTLS(argument)
	case "NOOP":
		s.say(policy.ReplyNoop)
	case "HELP":
		s.say(policy.ReplyHelp)
	case "VRFY":
		s.vrfy(argument)
	case "QUIT":
		s.quit(argument)
	default:
		s.fault(policy.ReplyUnknown)
	}
}

// log notes the command for the events of its replies. What follows AUTH and its mechanism is left out, and so is what
// is no mechanism, and a line that is no command: it may be a password that was sent out of turn.
func (s *session) log(verb, line []byte) {
	s.stage, s.command = stageOf(verb), ""
	switch {
	case s.stage == "":
	case s.stage == policy.Auth.String():
		s.command = string(verb)
		if fields := strings.Fields(string(line)); len(fields) > 1 && slices.Contains(mechanisms(), strings.ToUpper(fields[1])) {
			s.command = strings.Join(fields[:2], " ")
		}
	default:
		s.command = string(line[:min(512, len(line))])
	}
}

// stageOf names a command in events. Empty: no command.
func stageOf(verb []byte) string {
	switch string(verb) {
	case "HELO", "EHLO":
		return policy.Helo.String()
	case "AUTH":
		return policy.Auth.String()
	case "MAIL":
		return policy.Mail.String()
	case "RCPT":
		return policy.Rcpt.String()
	case "DATA", "BDAT":
		return policy.Data.String()
	case "RSET", startTLS, "NOOP", "HELP", "VRFY", "QUIT":
		return strings.ToLower(string(verb))
	}
	return ""
}

// helo begins the session anew: RFC 5321 §4.1.4. What AUTH proved stays.
func (s *session) helo(argument []byte, extended bool) {
	s.release()
	s.facts.Helo = ""
	s.named = printable(argument)
	switch {
	case len(argument) == 0:
		s.bye(policy.ReplyEmptyHelo)
		return
	case len(argument) > maxDomain || s.named != string(argument):
		s.bye(policy.ReplyBadHelo)
		return
	}
	s.facts.Helo, s.facts.Extended = s.named, extended
	switch {
	case !s.ask(policy.Helo):
		s.facts.Helo = ""
	case extended:
		s.agreeWith(s.server.ehlo[s.secure()])
	default:
		s.agree(policy.ReplyHelo)
	}
}

// secure is the index into Server.ehlo.
func (s *session) secure() int {
	if s.facts.TLS {
		return 1
	}
	return 0
}

// printable makes an argument fit for a reply: at most maxDomain octets, none of them a blank, a control character or
// outside ASCII.
func printable(argument []byte) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(argument[:min(len(argument), maxDomain)]))
}

// rset ends the transaction: RFC 5321 §4.1.1.5.
func (s *session) rset(argument []byte) {
	if len(argument) > 0 {
		s.fault(policy.ReplySyntax)
		return
	}
	s.release()
	s.say(policy.ReplyReset)
}

func (s *session) vrfy(argument []byte) {
	if len(argument) == 0 {
		s.fault(policy.ReplySyntax)
		return
	}
	s.say(policy.ReplyVerify)
}

func (s *session) quit(argument []byte) {
	if len(argument) > 0 {
		s.fault(policy.ReplySyntax)
		return
	}
	s.bye(policy.ReplyQuit)
	s.quitted = true
}
