package sender

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/mta"
	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/mta/session"
	"github.com/relayspec/relayspec/reports"
)

// broken is a sender that breaks rules of the document: it names them before it is judged.
type broken struct {
	name    string
	of      string                         // the fake that it is made of
	profile func(p *mta.Profile)           // what is changed of its profile; nil: nothing
	setup   func(s *Setup)                 // and of how it is set up; nil: nothing
	twice   bool                           // it sends each message twice
	forgets bool                           // it takes messages and loses every second one
	config  func(name, text string) string // what is changed of its files; nil: nothing
	rules   []string                       // whose cases must find it out, each
	verdict reports.Verdict                // "": FAIL
}

// meaning changes what replies mean, at every stage.
func meaning(key string, m session.Meaning) func(p *mta.Profile) {
	return func(p *mta.Profile) {
		all := &p.Session.Replies
		for _, stage := range []*session.Meanings{&all.Greeting, &all.Hello, &all.Mail, &all.Rcpt, &all.Data, &all.EndOfData, &all.Any} {
			changed := maps.Clone(*stage)
			if value, ok := changed[key]; ok {
				value.Value = m
				changed[key] = value
			}
			*stage = changed
		}
	}
}

// brokenSenders are the senders that must be found out.
func brokenSenders() []broken {
	return []broken{
		{name: "tries again after ten seconds", of: "sendmail", rules: []string{"ERR-CUST-PEAK"},
			profile: func(p *mta.Profile) { p.Retry.Vendor.QueueRun.Value = 10 * time.Second }},
		{name: "gives up after an hour", of: "sendmail", rules: []string{"ERR-CUST-PEAK"},
			profile: func(p *mta.Profile) { p.Retry.Vendor.Expire.Value = time.Hour }},
		{name: "doesn't try again by itself", of: "sendmail", rules: []string{"ERR-CUST-PEAK"},
			profile: func(p *mta.Profile) { p.Retry.Vendor.QueueRun.Value = 48 * time.Hour }},
		{name: "returns what is refused for now", of: "postfix", rules: []string{"ERR-CUST-PEAK"}, profile: meaning("4yz", "bounced keep")},
		{name: "returns what 421 turns away", of: "postfix", rules: []string{"HELO-DOS-SOMETIMES"}, verdict: reports.Noted,
			profile: meaning("421", "bounced close")},
		{name: "takes a lost connection for a refusal", of: "postfix", rules: []string{"RFC5321-4.5.4.1/connection-lost"},
			profile: meaning("drop", "bounced close")},
		{name: "gives up after a second", of: "postfix", rules: []string{"RFC5321-4.5.3.2/time-outs"}, verdict: reports.NonStrict,
			profile: func(p *mta.Profile) {
				wait := &p.Session.Timeouts
				wait.Mail.Value, wait.Rcpt.Value, wait.Data.Value, wait.EndOfData.Value = time.Second, time.Second, time.Second, time.Second
			}},
		{name: "takes silence for a refusal", of: "postfix", rules: []string{"RFC5321-4.5.4.1/connection-lost"},
			profile: meaning("timeout", "bounced close")},
		{name: "keeps what is refused for good", of: "postfix", rules: []string{"ERR-CUST-DAY", "ERR-USER"}, profile: meaning("5yz", "deferred keep")},
		{name: "takes a refusal for a delivery", of: "postfix", rules: []string{"ERR-CUST-DAY", "ERR-USER"}, profile: meaning("5yz", "delivered keep")},
		{name: "sends each message twice", of: "qmail", rules: []string{"C-TESTMAIL"}, verdict: reports.NonStrict, twice: true},
		{name: "loses messages", of: "postfix", rules: []string{"ERR-CUST-PEAK"}, forgets: true},
		{name: "presents localhost", of: "exim", rules: []string{"HELO-FORBIDDEN", "HELO-UNIQUE"}, verdict: reports.NonStrict,
			setup: func(s *Setup) { s.Host = "localhost" }},
		{name: "presents a name of another domain", of: "exim", rules: []string{"SND-FOREIGN-IDENT", "SND-EMPTY-IDENT"},
			setup: func(s *Setup) { s.Host = "mail.elsewhere.example" }},
		{name: "encrypts on port 25", of: "postfix", rules: []string{"PORT-587-TLS"}, setup: func(s *Setup) { s.Port = 25 }},
		{name: "goes on in clear text, password included", of: "sendmail", rules: []string{"PORT-587-TLS", "AUTH-TLS"},
			setup: func(s *Setup) { s.TLS = false }, profile: func(p *mta.Profile) { p.Session.Auth.Clear.Value = true }},
		{name: "has 50 recipients where the sender is empty", of: "qmail", rules: []string{"NULL-MULTI-RCPT"},
			profile: func(p *mta.Profile) { p.Session.Splits.Most.Value, p.Session.Splits.Rest.Value = 50, session.Same }},
		{name: "uses no connection again", of: "sendmail", rules: []string{"DOS-CONN-REUSE"}, verdict: reports.NonStrict,
			profile: func(p *mta.Profile) { p.Connections.Reuse.Value = mta.NeverReused }},
		{name: "sends internal mail to the relay", of: "qmail", rules: []string{"QM-ROUTE-INTERNAL"}, setup: func(s *Setup) { s.Routes = nil }},
		{name: "waits as long for the third time as for the second", of: "exchange-2003", rules: []string{"EX2003-RETRY"},
			profile: func(p *mta.Profile) {
				p.Retry.Documented.Steps.Value = []time.Duration{time.Minute, time.Minute, time.Minute, 5 * time.Minute}
			}},
		{name: "is configured for smtp-relay.google.com", of: "postfix", rules: []string{"PF-RELAYHOST", "HOST-RELAY"},
			config: func(_, text string) string {
				return strings.ReplaceAll(text, "smtp-relay.gmail.com", "smtp-relay.google.com")
			}},
		{name: "has a later time-out of ten minutes", of: "sendmail", rules: []string{"SM-DATAFINAL-1H"},
			config: func(_, text string) string { return text + "define(`confTO_DATAFINAL', `10m')dnl\n" }},
		{name: "is another on the edge than on the hub", of: "exchange-edge", rules: []string{"EXEDGE-VERIFY"},
			config: func(name, text string) string {
				if filepath.Base(name) == "edge.txt" {
					text = strings.Replace(text, "SmartHosts                   : {smtp-relay.gmail.com}", "SmartHosts                   : {mx.elsewhere.example}", 1)
				}
				return text
			}},
	}
}

