package relay

import (
	"encoding/base64"
	"net"
	"strings"
	"time"
)

// applies finds the rule that speaks about subjects (any of them), and counts it; nil: none does.
func (s *session) applies(rules Rules, subjects ...string) *Rule {
	for i := range rules {
		rule := &rules[i]
		if rule.Octets == 0 && !rule.Early && rule.met(subjects) && s.counted(rule) {
			return rule
		}
	}
	return nil
}

// met tells whether r is about one of the subjects.
func (r *Rule) met(subjects []string) bool {
	for _, subject := range subjects {
		if r.Matches(subject) {
			return true
		}
	}
	return false
}

// counted counts a rule that matches, and tells whether it applies this time.
func (s *session) counted(rule *Rule) bool {
	if rule.Skip == 0 && rule.Times == nil {
		return true
	}
	counts := s.counts
	switch {
	case rule.Per == PerRelay:
		s.relay.mu.Lock()
		defer s.relay.mu.Unlock()
		counts = s.relay.counts
	case rule.Per == PerTransaction && s.transaction != nil:
		counts = s.transaction.counts
	}
	n := counts[rule]
	counts[rule] = n + 1
	return n >= rule.Skip && (rule.Times == nil || n < rule.Skip+*rule.Times)
}

// answer says what rules have to say about a subject, and else accepted. It gives errEnd where that ends the session.
func (s *session) answer(rules Rules, accepted string, subjects ...string) error {
	_, err := s.decide(s.applies(rules, subjects...), accepted)
	return err
}

// decide says what rule says, or else the usual reply, and gives what was said; "": nothing.
func (s *session) decide(rule *Rule, usual string) (string, error) {
	if rule == nil {
		s.say(usual)
		return usual, nil
	}
	if err := s.pause(time.Duration(rule.Delay)); err != nil {
		return "", err
	}
	said := rule.Reply
	switch {
	case rule.Silent || rule.Close && said == "":
		said = ""
	case rule.Raw:
		s.keep(Step{Kind: Reply, Text: said}, nil)
		s.out = append(s.out, said...)
	default:
		if said == "" {
			said = usual
		}
		if said != "" {
			s.say(said)
		}
	}
	if rule.Close {
		return said, s.closed(rule)
	}
	return said, nil
}

// closed ends the session as rule says.
func (s *session) closed(rule *Rule) error {
	s.flush()
	s.ending = ByServer
	if tcp, ok := s.socket.(*net.TCPConn); ok && rule.Reset {
		tcp.SetLinger(0) // the kernel sends RST
		tcp.Close()
	}
	return errEnd
}

// pause waits before an answer, so long as the relay is there.
func (s *session) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-s.relay.closing:
		s.ending = ByServer
		return errEnd
	}
}

// command answers a line.
func (s *session) command(line string, segment int) error {
	verb, argument, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	if verb == "MAIL" || verb == "RCPT" {
		_, argument, _ = strings.Cut(line, ":")
	}
	s.keep(Step{Kind: Command, Verb: verb, Text: line, Segment: segment}, nil)
	argument = strings.TrimSpace(argument)
	switch verb {
	case "EHLO", "HELO":
		return s.hello(verb, argument)
	case "STARTTLS":
		return s.startTLS()
	case "AUTH":
		return s.auth(argument)
	case "MAIL":
		return s.mail(argument)
	case "RCPT":
		return s.rcpt(argument)
	case "DATA":
		return s.data()
	case "BDAT":
		return s.bdat(argument)
	case "RSET":
		s.transaction = nil
		return s.answer(s.script().Reset, "250 2.1.5 Flushed", "")
	case "QUIT":
		s.ending = ByQuit
		if err := s.answer(s.script().Quit, "221 2.0.0 closing connection", ""); err != nil {
			return err
		}
		return errEnd
	}
	return s.answer(s.script().Others, other(verb), verb)
}

// other is the usual reply to a command that opens, fills or ends nothing.
func other(verb string) string {
	switch verb {
	case "NOOP":
		return "250 2.0.0 OK"
	case "VRFY", "EXPN":
		return "252 2.1.5 Send some mail, I'll try my best"
	}
	return "500 5.5.1 Unrecognized command"
}

func (s *session) hello(verb, name string) error {
	s.choose(Peer{Verb: verb, Hello: name})
	script := s.script()
	rules, usual := script.HELO, "250 "+script.name()+" at your service"
	if verb == "EHLO" {
		rules, usual = script.EHLO, s.greeting(script)
	}
	said, err := s.decide(s.applies(rules, name), usual)
	if err == nil && strings.HasPrefix(said, "250") {
		s.greeted, s.transaction = true, nil
		s.update(func(r *Session) { r.Verb, r.Hello = verb, name })
	}
	return err
}

// greeting is EHLO's reply.
func (s *session) greeting(script *Script) string {
	lines := []string{script.name() + " at your service"}
	for _, ext := range script.Ext {
		keyword, _, _ := strings.Cut(strings.ToUpper(ext), " ")
		encrypted := s.conn != s.socket
		if keyword == "STARTTLS" && encrypted || keyword == "AUTH" && script.AuthAfterTLS && !encrypted {
			continue
		}
		lines = append(lines, ext)
	}
	for i := range lines {
		separator := "-"
		if i == len(lines)-1 {
			separator = " "
		}
		lines[i] = "250" + separator + lines[i]
	}
	return strings.Join(lines, "\n")
}

