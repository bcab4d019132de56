package settings

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"time"
)

// exchange2003 is what the metabase (adsutil enum smtpsvc/1) or the directory (ldifde) says of the virtual server and of
// the SMTP connector. Attributes of the directory are known by the metabase's names too: the directory is copied there.
type exchange2003 struct {
	r         *reading
	server    map[string]setting // properties of the virtual server, in small letters
	connector map[string]setting // of the SMTP connector that mail to anywhere takes
}

// readExchange2003 reads both; of what is written twice the later holds, and the connector's smart host before the server's.
func readExchange2003(r *reading, files []source) []*Setup {
	e := &exchange2003{r: r, server: map[string]setting{}, connector: map[string]setting{}}
	s := &Setup{Server: "exchange-2003"}
	for _, f := range files {
		s.Files = append(s.Files, f.file)
		if f.kind.name == "ldifde" {
			e.directory(f.text)
		} else {
			e.metabase(f.text)
		}
	}
	for _, from := range []map[string]setting{e.server, e.connector} {
		for name, v := range from {
			if name == "routepassword" {
				continue
			}
			s.other(name, v)
		}
	}
	e.setUp(s)
	return []*Setup{s}
}

// metabase reads Name : (TYPE) value; the members of a list stand on lines of their own.
func (e *exchange2003) metabase(t *text) {
	line := regexp.MustCompile(`^(\w+)\s*:\s+\((\w+)\)\s*(.*)$`)
	last := ""
	for i, text := range t.lines {
		trimmed := strings.TrimSpace(text)
		parts := line.FindStringSubmatch(trimmed)
		switch {
		case trimmed == "" || trimmed[0] == '[' || trimmed[0] == ';' || strings.HasPrefix(trimmed, "Microsoft (R)") ||
			strings.HasPrefix(trimmed, "Copyright"):
		case parts != nil:
			last = strings.ToLower(parts[1])
			value := strings.Trim(parts[3], `"`)
			if strings.HasSuffix(value, " Items)") {
				value = ""
			}
			e.put(e.server, last, written(value, t.at(i), text))
		case trimmed[0] == '"' && last != "":
			v := e.server[last]
			v.Value = strings.TrimSpace(v.Value + " " + strings.Trim(trimmed, `"`))
			e.server[last] = v
		default:
			if strings.Contains(strings.ToLower(trimmed), "password") {
				trimmed = hidden
			}
			e.r.fail(t.at(i), "expected Name : (TYPE) value, as adsutil prints, not %q", trimmed)
		}
	}
}

// put takes a property; of one that is written twice the last holds.
func (e *exchange2003) put(into map[string]setting, name string, value setting) {
	if name == "routepassword" {
		value.Text = "RoutePassword : " + hidden
	}
	if before, ok := into[name]; ok && before.Value != value.Value {
		e.r.warn(value.Place, "%s stands at %s too; this one holds", name, before.Place)
	}
	into[name] = value
}

// ldifLine is attribute: value with what continues it.
type ldifLine struct {
	name  string
	value setting
}

// directory reads LDIF: records parted by empty lines, of which those of virtual servers and connectors are looked at.
func (e *exchange2003) directory(t *text) {
	var record []ldifLine
	for i, line := range t.lines {
		switch {
		case strings.TrimSpace(line) == "":
			e.record(record)
			record = nil
		case line[0] == '#' || line == "-":
		case line[0] == ' ':
			if len(record) == 0 {
				e.r.fail(t.at(i), "%q continues nothing; expected attribute: value, as ldifde writes", strings.TrimSpace(line))
				continue
			}
			record[len(record)-1].value.Value += line[1:]
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok || name == "" || strings.ContainsAny(name, " \t") {
				e.r.fail(t.at(i), "expected attribute: value, as ldifde writes, not %q", line)
				continue
			}
			record = append(record, ldifLine{strings.ToLower(name), written(value, t.at(i), line)})
		}
	}
	e.record(record)
}

// record takes the attributes of one object.
func (e *exchange2003) record(record []ldifLine) {
	into := map[string]setting{}
	connector, server, anywhere := false, false, true
	for _, l := range record {
		value := strings.TrimSpace(l.value.Value)
		if encoded, ok := strings.CutPrefix(value, ":"); ok {
			plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
			if err != nil {
				e.r.fail(l.value.Place, "%s: what follows :: isn't in base64", l.name)
			}
			value = string(plain)
		}
		l.value.Value = value
		switch l.name {
		case "objectclass":
			connector = connector || strings.EqualFold(value, "msExchRoutingSMTPConnector")
			server = server || strings.EqualFold(value, "protocolCfgSMTPServer")
			continue
		case "routinglist":
			_, seen := into["routinglist"]
			here := strings.HasPrefix(strings.ToLower(value), "smtp:*;") || strings.EqualFold(value, "smtp:*")
			anywhere = here || seen && anywhere
			if seen && !here {
				continue
			}
			into[l.name] = l.value
			continue
		}
		e.put(into, l.name, l.value)
	}
	switch {
	case connector && anywhere:
		e.merge(e.connector, into)
	case connector:
		e.r.warn(record[0].value.Place, "this connector's routingList has no SMTP:*; it isn't looked at")
	case server || len(into) > 0 && slices.ContainsFunc(record, func(l ldifLine) bool { return strings.HasPrefix(l.name, "msexchsmtp") }):
		e.merge(e.server, into)
	}
}

