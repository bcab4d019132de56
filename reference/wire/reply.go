package wire

import (
	"bytes"
	"cmp"
	"strconv"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// reply is a policy.Reply in its wire form, with the places that a session fills in still open.
type reply struct {
	code     int
	enhanced string
	text     []byte
	rule     policy.RuleID // what it goes by, where no Decision says
}

func render(r policy.Reply) reply {
	if len(r.Lines) == 0 {
		r.Lines = []string{""} // a code without a text is still a reply; nothing at all would leave the client waiting
	}
	return reply{code: r.Code, enhanced: r.Enhanced, text: r.Append(nil)}
}

// positives are the positive replies that each message gets, looked up and with the session's {id} in place once for all
// of its messages. {unix} and the like are still open.
type positives struct{ mail, rcpt, data, accepted reply }

func (s *Server) positives(session string) positives {
	with := func(name policy.ReplyName) reply {
		r := s.replies[name]
		r.text = bytes.ReplaceAll(r.text, []byte("{id}"), []byte(session))
		return r
	}
	return positives{
		mail: with(policy.ReplyMail), rcpt: with(policy.ReplyRcpt),
		data: with(policy.ReplyData), accepted: with(policy.ReplyAccepted),
	}
}

// say answers with a reply of the service.
func (s *session) say(name policy.ReplyName) {
	s.write(s.server.replies[name], note{})
}

// sorry answers that we failed.
func (s *session) sorry(cause string) {
	s.write(s.server.replies[policy.ReplyFailure], note{cause: cause})
}

// strike counts an error of the client. It tells whether that was one too many; then the session ends with the next
// reply, which should be ReplyTooManyErrors.
func (s *session) strike() bool {
	s.errors++
	over := s.server.config.MaxErrors > 0 && s.errors >= s.server.config.MaxErrors
	s.closing = s.closing || over
	return over
}

// fault answers to a command that can't be understood, and ends a session that has had too many of them.
func (s *session) fault(name policy.ReplyName) {
	if s.strike() {
		name = policy.ReplyTooManyErrors
	}
	s.say(name)
	if name == policy.ReplyUnknown {
		s.flush() // RFC 2920 §3.2 (4): a client that asks whether we know a command must not have to wait
	}
}

// bye answers and closes.
func (s *session) bye(name policy.ReplyName) {
	s.say(name)
	s.closing = true
}

// ask puts a stage to the Engine, keeps its Decision in s.decision, and writes a refusal. It tells whether the stage was
// passed; then the positive reply is still to be written, with agree or agreeWith.
func (s *session) ask(stage policy.Stage) bool {
	if !s.consult(stage) {
		return false
	}
	if s.decision.Refused() {
		s.answer()
		return false
	}
	return true
}

// consult puts a stage to the Engine and keeps its Decision in s.decision. It tells whether there is one; if not, it has
// answered that we failed.
func (s *session) consult(stage policy.Stage) bool {
	failure := s.inquire(stage)
	if failure != nil {
		s.sorry(failure.Error())
	}
	return failure == nil
}

// inquire puts a stage to the Engine and keeps its Decision in s.decision. The error is our failure.
func (s *session) inquire(stage policy.Stage) (failure error) {
	s.pending = s.pending || stage >= policy.Mail
	s.decision, failure = s.server.config.Engine.Decide(s.server.ctx, stage, &s.facts)
	return failure
}

// agree writes the positive reply of the Decision, or else that of the service.
func (s *session) agree(name policy.ReplyName) { s.agreeWith(s.server.replies[name]) }

func (s *session) agreeWith(positive reply) {
	if s.decision.Reply.Code != 0 {
		s.answer()
		return
	}
	s.conclude(positive)
}

// answer writes the reply of the Decision as it is given.
func (s *session) answer() { s.conclude(render(s.decision.Reply)) }

// conclude writes a reply under the conditions of the Decision.
func (s *session) conclude(r reply) {
	s.wait(s.decision.Delay)
	s.write(r, note{rule: s.decision.Rule})
	s.closing = s.closing || s.decision.Close
}

// wait holds a reply back. What was gathered before it goes out first.
func (s *session) wait(d time.Duration) {
	if d > 0 {
		s.flush()
		s.server.pause(d)
	}
}

// note is what an Event tells beyond the reply.
type note struct {
	rule  policy.RuleID
	cause string
}

// write gathers a reply, its places filled in. A 421 closes the channel: RFC 5321 §3.8.
func (s *session) write(r reply, n note) {
	out := s.gather()
	start := len(out)
	out = s.expand(out, r.text)
	if s.server.config.Events != nil {
		s.report(r, out[start:], n)
	}
	s.put(out)
	s.closing = s.closing || r.code == 421
}

// expand appends text to dst and fills in what stands in braces. Braces with any other name stay as they are.
func (s *session) expand(dst, text []byte) []byte {
	for {
		open := bytes.IndexByte(text, '{')
		if open < 0 {
			return append(dst, text...)
		}
		dst, text = append(dst, text[:open]...), text[open:]
		name, rest, _ := bytes.Cut(text[1:], []byte{'}'})
		switch string(name) {
		case "id":
			dst = append(dst, s.facts.Session...)
		case "unix":
			dst = strconv.AppendInt(dst, s.server.config.Now().Unix(), 10)
		case "peer":
			dst = append(dst, s.peer()...)
		case "helo":
			dst = append(dst, s.named...)
		case "path":
			dst = append(dst, s.path...)
		case "octets":
			dst = strconv.AppendInt(dst, s.octets, 10)
		case "challenge":
			dst = append(dst, s.challenge...)
		default:
			dst, rest = append(dst, '{'), text[1:]
		}
		text = rest
	}
}

// tell makes an event of what isn't a reply.
func (s *session) tell(cause string) { s.tellRule("", cause) }

// tellRule is tell where a rule explains it.
func (s *session) tellRule(rule policy.RuleID, cause string) {
	if events := s.server.config.Events; events != nil {
		events(Event{Time: s.server.config.Now(), Session: s.facts.Session, Peer: s.peer(), Stage: s.stage,
			Command: s.command, Rule: rule, Cause: cause})
	}
}

// report tells of a reply. Whole is how it is written.
func (s *session) report(r reply, whole []byte, n note) {
	line, _, _ := bytes.Cut(whole, []byte("\r\n"))
	line = line[min(len("250 "), len(line)):]
	if r.enhanced != "" {
		line = bytes.TrimPrefix(line, []byte(r.enhanced+" "))
	}
	s.server.config.Events(Event{
		Time:     s.server.config.Now(),
		Session:  s.facts.Session,
		Peer:     s.peer(),
		Stage:    s.stage,
		Command:  s.command,
		Code:     r.code,
		Enhanced: r.enhanced,
		Rule:     cmp.Or(n.rule, r.rule),
		Text:     string(line),
		Sender:   s.facts.Sender.String(),
		Rcpts:    len(s.facts.Recipients),
		Cause:    n.cause,
		Reply:    whole,
	})
}
