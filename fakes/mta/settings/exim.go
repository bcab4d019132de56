package settings

import (
	"strings"
	"time"
)

// readExim reads Debian's update-exim4.conf.conf, and passwd.client where it lies beside. Exim's own language isn't read.
// Source of the defaults: sending-servers 1 and 2, obs and cfg.
func readExim(r *reading, files []source) []*Setup {
	s := &Setup{Server: "exim"}
	variables := map[string]setting{}
	for _, f := range files {
		s.Files = append(s.Files, f.file)
		for i, line := range f.lines {
			trimmed := strings.TrimSpace(line)
			if trimmed == "" || trimmed[0] == '#' {
				continue
			}
			name, value, ok := strings.Cut(trimmed, "=")
			if !ok || wordLength(name) != len(name) {
				r.fail(f.at(i), "expected dc_name='value', not %q", trimmed)
				continue
			}
			variables[name] = written(strings.Trim(value, `'"`), f.at(i), line)
		}
	}
	for name, v := range variables {
		s.other(name, v)
	}
	eximRelay(r, s, variables)
	for _, d := range strings.FieldsFunc(variables["dc_other_hostnames"].Value, func(r rune) bool { return r == ';' || r == ':' || r == ' ' }) {
		s.Domains = append(s.Domains, as(variables["dc_other_hostnames"], d))
	}
	s.TLS, s.ImplicitTLS, s.Auth = byDefault(OpportunisticTLS), byDefault(false), byDefault(false)
	s.Recipients, s.Messages, s.Connections, s.Caching = byDefault(100), byDefault(1), byDefault(0), byDefault(false)
	s.Retry.Intervals = []Found[time.Duration]{byDefault(15 * time.Minute)}
	s.Retry.QueueRun, s.Retry.Expire = byDefault(30*time.Minute), byDefault(4*24*time.Hour)
	eximAuth(r, s)
	return []*Setup{s}
}

// eximRelay reads dc_smarthost: host::port, of which several are parted by semicolons.
func eximRelay(r *reading, s *Setup, variables map[string]setting) {
	s.Relay = byDefault(Relay{})
	kind, host := variables["dc_eximconfig_configtype"], variables["dc_smarthost"]
	if kind.Known && kind.Value != "smarthost" && kind.Value != "satellite" {
		if host.Value != "" {
			r.warn(host.Place, "dc_smarthost isn't used: dc_eximconfig_configtype is %q at %s; write 'smarthost' or 'satellite' there", kind.Value, kind.Place)
		}
		s.Relay = as(kind, Relay{})
		return
	}
	if host.Value == "" {
		return
	}
	first, _, several := strings.Cut(host.Value, ";")
	if several {
		r.warn(host.Place, "dc_smarthost has several hosts, of which the first is looked at")
	}
	if name, port, ok := strings.Cut(first, "::"); ok {
		first = name + ":" + port
	}
	relay, err := hostAndPort(strings.TrimSpace(first))
	if err != nil {
		r.fail(host.Place, "dc_smarthost: %v", err)
	}
	s.Relay = as(host, relay)
}

// eximAuth reads passwd.client: host:user:password a line.
func eximAuth(r *reading, s *Setup) {
	file := beside("passwd.client", s.Files)
	if file == "" {
		return
	}
	t := r.open(file)
	if t == nil {
		return
	}
	s.Files = append(s.Files, file)
	for i, line := range t.lines {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if parts[0] == "" || parts[0][0] == '#' {
			continue
		}
		if len(parts) != 3 {
			r.fail(t.at(i), "expected host:user:password")
			continue
		}
		if parts[0] == "*" || strings.EqualFold(parts[0], s.Relay.Value.Host) {
			at := written(parts[1], t.at(i), parts[0]+":"+parts[1]+":"+hidden)
			s.Auth, s.User, s.Secret = as(at, true), at, as(at, parts[2])
			return
		}
	}
}