// made gives the broken sender.
func (b broken) made(t *testing.T) Sender {
	t.Helper()
	p := *open(t, b.of).(*fake).profile
	if b.profile != nil {
		b.profile(&p)
	}
	s, err := Fake(&p)
	if err != nil {
		t.Fatal(err)
	}
	return &breaker{Sender: s, broken: b}
}

// breaker breaks what a profile can't.
type breaker struct {
	Sender
	broken
}

func (b *breaker) Start(ctx context.Context, s Setup) (Server, error) {
	if b.setup != nil {
		b.setup(&s)
	}
	server, err := b.Sender.Start(ctx, s)
	if err != nil {
		return nil, err
	}
	return &breakingServer{server.(*fakeServer), b}, nil
}

func (b *breaker) Configuration(ctx context.Context, s Setup, folder string) ([]string, error) {
	files, err := b.Sender.(Configured).Configuration(ctx, s, folder)
	if err != nil || b.config == nil {
		return files, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, []byte(b.config(file, string(text))), 0o644); err != nil {
			return nil, err
		}
	}
	return files, nil
}

type breakingServer struct {
	*fakeServer
	*breaker
}

func (s *breakingServer) Submit(ctx context.Context, messages ...mail.Submission) error {
	var all []mail.Submission
	for i, m := range messages {
		if s.forgets && i%2 == 1 {
			continue
		}
		all = append(all, m)
		if s.twice {
			all = append(all, m)
		}
	}
	return s.fakeServer.Submit(ctx, all...)
}

func TestBrokenSendersAreFoundOut(t *testing.T) {
	for _, b := range brokenSenders() {
		t.Run(strings.ReplaceAll(b.name, " ", "-"), func(t *testing.T) {
			want := b.verdict
			if want == "" {
				want = reports.Fail
			}
			run := judged(t, b.made(t), strings.Join(b.rules, " or "), nil)
			found := map[string]bool{}
			for _, c := range run.Cases {
				if c.Verdict == reports.Error {
					t.Errorf("%s: ERROR %s", c.ID, c.Reason)
				}
				if c.Verdict == want {
					found[c.Rules[0]] = true
					t.Logf("%s: wanted %s; got %s", c.ID, c.Want, c.Got)
				}
			}
			for _, rule := range b.rules {
				if !found[rule] {
					t.Errorf("no case of %s came to %s: %v", rule, want, run.Totals.Verdicts)
				}
			}
		})
	}
}
