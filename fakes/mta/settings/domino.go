package settings

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// document is one of Domino's directory: what its form is, and its items.
type document struct {
	form   string // ServerConfig (a Configuration document), Server; "": it isn't said
	place  Place
	items  map[string]setting
	byName []string // the names of items, in the order in which they stand
}

// put takes an item. Of one that stands twice in a document, Notes takes the first.
func (d *document) put(r *reading, name string, value setting) {
	name = itemName(name)
	if d.items == nil {
		d.items = map[string]setting{}
	}
	if before, ok := d.items[name]; ok {
		if before.Value != value.Value {
			r.warn(value.Place, "%s stands at %s too, as %q; of an item that stands twice Notes takes the first", name, before.Place, before.Value)
		}
		return
	}
	d.items[name] = value
	d.byName = append(d.byName, name)
}

// itemName is a name in small letters, without spaces and marks: labels of the form and names of items are known alike.
func itemName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r | 0x20
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '$':
			return r
		}
		return -1
	}, name)
}

// domino is what notes.ini and documents say.
type domino struct {
	r         *reading
	ini       map[string]setting
	documents []document
}

// readDomino reads notes.ini, documents exported as DXL, and documents written as YAML.
func readDomino(r *reading, files []source) []*Setup {
	d := &domino{r: r, ini: map[string]setting{}}
	s := &Setup{Server: "domino"}
	for _, f := range files {
		s.Files = append(s.Files, f.file)
		switch f.kind.name {
		case "notes.ini":
			d.notesIni(f.text)
		case "DXL":
			d.documents = append(d.documents, readDXL(r, f.text)...)
		default:
			d.documents = append(d.documents, readDocumentsYAML(r, f.text)...)
		}
	}
	items := d.holding()
	for _, from := range []map[string]setting{items, d.ini} {
		for name, v := range from {
			s.other(name, v)
		}
	}
	d.setUp(s, items)
	return []*Setup{s}
}

// notesIni reads name=value lines; of a name that stands twice the last holds.
func (d *domino) notesIni(t *text) {
	for i, line := range t.lines {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == ';' || trimmed[0] == '[' {
			continue
		}
		name, value, ok := strings.Cut(trimmed, "=")
		if !ok || strings.TrimSpace(name) == "" {
			d.r.fail(t.at(i), "expected name=value, as lines of notes.ini are, not %q", trimmed)
			continue
		}
		name = strings.ToLower(strings.TrimSpace(name))
		given := written(strings.TrimSpace(value), t.at(i), line)
		if before, ok := d.ini[name]; ok && before.Value != given.Value {
			d.r.warn(given.Place, "%s stands at %s too, as %q; this one holds", name, before.Place, before.Value)
		}
		d.ini[name] = given
	}
}

// holding gives the items that hold for the server: those of the one Configuration document that is made for it alone, or
// else of the one for all servers (*), and those of the Server document that no Configuration document has. A server
// takes one Configuration document only. Where notes.ini doesn't name the server, any that isn't * is taken for its own.
func (d *domino) holding() map[string]setting {
	all := map[string]setting{}
	me := d.ini["servername"].Value
	var chosen *document
	for i := range d.documents {
		doc := &d.documents[i]
		if strings.EqualFold(doc.form, "Server") {
			for name, v := range doc.items {
				all[name] = v
			}
			continue
		}
		if better(doc, chosen, me) {
			chosen = doc
		}
	}
	if chosen == nil {
		return all
	}
	for i := range d.documents {
		if doc := &d.documents[i]; doc != chosen && !strings.EqualFold(doc.form, "Server") {
			d.r.warn(doc.place, "this Configuration document isn't the server's: the one at %s holds", chosen.place)
		}
	}
	for name, v := range chosen.items {
		all[name] = v
	}
	return all
}

// better tells whether a document comes before the one that was chosen so far.
func better(doc, chosen *document, me string) bool {
	if chosen == nil {
		return true
	}
	return rank(doc, me) >= rank(chosen, me) // of two alike, the later
}

// rank is how special a document is.
func rank(doc *document, me string) int {
	server := doc.items["servername"].Value
	switch {
	case me != "" && canonical(server) == canonical(me):
		return 3
	case server == "*" || server == "":
		return 1
	case me == "":
		return 2
	}
	return 0 // another server's
}

// canonical brings CN=SRV/O=ORG and SRV/ORG together.
func canonical(name string) string {
	return strings.ToLower(regexp.MustCompile(`(?i)\b(CN|OU|O|C)=`).ReplaceAllString(name, ""))
}

// first gives the first of the names that has a value.
func first(items map[string]setting, names ...string) setting {
	for _, name := range names {
		if v, ok := items[name]; ok && v.Value != "" {
			return v
		}
	}
	return setting{}
}

