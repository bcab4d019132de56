package features

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// answerSteps judge what a dialogue of the protocol brought. They alone, and observationSteps, return a *Failure.
//
// Codes are asked for as in "250", "5yz", "500 or 501", one after another as in "250, 250, 503" or "250 100 times". Texts
// are never judged.
// Where a relay ends the session with 421, as it may at any time (RFC 5321 §3.8), nobody can tell what else it would have
// said: that is an error, unless the feature has room for 421.
func answerSteps(sc *godog.ScenarioContext) {
	sc.Then(`^the relay answers (\d.*?)( and closes the session)?$`, answers)
	sc.Then(`^without awaiting more the relay answers (\d.*)$`, answersAtOnce)
	sc.Then(`^the relay, losing nothing, answers (\d.*?)( and closes the session)?$`, answersAll)
	sc.Then(`^the relay answers as it does to "([^"]*)"$`, answersAsTo)
	sc.Then(`^the session is (in step|in step or over|still open)$`, goesOn)
	sc.Then(`^it can still relay a message$`, stillRelays)
	sc.Then(`^every (answer|line) so far has an enhanced code of its class$`, enhancedAgrees)
	sc.Then(`^a 421 so far closes the session$`, closesAfter421)
	sc.Then(`^the reply to EHLO (lists|doesn't list) "([^"]*)"$`, lists)
	sc.Then(`^the reply to EHLO gives "([^"]*)" (no parameter|at most one number|at least one parameter)$`, gives)
	sc.Then(`^nothing that came before TLS is (obeyed|remembered) in it$`, forgets)
	sc.Then(`^the (sender) that was given before TLS is forgotten in it$`, forgets)
	sc.Then(`^nothing is obeyed in the clear$`, obeysNothing)
	sc.Then(`^the message is delivered(?: (with|without|ending in|from|only to) "(.*)")?$`, deliversMessage)
	sc.Then(`^at most (\d+) messages? (?:is|are) delivered$`, deliversAtMost)
	sc.Then(`^no message is delivered$`, func(ctx context.Context) error { return deliversAtMost(ctx, 0) })
	sc.Then(`^the message is delivered if it was accepted, and only then$`, deliversAccepted)
	sc.Then(`^the answer (begins with a name of the relay|lists keywords behind its first line|lists no keyword)$`, hasForm)
	sc.Then(`^no line of any answer is longer than (\d+) octets$`, keepsLinesWithin)
	sc.Then(`^the transaction stands if that was refused, and is a new one if it was accepted$`, standsOrBeginsAnew)
}

// codes are the replies that are acceptable at one place: each a code whose digits y and z stand for any.
type codes []string

// acceptableCodes is the form of codes as a feature writes them.
var acceptableCodes = regexp.MustCompile(`^([2-5][0-5y][0-9z](?: or [2-5][0-5y][0-9z])*)(?: (\d{1,4}) times)?$`)

func parseCodes(text string) ([]codes, error) {
	var all []codes
	for _, place := range strings.Split(text, ", ") {
		m := acceptableCodes.FindStringSubmatch(place)
		if m == nil {
			return nil, fmt.Errorf("%q is no code: write 250, 5yz, 500 or 501, or 250 3 times", place)
		}
		times := 1
		if m[2] != "" {
			times, _ = strconv.Atoi(m[2]) // the expression lets only digits through
		}
		all = append(all, slices.Repeat([]codes{strings.Split(m[1], " or ")}, times)...)
	}
	return all, nil
}

func (c codes) accept(code int) bool {
	digits := strconv.Itoa(code)
	return slices.ContainsFunc(c, func(want string) bool {
		return len(digits) == 3 && digits[0] == want[0] &&
			(want[1] == 'y' || digits[1] == want[1]) && (want[2] == 'z' || digits[2] == want[2])
	})
}

func (c codes) String() string { return strings.Join(c, " or ") }

func answers(ctx context.Context, wanted, closing string) error {
	s := from(ctx)
	all, err := parseCodes(wanted)
	if err != nil {
		return err
	}
	for i, want := range all {
		reply, err := s.nextAnswer()
		if err != nil {
			return err
		}
		if s.putOff(want, reply) && !s.putsOffAlways() {
			return fmt.Errorf("the relay put the client off where %s was awaited: %s", want, s.plain(reply.String()))
		}
		if !want.accept(reply.Code) {
			place := ""
			if len(all) > 1 {
				place = fmt.Sprintf(", answer %d of %d", i+1, len(all))
			}
			return s.wrongAnswer(want.String()+place, reply)
		}
	}
	if closing != "" {
		return s.closesNow()
	}
	return nil
}

// answersAtOnce is answers where silence tells something, too: the relay takes what it was told for the beginning of more.
func answersAtOnce(ctx context.Context, wanted string) error {
	err := answers(ctx, wanted, "")
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &Failure{Want: wanted + from(ctx).to(), Got: "nothing: the relay waits for more"}
	}
	return err
}

// answersAll is answers where silence may tell something, too: that the relay has lost a command, where it answers the next
// one, and that alone. One that is late, or doesn't answer at all, tells nothing.
func answersAll(ctx context.Context, wanted, closing string) error {
	err := answers(ctx, wanted, closing)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	s, silence := from(ctx), err
	wants := wanted + s.to()
	reply, err := s.say("NOOP")
	if err != nil || !reply.Positive() {
		return silence
	}
	if _, err := s.talk.conn.ReadReply(); !errors.Is(err, os.ErrDeadlineExceeded) {
		return silence
	}
	return &Failure{Want: wants, Got: "nothing, and NOOP behind it is answered: what came in one segment was lost"}
}

// answersAsTo asks that the last line was taken, or refused for nothing that another line isn't refused for.
func answersAsTo(ctx context.Context, other string) error {
	s := from(ctx)
	reply, err := s.nextAnswer()
	if err != nil || reply.Positive() {
		return err
	}
	filled, err := s.words().fill(other)
	if err != nil {
		return err
	}
	like, err := s.say(filled)
	if err != nil {
		return s.malformed(err)
	}
	s.talk.judged = len(s.talk.heard)
	if like.Code != reply.Code {
		return s.wrongAnswer(fmt.Sprintf("2yz or, as in answer to %s, %d", other, like.Code), reply)
	}
	return nil
}

// nextAnswer gives the next reply that no Then has asked about, waiting for it where it hasn't been read.
func (s *scenario) nextAnswer() (client.Reply, error) {
	if s.talk.judged < len(s.talk.heard) {
		s.talk.judged++
		return s.talk.heard[s.talk.judged-1].reply, nil
	}
	reply, err := s.hear(s.talk.said)
	s.talk.judged = len(s.talk.heard)
	return reply, s.malformed(err)
}

// malformed makes a failure of what came where a reply was awaited and is none. Source: RFC 5321 §4.2.
func (s *scenario) malformed(err error) error {
	var wrong *client.ProtocolError
	if errors.As(err, &wrong) && wrong.Err == nil {
		return &Failure{Want: "a reply that is well formed" + s.to(), Got: s.plain(fmt.Sprintf("%q: %s", wrong.Line, wrong.Reason))}
	}
	return err
}

// putOff tells whether reply, the last that was judged, only puts a step of a transaction off that was awaited to go on: a
// relay may do so at any time for reasons of its own, load and rates among them, so that nobody can tell what it would have
// said.
func (s *scenario) putOff(want codes, reply client.Reply) bool {
	hopeful := !slices.ContainsFunc(want, func(code string) bool { return code[0] > '3' })
	verb := s.talk.heard[s.talk.judged-1].command
	others := []string{"", "EHLO", "HELO", "RSET", "NOOP", "QUIT", "VRFY", "HELP", "AUTH", "STARTTLS"}
	limited := reply.Code == 452 && verb == "RCPT" // which is about how many there are: RFC 5321 §4.5.3.1.10
	return reply.Transient() && hopeful && !limited && !slices.Contains(others, verb)
}

// putsOffAlways finds out whether it was the message that the relay put off, not the client: the same octets are put off in a
// transaction of their own, too, and a message that nothing is wrong with is taken right behind them. Anything else that
// was put off may be for a reason of the moment.
func (s *scenario) putsOffAlways() bool {
	said := s.talk.said
	if !strings.HasSuffix(said, `\r\n.\r\n`) || strings.Contains(said, "DATA") {
		return false
	}
	again, err := s.relayed(strings.TrimSuffix(said, `\r\n.\r\n`) + `\r\n.`)
	if err != nil || !again.Transient() {
		return false
	}
	plain, err := s.relayed("{message}.")
	return err == nil && plain.Positive()
}

// relayed gives the reply to a message with that content in a transaction of its own, or the first refusal before it.
func (s *scenario) relayed(content string) (reply client.Reply, err error) {
	for _, line := range []string{"RSET", "MAIL FROM:<{sender}>", "RCPT TO:<{recipient}>", "DATA", content} {
		filled, err := s.words().fill(line)
		if err != nil {
			return reply, err
		}
		reply, err = s.say(filled) // heard, so that the mark finds the reply before it
		if err != nil || !reply.Positive() && !reply.Intermediate() {
			return reply, err
		}
	}
	return reply, nil
}