func (e *exchange2003) merge(into, from map[string]setting) {
	for name, value := range from {
		if name == "dn" || name == "changetype" || name == "objectclass" || name == "cn" || name == "name" {
			into[name] = value
			continue
		}
		e.put(into, name, value)
	}
}

// of gives the first of the names that is written.
func of(from map[string]setting, names ...string) setting {
	for _, name := range names {
		if v, ok := from[name]; ok && v.Value != "" {
			return v
		}
	}
	return setting{}
}

// setUp brings it into the common form. Source of the defaults: sending-servers 2 and 3.3, doc.
func (e *exchange2003) setUp(s *Setup) {
	e.relay(s)
	s.Hello = of(e.server, "fullyqualifieddomainname", "msexchsmtpfullyqualifieddomainname")
	s.Host = s.Hello
	s.TLS, s.ImplicitTLS = byDefault(NoTLS), byDefault(false)
	if always := of(e.server, "alwaysusessl"); always.Known {
		s.TLS = as(always, NoTLS)
		if strings.EqualFold(always.Value, "true") || always.Value == "1" {
			s.TLS = as(always, RequiredTLS)
		}
	}
	s.User, s.Secret = of(e.server, "routeusername"), of(e.server, "routepassword")
	s.Auth = as(s.User, s.User.Known)
	s.Connections = e.count(byDefault(100), "maxoutconnectionsperdomain", "msexchsmtpmaxoutgoingconnectionsperdomain")
	s.Messages = e.count(byDefault(20), "maxbatchedmessages", "msexchsmtpmaxoutboundmsgperdomain")
	s.Recipients = byDefault(100)
	s.Caching = as(setting{Place: s.Messages.Place, Text: s.Messages.Text}, s.Messages.Value != 1)
	s.Timeouts.Idle = e.time(byDefault(10*time.Minute), time.Second, "remotetimeout", "msexchsmtpoutgoingconnectiontimeout")
	s.Retry = Retry{
		Intervals: e.intervals(),
		Expire:    e.time(byDefault(48*time.Hour), time.Minute, "smtpremotendrexpireminutes", "msexchsmtpremotequeueexpirationtimeout"),
		Warn:      e.time(byDefault(12*time.Hour), time.Minute, "smtpremotedelayexpireminutes", "msexchsmtpremotequeuedelaynotification"),
	}
}

// relay reads the smart host of the connector, or else of the virtual server, and the server's port.
func (e *exchange2003) relay(s *Setup) {
	s.Relay = byDefault(Relay{})
	host := of(e.connector, "msexchsmtpsmarthost", "smarthost")
	if !host.Known {
		host = of(e.server, "smarthost", "msexchsmtpsmarthost")
	}
	if !host.Known {
		return
	}
	relay, err := hostAndPort(host.Value)
	if err != nil {
		e.r.fail(host.Place, "the smart host: %v", err)
	}
	s.Relay = as(host, relay)
	if port := of(e.server, "remotesmtpport", "msexchsmtpoutgoingport"); port.Known {
		number, err := portNumber(port.Value)
		if err != nil {
			e.r.fail(port.Place, "the port: %v", err)
		}
		s.Relay.Value.Port = number
		s.Relay.Via = []Place{port.Place}
	}
}

// intervals reads the minutes of the first, second, third and all later tries, as 1,1,3,5.
func (e *exchange2003) intervals() []Found[time.Duration] {
	given := of(e.server, "smtpremoteprogressiveretry", "remoteretryintervals", "remoteretryinterval")
	for name, v := range e.server {
		if strings.HasPrefix(name, "msexchsmtp") && strings.Contains(name, "retr") && !strings.Contains(name, "local") {
			given = v
		}
	}
	if !given.Known {
		return nil
	}
	var all []Found[time.Duration]
	for _, minutes := range strings.FieldsFunc(given.Value, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		d, err := amount(minutes, time.Minute)
		if err != nil {
			e.r.fail(given.Place, "the retry intervals: %v; write minutes, as 1,1,3,5", err)
			return nil
		}
		all = append(all, as(given, d))
	}
	return all
}

func (e *exchange2003) count(otherwise Found[int], names ...string) Found[int] {
	v := of(e.server, names...)
	if !v.Known {
		return otherwise
	}
	n, err := count(v.Value)
	if err != nil {
		e.r.fail(v.Place, "%s: %v", names[0], err)
	}
	return as(v, n)
}

func (e *exchange2003) time(otherwise Found[time.Duration], unit time.Duration, names ...string) Found[time.Duration] {
	v := of(e.server, names...)
	if !v.Known {
		return otherwise
	}
	d, err := amount(v.Value, unit)
	if err != nil {
		e.r.fail(v.Place, "%s: %v", names[0], err)
	}
	return as(v, d)
}
