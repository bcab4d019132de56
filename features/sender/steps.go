package sender

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/relay"
	"github.com/relayspec/relayspec/features"
)

// Steps binds the vocabulary of this package's features.
func Steps(sc *godog.ScenarioContext) {
	setupSteps(sc)
	relaySteps(sc)
	mailSteps(sc)
	fateSteps(sc)
	wireSteps(sc)
	configurationSteps(sc)
}

// setupSteps say how the server is set up, where that isn't as the document says.
func setupSteps(sc *godog.ScenarioContext) {
	sc.Given(`^the server encrypts$`, func(ctx context.Context) { of(ctx).encrypts() })
	sc.Given(`^the server authenticates as "([^"]*)"$`, func(ctx context.Context, user string) { of(ctx).authenticates(user) })
	sc.Given(`^mail for "([^"]*)" has a server of the company$`, hasServer)
	sc.Given(`^the server waits (\d+) seconds? for the answer to a message$`, func(ctx context.Context, n int) {
		of(ctx).setup.FinalWait = time.Duration(n) * time.Second
	})
	sc.Given(`^the relay's setting admits any address$`, func(ctx context.Context) { of(ctx).anyAddress = true })
}

// encrypts has the server encrypt, and the relay offer it.
func (p *play) encrypts() {
	p.setup.TLS = true
	p.announce("STARTTLS")
}

func (p *play) authenticates(user string) {
	p.encrypts()
	p.setup.User, p.setup.Password = user, "pass-of-the-relays-user"
	p.script.AuthAfterTLS = true
	p.announce("AUTH LOGIN PLAIN")
}

func (p *play) announce(keyword string) {
	if !slices.Contains(p.ext, keyword) {
		p.ext = append(p.ext, keyword)
	}
}

// silent has the relay not announce a keyword any more, whatever parameters it has.
func (p *play) silent(keyword string) {
	p.ext = slices.DeleteFunc(p.ext, func(e string) bool { return e == keyword || strings.HasPrefix(e, keyword+" ") })
}

func hasServer(ctx context.Context, domain string) error {
	p := of(ctx)
	p.intern = &served{port: internalPort, address: "127.0.0.1:0"}
	if placed, ok := p.sender.(Placed); ok && placed.Places()[internalPort] != "" {
		p.intern.address = placed.Places()[internalPort]
	}
	var err error
	if p.intern.Relay, err = relay.Start(context.WithoutCancel(ctx), relay.Options{Listen: p.intern.address, Observe: p.observer(p.intern)}); err != nil {
		return err
	}
	p.setup.Routes = map[string]string{domain: p.intern.Address()}
	return nil
}

// internalPort stands for the company's own server among Places.
const internalPort = 0

// relaySteps say how the relay answers.
func relaySteps(sc *godog.ScenarioContext) {
	sc.Given(`^the relay announces no extension$`, func(ctx context.Context) { of(ctx).ext = nil })
	sc.Given(`^the relay doesn't offer TLS$`, func(ctx context.Context) { of(ctx).silent("STARTTLS") })
	sc.Given(`^the relay offers AUTH in clear text$`, offersAUTH)
	sc.Given(`^the relay is down$`, func(ctx context.Context) { of(ctx).down = true })
	sc.Given(`^the relay answers (the greeting|EHLO or HELO|EHLO|AUTH|MAIL|RCPT|DATA|the end of the message)(?: of "([^"]*)")? with "([^"]*)"( and closes)?$`, answersWith)
	sc.Given(`^the relay answers (RCPT|DATA|the end of the message) of "([^"]*)" with:$`, answersWithLines)
	sc.Given(`^the relay answers recipients after the first ([\d,]+) with "([^"]*)"$`, answersAfter)
	sc.Given(`^the relay refuses recipients after the first where the sender is empty, with "([^"]*)"$`, refusesAfterFirst)
	sc.Given(`^the relay drops the connection within the message$`, drops)
	sc.Given(`^the relay takes (\d+) seconds to answer (MAIL|RCPT|DATA|the end of the message)$`, takesItsTime)
	sc.Given(`^the relay never answers (the end of the message)$`, neverAnswers)
	sc.When(`^the relay takes mail again$`, func(ctx context.Context) error { return of(ctx).acceptAgain(ctx) })
}

func offersAUTH(ctx context.Context) {
	p := of(ctx)
	p.silent("AUTH")
	p.announce("AUTH LOGIN PLAIN")
	p.script.AuthAfterTLS = false
}

func answersWith(ctx context.Context, stage, about, reply, closes string) error {
	return of(ctx).refuse(stage, relay.Rule{Match: about, Reply: reply, Close: closes != ""})
}

func answersWithLines(ctx context.Context, stage, about string, reply *godog.DocString) error {
	return of(ctx).refuse(stage, relay.Rule{Match: about, Reply: strings.TrimSpace(reply.Content)})
}

// refuse adds a rule to a stage of the script. Where DATA is the stage, messages have to come by it: not by BDAT.
func (p *play) refuse(stage string, rule relay.Rule) error {
	stages := map[string][]*relay.Rules{
		"the greeting": {&p.script.Greeting}, "EHLO or HELO": {&p.script.EHLO, &p.script.HELO}, "EHLO": {&p.script.EHLO},
		"AUTH": {&p.script.Auth}, "MAIL": {&p.script.Mail}, "RCPT": {&p.script.Rcpt}, "DATA": {&p.script.Data},
		"the end of the message": {&p.script.End}, "the message": {&p.script.Content},
	}
	for _, rules := range stages[stage] {
		*rules = append(*rules, rule)
	}
	if stage == "DATA" || stage == "the message" {
		p.silent("CHUNKING")
	}
	return p.answers()
}

