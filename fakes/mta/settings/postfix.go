package settings

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// postfixDefaults are the parameters that Postfix has when main.cf says nothing, as postconf -d prints them: those that are
// asked for here, and those that they rest on. The host's own name isn't known.
// Source: sending-servers 3.9, cfg.
func postfixDefaults() map[string]string {
	return map[string]string{
		"mydomain":  "$myhostname", // less its first label
		"relayhost": "", "default_transport": "smtp", "transport_maps": "", "config_directory": "/etc/postfix",
		"myorigin": "$myhostname", "mydestination": "$myhostname, localhost.$mydomain, localhost",
		"smtp_helo_name":          "$myhostname",
		"smtp_tls_security_level": "", "smtp_use_tls": "no", "smtp_enforce_tls": "no", "smtp_tls_wrappermode": "no",
		"smtp_sasl_auth_enable": "no", "smtp_sasl_password_maps": "",
		"smtp_connect_timeout": "30s", "smtp_helo_timeout": "300s", "smtp_mail_timeout": "300s", "smtp_rcpt_timeout": "300s",
		"smtp_data_init_timeout": "120s", "smtp_data_xfer_timeout": "180s", "smtp_data_done_timeout": "600s",
		"smtp_quit_timeout": "300s", "smtp_rset_timeout": "20s",
		"minimal_backoff_time": "300s", "maximal_backoff_time": "4000s", "queue_run_delay": "300s",
		"maximal_queue_lifetime": "5d", "delay_warning_time": "0h",
		"default_destination_recipient_limit":   "50",
		"smtp_destination_recipient_limit":      "$default_destination_recipient_limit",
		"default_destination_concurrency_limit": "20",
		"smtp_destination_concurrency_limit":    "$default_destination_concurrency_limit",
		"smtp_connection_cache_on_demand":       "yes",
		"smtp_connection_cache_destinations":    "",
		"smtp_connection_reuse_count_limit":     "0",
	}
}

// readPostfix reads main.cf files, the later ones overriding, and the maps beside them.
func readPostfix(r *reading, files []source) []*Setup {
	p := &parameters{r: r, written: map[string]setting{}, told: map[string]bool{}}
	s := &Setup{Server: "postfix"}
	for _, f := range files {
		s.Files = append(s.Files, f.file)
		if f.name() != "master.cf" {
			p.read(f.text)
		}
	}
	p.readMaster(s)
	p.setUp(s)
	return []*Setup{s}
}

// setUp brings parameters into the common form.
func (p *parameters) setUp(s *Setup) {
	p.checkAll(s)
	if p.get("mydomain").Known {
		s.Domains = append(s.Domains, p.get("mydomain"))
	}
	s.Domains = append(s.Domains, p.domains("mydestination", s.Domains)...)
	s.Host = p.get("myhostname")
	s.Hello = p.get("smtp_helo_name")
	s.Relay = p.relay("relayhost")
	p.transports(s)
	s.TLS, s.ImplicitTLS = p.tls(), p.yes("smtp_tls_wrappermode")
	p.auth(s)
	s.Timeouts = p.timeouts()
	s.Retry = Retry{
		Min: p.time("minimal_backoff_time", time.Second), Max: p.time("maximal_backoff_time", time.Second),
		QueueRun: p.time("queue_run_delay", time.Second), Expire: p.time("maximal_queue_lifetime", 24*time.Hour),
		Warn: p.time("delay_warning_time", time.Hour),
	}
	s.Recipients = p.number("smtp_destination_recipient_limit")
	s.Connections = p.number("smtp_destination_concurrency_limit")
	s.Messages = p.number("smtp_connection_reuse_count_limit")
	s.Caching = p.yes("smtp_connection_cache_on_demand")
	if always := p.get("smtp_connection_cache_destinations"); always.Value != "" {
		s.Caching = as(always, true)
	}
}

// timeouts are those of the client; the greeting is waited for as long as the reply to EHLO.
func (p *parameters) timeouts() Timeouts {
	limit := func(name string) Found[time.Duration] { return p.time("smtp_"+name+"_timeout", time.Second) }
	return Timeouts{
		Connect: limit("connect"), Greeting: limit("helo"), Hello: limit("helo"), Mail: limit("mail"),
		Recipient: limit("rcpt"), DataInit: limit("data_init"), DataBlock: limit("data_xfer"),
		DataFinal: limit("data_done"), Reset: limit("rset"), Quit: limit("quit"),
	}
}

// relay reads a next hop. Of several the first is taken.
func (p *parameters) relay(name string) Found[Relay] {
	value := p.get(name)
	hops := p.list(name)
	if !value.Known || len(hops) == 0 {
		return as(value, Relay{}).onlyIf(value.Known)
	}
	if len(hops) > 1 {
		p.r.warn(value.Place, "%s has %d hosts, of which the first is looked at", name, len(hops))
	}
	relay, err := hostAndPort(hops[0].Value)
	if err != nil {
		p.r.fail(value.Place, "%s = %s: %v", name, value.Value, err)
	}
	return as(value, relay)
}

// onlyIf gives f, or nothing.
func (f Found[T]) onlyIf(known bool) Found[T] {
	if !known {
		return Found[T]{}
	}
	return f
}

// domains are the members of a list that are names of domains.
func (p *parameters) domains(name string, have []setting) []setting {
	var all []setting
	for _, d := range p.list(name) {
		isMap := strings.ContainsAny(d.Value, ":/!")
		if !isMap && d.Value != "localhost" && !strings.HasPrefix(d.Value, "localhost.") && (len(have) == 0 || d.Value != have[0].Value) {
			all = append(all, d)
		}
	}
	return all
}

