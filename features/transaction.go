package features

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/fakes/client"
)

// load is what a sender relays, in words: "a message to "bob@other.example"", "9,999 messages", "a message to 130
// new recipients" (in one transaction), "to 9,999 different recipients" (new ones, up to 100 a transaction).
const load = `((?:a message|[\d,]+ messages)(?: to (?:"[^"]*"|[\d,]+ new recipients?))?|to [\d,]+ different recipients)`

// transactionSteps relay mail. A Given asks that the relay takes it all, and is an error when it doesn't; a When leaves
// what came to the Thens.
func transactionSteps(sc *godog.ScenarioContext) {
	sc.Given(`^"([^"]*)" has relayed `+load+`$`, hasRelayed)
	sc.When(`^"([^"]*)" relays `+load+`$`, relays)
	sc.When(`^"([^"]*)" relays a message to "([^"]*)" with the fields:$`, relaysFields)
	sc.When(`^"([^"]*)" relays (a message(?: to 1 new recipient)?) in each of two sessions at once$`, relaysTwice)
	sc.When(`^"([^"]*)" keeps trying to relay `+load+`$`, keepsTrying)
	sc.Given(`^"([^"]*)" has given up `+load+` (with RSET|in the middle of its text)$`, hasGivenUp)
	sc.Given(`^"([^"]*)" has been refused `+load+`$`, hasBeenRefused)
}

func hasRelayed(ctx context.Context, sender, what string) error {
	s := from(ctx)
	mails, err := s.mails(s.sender(sender), what)
	if err != nil {
		return err
	}
	if preloaded, err := s.preload(ctx, mails, mails); preloaded || err != nil {
		return err
	}
	return s.given(s.relayWhile(ctx, mails, accepted))
}

// given makes an error of what keeps a Given from holding: of err, or of the first message that was refused.
func (s *scenario) given(err error) error {
	if err != nil {
		return unprepared(err)
	}
	for _, o := range s.outcomes {
		if reply, refused := o.refusal(); refused {
			return fmt.Errorf("what should be given doesn't hold: <%s> was refused at %s: %s", s.plain(o.mail.sender), o.stage, s.plain(reply.String()))
		}
	}
	return nil
}

func hasBeenRefused(ctx context.Context, sender, what string) error {
	s := from(ctx)
	if err := relays(ctx, sender, what); err != nil {
		return unprepared(err)
	}
	for _, o := range s.outcomes {
		if _, refused := o.refusal(); !refused {
			return fmt.Errorf("what should be given doesn't hold: <%s> was accepted", sender)
		}
		s.noteStage(o)
	}
	return nil
}

func relays(ctx context.Context, sender, what string) error {
	s := from(ctx)
	mails, err := s.mails(s.sender(sender), what)
	if err != nil {
		return err
	}
	return s.relay(ctx, mails)
}

func relaysFields(ctx context.Context, sender, recipients string, table *godog.Table) error {
	s := from(ctx)
	m := s.mail(s.sender(sender), list(s.text(recipients)))
	for _, row := range table.Rows {
		m.fields = append(m.fields, field{row.Cells[0].Value, s.addresses(row.Cells[1].Value)})
	}
	return s.relay(ctx, []mail{m})
}

func relaysTwice(ctx context.Context, sender, what string) error {
	s := from(ctx)
	var mails []mail
	for range 2 {
		one, err := s.mails(s.sender(sender), what) // each with recipients of its own
		if err != nil {
			return err
		}
		mails = append(mails, one...)
	}
	return s.relayAtOnce(ctx, mails)
}

// keepsTrying relays until the relay accepts: what a dropped session held comes back when the relay has seen the end of it.
func keepsTrying(ctx context.Context, sender, what string) error {
	s := from(ctx)
	for range attempts {
		if err := relays(ctx, sender, what); err != nil {
			return err
		}
		if !slices.ContainsFunc(s.outcomes, func(o outcome) bool { _, refused := o.refusal(); return refused }) {
			return nil
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// attempts bounds keepsTrying: with pauseEvery between them it is some 3 seconds of a fast relay.
const attempts = 300

func hasGivenUp(ctx context.Context, sender, what, how string) error {
	s := from(ctx)
	mails, err := s.mails(s.sender(sender), what)
	if err != nil {
		return err
	}
	for _, m := range mails {
		if err := s.giveUp(ctx, m, how == "with RSET"); err != nil {
			return unprepared(err)
		}
	}
	return nil
}

// unprepared makes a Given's trouble an ERROR: only a Then fails a relay.
func unprepared(err error) error {
	if f := new(Failure); errors.As(err, &f) {
		return fmt.Errorf("what should be given doesn't hold: %s", f.Error())
	}
	return err
}

// Words of a load.
var (
	loadCount     = regexp.MustCompile(`^(a|[\d,]+) messages?`)
	loadTo        = regexp.MustCompile(` to "([^"]*)"$`)
	loadNew       = regexp.MustCompile(` to ([\d,]+) new recipients?$`)
	loadDifferent = regexp.MustCompile(`^to ([\d,]+) different recipients$`)
)

// perTransaction is how many recipients a transaction has where the rule isn't about that. Source: LIM-RCPT-RFC5321.
const perTransaction = 100

// mails reads a load. A single message can be asked for outside, one of many can't.
func (s *scenario) mails(sender, what string) ([]mail, error) {
	if m := loadDifferent.FindStringSubmatch(what); m != nil {
		n, err := count(m[1])
		var mails []mail
		for some := range slices.Chunk(s.newRecipients(n), perTransaction) {
			mails = append(mails, s.oneOfMany(sender, some))
		}
		return mails, err
	}
	n, err := count(loadCount.FindStringSubmatch(what)[1])
	if err != nil {
		return nil, err
	}
	recipients, err := s.recipients(what)
	if n == 1 {
		return []mail{s.mail(sender, recipients)}, err
	}
	mails := make([]mail, n)
	for i := range mails {
		mails[i] = s.oneOfMany(sender, recipients)
	}
	return mails, err
}

// recipients reads whom a load goes to; without a word it is bob.
func (s *scenario) recipients(what string) ([]string, error) {
	if m := loadTo.FindStringSubmatch(what); m != nil {
		return list(s.text(m[1])), nil
	}
	m := loadNew.FindStringSubmatch(what)
	if m == nil {
		return []string{s.text("bob@other.example")}, nil
	}
	n, err := count(m[1])
	return s.newRecipients(n), err
}

// relay sends mails through the scenario's session and keeps the outcomes to be judged.
func (s *scenario) relay(ctx context.Context, mails []mail) error {
	return s.relayWhile(ctx, mails, func(outcome) bool { return true })
}

// accepted tells whether the whole of a mail was.
func accepted(o outcome) bool {
	_, refused := o.refusal()
	return !refused
}

// relayWhile is relay as long as goOn says so of what came last; a message that is under way then is told as well.
func (s *scenario) relayWhile(ctx context.Context, mails []mail, goOn func(outcome) bool) error {
	s.outcomes = nil
	if err := s.begin(ctx); err != nil {
		return err
	}
	if len(mails) == 1 {
		o, err := s.relayOne(ctx, mails[0])
		s.outcomes = []outcome{o}
		return err
	}
	for len(s.outcomes) < len(mails) && (len(s.outcomes) == 0 || goOn(s.last())) {
		opened, refused, err := s.open(ctx)
		if err != nil {
			return err
		}
		if refused != nil {
			refused.mail = mails[len(s.outcomes)]
			s.outcomes = append(s.outcomes, *refused)
			return nil
		}
		if s.oneByOne {
			o, err := s.relayOne(ctx, mails[len(s.outcomes)])
			s.outcomes = append(s.outcomes, o)
			if err != nil {
				return err
			}
			continue
		}
		if err := s.relayMany(ctx, opened, mails[len(s.outcomes):], goOn); err != nil {
			return err
		}
	}
	return nil
}

// keepsNoInput tells whether a relay has thrown away the envelope that came together with the message before, and answered
// it out of sequence. That is judged by RFC 2920's own rule, and elsewhere such a relay gets its messages one by one.
func keepsNoInput(i int, result client.Outcome) bool {
	return i > 0 && result.Stage == client.Mail && result.Reply.Code == 503
}

// relayOne sends one message. A session that the relay closed after the message before is opened again, once.
func (s *scenario) relayOne(ctx context.Context, m mail) (outcome, error) {
	for {
		opened, refused, err := s.open(ctx)
		if err != nil {
			return outcome{}, err
		}
		if refused != nil {
			refused.mail = m
			return *refused, nil
		}
		used := opened.used
		opened.used = true
		result, err := opened.Send(s.message(m), client.Lockstep)
		o := came(opened, m, result)
		if err != nil || o.reply.Code == 421 {
			s.abandon()
		}
		if !used || !closedBetween(err) {
			return o, err
		}
	}
}

// relayMany sends mails in a row through one session. Where the relay ends a session that has served a message, with 421
// (RFC 5321 §3.8) or without a word between two messages, that is no error: what is left goes through the next session.
func (s *scenario) relayMany(ctx context.Context, opened *session, mails []mail, goOn func(outcome) bool) error {
	first := len(s.outcomes)
	next := func(i int) client.Message { return s.message(mails[i]) }
	err := opened.SendMany(ctx, len(mails), next, func(i int, result client.Outcome) bool {
		if keepsNoInput(i, result) {
			s.oneByOne = true
			return false
		}
		s.outcomes = append(s.outcomes, came(opened, mails[i], result))
		return goOn(s.last())
	})
	served := opened.used || len(s.outcomes) > first
	opened.used = true
	if err == nil && s.last().reply.Code != 421 {
		return nil
	}
	s.abandon()
	switch {
	case errors.Is(err, client.ErrSessionOver):
		if len(s.outcomes) > first+1 {
			s.outcomes = s.outcomes[:len(s.outcomes)-1] // the one that got the 421
		}
		return nil
	case served && closedBetween(err):
		return nil
	}
	return err
}

// closedBetween tells whether the relay closed the connection before it had a message to answer for: the message that
// was under way is not relayed, and may be sent again. Behind a final dot nobody knows.
func closedBetween(err error) bool {
	broken := new(client.ProtocolError)
	return errors.As(err, &broken) && client.Ended(err) && broken.Command != "."
}

// relayAtOnce opens a session for each mail, then sends all at once.
func (s *scenario) relayAtOnce(ctx context.Context, mails []mail) error {
	sessions := make([]*session, len(mails))
	for i := range mails {
		opened, refused, err := s.dial(ctx, s.server)
		if err == nil && refused != nil {
			err = fmt.Errorf("session %d of %d was refused: %s", i+1, len(mails), refused.reply)
		}
		if err != nil {
			return err
		}
		defer opened.Close()
		sessions[i] = opened
	}
	s.outcomes = make([]outcome, len(mails))
	errs := make([]error, len(mails))
	var all sync.WaitGroup
	meet := newMeeting(len(mails))
	for i, m := range mails {
		all.Go(func() {
			arrive := sync.OnceFunc(meet.arrive)
			result, err := sessions[i].Send(meet.before(s.message(m), arrive), client.Lockstep)
			arrive() // it needn't have come to its content
			s.outcomes[i], errs[i] = came(sessions[i], m, result), err
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// meeting lets no message go on to its content before every other one has come as far, or was refused: then all are under
// way at once, and not one after the other on a busy machine.
type meeting struct {
	missing atomic.Int32
	all     chan struct{}
}

func newMeeting(n int) *meeting {
	m := &meeting{all: make(chan struct{})}
	m.missing.Store(int32(n))
	return m
}

func (m *meeting) arrive() {
	if m.missing.Add(-1) == 0 {
		close(m.all)
	}
}

// meetingWithin bounds the wait: a relay may take one message of a customer's after the other.
const meetingWithin = 2 * time.Second

// before makes the content of sent wait.
func (m *meeting) before(sent client.Message, arrive func()) client.Message {
	write := sent.Write
	if write == nil {
		data := sent.Data
		write = func(w io.Writer) error { _, err := w.Write(data); return err }
	}
	sent.Write = func(w io.Writer) error {
		arrive()
		select {
		case <-m.all:
		case <-time.After(meetingWithin):
		}
		return write(w)
	}
	return sent
}

// giveUp begins a transaction and ends it without its message: with RSET, or by dropping the connection in mid-text.
func (s *scenario) giveUp(ctx context.Context, m mail, reset bool) error {
	opened, refused, err := s.open(ctx)
	if err != nil {
		return err
	}
	if refused != nil {
		return fmt.Errorf("the session was refused at %s: %s", refused.stage, refused.reply)
	}
	sent := s.message(m)
	lines := []string{"MAIL FROM:<" + sent.Sender + ">"}
	for _, recipient := range sent.Recipients {
		lines = append(lines, "RCPT TO:<"+recipient+">")
	}
	if reset {
		return said(opened, append(lines, "RSET")...)
	}
	if err := said(opened, append(lines, "DATA")...); err != nil {
		return err
	}
	s.session = nil
	if err := opened.WriteRaw(sent.Data[:len(sent.Data)/2]); err != nil {
		return err
	}
	return opened.Drop()
}

// said says lines in lock-step; a refusal is an error.
func said(opened *session, lines ...string) error {
	for _, line := range lines {
		reply, err := opened.Cmd(line)
		if err != nil {
			return err
		}
		if !reply.Positive() && !reply.Intermediate() {
			return fmt.Errorf("%s was refused: %s", line, reply)
		}
	}
	return nil
}

// came gives what came of m.
func came(opened *session, m mail, result client.Outcome) outcome {
	o := outcome{mail: m, session: opened.name, accepted: result.Accepted, stage: string(result.Stage), reply: result.Reply}
	for i, reply := range result.Recipients {
		o.recipients = append(o.recipients, recipient{m.recipients[i], reply})
	}
	return o
}

// refusedBy is the outcome of a session that the relay refused while it was being opened.
func refusedBy(opened *session, stage string, reply client.Reply) *outcome {
	if reply.Code == 0 {
		return nil // no reply came: that is the error beside it
	}
	return &outcome{session: opened.name, stage: stage, reply: reply}
}
