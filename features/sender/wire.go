package sender

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features"
)

// wireSteps judge how the server spoke to the relay.
func wireSteps(sc *godog.ScenarioContext) {
	sc.Then(`^each session presents a name in "([^"]*)"$`, presentsNameIn)
	sc.Then(`^no session presents "([^"]*)"$`, presentsNone)
	sc.Then(`^a connection carries several messages$`, carriesSeveral)
	sc.Then(`^each message is encrypted$`, eachEncrypted)
	sc.Then(`^each message is authenticated$`, eachAuthenticated)
	sc.Then(`^each message is authenticated, or its session presents a name in "([^"]*)"$`, eachIdentified)
	sc.Then(`^nobody authenticates( in clear text)?$`, nobodyAuthenticates)
	sc.Then(`^no message is begun$`, noneBegun)
	sc.Then(`^each connection is to port ([\d, or]+)$`, eachToPort)
	sc.Then(`^no transaction with an empty sender has more than (\d+) recipients?$`, nullSenderHas)
}

// within tells whether name is the domain or in it.
func within(name, domain string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name == domain || strings.HasSuffix(name, "."+domain)
}

func presentsNameIn(ctx context.Context, domain string) error {
	return of(ctx).eachName("a name in "+domain, func(name string) bool { return within(name, domain) })
}

func presentsNone(ctx context.Context, names string) error {
	taken := strings.Split(names, ", ")
	return of(ctx).eachName("none of "+names, func(name string) bool { return !slices.Contains(taken, strings.ToLower(name)) })
}

// eachName asks of every name in HELO and EHLO that it is acceptable, and that there is one.
func (p *play) eachName(want string, acceptable func(string) bool) error {
	names := 0
	for _, c := range p.connections() {
		for _, name := range c.names {
			if names++; !acceptable(name) {
				p.Transcript().Note(c.name, "presents "+name)
				return &features.Failure{Want: want + " in HELO and EHLO", Got: name}
			}
		}
	}
	return p.sawSomething(names, "no name was presented")
}

// sawSomething guards against a Then that has nothing to judge.
func (*play) sawSomething(n int, otherwise string) error {
	if n == 0 {
		return errors.New(otherwise + ": there is nothing to judge")
	}
	return nil
}

func carriesSeveral(ctx context.Context) error {
	p := of(ctx)
	most, messages, used := 0, 0, 0
	for _, c := range p.connections() {
		n := 0
		for _, t := range c.transactions {
			if t.accepted() {
				n++
			}
		}
		most, messages = max(most, n), messages+n
		if n > 0 {
			used++
		}
	}
	if most < 2 {
		return &features.Failure{
			Want: "a connection to carry several of the messages that wait",
			Got:  fmt.Sprintf("%d messages through %d connections, one each", messages, used),
		}
	}
	return p.judgedSomething()
}

func eachEncrypted(ctx context.Context) error {
	return of(ctx).eachTransaction("each message to be encrypted", func(t *transaction) bool { return t.encrypted })
}

func eachAuthenticated(ctx context.Context) error {
	return of(ctx).eachTransaction("AUTH before each message", func(t *transaction) bool { return t.authenticated })
}

func eachIdentified(ctx context.Context, domain string) error {
	want := "AUTH before each message, or a name in " + domain + " in its session"
	return of(ctx).eachTransaction(want, func(t *transaction) bool { return t.authenticated || within(t.hello, domain) })
}

// eachTransaction asks of every transaction that it is acceptable, and that there is one.
func (p *play) eachTransaction(want string, acceptable func(*transaction) bool) error {
	transactions := p.transactions()
	for i := range transactions {
		if t := &transactions[i]; !acceptable(t) {
			got := fmt.Sprintf("MAIL FROM:<%s> in a session of %q, encrypted: %t, authenticated: %t", t.sender, t.hello, t.encrypted, t.authenticated)
			return &features.Failure{Want: want, Got: got}
		}
	}
	return p.sawSomething(len(transactions), "no message was begun")
}

func nobodyAuthenticates(ctx context.Context, inClear string) error {
	p := of(ctx)
	connections := p.connections()
	for _, c := range connections {
		if c.clearAUTH || inClear == "" && c.triedAUTH {
			return &features.Failure{Want: "no AUTH" + inClear, Got: "AUTH in the connection " + c.name}
		}
	}
	return p.sawSomething(len(connections), "no connection was opened")
}

func noneBegun(ctx context.Context) error {
	p := of(ctx)
	if transactions := p.transactions(); len(transactions) > 0 {
		return &features.Failure{Want: "no MAIL", Got: "MAIL FROM:<" + transactions[0].sender + ">"}
	}
	return p.judgedSomething()
}

func eachToPort(ctx context.Context, ports string) error {
	p := of(ctx)
	admitted := strings.FieldsFunc(ports, func(r rune) bool { return r < '0' || r > '9' })
	connections := p.connections()
	for _, c := range connections {
		if !slices.Contains(admitted, fmt.Sprint(c.port)) {
			return &features.Failure{Want: "connections to port " + ports, Got: fmt.Sprintf("one to port %d", c.port)}
		}
	}
	return p.sawSomething(len(connections), "no connection was opened")
}

func nullSenderHas(ctx context.Context, most int) error {
	p := of(ctx)
	n := 0
	for _, t := range p.transactions() {
		if t.sender != "" {
			continue
		}
		if n++; len(t.recipients) > most {
			last := t.recipients[len(t.recipients)-1]
			return &features.Failure{
				Want: fmt.Sprintf("at most %d RCPT behind MAIL FROM:<>", most), Got: fmt.Sprintf("%d", len(t.recipients)), Reply: codesOf(last.reply),
			}
		}
	}
	return p.sawSomething(n, "no message had an empty sender")
}
