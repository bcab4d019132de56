package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

const (
	// idle is how long the client may take for a line. Source: RFC 5321 §4.5.3.2.7.
	idle = 5 * time.Minute
	// maxRecipients is more than the 100 that must be taken. Source: RFC 5321 §4.5.3.1.8.
	maxRecipients = 1000
	// maxHops tells a loop. Source: RFC 5321 §6.3.
	maxHops = 100
)

// session is one connection.
type session struct {
	conn  net.Conn
	lines lines
	name  string
	hop   hop

	client     string // what it said in EHLO or HELO; empty: it hasn't
	verb       string // which of the two
	open       bool   // MAIL was accepted and its transaction hasn't ended
	sender     string
	recipients []string
}

func newSession(conn net.Conn, name string, next hop) *session {
	return &session{conn: conn, lines: lines{bufio.NewReader(conn)}, name: name, hop: next}
}

// serve greets, and answers each command until QUIT or the end of the connection.
func (s *session) serve() {
	defer s.conn.Close()
	s.say(220, s.name+" ESMTP")
	for {
		s.conn.SetDeadline(time.Now().Add(idle))
		line, err := s.lines.next(maxCommand)
		timeout := net.Error(nil)
		switch {
		case errors.Is(err, errTooLong):
			s.say(500, "Line too long")
			continue
		case errors.As(err, &timeout) && timeout.Timeout():
			s.conn.SetDeadline(time.Now().Add(time.Second))
			s.say(421, s.name+" closes: nothing was said for 5 minutes")
			return
		case err != nil:
			return
		}
		verb, argument, _ := strings.Cut(strings.TrimRight(string(line), " \t"), " ") // RFC 5321 §4.1.1: blanks at the end
		if verb = strings.ToUpper(verb); verb == "QUIT" && argument == "" {
			s.say(221, s.name+" closes")
			return
		}
		if err := s.answer(verb, argument); err != nil {
			return
		}
	}
}

func (s *session) say(code int, text string) { fmt.Fprintf(s.conn, "%d %s\r\n", code, text) }

// answer does what a command asks for. Its error ends the session.
func (s *session) answer(verb, argument string) error {
	switch verb {
	case "EHLO", "HELO":
		s.hello(verb, argument)
	case "MAIL":
		s.mail(argument)
	case "RCPT":
		s.rcpt(argument)
	case "DATA":
		return s.data(argument)
	case "RSET":
		s.plain(argument, func() { s.forget(); s.say(250, "Forgotten") })
	case "NOOP":
		s.say(250, "Done") // RFC 5321 §4.1.1.9: an argument is ignored
	case "VRFY":
		s.verify(argument)
	case "QUIT":
		s.say(501, "QUIT takes no argument")
	case "EXPN", "HELP", "TURN", "SEND", "SOML", "SAML":
		s.say(502, verb+" isn't implemented")
	default:
		s.say(500, "Unknown command")
	}
	return nil
}

// plain does what a command without arguments asks for.
func (s *session) plain(argument string, do func()) {
	if argument != "" {
		s.say(501, "No argument is expected")
		return
	}
	do()
}

// hello begins anew. One that is refused changes nothing. Source: RFC 5321 §4.1.4.
func (s *session) hello(verb, argument string) {
	if !isDomain(argument) && !isLiteral(argument) {
		s.say(501, "A domain or an address literal is expected")
		return
	}
	s.forget()
	s.client, s.verb = argument, verb
	s.say(250, s.name+" greets "+argument)
}

func (s *session) mail(argument string) {
	rest, ok := cutFold(argument, "FROM:")
	mailbox := ""
	switch {
	case s.client == "":
		s.say(503, "EHLO or HELO comes first")
		return
	case s.open:
		s.say(503, "A transaction is open")
		return
	case !ok:
		s.say(501, "MAIL FROM:<address> is expected")
		return
	}
	if null, isNull := strings.CutPrefix(rest, "<>"); isNull {
		rest = null
	} else if mailbox, rest, ok = path(rest); !ok {
		s.say(501, "The reverse-path isn't an address")
		return
	}
	if s.parameters(rest) {
		s.open, s.sender = true, mailbox
		s.say(250, "Sender accepted")
	}
}