// offers tells whether EHLO names a keyword here.
func (s *session) offers(keyword string) bool {
	for line := range strings.SplitSeq(s.greeting(s.script()), "\n") {
		word, _, _ := strings.Cut(line[4:], " ")
		if strings.EqualFold(word, keyword) {
			return true
		}
	}
	return false
}

func (s *session) startTLS() error {
	usual := "220 2.0.0 Ready to start TLS"
	if !s.offers("STARTTLS") {
		usual = "502 5.5.1 STARTTLS is not offered"
	}
	said, err := s.decide(s.applies(s.script().StartTLS, ""), usual)
	if err != nil || !strings.HasPrefix(said, "220") {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	return s.encrypt()
}

func (s *session) auth(argument string) error {
	mechanism, initial, given := strings.Cut(argument, " ")
	mechanism = strings.ToUpper(mechanism)
	if rule := s.early(mechanism); rule != nil && !given {
		_, err := s.decide(rule, "535 5.7.8 Refused")
		return err
	}
	usual, user, authzid, err := s.credentials(mechanism, initial, given)
	if err != nil {
		return err
	}
	said, err := s.decide(s.applies(s.script().Auth, mechanism), usual)
	if strings.HasPrefix(said, "235") {
		s.update(func(r *Session) { r.User, r.Authzid = user, authzid })
	}
	return err
}

// early is the rule that refuses a mechanism before its credentials are asked for; nil: none does.
func (s *session) early(mechanism string) *Rule {
	rules := s.script().Auth
	for i := range rules {
		if rule := &rules[i]; rule.Early && rule.Matches(mechanism) && s.counted(rule) {
			return rule
		}
	}
	return nil
}

// credentials asks for what AUTH has not given, and tells the usual reply and whose they are.
func (s *session) credentials(mechanism, initial string, given bool) (usual, user, authzid string, err error) {
	usual = "235 2.7.0 Accepted"
	switch {
	case !s.offers("AUTH"):
		usual = "503 5.5.1 AUTH is not offered"
	case mechanism == "PLAIN":
		if !given {
			initial, err = s.challenge("334 ")
		}
		parts := strings.Split(decoded(initial), "\x00")
		if len(parts) != 3 {
			return "501 5.5.2 Cannot decode the response", "", "", err
		}
		authzid, user = parts[0], parts[1]
		s.note("AUTH PLAIN decoded ['" + authzid + "', '" + user + "']")
	case mechanism == "LOGIN":
		if !given {
			initial, err = s.challenge("334 VXNlcm5hbWU6")
		}
		if user = decoded(initial); err == nil {
			_, err = s.challenge("334 UGFzc3dvcmQ6")
		}
		s.note("AUTH LOGIN decoded ['" + user + "']")
	default:
		usual = "504 5.7.4 Unrecognized authentication type"
	}
	return usual, user, authzid, err
}

// challenge asks for more credentials and hears them.
func (s *session) challenge(reply string) (string, error) {
	s.say(reply)
	line, segment, err := s.line()
	if err == nil {
		s.keep(Step{Kind: Command, Text: line, Segment: segment}, nil)
	}
	return line, err
}

func decoded(text string) string {
	octets, _ := base64.StdEncoding.DecodeString(text) // what can't be decoded names nobody
	return string(octets)
}

// pathOf splits what stands behind MAIL FROM: or RCPT TO: into the address and its parameters.
func pathOf(argument string) (address, parameters string) {
	if inside, ok := strings.CutPrefix(argument, "<"); ok {
		address, parameters, _ = strings.Cut(inside, ">")
		return address, strings.TrimSpace(parameters)
	}
	address, parameters, _ = strings.Cut(argument, " ")
	return address, strings.TrimSpace(parameters)
}

func (s *session) mail(argument string) error {
	address, parameters := pathOf(argument)
	usual := "250 2.1.0 OK"
	switch {
	case !s.greeted:
		usual = "503 5.5.1 EHLO/HELO first"
	case s.transaction != nil:
		usual = "503 5.5.1 MAIL is given already"
	}
	said, err := s.decide(s.applies(s.script().Mail, address), usual)
	if err == nil && strings.HasPrefix(said, "250") && s.transaction == nil {
		s.transaction = &transaction{counts: map[*Rule]int{}}
		s.transaction.Message = Message{Session: s.record.Number, Sender: address, Parameters: parameters}
	}
	return err
}

func (s *session) rcpt(argument string) error {
	address, _ := pathOf(argument)
	if s.transaction == nil {
		return s.outOfPlace("503 5.5.1 MAIL first")
	}
	usual := "250 2.1.5 OK"
	if most := s.script().MaxRcpt; most > 0 && len(s.transaction.Recipients) >= most {
		usual = "452 4.5.3 Too many recipients"
	}
	said, err := s.decide(s.applies(s.script().Rcpt, address), usual)
	if s.transaction == nil { // it ended
		return err
	}
	if strings.HasPrefix(said, "25") {
		s.transaction.Recipients = append(s.transaction.Recipients, address)
	} else {
		s.transaction.Refused = append(s.transaction.Refused, address)
	}
	return err
}

// outOfPlace answers a command that can't come here.
func (s *session) outOfPlace(reply string) error {
	_, err := s.decide(nil, reply)
	return err
}
