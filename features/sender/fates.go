package sender

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features"
)

// fateSteps judge what became of messages: who got them, what is queued, what came back.
func fateSteps(sc *godog.ScenarioContext) {
	sc.Then(`^each recipient gets it once$`, eachGetsIt)
	sc.Then(`^"([^"]*)" get it once$`, theseGetIt)
	sc.Then(`^nobody gets it$`, nobodyGetsIt)
	sc.Then(`^the server of the company gets what is for "([^"]*)", once$`, companyGetsIt)
	sc.Then(`^it is queued for "([^"]*)"$`, queuedFor)
	sc.Then(`^they are queued$`, theyAreQueued)
	sc.Then(`^nothing is queued$`, nothingQueued)
	sc.Then(`^it is returned to "([^"]*)" once$`, returnedOnce)
	sc.Then(`^it is queued, or returned to "([^"]*)"$`, queuedOrReturned)
	sc.Then(`^nobody is told that it failed$`, nobodyIsTold)
	sc.Then(`^it was tried (\d+) times?$`, triedTimes)
	sc.Then(`^it was tried (\d+) times or more, each a minute or more after the one before$`, triedApart)
	sc.Then(`^it was tried after ([\d, ]+) minutes$`, triedAfter)
}

func eachGetsIt(ctx context.Context) error {
	p := of(ctx)
	return p.eventually(ctx, func() error {
		transactions := p.transactions()
		for i := range p.sent {
			if err := p.once(transactions, &p.sent[i], p.sent[i].Recipients); err != nil {
				return err
			}
		}
		return p.judgedSomething()
	})
}

func theseGetIt(ctx context.Context, recipients string) error {
	p := of(ctx)
	return p.eventually(ctx, func() error {
		if err := p.judgedSomething(); err != nil {
			return err
		}
		return p.once(p.transactions(), p.last(), strings.Split(recipients, ", "))
	})
}

// once asks that the relay took m exactly once for each of those.
func (p *play) once(transactions []transaction, m *sent, recipients []string) error {
	for _, recipient := range recipients {
		n := got(transactions, m, recipient)
		if n == 1 {
			continue
		}
		instead := fmt.Sprintf("%d times", n)
		if n == 0 {
			instead = "it wasn't"
		}
		return &features.Failure{
			Want: fmt.Sprintf("the message from <%s> to be delivered to <%s> exactly once", m.Sender, recipient), Got: instead,
			Reply: lastRefusal(transactions, m, recipient),
		}
	}
	return nil
}

// lastRefusal gives the codes with which the relay last refused m for a recipient, "" when it didn't.
func lastRefusal(transactions []transaction, m *sent, recipient string) string {
	codes := ""
	for _, t := range transactions {
		if t.sender != m.Sender {
			continue
		}
		for _, reply := range t.replies(recipient) {
			if reply != "" && reply[0] != '2' {
				codes = codesOf(reply)
			}
		}
	}
	return codes
}

// replies are those to what t said about a recipient.
func (t *transaction) replies(recipient string) []string {
	all := []string{t.reply}
	for _, r := range t.recipients {
		if r.address == recipient {
			all = append(all, r.reply)
		}
	}
	if t.message != nil {
		all = append(all, t.message.Reply)
	}
	return all
}

// codesOf are those at the beginning of a reply: "550 5.7.1".
func codesOf(reply string) string {
	words := strings.Fields(strings.Replace(reply, "-", " ", 1))
	switch {
	case len(words) == 0:
		return ""
	case len(words) > 1 && strings.Count(words[1], ".") == 2:
		return words[0] + " " + words[1]
	}
	return words[0]
}

func nobodyGetsIt(ctx context.Context) error {
	p := of(ctx)
	if err := p.judgedSomething(); err != nil {
		return err
	}
	transactions, m := p.transactions(), p.last()
	for _, recipient := range m.Recipients {
		if n := got(transactions, m, recipient); n > 0 {
			return &features.Failure{Want: "the message not to be delivered", Got: fmt.Sprintf("<%s> got it, %d times", recipient, n)}
		}
	}
	return nil
}