func answersAfter(ctx context.Context, first, reply string) error {
	n, err := number(first)
	if err != nil {
		return err
	}
	return of(ctx).refuse("RCPT", relay.Rule{Reply: reply, Skip: n, Per: relay.PerTransaction})
}

// refusesAfterFirst is for scenarios in which every sender is empty.
func refusesAfterFirst(ctx context.Context, reply string) error {
	return of(ctx).refuse("RCPT", relay.Rule{Reply: reply, Skip: 1, Per: relay.PerTransaction})
}

// droppedAfter is how much of a message the relay takes before it drops the connection, octets.
const droppedAfter = 64

func drops(ctx context.Context) error {
	return of(ctx).refuse("the message", relay.Rule{Octets: droppedAfter, Close: true})
}

func takesItsTime(ctx context.Context, seconds int, stage string) error {
	return of(ctx).refuse(stage, relay.Rule{Delay: relay.Duration(time.Duration(seconds) * time.Second)})
}

// never is longer than any scenario takes. A relay that left a reply out would answer a QUIT that came in the same write,
// and that would be taken for the reply.
const never = time.Hour

func neverAnswers(ctx context.Context, stage string) error {
	return of(ctx).refuse(stage, relay.Rule{Delay: relay.Duration(never)})
}

// mailSteps hand messages to the server, run its queue, and let time pass.
func mailSteps(sc *godog.ScenarioContext) {
	sc.When(`^"([^"]*)" sends a message to "([^"]*)"$`, sends)
	sc.When(`^"([^"]*)" sends a message to ([\d,]+) recipients$`, sendsToMany)
	sc.When(`^"([^"]*)" sends ([\d,]+) messages$`, sendsMany)
	sc.Given(`^"([^"]*)" has sent ([\d,]+) messages$`, sendsMany)
	sc.When(`^a message with an empty sender is sent to "([^"]*)"$`, func(ctx context.Context, to string) error { return sends(ctx, "", to) })
	sc.When(`^the queue is run$`, runsQueue)
	sc.When(`^([\d,]+) (second|minute|hour)s? pass$`, passes)
}

func sends(ctx context.Context, from, to string) error {
	return of(ctx).send(ctx, from, strings.Split(to, ", "))
}

func sendsToMany(ctx context.Context, from, count string) error {
	n, err := number(count)
	if err != nil {
		return err
	}
	to := make([]string, n)
	for i := range to {
		to[i] = fmt.Sprintf("r%03d@example.net", i+1)
	}
	return of(ctx).send(ctx, from, to)
}

func sendsMany(ctx context.Context, from, count string) error {
	n, err := number(count)
	if err != nil {
		return err
	}
	to := make([][]string, n)
	for i := range to {
		to[i] = []string{fmt.Sprintf("r%d@example.net", i+1)}
	}
	return of(ctx).send(ctx, from, to...)
}

// send hands the server a message for each of those groups of recipients, and waits until it is at rest.
func (p *play) send(ctx context.Context, from string, to ...[]string) error {
	if err := p.begin(ctx); err != nil {
		return err
	}
	var messages []mail.Submission
	for _, recipients := range to {
		m := p.message(from, recipients)
		p.sent = append(p.sent, m)
		messages = append(messages, m.Submission)
	}
	if err := p.server.Submit(ctx, messages...); err != nil {
		return fmt.Errorf("hand %d messages to the server: %w", len(messages), err)
	}
	return p.settle(ctx)
}

// message makes one that is told by its token from all others.
func (p *play) message(from string, to []string) sent {
	token := fmt.Sprintf("token-%s-%d", rand.Text()[:10], len(p.sent)+1)
	m := sent{token: token}
	author := from
	if author == "" {
		author = "MAILER-DAEMON@ws1." + defaultDomain
	}
	lines := []string{
		"From: " + author, "To: " + to[0], "Subject: a test of the relay", "Date: Mon, 06 Jan 2025 10:00:00 +0000",
		"Message-ID: " + m.messageID(), "MIME-Version: 1.0", "Content-Type: text/plain; charset=us-ascii", "",
		"This message is one of a test: " + token + ".", ".A line that begins with a dot.", "",
	}
	m.Submission = mail.Submission{
		Sender: from, Recipients: to, Content: []byte(strings.Join(lines, "\r\n")),
		HelloName: "ws1." + defaultDomain, HelloVerb: "EHLO", Client: "ws1." + defaultDomain, Address: loopback(),
	}
	return m
}

func runsQueue(ctx context.Context) error {
	p := of(ctx)
	p.Transcript().Note("", "the queue is run")
	if err := p.server.Flush(ctx); err != nil {
		return fmt.Errorf("run the server's queue: %w", err)
	}
	return p.settle(ctx)
}

func passes(ctx context.Context, count, unit string) error {
	p := of(ctx)
	n, err := number(count)
	if err != nil {
		return err
	}
	d := time.Duration(n) * map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour}[unit]
	if p.clock == nil {
		return &features.Missing{Capability: CanClock}
	}
	p.Transcript().Note("", fmt.Sprintf("%s %s pass", count, unit+"s"))
	if err := p.clock.Advance(ctx, d); err != nil {
		return fmt.Errorf("let %s pass for the server: %w", d, err)
	}
	return p.settle(ctx)
}

// number reads 1,000.
func number(text string) (int, error) { return strconv.Atoi(strings.ReplaceAll(text, ",", "")) }
