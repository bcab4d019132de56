package settings

import (
	"strings"
	"time"
)

// gwia is what gwia.cfg says: switches as /mh-host, /mh=host, --mh host or --mh=host; of one that stands twice the last holds.
type gwia struct {
	r        *reading
	switches map[string]setting
}

// readGroupWise reads gwia.cfg, and gwauth.cfg where it is given or lies beside it.
func readGroupWise(r *reading, files []source) []*Setup {
	g := &gwia{r: r, switches: map[string]setting{}}
	s := &Setup{Server: "groupwise"}
	var auth []*text
	for _, f := range files {
		s.Files = append(s.Files, f.file)
		if strings.EqualFold(f.name(), "gwauth.cfg") {
			auth = append(auth, f.text)
			continue
		}
		for i, line := range f.lines {
			g.line(f.text, i, line)
		}
	}
	if file := beside("gwauth.cfg", s.Files); file != "" && len(auth) == 0 {
		if t := r.open(file); t != nil {
			s.Files = append(s.Files, file)
			auth = append(auth, t)
		}
	}
	for name, v := range g.switches {
		s.other(name, v)
	}
	g.setUp(s)
	for _, t := range auth {
		g.auth(s, t)
	}
	return []*Setup{s}
}

// line takes the switches of a line. A line that begins with ; # or * is a comment.
func (g *gwia) line(t *text, i int, line string) {
	trimmed := strings.TrimSpace(line)
	if trimmed == "" || strings.IndexByte(";#*", trimmed[0]) >= 0 {
		return
	}
	words := quotedFields(trimmed)
	for len(words) > 0 {
		name, value, attached, ok := gwSwitch(words[0])
		if !ok {
			g.r.fail(t.at(i), "expected a switch as /mh-smtp-relay.gmail.com or --mh smtp-relay.gmail.com, not %q", words[0])
			return
		}
		long := strings.HasPrefix(words[0], "--")
		words = words[1:]
		isValue := len(words) > 0 && !strings.HasPrefix(words[0], "--") && (long || !strings.HasPrefix(words[0], "/"))
		if !attached && isValue {
			value, words = words[0], words[1:]
		}
		given := written(value, t.at(i), line)
		if before, ok := g.switches[name]; ok && before.Value != value {
			g.r.warn(given.Place, "/%s stands at %s too, as %q; this one holds", name, before.Place, before.Value)
		}
		g.switches[name] = given
	}
}

// gwSwitch splits /name-value, /name=value and --name=value.
func gwSwitch(word string) (name, value string, attached, ok bool) {
	rest, long := strings.CutPrefix(word, "--")
	if !long {
		if rest, ok = strings.CutPrefix(word, "/"); !ok {
			return "", "", false, false
		}
	}
	n := wordLength(rest)
	if n == 0 {
		return "", "", false, false
	}
	name = strings.ToLower(rest[:n])
	switch {
	case n == len(rest):
		return name, "", false, true
	case rest[n] == '=' || rest[n] == '-' || rest[n] == ':':
		return name, strings.Trim(rest[n+1:], `"`), true, true
	}
	return "", "", false, false
}

// quotedFields splits at white space that doesn't stand in quotes.
func quotedFields(s string) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t' || r == '\r')
	})
}

// setUp brings the switches into the common form. Source of the defaults: sending-servers 3.5, doc; Messages mem.
func (g *gwia) setUp(s *Setup) {
	s.Relay = byDefault(Relay{})
	if host, ok := g.switches["mh"]; ok {
		relay, err := hostAndPort(strings.Trim(host.Value, `"`))
		if err != nil {
			g.r.fail(host.Place, "/mh: %v", err)
		}
		s.Relay = as(host, relay)
	}
	if name, ok := g.switches["hn"]; ok {
		if err := checkHost(name.Value); err != nil {
			g.r.fail(name.Place, "/hn: %v", err)
		}
		s.Hello, s.Host = name, name
	}
	each := g.minutes("tc", 5)
	s.Timeouts = Timeouts{Connect: g.minutes("te", 2), Greeting: g.minutes("tg", 5), Hello: each, Mail: each, Recipient: each,
		DataInit: each, DataBlock: g.minutes("td", 3), DataFinal: g.minutes("tt", 10), Quit: g.minutes("tt", 10),
		TCPRead: g.minutes("tr", 5)}
	s.Connections = g.number("sd", 8)
	s.Messages, s.Caching = byDefault(1), byDefault(false)
	s.Retry.Expire = as2(g.number("maxdeferhours", 96), time.Hour)
	s.ImplicitTLS, s.Auth = byDefault(false), byDefault(false)
	s.TLS = byDefault(NoTLS)
	if ssl, ok := g.switches["smtpssl"]; ok {
		level, known := map[string]TLS{"disabled": NoTLS, "enabled": OpportunisticTLS, "required": RequiredTLS, "": OpportunisticTLS}[strings.ToLower(ssl.Value)]
		if !known {
			g.r.fail(ssl.Place, "/smtpssl: %q: expected enabled, required or disabled", ssl.Value)
		}
		s.TLS = as(ssl, level)
	}
}

// as2 gives a number of units as a time.
func as2(n Found[int], unit time.Duration) Found[time.Duration] {
	return Found[time.Duration]{Value: time.Duration(n.Value) * unit, Known: n.Known, Place: n.Place, Text: n.Text, Via: n.Via}
}

func (g *gwia) number(name string, otherwise int) Found[int] {
	v, ok := g.switches[name]
	if !ok {
		return byDefault(otherwise)
	}
	n, err := count(v.Value)
	if err == nil && n > 1<<20 {
		n, err = 0, errTooMuch(v.Value)
	}
	if err != nil {
		g.r.fail(v.Place, "/%s: %v", name, err)
	}
	return as(v, n)
}

func (g *gwia) minutes(name string, otherwise int) Found[time.Duration] {
	return as2(g.number(name, otherwise), time.Minute)
}

// auth reads gwauth.cfg: host, user and password a line.
func (g *gwia) auth(s *Setup, t *text) {
	for i, line := range t.lines {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.IndexByte(";#*", fields[0][0]) >= 0 {
			continue
		}
		if len(fields) != 3 {
			g.r.fail(t.at(i), "expected a host, a user and a password, not %d words", len(fields))
			continue
		}
		if !strings.EqualFold(fields[0], s.Relay.Value.Host) {
			continue
		}
		at := written(fields[1], t.at(i), fields[0]+" "+fields[1]+" "+hidden)
		s.Auth, s.User, s.Secret = as(at, true), at, as(at, fields[2])
	}
}