func companyGetsIt(ctx context.Context, recipient string) error {
	p := of(ctx)
	if err := p.judgedSomething(); err != nil {
		return err
	}
	return p.eventually(ctx, func() error {
		if n := got(p.transactions(), p.last(), recipient); n > 0 {
			return &features.Failure{Want: fmt.Sprintf("what is for <%s> not to reach the relay", recipient), Got: "it did"}
		}
		var own []transaction
		for _, c := range p.intern.connections() {
			own = append(own, c.transactions...)
		}
		return p.once(own, p.last(), []string{recipient})
	})
}

func queuedFor(ctx context.Context, recipient string) error {
	p := of(ctx)
	return p.eventually(ctx, func() error {
		queue, err := p.server.Queue(ctx)
		if err != nil {
			return fmt.Errorf("look at the server's queue: %w", err)
		}
		if slices.ContainsFunc(queue, func(q Queued) bool { return strings.EqualFold(q.Recipient, recipient) }) {
			return nil
		}
		return &features.Failure{Want: "the message to be queued for <" + recipient + ">", Got: "a queue with " + inWords(queue)}
	})
}

func theyAreQueued(ctx context.Context) error {
	p := of(ctx)
	for _, m := range p.sent {
		for _, recipient := range m.Recipients {
			if err := queuedFor(ctx, recipient); err != nil {
				return err
			}
		}
	}
	return p.judgedSomething()
}

func nothingQueued(ctx context.Context) error {
	p := of(ctx)
	return p.eventually(ctx, func() error {
		queue, err := p.server.Queue(ctx)
		if err != nil {
			return fmt.Errorf("look at the server's queue: %w", err)
		}
		if len(queue) > 0 {
			return &features.Failure{Want: "an empty queue", Got: inWords(queue)}
		}
		return nil
	})
}

// inWords lists the first entries of a queue.
func inWords(queue []Queued) string {
	const most = 3
	words := []string{}
	for _, q := range queue[:min(most, len(queue))] {
		words = append(words, fmt.Sprintf("a message from <%s> to <%s>", q.Sender, q.Recipient))
	}
	switch {
	case len(queue) == 0:
		return "nothing in it"
	case len(queue) > most:
		words = append(words, fmt.Sprintf("%d more", len(queue)-most))
	}
	return strings.Join(words, ", ")
}

func returnedOnce(ctx context.Context, sender string) error {
	p := of(ctx)
	return p.eventually(ctx, func() error {
		if n := len(p.returned(sender)); n != 1 {
			return &features.Failure{Want: "one notice of the failure to <" + sender + ">", Got: fmt.Sprintf("%d", n)}
		}
		return nil
	})
}

func queuedOrReturned(ctx context.Context, sender string) error {
	p := of(ctx)
	if err := p.judgedSomething(); err != nil {
		return err
	}
	if len(p.returned(sender)) > 0 {
		return nil
	}
	return queuedFor(ctx, p.last().Recipients[0])
}

// returned gives the notices of failure that the relay took for a sender. One names who didn't get the message.
func (p *play) returned(sender string) []transaction {
	var found []transaction
	for _, t := range p.transactions() {
		failed := t.isNotice(p.sent) && !t.ofDelay() && slices.Contains(t.took(), sender)
		if failed && slices.ContainsFunc(p.sent, func(m sent) bool { return t.isAbout(&m) }) {
			found = append(found, t)
		}
	}
	return found
}

// isAbout tells whether a notice names a recipient of m, or has its token.
func (t *transaction) isAbout(m *sent) bool {
	if t.message == nil {
		return false
	}
	text := string(t.message.Content)
	return strings.Contains(text, m.token) || slices.ContainsFunc(m.Recipients, func(r string) bool { return strings.Contains(text, r) })
}

