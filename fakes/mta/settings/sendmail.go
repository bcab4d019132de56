package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// sendmail is what a sendmail.mc, a sendmail.cf or both say.
type sendmail struct {
	r       *reading
	s       *Setup
	options map[string]setting // of O lines and of defines, by the option's name
	macros  map[string]setting // of D lines: S is the smart host
	args    map[string]setting // A= of a mailer
	maxRcpt map[string]setting // r= of a mailer
	maxMsg  map[string]setting // m= of a mailer
	steps   int                // of expansions
}

// readSendmail reads .mc files first, and then .cf files: those are what runs.
func readSendmail(r *reading, files []source) []*Setup {
	sm := &sendmail{r: r, s: &Setup{Server: "sendmail"}, options: map[string]setting{}, macros: map[string]setting{},
		args: map[string]setting{}, maxRcpt: map[string]setting{}, maxMsg: map[string]setting{}}
	m := &m4{r: r, macros: map[string]setting{}}
	for _, f := range files {
		if f.kind.name == "sendmail.mc" {
			r.warnWindows(f.text, "m4")
			m.file(f.text, nil)
		}
	}
	sm.s.Files = m.files
	sm.takeMacros(m)
	for _, f := range files {
		if f.kind.name == "sendmail.cf" {
			r.warnWindows(f.text, "sendmail")
			sm.s.Files = append(sm.s.Files, f.file)
			sm.takeLines(linesOf(f.text))
		}
	}
	sm.setUp()
	return []*Setup{sm.s}
}

func linesOf(t *text) []rawLine {
	all := make([]rawLine, len(t.lines))
	for i, line := range t.lines {
		all[i] = rawLine{line, written(line, t.at(i), line)}
	}
	return all
}

// optionOf gives the option that a define of sendmail.mc sets.
func optionOf(define string) string {
	return map[string]string{
		"confDOMAIN_NAME": "j", "confHELO_NAME": "HeloName",
		"confMCI_CACHE_SIZE": "ConnectionCacheSize", "confMCI_CACHE_TIMEOUT": "ConnectionCacheTimeout",
		"confMIN_QUEUE_AGE": "MinQueueAge", "confDEF_AUTH_INFO": "DefaultAuthInfo",
		"confTO_CONNECT": "Timeout.connect", "confTO_ICONNECT": "Timeout.iconnect", "confTO_INITIAL": "Timeout.initial",
		"confTO_HELO": "Timeout.helo", "confTO_MAIL": "Timeout.mail", "confTO_RCPT": "Timeout.rcpt",
		"confTO_DATAINIT": "Timeout.datainit", "confTO_DATABLOCK": "Timeout.datablock", "confTO_DATAFINAL": "Timeout.datafinal",
		"confTO_RSET": "Timeout.rset", "confTO_QUIT": "Timeout.quit", "confTO_COMMAND": "Timeout.command",
		"confTO_QUEUERETURN": "Timeout.queuereturn", "confTO_QUEUERETURN_NORMAL": "Timeout.queuereturn.normal",
		"confTO_QUEUEWARN": "Timeout.queuewarn", "confTO_QUEUEWARN_NORMAL": "Timeout.queuewarn.normal",
		"confTLS_SRV_OPTIONS": "TLSSrvOptions", "confMAX_RCPTS_PER_MESSAGE": "MaxRecipientsPerMessage",
	}[define]
}

// takeMacros takes the defines and calls of sendmail.mc, and what stands below LOCAL_CONFIG.
func (sm *sendmail) takeMacros(m *m4) {
	for _, name := range slices.Sorted(maps.Keys(m.macros)) {
		value := m.value(name)
		if !value.Known {
			continue
		}
		if name == "confDEF_AUTH_INFO" {
			value = secretly(value, "define(`confDEF_AUTH_INFO', "+hidden+")")
		}
		sm.s.other(name, value)
		if option := optionOf(name); option != "" {
			sm.options[option] = value
		}
		if mailer, ok := strings.CutSuffix(name, "_MAILER_ARGS"); ok {
			sm.args[strings.ToLower(mailer)] = value
		}
		if mailer, ok := strings.CutSuffix(name, "_MAILER_MAXRCPTS"); ok {
			sm.maxRcpt[strings.ToLower(mailer)] = value
		}
		if mailer, ok := strings.CutSuffix(name, "_MAILER_MAXMSGS"); ok {
			sm.maxMsg[strings.ToLower(mailer)] = value
		}
		if name == "SMART_HOST" {
			sm.macros["S"] = value
		}
	}
	for _, c := range m.calls {
		sm.takeCall(c)
	}
	sm.takeLines(m.raw)
}

// takeCall takes a FEATURE and its like.
func (sm *sendmail) takeCall(c call) {
	value := as(c.at, argument(c.args, 1))
	switch c.name {
	case "FEATURE":
		sm.s.other("FEATURE("+argument(c.args, 0)+")", value)
		if argument(c.args, 0) == "nullclient" {
			sm.macros["S"] = value
		}
	case "MAILER":
		sm.s.other("MAILER("+argument(c.args, 0)+")", as(c.at, ""))
	case "MASQUERADE_AS", "LOCAL_DOMAIN":
		for _, d := range strings.Fields(argument(c.args, 0)) {
			sm.s.Domains = append(sm.s.Domains, as(c.at, d))
		}
	}
}

// setUp brings it all into the common form.
func (sm *sendmail) setUp() {
	s := sm.s
	s.TLS = byDefault(OpportunisticTLS) // where the relay offers it
	s.ImplicitTLS = byDefault(false)
	sm.relay()
	sm.hello()
	s.Auth = byDefault(false)
	sm.access()
	sm.auth()
	s.Timeouts = sm.timeouts()
	s.Retry.Expire = sm.timeOption("Timeout.queuereturn", 24*time.Hour, byDefault(5*24*time.Hour))
	s.Retry.Expire = sm.timeOption("Timeout.queuereturn.normal", 24*time.Hour, s.Retry.Expire)
	s.Retry.Warn = sm.timeOption("Timeout.queuewarn", time.Hour, byDefault(4*time.Hour))
	s.Retry.Warn = sm.timeOption("Timeout.queuewarn.normal", time.Hour, s.Retry.Warn)
	s.Retry.Min = sm.timeOption("MinQueueAge", time.Minute, Found[time.Duration]{})
	s.Connections = byDefault(0)
	s.Caching = byDefault(true)
	if size, ok := sm.options["ConnectionCacheSize"]; ok {
		s.Caching = as(size, sm.number("ConnectionCacheSize", size) > 0)
	}
}

// timeouts are those of the client. Source of the defaults: sending-servers 3.6, cfg.
func (sm *sendmail) timeouts() Timeouts {
	after := func(name string, otherwise ...time.Duration) Found[time.Duration] {
		var d Found[time.Duration]
		if len(otherwise) > 0 {
			d = byDefault(otherwise[0])
		}
		return sm.timeOption("Timeout."+name, time.Minute, d)
	}
	t := Timeouts{
		Connect: after("connect"), Greeting: after("initial", 5*time.Minute), Hello: after("helo", 5*time.Minute),
		Mail: after("mail"), Recipient: after("rcpt", time.Hour), DataInit: after("datainit"),
		DataBlock: after("datablock", time.Hour), DataFinal: after("datafinal", time.Hour),
		Reset: after("rset"), Quit: after("quit"), Idle: after("connectioncache"),
		Inbound: after("command"),
	}
	if first := after("iconnect"); first.Known {
		t.Connect = first
	}
	t.Idle = sm.timeOption("ConnectionCacheTimeout", time.Minute, byDefault(5*time.Minute))
	return t
}

// timeOption reads an option that is a time.
func (sm *sendmail) timeOption(name string, unit time.Duration, otherwise Found[time.Duration]) Found[time.Duration] {
	value, ok := sm.options[name]
	if !ok {
		return otherwise
	}
	t, err := period(sm.expand(value.Value), unit)
	if err != nil {
		sm.r.fail(value.Place, "%s: %v", name, err)
		return Found[time.Duration]{}
	}
	return as(value, t)
}

func (sm *sendmail) number(name string, value setting) int {
	n, err := count(strings.TrimSpace(value.Value))
	if err != nil {
		sm.r.fail(value.Place, "%s: %v", name, err)
	}
	return n
}

// relay reads the smart host: [mailer:]host, whose mailer may say another port.
func (sm *sendmail) relay() {
	s := sm.s
	given, ok := sm.macros["S"]
	s.Relay = byDefault(Relay{})
	mailer := "relay"
	if ok {
		value := sm.expand(strings.TrimSpace(given.Value))
		if before, host, ok := strings.Cut(value, ":"); ok && !strings.HasPrefix(value, "[") {
			mailer, value = strings.ToLower(before), host
		}
		relay, err := hostAndPort(value)
		switch {
		case value == "":
			relay = Relay{}
		case err != nil:
			sm.r.fail(given.Place, "SMART_HOST: %v", err)
		}
		s.Relay = as(given, relay)
	}
	args, ok := sm.args[mailer]
	if fields := strings.Fields(args.Value); ok && len(fields) > 2 && s.Relay.Value.Host != "" {
		port, err := portNumber(fields[2])
		if err != nil {
			sm.r.fail(args.Place, "the mailer %s: %v", mailer, err)
		}
		s.Relay.Value.Port = port
		s.Relay.Via = append(slices.Clip(s.Relay.Via), args.Place)
	}
	s.Recipients, s.Messages = byDefault(100), byDefault(0)
	if most, ok := sm.maxRcpt[mailer]; ok {
		s.Recipients = as(most, sm.number(fmt.Sprintf("the recipients of mailer %s", mailer), most))
	}
	if most, ok := sm.maxMsg[mailer]; ok {
		s.Messages = as(most, sm.number(fmt.Sprintf("the messages of mailer %s", mailer), most))
	}
}

// hello reads the name that it presents: HeloName, or else $j. What holds the host's own name ($w) isn't known.
func (sm *sendmail) hello() {
	if j, ok := sm.options["j"]; ok {
		if name := sm.expand(j.Value); !strings.Contains(name, "$") {
			sm.s.Host = as(j, name)
		}
	}
	sm.s.Hello = sm.s.Host
	if name, ok := sm.options["HeloName"]; ok {
		sm.s.Hello = as(name, sm.expand(name.Value))
	}
}