// asksForAUTH tells whether reply, the last that was judged, is that of a relay that does nothing before the client has
// authenticated, to a command that it may answer so. Source: RFC 4954 §6.
func (s *scenario) asksForAUTH(reply client.Reply) bool {
	verb := s.talk.heard[s.talk.judged-1].command
	return reply.Code == 530 && s.barred() && !slices.Contains([]string{"AUTH", "EHLO", "HELO", "NOOP", "RSET", "QUIT"}, verb)
}

// wrongAnswer is the failure of a reply that isn't acceptable, or the error of one that ends the session.
func (s *scenario) wrongAnswer(want string, got client.Reply) error {
	if s.asksForAUTH(got) {
		return withoutAUTH("client")
	}
	if got.Code == 421 {
		return fmt.Errorf("the relay ended the session where %s was awaited: %s", want, s.plain(got.String()))
	}
	s.mark(s.talk.judged, got)
	return &Failure{Want: want + s.to(), Got: s.plain(got.String()), Reply: codesOf(got)}
}

// wrongLast is wrongAnswer for the reply that was heard last, whatever no Then has asked about before it.
func (s *scenario) wrongLast(want string, got client.Reply) error {
	s.talk.judged = len(s.talk.heard)
	return s.wrongAnswer(want, got)
}

// mark marks reply, behind which heard[next:] came, as the offending one.
func (s *scenario) mark(next int, reply client.Reply) {
	later := 0
	for _, h := range s.talk.heard[min(next, len(s.talk.heard)):] {
		if h.reply.Code == reply.Code {
			later++
		}
	}
	s.transcript.MarkBefore(s.talk.name, strconv.Itoa(reply.Code), later)
}

// to names what the last When said, at most a line of it.
func (s *scenario) to() string {
	said := s.talk.said
	const most = 80
	if len(said) > most {
		said = said[:most] + " ..."
	}
	if said == "" {
		return ""
	}
	return " in answer to " + said
}

// closesNow asks that the relay ends the connection without another word.
func (s *scenario) closesNow() error {
	const after = "the relay to close the connection"
	ended, reply := ends(s.talk.conn)
	switch {
	case ended:
		return nil
	case reply.Code != 0: // be it 421: what was said before was the last word already
		s.transcript.Mark(s.talk.name, strconv.Itoa(reply.Code))
		return &Failure{Want: after + s.to(), Got: s.plain(reply.String()), Reply: codesOf(reply)}
	}
	return &Failure{Want: after + s.to(), Got: "it was still open after " + farewell.String()}
}

// goesOn asks whether the session goes on. One that the relay may end is also in order when it has: by 421, or by closing.
func goesOn(ctx context.Context, how string) error {
	switch how {
	case "in step or over":
		err := inStep(ctx)
		if failed := new(Failure); errors.As(err, &failed) && failed.Got == closedByRelay {
			return nil
		}
		if heard := from(ctx).talk.heard; err != nil && len(heard) > 0 && heard[len(heard)-1].reply.Code == 421 {
			return nil
		}
		return ignoreEnd(err)
	case "still open":
		return isOpen(ctx)
	}
	return inStep(ctx)
}

// closedByRelay is what came where a session was to go on.
const closedByRelay = "the relay closed the connection"

// isOpen asks for a reply to NOOP, whatever it is, from a relay that has no reason to close.
func isOpen(ctx context.Context) error {
	s := from(ctx)
	before := s.to()
	_, err := s.say("NOOP")
	if client.Ended(err) {
		return &Failure{Want: "the session to stay open" + before, Got: closedByRelay}
	}
	return s.malformed(err)
}

// inStep asks that each command that was sent has had its reply and nothing else has: the reply to QUIT is its own.
func inStep(ctx context.Context) error {
	s := from(ctx)
	for _, exchange := range []struct {
		line string
		want codes
	}{{"NOOP", codes{"2yz"}}, {"QUIT", codes{"221"}}} {
		before := s.to()
		s.talk.said = exchange.line
		reply, err := s.say(exchange.line)
		switch {
		case client.Ended(err) && s.serves(ctx):
			return &Failure{Want: "the session to go on" + before, Got: closedByRelay}
		case err != nil:
			return s.malformed(err)
		}
		if !exchange.want.accept(reply.Code) {
			return s.wrongLast(exchange.want.String()+", each reply belonging to its command,", reply)
		}
	}
	return nil
}

// serves tells whether the relay still greets: one that doesn't has ended, and with it the session that was being judged.
func (s *scenario) serves(ctx context.Context) bool {
	dialer, err := s.dialer(server{port: s.anyPort()})
	if err != nil {
		return false
	}
	conn, err := dialer.Dial(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	reply, err := conn.ReadReply()
	return err == nil && reply.Code == 220
}

func stillRelays(ctx context.Context) error {
	s := from(ctx)
	for _, line := range []string{"MAIL FROM:<{sender}>", "RCPT TO:<{recipient}>", "DATA", "{message}."} {
		filled, err := s.words().fill(line)
		if err != nil {
			return err
		}
		s.talk.said = line
		reply, err := s.say(filled)
		if err != nil {
			return err
		}
		if reply.Transient() {
			return fmt.Errorf("the relay put the client off where the session should go on: %s", s.plain(reply.String()))
		}
		if !reply.Positive() && !(line == "DATA" && reply.Intermediate()) {
			return s.wrongLast("the session to go on", reply)
		}
	}
	s.talk.judged = len(s.talk.heard)
	return nil
}

// enhancedAgrees asks of every 2yz, 4yz and 5yz reply that it has an enhanced code whose class is the code's first digit,
// or that each line of it has that same code. The greeting and the replies to HELO and EHLO have none.
// Source: RFC 2034 §4, RFC 3463 §2.
func enhancedAgrees(ctx context.Context, each string) error {
	s := from(ctx)
	for i, h := range s.talk.heard {
		if h.command == "" || h.command == "HELO" || h.command == "EHLO" || h.reply.Intermediate() {
			continue
		}
		code := h.reply.Enhanced()
		class, _, _ := strings.Cut(code, ".")
		agrees := class == strconv.Itoa(h.reply.Code/100)
		if each == "line" {
			agrees = agrees && !slices.ContainsFunc(h.reply.Lines, func(line string) bool { return !strings.HasPrefix(line, code) })
		}
		if !agrees {
			s.talk.said = h.command
			s.mark(i+1, h.reply)
			want := fmt.Sprintf("every %s to have an enhanced code of class %d%s", each, h.reply.Code/100, s.to())
			return &Failure{Want: want, Got: fmt.Sprintf("%d %q", h.reply.Code, h.reply.Lines), Reply: codesOf(h.reply)}
		}
	}
	return nil
}

// closesAfter421 reads what is still to come and asks that nothing follows a 421. Source: RFC 5321 §3.8, §4.2.3.
func closesAfter421(ctx context.Context) error {
	s := from(ctx)
	for i, h := range s.talk.heard {
		if h.reply.Code != 421 {
			continue
		}
		if i+1 < len(s.talk.heard) {
			next := s.talk.heard[i+1].reply
			return &Failure{Want: "the session to end with 421", Got: s.plain(next.String()) + " after it", Reply: codesOf(next)}
		}
		return s.closesNow()
	}
	return nil
}

func lists(ctx context.Context, verb, keyword string) error {
	s := from(ctx)
	capabilities := s.talk.conn.Capabilities()
	if capabilities == nil {
		return errors.New("no EHLO was answered: there is nothing to judge")
	}
	if capabilities.Has(keyword) != (verb == "lists") {
		return &Failure{Want: "a reply to EHLO that " + verb + " " + keyword, Got: fmt.Sprintf("%s among its keywords: %t", keyword, capabilities.Has(keyword))}
	}
	return nil
}

// gives judges the parameters of a keyword. Where a relay doesn't announce it there is nothing to judge.
func gives(ctx context.Context, keyword, what string) error {
	s := from(ctx)
	if !s.talk.conn.Capabilities().Has(keyword) {
		return fmt.Errorf("the reply to EHLO doesn't list %s: there is nothing to judge", keyword)
	}
	given := s.talk.conn.Capabilities().Parameters(keyword)
	fits := map[string]bool{
		"no parameter":           len(given) == 0,
		"at most one number":     len(given) == 0 || len(given) == 1 && octetCount.MatchString(given[0]),
		"at least one parameter": len(given) > 0,
	}[what]
	if !fits {
		return &Failure{Want: keyword + " with " + what, Got: strings.Join(append([]string{keyword}, given...), " ")}
	}
	return nil
}

// octetCount is the form of a size. Source: RFC 1870 §3.
var octetCount = regexp.MustCompile(`^[0-9]+$`)

// forgets asks that what stood behind STARTTLS in the clear is never answered inside TLS, or that a transaction that was
// begun before it can't be gone on with. A relay that answers STARTTLS with a refusal, or gives the connection up, has
// not obeyed it either. Source: RFC 3207 §4.2, §6.
func forgets(ctx context.Context, how string) error {
	s := from(ctx)
	reply, err := s.nextAnswer()
	if err != nil || reply.Code != 220 {
		return ignoreEnd(err)
	}
	if err := s.talk.conn.Handshake(ctx); err != nil {
		return nil // what came in the clear was taken for TLS: there is no session that could obey it
	}
	switch how {
	case "remembered":
		return s.endsNoMessage("the transaction to be forgotten")
	case "sender":
		return s.refuses("RCPT TO:<{recipient}>", "the sender to be forgotten")
	}
	if _, err := s.hello("EHLO"); err != nil {
		return ignoreEnd(err)
	}
	return inStep(ctx)
}

// refuses asks for a refusal of line, or the end of the session.
func (s *scenario) refuses(line, want string) error {
	filled, err := s.words().fill(line)
	if err != nil {
		return err
	}
	s.talk.said = line
	reply, err := s.say(filled)
	if err == nil && (reply.Positive() || reply.Intermediate()) {
		return s.wrongLast(want+", 4yz or 5yz,", reply)
	}
	return ignoreEnd(err)
}

// endsNoMessage asks that DATA begins no message, or that the message is refused at its end: 354 alone promises nothing.
// Source: RFC 5321 §3.3.
func (s *scenario) endsNoMessage(want string) error {
	s.talk.said = "DATA"
	reply, err := s.say("DATA")
	if err == nil && reply.Intermediate() {
		s.talk.said = "."
		reply, err = s.say(".")
	}
	if err == nil && reply.Positive() {
		return s.wrongLast(want+", 4yz or 5yz,", reply)
	}
	return ignoreEnd(err)
}

// obeysNothing asks that what was said in the clear, where TLS should have begun, isn't done. A refusal, an alert of TLS and
// the end of the connection are all right.
func obeysNothing(ctx context.Context) error {
	s := from(ctx)
	reply, err := s.hear(s.talk.said)
	var noReply *client.ProtocolError
	switch {
	case errors.As(err, &noReply):
		return nil
	case err == nil && reply.Positive():
		return s.wrongLast("nothing to be obeyed", reply)
	}
	return err
}

// ignoreEnd takes the end of the connection for an answer.
func ignoreEnd(err error) error {
	if client.Ended(err) {
		return nil
	}
	return err
}

// deliversMessage asks that one message with the scenario's token left the relay: with or without some octets in it or at
// its end, from a reverse-path, or to one recipient alone.
func deliversMessage(ctx context.Context, how, text string) error {
	s := from(ctx)
	want, err := s.words().fill(text)
	if err != nil {
		return err
	}
	messages, err := s.copies(ctx)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if got, right := delivered(m, how, want); !right {
			return &Failure{Want: fmt.Sprintf("the message to be delivered %s %q", how, text), Got: s.plain(got)}
		}
	}
	return nil
}

// tail is the end of a message, for a failure to show.
func tail(data string) string {
	const most = 200
	if len(data) > most {
		return "... " + data[len(data)-most:]
	}
	return data
}

// copies waits for what was delivered of the scenario's messages.
func (s *scenario) copies(ctx context.Context) ([]target.Message, error) {
	s.outcomes = []outcome{{mail: mail{token: s.words().token}}}
	return s.delivered(ctx, "")
}

func deliversAtMost(ctx context.Context, most int) error {
	s := from(ctx)
	s.outcomes = []outcome{{mail: mail{token: s.words().token}}}
	reached, err := s.reached(ctx, most)
	if err == nil && len(reached) > most {
		return &Failure{Want: fmt.Sprintf("at most %d messages to be delivered", most), Got: "messages reached " + s.plain(strings.Join(reached, ", "))}
	}
	return err
}

// standsOrBeginsAnew asks what MAIL in a transaction with a recipient did, by DATA: a refused one changes nothing, an
// accepted one has cleared the recipients. Source: RFC 5321 §4.1.1.2, §4.1.4.
func standsOrBeginsAnew(ctx context.Context) error {
	s := from(ctx)
	if len(s.talk.heard) == 0 {
		return errors.New("nothing was answered: there is nothing to judge")
	}
	if s.talk.heard[len(s.talk.heard)-1].reply.Positive() {
		return s.endsNoMessage("the recipients to be forgotten with the accepted MAIL")
	}
	reply, err := s.say("DATA")
	switch {
	case err != nil:
		return s.malformed(err)
	case !reply.Intermediate():
		return s.wrongLast("354, the refused MAIL having changed nothing,", reply)
	}
	return nil
}