func nobodyIsTold(ctx context.Context) error {
	p := of(ctx)
	for _, t := range p.transactions() {
		if t.isNotice(p.sent) && !t.ofDelay() {
			var to []string
			for _, r := range t.recipients {
				to = append(to, "<"+r.address+">")
			}
			return &features.Failure{Want: "no notice of a failure", Got: "one to " + strings.Join(to, ", ")}
		}
	}
	return p.judgedSomething()
}

func triedTimes(ctx context.Context, want int) error {
	p := of(ctx)
	if err := p.judgedSomething(); err != nil {
		return err
	}
	if tried := p.attempts(); len(tried) != want {
		return &features.Failure{Want: fmt.Sprintf("%d attempts", want), Got: fmt.Sprintf("%d: %s", len(tried), p.after(tried))}
	}
	return nil
}

func triedApart(ctx context.Context, least int) error {
	p := of(ctx)
	if err := p.judgedSomething(); err != nil {
		return err
	}
	tried := p.attempts()
	if len(tried) < least {
		return &features.Failure{Want: fmt.Sprintf("%d attempts or more", least), Got: p.after(tried)}
	}
	for i := 1; i < len(tried); i++ {
		if tried[i].Sub(tried[i-1]) < time.Minute-clockTolerance {
			return &features.Failure{Want: "a minute or more between attempts", Got: p.after(tried)}
		}
	}
	return nil
}

// clockTolerance is how exactly attempts are timed: the first one comes some time after the message was handed over.
const clockTolerance = 2 * time.Second

func triedAfter(ctx context.Context, minutes string) error {
	p := of(ctx)
	if err := p.judgedSomething(); err != nil {
		return err
	}
	tried := p.attempts()
	want := strings.Split(minutes, ", ")
	fits := len(tried) == len(want)
	for i := 0; fits && i < len(tried); i++ {
		n, err := number(want[i])
		if err != nil {
			return err
		}
		off := tried[i].Sub(tried[0]) - time.Duration(n)*time.Minute
		fits = off.Abs() <= clockTolerance
	}
	if !fits {
		return &features.Failure{Want: "attempts after " + minutes + " minutes", Got: p.after(tried)}
	}
	return nil
}

// attempts gives when the last message was tried for its first recipient.
func (p *play) attempts() []time.Time {
	return attempts(p.transactions(), p.last(), p.last().Recipients[0])
}

// after says when attempts came, counted from the first one.
func (p *play) after(tried []time.Time) string {
	if len(tried) == 0 {
		return "none"
	}
	const most = 12
	words := []string{}
	for _, at := range tried[:min(most, len(tried))] {
		words = append(words, at.Sub(tried[0]).Round(time.Second).String())
	}
	if len(tried) > most {
		words = append(words, fmt.Sprintf("%d more", len(tried)-most))
	}
	return "after " + strings.Join(words, ", ")
}

// last is the message that was sent last.
func (p *play) last() *sent { return &p.sent[len(p.sent)-1] }

// judgedSomething guards against a Then that has nothing to judge: the feature is wrong, not the server.
func (p *play) judgedSomething() error {
	if len(p.sent) == 0 {
		return errors.New("nothing was sent before: there is nothing to judge")
	}
	return nil
}

// eventually asks until the answer is no failure. A server that knows when it is at rest is asked once: it was.
func (p *play) eventually(ctx context.Context, ask func() error) error {
	within := 0 * time.Second
	if _, ok := p.server.(Settler); !ok {
		within = eventuallyWithin
	}
	for began := time.Now(); ; {
		err := ask()
		if failure := new(features.Failure); !errors.As(err, &failure) || time.Since(began) >= within {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
	}
}

// eventuallyWithin bounds how long a server that can't tell whether it is at rest has for what is awaited of it.
const eventuallyWithin = 5 * time.Second

// loopback is where messages are handed over from.
func loopback() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }
