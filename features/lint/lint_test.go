package lint

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/reports"
)

// catalogued is a line of the catalogue that is about senders.
type catalogued struct {
	id, level, server string // server "": all
	lint              bool
	lines, note       string
}

// catalogue reads the lines that are about senders.
func catalogue(t *testing.T) []catalogued {
	t.Helper()
	text, err := os.ReadFile("../catalogue.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []catalogued
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(fields) < 7 {
			continue
		}
		for subject := range strings.SplitSeq(fields[4], ",") {
			party, _, _ := strings.Cut(subject, "@")
			kind, server, _ := strings.Cut(party, ":")
			if kind == "sender" {
				all = append(all, catalogued{fields[0], fields[3], server, slices.Contains(strings.Split(fields[5], ","), "lint"), fields[2], fields[6]})
			}
		}
	}
	if len(all) < 90 {
		t.Fatalf("only %d lines of the catalogue are about senders", len(all))
	}
	return all
}

func TestEveryRuleThatIsJudgedByLintHasACheck(t *testing.T) {
	known := map[string]rule{}
	for _, r := range rules() {
		if _, twice := known[r.id]; twice {
			t.Errorf("%s stands twice", r.id)
		}
		known[r.id] = r
	}
	lines := map[string]catalogued{}
	for _, c := range catalogue(t) {
		lines[c.id] = c
		if _, ok := known[c.id]; c.lint && !ok {
			t.Errorf("%s is judged by lint, and has no check", c.id)
		}
	}
	for id, r := range known {
		c, ok := lines[id]
		if !ok {
			t.Errorf("%s isn't in the catalogue, or not about senders", id)
			continue
		}
		if want := reports.Level(c.level); r.level != want && !strings.Contains(c.note, "sender: "+string(r.level)) {
			t.Errorf("%s has the level %s, the catalogue says %s (%s)", id, r.level, want, c.note)
		}
		if r.lines != c.lines {
			t.Errorf("%s is of the lines %s, the catalogue says %s", id, r.lines, c.lines)
		}
		if c.server != "" && !slices.Equal(r.servers, []string{c.server}) || c.server == "" && r.servers != nil {
			t.Errorf("%s is about %v, the catalogue says %q", id, r.servers, c.server)
		}
	}
}

func TestRecipesHaveEveryStepOfTheDocument(t *testing.T) {
	for _, server := range Servers() {
		r, err := RecipeFor(server)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, c := range catalogue(t) {
			if c.server == server {
				want = append(want, c.id)
			}
		}
		for _, s := range r.Steps {
			got = append(got, s.Rule)
			if s.Do == "" {
				t.Errorf("%s: %s says nothing to do", server, s.Rule)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: steps (-catalogue +recipe):\n%s", server, diff)
		}
		ids := map[string]bool{"C-TESTMAIL": true}
		for _, l := range catalogue(t) {
			ids[l.id] = true
		}
		for _, c := range r.Corrections {
			if !ids[c.Rule] || c.Step != "" && !slices.Contains(got, c.Step) || c.Why == "" {
				t.Errorf("%s: a correction names the rule %q and the step %q, and says why: %q", server, c.Rule, c.Step, c.Why)
			}
		}
		if !slices.ContainsFunc(r.Corrections, func(c Correction) bool { return c.Rule == "PORT-587-TLS" }) {
			t.Errorf("%s: nothing says what port 25 comes to where TLS is required", server)
		}
		if !strings.Contains(r.Write["relay"], Relay) || r.Write["hello"] == "" || r.Write["port587"] == "" {
			t.Errorf("%s: the lines for relay, hello and port587 aren't all there", server)
		}
	}
	for _, server := range []string{"postfx", "exim", ""} {
		if _, err := RecipeFor(server); err == nil {
			t.Errorf("there is a recipe for %q", server)
		}
	}
}

// at3 is a value that is written at line 3.
func at3[T any](value T) settings.Found[T] {
	return settings.Found[T]{Value: value, Known: true, Place: settings.Place{File: "main.cf", Line: 3}}
}

// byDefault is one that is written nowhere.
func byDefault[T any](value T) settings.Found[T] {
	return settings.Found[T]{Value: value, Known: true}
}

// documented is a configuration as the document has it.
func documented() *settings.Setup {
	return &settings.Setup{
		Server: "postfix", Files: []string{"main.cf"},
		Relay: at3(settings.Relay{Host: Relay, Port: 25}), Hello: at3("mail.corp.example"), TLS: byDefault(settings.NoTLS),
		ImplicitTLS: byDefault(false), Auth: byDefault(false), Recipients: byDefault(50), Caching: byDefault(true),
	}
}

// broken gives the rules whose state is Broken, but for information, each with the highest level of its findings, in order.
func broken(outcomes []Outcome) []string {
	var all []string
	for _, o := range outcomes {
		if o.State != Broken || o.Level == info {
			continue
		}
		level := reports.Level("")
		for _, f := range o.Findings {
			if rank(f.Level) > rank(level) {
				level = f.Level
			}
		}
		all = append(all, o.Rule+" "+string(level))
	}
	slices.Sort(all)
	return all
}

func TestRules(t *testing.T) {
	type setup = settings.Setup
	relay := func(host string, port int) func(*setup) {
		return func(s *setup) { s.Relay = at3(settings.Relay{Host: host, Port: port}) }
	}
	hello := func(name string) func(*setup) { return func(s *setup) { s.Hello = at3(name) } }
	all := func(changes ...func(*setup)) func(*setup) {
		return func(s *setup) {
			for _, c := range changes {
				c(s)
			}
		}
	}
	unidentified := []string{"EXTRA-IDENT must", "PF-EXTRA must", "SND-EMPTY-IDENT must"}
	host := []string{"HOST-RELAY must", "PF-RELAYHOST must"}
	misspelt := append([]string{"DOS-SCOPE-HOSTS should"}, host...)
	for name, c := range map[string]struct {
		options Options
		change  func(*setup)
		want    []string
	}{
		"documented":   {},
		"in capitals":  {change: relay("SMTP-Relay.Gmail.COM.", 25)},
		"no port":      {change: relay(Relay, 0)},
		"written once": {change: relay("smtp-relay.google.com", 25), want: misspelt},
		"misspelt":     {change: relay("smtp-realy.gmail.com", 25), want: misspelt},
		"another host": {change: relay("smtp.corp.example", 25), want: host},
		"submission":   {change: relay("smtp.gmail.com", 587), want: host},
		"an address":   {change: relay("[192.0.2.1]", 25), want: host},
		"none":         {change: relay("", 0), want: host},
		"brackets":     {change: func(s *setup) { s.Relay.Value.Brackets = true }, want: []string{"PF-RELAYHOST should"}},
		"route for all": {change: func(s *setup) {
			s.Routes = map[string]settings.Found[settings.Relay]{"*": at3(settings.Relay{Host: "x.example"})}
		}, want: host},
		"misspelt for one": {change: func(s *setup) {
			s.Routes = map[string]settings.Found[settings.Relay]{"a.example": at3(settings.Relay{Host: "smtp-relay.gmail.con"})}
		}, want: []string{"DOS-SCOPE-HOSTS should"}},
		"another port":       {change: relay(Relay, 2525), want: []string{"PORT-PLAIN must"}},
		"465 in clear":       {change: relay(Relay, 465), want: []string{"PORT-PLAIN must"}},
		"465":                {change: all(relay(Relay, 465), func(s *setup) { s.ImplicitTLS, s.TLS = at3(true), at3(settings.RequiredTLS) }), want: []string{"DOS-CONN-REUSE should"}},
		"587 from the start": {change: all(relay(Relay, 587), func(s *setup) { s.ImplicitTLS, s.TLS = at3(true), at3(settings.RequiredTLS) }), want: []string{"DOS-CONN-REUSE should", "PORT-PLAIN must"}},
		"587 in clear":       {change: relay(Relay, 587)},
		"TLS is required":    {options: Options{RequireTLS: true}, want: []string{"PORT-587-TLS must"}},
		"and 587 in clear":   {options: Options{RequireTLS: true}, change: relay(Relay, 587), want: []string{"PORT-587-TLS must"}},
		"and maybe TLS":      {options: Options{RequireTLS: true}, change: all(relay(Relay, 587), func(s *setup) { s.TLS = at3(settings.OpportunisticTLS) }), want: []string{"DOS-CONN-REUSE should"}},
		"encrypts on 25":     {change: func(s *setup) { s.TLS = at3(settings.RequiredTLS) }, want: []string{"DOS-CONN-REUSE should", "PORT-587-TLS must"}},
		"encrypts, reuses": {change: all(relay(Relay, 587), func(s *setup) {
			s.TLS = at3(settings.RequiredTLS)
			s.Others = map[string][]settings.Found[string]{"smtp_tls_connection_reuse": {at3("yes")}}
		})},
		"AUTH in clear":         {change: func(s *setup) { s.Auth = at3(true) }, want: []string{"AUTH-PLAIN-IPONLY must", "AUTH-TLS must"}},
		"localhost":             {change: hello("LocalHost"), want: append([]string{"HELO-FORBIDDEN should", "HELO-UNIQUE should", "HELO-UNIQUE-2 should"}, unidentified...)},
		"the relay's name":      {change: hello(Relay), want: append([]string{"HELO-FORBIDDEN should", "HELO-UNIQUE should", "HELO-UNIQUE-2 should"}, unidentified...)},
		"bare":                  {change: hello("srv1"), want: append([]string{"HELO-UNIQUE should", "HELO-UNIQUE-2 should"}, unidentified...)},
		"inner":                 {change: hello("srv1.localdomain"), want: append([]string{"HELO-UNIQUE should", "HELO-UNIQUE-2 should"}, unidentified...)},
		"literal":               {change: hello("[192.0.2.1]"), want: append([]string{"HELO-UNIQUE should", "HELO-UNIQUE-2 should"}, unidentified...)},
		"its domain":            {options: Options{Domains: []string{"corp.example"}, Senders: AnySender}},
		"the domain itself":     {options: Options{Domains: []string{"mail.corp.example"}, Senders: AnySender}},
		"another's":             {options: Options{Domains: []string{"orp.example"}}, want: unidentified},
		"another's, any":        {options: Options{Domains: []string{"other.example"}, Senders: AnySender}, want: append([]string{"SND-ANY-IDENT must", "SND-FOREIGN-IDENT must"}, unidentified...)},
		"another's, registered": {options: Options{Domains: []string{"other.example"}, Senders: Registered}, want: unidentified},
		"authenticates":         {options: Options{Domains: []string{"other.example"}, Senders: AnySender}, change: all(relay(Relay, 587), func(s *setup) { s.Auth, s.TLS = at3(true), at3(settings.OpportunisticTLS) })},
		"no caching":            {change: func(s *setup) { s.Caching = at3(false) }, want: []string{"DOS-CONN-REUSE should"}},
		"never caches":          {change: func(s *setup) { s.Caching = byDefault(false) }},
		"one each":              {change: func(s *setup) { s.Messages = at3(1) }, want: []string{"DOS-CONN-REUSE should"}},
		"1 recipient":           {change: func(s *setup) { s.Recipients = at3(1) }},
		"100 recipients":        {change: func(s *setup) { s.Recipients = at3(100) }, want: []string{"NULL-MULTI-RCPT should"}},
		"101 recipients":        {change: func(s *setup) { s.Recipients = at3(101) }, want: []string{"LIM-RCPT-RFC5321 may", "NULL-MULTI-RCPT should"}},
		"unbounded":             {change: func(s *setup) { s.Recipients = at3(0) }, want: []string{"LIM-RCPT-RFC5321 may", "NULL-MULTI-RCPT should"}},
		"short done":            {change: func(s *setup) { s.Timeouts.DataFinal = at3(599 * time.Second) }, want: []string{"PF-TIMEOUT should"}},
		"done":                  {change: func(s *setup) { s.Timeouts.DataFinal = at3(600 * time.Second) }},
		"short connect":         {change: func(s *setup) { s.Timeouts.Connect = at3(5 * time.Second) }, want: []string{"PF-TIMEOUT may"}},
		"short default":         {change: func(s *setup) { s.Timeouts.Mail = byDefault(time.Second) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := documented()
			if c.change != nil {
				c.change(s)
			}
			want := slices.Sorted(slices.Values(c.want))
			if diff := cmp.Diff(want, broken(c.options.Examine(s))); diff != "" {
				t.Errorf("rules that are broken (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRulesOfOneServer(t *testing.T) {
	minutes := func(all ...int) []settings.Found[time.Duration] {
		var found []settings.Found[time.Duration]
		for _, m := range all {
			found = append(found, at3(time.Duration(m)*time.Minute))
		}
		return found
	}
	type setup = settings.Setup
	for name, c := range map[string]struct {
		server string
		change func(*setup)
		want   []string
	}{
		"Exchange 2003's intervals": {"exchange-2003", func(s *setup) { s.Retry.Intervals = minutes(1, 1, 3, 5) }, nil},
		"others":                    {"exchange-2003", func(s *setup) { s.Retry.Intervals = minutes(1, 1, 3, 6) }, []string{"EX2003-RETRY must"}},
		"Domino at once":            {"domino", func(s *setup) { s.Retry.Intervals = minutes(0) }, []string{"DOMINO-RETRY must"}},
		"Domino later":              {"domino", func(s *setup) { s.Retry.Intervals = minutes(1) }, nil},
		"an hour":                   {"sendmail", func(s *setup) { s.Timeouts.DataFinal = at3(time.Hour) }, nil},
		"less":                      {"sendmail", func(s *setup) { s.Timeouts.DataFinal = at3(59 * time.Minute) }, []string{"SM-DATAFINAL-1H must"}},
		"for ever":                  {"sendmail", func(s *setup) { s.Timeouts.DataFinal = at3(time.Duration(0)) }, nil},
		"qmail 1200":                {"qmail", func(s *setup) { s.Timeouts.DataFinal = at3(1200 * time.Second) }, nil},
		"qmail 900":                 {"qmail", func(s *setup) { s.Timeouts.DataFinal = at3(900 * time.Second) }, []string{"QM-TO-DEFAULT may"}},
		"qmail 899":                 {"qmail", func(s *setup) { s.Timeouts.Inbound = at3(899 * time.Second) }, []string{"QM-TO-MIN-900 must"}},
		"GroupWise by default":      {"groupwise", func(s *setup) { s.Timeouts.Quit = byDefault(10 * time.Minute) }, []string{"GW-TO-TERMINATION must"}},
		"GroupWise":                 {"groupwise", func(s *setup) { s.Timeouts.Quit = at3(15 * time.Minute) }, nil},
		"GroupWise in a hurry": {"groupwise", func(s *setup) {
			s.Timeouts = settings.Timeouts{Mail: at3(time.Minute), DataBlock: at3(time.Minute), Connect: at3(time.Minute), Greeting: at3(time.Minute), TCPRead: at3(time.Minute)}
		}, []string{"GW-TO-COMMANDS must", "GW-TO-CONNECT must", "GW-TO-DATA must", "GW-TO-GREETING must", "GW-TO-TCPREAD must"}},
		"few threads":  {"groupwise", func(s *setup) { s.Connections = at3(7) }, []string{"GW-THREADS should"}},
		"many threads": {"groupwise", func(s *setup) { s.Connections = at3(8) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := documented()
			s.Server = c.server
			c.change(s)
			if diff := cmp.Diff(c.want, broken(Options{}.Examine(s))); diff != "" {
				t.Errorf("rules that are broken (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHubAddressesAreHeldAgainstRanges(t *testing.T) {
	for binding, ranges := range map[string]map[string]bool{
		"192.0.2.11:25":       {"192.0.2.11": true, "192.0.2.12": false, "192.0.2.8/29": true, "192.0.2.0/29": false, "192.0.2.1-192.0.2.11": true, "192.0.2.12-192.0.2.99": false, "0.0.0.0-255.255.255.255": true, "nonsense": false, "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": false},
		"[2001:db8::11]:25":   {"2001:db8::/64": true, "2001:db8::-2001:db8::ff": true, "192.0.2.0/24": false},
		"[fe80::1%2]:25":      {"192.0.2.0/24": false},
		"0.0.0.0:25":          {"192.0.2.0/24": true},
		"not an address at 5": {"192.0.2.0/24": true},
	} {
		for r, kept := range ranges {
			edge, hub := documented(), documented()
			edge.Server, edge.Role = "exchange-edge", settings.EdgeRole
			hub.Server, hub.Role = "exchange-edge", settings.HubRole
			edge.Others = map[string][]settings.Found[string]{"ReceiveConnector.RemoteIPRanges": {at3(r)}}
			hub.Objects = []settings.Object{{Kind: "ReceiveConnector", Name: "HUB1\\Default", Values: map[string][]settings.Found[string]{"Bindings": {at3(binding)}}}}
			outcome, ok := Of(Options{}.Examine(edge, hub), "EXEDGE-RCV-IP")
			if !ok || (outcome.State != Broken) != kept {
				t.Errorf("%s in %s: %s, want kept: %v", binding, r, outcome.State, kept)
			}
		}
	}
}

func TestCheckTellsADifferenceOnceWithAllItsRules(t *testing.T) {
	s := documented()
	s.Relay.Value.Host = "smtp-relay.google.com"
	s.Relay.Via = []settings.Place{{File: "main.cf", Line: 3}, {File: "main.cf", Line: 1}}
	found := slices.DeleteFunc(Check(s), func(f Finding) bool { return f.Level == info })
	if len(found) != 1 {
		t.Fatalf("%d findings, want one: %v", len(found), found)
	}
	f := found[0]
	if f.Rule != "HOST-RELAY" || !slices.Equal(f.Also, []string{"DOS-SCOPE-HOSTS", "PF-RELAYHOST"}) || f.Level != must {
		t.Errorf("%s %s, also %v", f.Level, f.Rule, f.Also)
	}
	if f.Place.String() != "main.cf:3" || len(f.Via) != 1 || f.Via[0].Line != 1 {
		t.Errorf("it stands at %s by %v", f.Place, f.Via)
	}
	if f.Instead != "relayhost = smtp-relay.gmail.com:25" {
		t.Errorf("instead: %q", f.Instead)
	}
	if left := (Options{Level: must}).Check(s); len(left) != 1 || !Fails(left, false) {
		t.Errorf("of the level must: %v", left)
	}
}

// TestNothingIsToldOfWhatIsNotKnown: an empty configuration breaks nothing.
func TestNothingIsToldOfWhatIsNotKnown(t *testing.T) {
	for _, server := range append(Servers(), "exim", "unheard-of") {
		for _, o := range (Options{Senders: AnySender, RequireTLS: true, Domains: []string{"corp.example"}}).Examine(&settings.Setup{Server: server}) {
			if o.State == Broken || o.State == Noted && o.Rule != "QM-ROUTE-INTERNAL" {
				t.Errorf("%s: %s is %s: %v", server, o.Rule, o.State, o.Findings)
			}
		}
	}
}

// TestEveryFindingSaysWhereAndWhy draws configurations.
func TestEveryFindingSaysWhereAndWhy(t *testing.T) {
	ids, unfilled := map[string]bool{}, regexp.MustCompile(`\{[a-z]+\}`)
	for _, r := range rules() {
		ids[r.id] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		options := Options{Senders: rapid.SampledFrom([]Senders{"", Registered, Domains, AnySender}).Draw(t, "senders"), RequireTLS: rapid.Bool().Draw(t, "tls"),
			Domains: rapid.SliceOfN(rapid.SampledFrom([]string{"corp.example", "", "."}), 0, 2).Draw(t, "domains")}
		var setups []*settings.Setup
		for range rapid.IntRange(1, 2).Draw(t, "setups") {
			setups = append(setups, drawn(t))
		}
		for _, f := range options.Check(setups...) {
			if !ids[f.Rule] || f.Place.File == "" || f.Text == "" || f.Why == "" || rank(f.Level) == 0 || unfilled.MatchString(f.Instead) {
				t.Fatalf("%+v", f)
			}
		}
	})
}

// drawn is a configuration of any server, of words that may stand in one.
func drawn(t *rapid.T) *settings.Setup {
	n := 0
	name := func(of string) string { n++; return fmt.Sprintf("%s %d", of, n) }
	word := rapid.SampledFrom([]string{"", "*", "SMTP:*;1", "localhost", "mail.corp.example", "srv1", Relay, "smtp-relay.google.com", "True", "False", "none", "[::1]", "[", ":", "192.0.2.1-", "-", "/", "1.2.3.4/33", "\x00", "ExchangeServer"})
	text := func() settings.Found[string] {
		f := settings.Found[string]{Value: word.Draw(t, name("text")), Known: rapid.Bool().Draw(t, name("known"))}
		if rapid.Bool().Draw(t, name("written")) {
			f.Place, f.Via = settings.Place{File: "f", Line: 1}, []settings.Place{{File: "f", Line: 2}}
		}
		return f
	}
	number := func() settings.Found[int] {
		return settings.Found[int]{Value: rapid.SampledFrom([]int{0, 1, 2, 100, 101, -1}).Draw(t, name("number")), Known: rapid.Bool().Draw(t, name("known")), Place: text().Place}
	}
	duration := func() settings.Found[time.Duration] {
		return settings.Found[time.Duration]{Value: time.Duration(rapid.Int64Range(-1, 7200).Draw(t, name("seconds"))) * time.Second, Known: true, Place: text().Place}
	}
	yes := func() settings.Found[bool] {
		return settings.Found[bool]{Value: rapid.Bool().Draw(t, name("yes")), Known: rapid.Bool().Draw(t, name("known")), Place: text().Place}
	}
	relay := func() settings.Found[settings.Relay] {
		host := text()
		return settings.Found[settings.Relay]{Value: settings.Relay{Host: host.Value, Port: rapid.SampledFrom([]int{0, 25, 465, 587, 26}).Draw(t, name("port")), Brackets: yes().Value}, Known: host.Known, Place: host.Place}
	}
	s := &settings.Setup{Server: rapid.SampledFrom(append(Servers(), "exim")).Draw(t, "server"), Role: rapid.SampledFrom([]settings.Role{"", settings.HubRole, settings.EdgeRole}).Draw(t, "role")}
	s.Relay, s.Hello, s.Host, s.Auth, s.ImplicitTLS, s.Caching = relay(), text(), text(), yes(), yes(), yes()
	s.TLS = settings.Found[settings.TLS]{Value: rapid.SampledFrom([]settings.TLS{settings.NoTLS, settings.OpportunisticTLS, settings.RequiredTLS, settings.MutualTLS}).Draw(t, "tls"), Known: yes().Known}
	s.Recipients, s.Connections, s.Messages = number(), number(), number()
	s.Timeouts = settings.Timeouts{Connect: duration(), Mail: duration(), DataBlock: duration(), DataFinal: duration(), Inbound: duration(), Idle: duration()}
	s.Retry.Intervals = []settings.Found[time.Duration]{duration(), duration(), duration(), duration()}
	s.Routes = map[string]settings.Found[settings.Relay]{word.Draw(t, "domain"): relay()}
	s.Others = map[string][]settings.Found[string]{}
	for _, key := range []string{"Name", "AddressSpaces", "SmartHosts", "SourceTransportServers", "DomainSecureEnabled", "SmartHostAuthMechanism", "DNSRoutingEnabled", "EdgeSubscription.Name",
		"ReceiveConnector.RemoteIPRanges", "ReceiveConnector.AuthMechanism", "ReceiveConnector.PermissionGroups", "/var/qmail/timeoutsmtpd"} {
		if rapid.Bool().Draw(t, key) {
			s.Others[key] = []settings.Found[string]{text(), text()}
		}
	}
	if rapid.Bool().Draw(t, "objects") {
		s.Objects = []settings.Object{{Kind: "SendConnector", Name: word.Draw(t, "object"), Values: s.Others}, {Kind: "ReceiveConnector", Values: map[string][]settings.Found[string]{"Bindings": {text()}}}}
	}
	return s
}