// setUp brings the items into the common form. They are known by the labels of the Configuration document, and by
// short names. Source of the defaults: sending-servers 3.4 (time-out of messages doc, the retry interval mem).
func (d *domino) setUp(s *Setup, items map[string]setting) {
	s.Relay = byDefault(Relay{})
	if host := first(items, "relayhost", "smtprelayhost", "relayhostformessagesleavingthelocalinternetdomain"); host.Known {
		relay, err := hostAndPort(host.Value)
		if err != nil {
			d.r.fail(host.Place, "the relay host: %v", err)
		}
		s.Relay = as(host, relay)
		if port := first(items, "smtpoutboundtcpipportnumber", "outboundtcpipportnumber", "smtpoutboundport"); port.Known {
			n, err := portNumber(port.Value)
			if err != nil {
				d.r.fail(port.Place, "the port: %v", err)
			}
			s.Relay.Value.Port, s.Relay.Via = n, []Place{port.Place}
		}
	}
	s.Host = first(items, "smtpfullhostdomain", "fullyqualifiedinternethostname")
	s.Hello = s.Host
	s.Domains = d.domains(items)
	s.ImplicitTLS, s.Auth, s.TLS = byDefault(false), byDefault(false), byDefault(NoTLS)
	if ssl := first(items, "sslnegotiatedovertcpipport", "outboundtcpipportstatus"); ssl.Known {
		s.TLS = d.tls(ssl)
	}
	if again := first(items, "initialtransferretryinterval", "initialretryinterval"); again.Known {
		s.Retry.Intervals = []Found[time.Duration]{d.minutes(again, time.Minute)}
	} else {
		s.Retry.Intervals = []Found[time.Duration]{byDefault(15 * time.Minute)}
	}
	s.Retry.Expire = byDefault(24 * time.Hour)
	if expire := first(items, "messagetimeout", "messagetimeouthours", "expiredmessagetimeout"); expire.Known {
		s.Retry.Expire = d.minutes(expire, time.Hour)
	}
	if most := first(items, "maximumconcurrenttransferthreads", "maxconcurrenttransferthreads"); most.Known {
		n, err := count(most.Value)
		if err != nil {
			d.r.fail(most.Place, "the transfer threads: %v", err)
		}
		s.Connections = as(most, n)
	}
	s.Caching = byDefault(true)
}

// domains are those that the server takes for its own.
func (d *domino) domains(items map[string]setting) []setting {
	var all []setting
	from := first(items, "localprimaryinternetdomain", "smtpinternetdomain", "internetdomain")
	for _, domain := range strings.FieldsFunc(from.Value, func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
		all = append(all, as(from, domain))
	}
	return all
}

func (d *domino) tls(ssl setting) Found[TLS] {
	level, ok := map[string]TLS{"disabled": NoTLS, "no": NoTLS, "0": NoTLS, "enabled": OpportunisticTLS, "yes": OpportunisticTLS,
		"1": OpportunisticTLS, "negotiated ssl": OpportunisticTLS, "required": RequiredTLS, "2": RequiredTLS}[strings.ToLower(ssl.Value)]
	if !ok {
		d.r.fail(ssl.Place, "%q: expected Enabled, Disabled, Required or Negotiated SSL", ssl.Value)
	}
	if strings.HasSuffix(ssl.Text, "status: "+ssl.Value) && level == OpportunisticTLS && !strings.EqualFold(ssl.Value, "negotiated ssl") {
		level = NoTLS // a port that is enabled is one in clear
	}
	return as(ssl, level)
}

// minutes reads a number of the unit, which the unit's name may follow.
func (d *domino) minutes(v setting, unit time.Duration) Found[time.Duration] {
	words := strings.Fields(strings.ToLower(v.Value))
	names := map[string]time.Duration{"minute": time.Minute, "minutes": time.Minute, "min": time.Minute, "hour": time.Hour,
		"hours": time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour, "second": time.Second, "seconds": time.Second}
	wrong := len(words) == 0 || len(words) > 2
	if len(words) == 2 {
		if unit = names[words[1]]; unit == 0 {
			wrong, unit = true, time.Minute
		}
	}
	if !wrong {
		number := strings.TrimSuffix(words[0], ".0")
		if t, err := amount(number, unit); err == nil {
			return as(v, t)
		}
	}
	d.r.fail(v.Place, "%q is no time; write a number of minutes, as 1", v.Value)
	return Found[time.Duration]{}
}

// knownForm tells whether a form is one whose documents are looked at.
func knownForm(form string) bool {
	return slices.Contains([]string{"", "serverconfig", "configuration", "server"}, strings.ToLower(form))
}