func (s *session) rcpt(argument string) {
	rest, ok := cutFold(argument, "TO:")
	switch {
	case !s.open:
		s.say(503, "MAIL comes first")
		return
	case !ok:
		s.say(501, "RCPT TO:<address> is expected")
		return
	}
	mailbox, behind, ok := s.forward(rest)
	switch {
	case !ok:
		s.say(501, "The forward-path isn't an address")
	case !s.parameters(behind):
	case len(s.recipients) == maxRecipients:
		s.say(452, "Too many recipients")
	default:
		s.recipients = append(s.recipients, mailbox)
		s.say(250, "Recipient accepted")
	}
}

// forward reads a forward-path. Postmaster without a domain is this relay's own. Source: RFC 5321 §4.1.1.3, §4.5.1.
func (s *session) forward(rest string) (mailbox, behind string, ok bool) {
	if behind, ok = cutFold(rest, "<Postmaster>"); ok {
		return "postmaster@" + s.name, behind, true
	}
	return path(rest)
}

// parameters refuses whatever stands behind a path: there is no extension that would bring parameters. What touches the
// path is no parameter. Source: RFC 5321 §4.1.1.11.
func (s *session) parameters(rest string) bool {
	switch {
	case rest == "":
		return true
	case rest[0] == ' ' && strings.TrimSpace(rest) != "":
		s.say(555, "Parameters aren't known here")
	default:
		s.say(501, "Nothing is expected behind the address")
	}
	return false
}

// data takes the message and hands it on. Its error ends the session.
func (s *session) data(argument string) error {
	switch {
	case argument != "":
		s.say(501, "No argument is expected")
		return nil
	case !s.open:
		s.say(503, "MAIL comes first")
		return nil
	case len(s.recipients) == 0:
		s.say(503, "RCPT comes first")
		return nil
	}
	s.say(354, "The message, then a line with a dot")
	content, err := s.lines.message()
	defer s.forget()
	switch {
	case errors.Is(err, errTooLong):
		s.say(500, "A line of the message is too long")
	case errors.Is(err, errTooLarge):
		s.say(552, "The message is too large")
	case errors.Is(err, errBare):
		s.say(554, "The message has a bare CR or LF")
	case err != nil:
		return err
	case hops(content) > maxHops:
		s.say(554, "The message goes in a circle")
	default:
		code, text := s.hop.deliver(s.sender, s.recipients, append(s.trace(), content...))
		s.say(code, text)
	}
	return nil
}

// trace is the time stamp. Source: RFC 5321 §4.4.
func (s *session) trace() []byte {
	protocol := map[string]string{"EHLO": "ESMTP", "HELO": "SMTP"}[s.verb]
	host, _, _ := net.SplitHostPort(s.conn.RemoteAddr().String())
	return fmt.Appendf(nil, "Received: from %s ([%s])\r\n\tby %s with %s;\r\n\t%s\r\n",
		s.client, host, s.name, protocol, time.Now().Format(time.RFC1123Z))
}

// hops counts the relays that a message has passed.
func hops(content []byte) int {
	header, _, _ := bytes.Cut(content, []byte("\r\n\r\n"))
	n := 0
	for _, line := range bytes.Split(header, []byte("\r\n")) {
		if _, received := cutFold(string(line), "Received:"); received {
			n++
		}
	}
	return n
}

// verify doesn't say who is there. Source: RFC 5321 §3.5.3, §7.3.
func (s *session) verify(argument string) {
	if argument == "" {
		s.say(501, "A user or a mailbox is expected")
		return
	}
	s.say(252, "Nobody is verified here, but mail is taken")
}

// forget ends the transaction.
func (s *session) forget() { s.open, s.sender, s.recipients = false, "", nil }

// cutFold is strings.CutPrefix, whatever the case.
func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