// transports takes the routes of default_transport and transport_maps: both come before relayhost.
func (p *parameters) transports(s *Setup) {
	if via := p.get("default_transport"); strings.Contains(via.Value, ":") {
		if relay, ok := p.hop(via, via.Value); ok && relay.Host != "" {
			s.Relay = as(via, relay)
		}
	}
	for _, entry := range p.maps(s, "transport_maps") {
		relay, ok := p.hop(entry.value, entry.value.Value)
		if !ok {
			continue
		}
		if entry.key == "*" && relay.Host != "" {
			s.Relay = as(entry.value, relay)
			continue
		}
		if s.Routes == nil {
			s.Routes = map[string]Found[Relay]{}
		}
		if _, twice := s.Routes[entry.key]; !twice {
			s.Routes[entry.key] = as(entry.value, relay)
		}
	}
}

// hop reads transport:nexthop; one that isn't delivered over SMTP is none.
func (p *parameters) hop(at setting, value string) (Relay, bool) {
	transport, next, _ := strings.Cut(strings.TrimSpace(value), ":")
	switch transport {
	case "", "smtp", "relay", "smtp-tls", "smtps", "slow":
	default:
		return Relay{}, false
	}
	if next == "" {
		return Relay{}, true
	}
	relay, err := hostAndPort(next)
	if err != nil {
		p.r.fail(at.Place, "%s: %v", strings.TrimSpace(value), err)
	}
	return relay, err == nil
}

// entry is a line of a map.
type entry struct {
	key   string
	value setting
}

// maps reads those of a parameter's maps that are text files and lie where it says, or beside main.cf.
func (p *parameters) maps(s *Setup, name string) []entry {
	var all []entry
	for _, m := range p.list(name) {
		file := beside(m.Value, s.Files)
		if file == "" {
			p.r.warn(m.Place, "%s: %s isn't here; what it says isn't looked at (lay it beside main.cf)", name, m.Value)
			continue
		}
		t := p.r.open(file)
		if t == nil {
			continue
		}
		s.Files = append(s.Files, file)
		all = append(all, p.mapped(t, m.Place)...)
	}
	return all
}

// mapped gives the lines of a map: key, white space, value.
func (p *parameters) mapped(t *text, from Place) []entry {
	var all []entry
	for _, line := range joinedLines(t) {
		trimmed := strings.TrimSpace(line.Value)
		at := strings.IndexAny(trimmed, " \t")
		if at < 0 {
			p.r.fail(line.Place, "expected a key, white space and a value")
			continue
		}
		value := as(line, strings.TrimSpace(trimmed[at:]))
		value.Via = []Place{from}
		all = append(all, entry{strings.ToLower(trimmed[:at]), value})
	}
	return all
}

// beside gives the text file of type:path, or path alone, that lies in the folder of one of files; what lies elsewhere on
// this host is of another configuration.
func beside(value string, files []string) string {
	_, path, ok := strings.Cut(value, ":")
	if !ok {
		path = value
	}
	if strings.ContainsAny(path, "{}") || path == "" {
		return ""
	}
	for _, f := range files {
		c := filepath.Join(filepath.Dir(f), filepath.Base(path))
		if info, err := os.Stat(c); err == nil && info.Mode().IsRegular() {
			return c
		}
	}
	return ""
}

// tls reads when the client encrypts; the old switches hold where the level is empty.
func (p *parameters) tls() Found[TLS] {
	level := p.get("smtp_tls_security_level")
	switch level.Value {
	case "none":
		return as(level, NoTLS)
	case "may", "dane":
		return as(level, OpportunisticTLS)
	case "encrypt", "dane-only", "fingerprint", "verify", "secure":
		return as(level, RequiredTLS)
	case "":
		if enforce := p.yes("smtp_enforce_tls"); enforce.Value {
			return as(p.get("smtp_enforce_tls"), RequiredTLS)
		}
		if use := p.yes("smtp_use_tls"); use.Value {
			return as(p.get("smtp_use_tls"), OpportunisticTLS)
		}
		return as(level, NoTLS)
	}
	p.r.fail(level.Place, "smtp_tls_security_level = %s: expected none, may, encrypt, dane, dane-only, fingerprint, verify or secure", level.Value)
	return Found[TLS]{}
}

// auth reads whether, and as whom, the client authenticates to the relay.
func (p *parameters) auth(s *Setup) {
	s.Auth = p.yes("smtp_sasl_auth_enable")
	if !s.Auth.Value {
		return
	}
	if same := p.get("smtp_sasl_password_maps"); strings.HasPrefix(same.Value, "static:") {
		user, secret, _ := strings.Cut(strings.TrimPrefix(same.Value, "static:"), ":")
		shown := "smtp_sasl_password_maps = static:" + user + ":" + hidden
		s.User, s.Secret = secretly(as(same, user), shown), secretly(as(same, secret), shown)
		return
	}
	for _, entry := range p.maps(s, "smtp_sasl_password_maps") {
		host, err := hostAndPort(entry.key)
		if err != nil || !strings.EqualFold(host.Host, s.Relay.Value.Host) {
			continue
		}
		user, secret, _ := strings.Cut(entry.value.Value, ":")
		shown := entry.key + " " + user + ":" + hidden
		s.User, s.Secret = secretly(as(entry.value, user), shown), secretly(as(entry.value, secret), shown)
		return
	}
}
