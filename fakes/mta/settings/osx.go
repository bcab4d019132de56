package settings

import (
	"maps"
	"slices"
	"strings"
)

// readServerAdmin reads what serveradmin settings mail prints: mail:postfix:name = value. Server Admin writes Postfix's
// main.cf from it, so what is said here holds as it would there; a main.cf that is given too is overwritten by it.
func readServerAdmin(r *reading, files []source) []*Setup {
	p := &parameters{r: r, written: map[string]setting{}, told: map[string]bool{}}
	s := &Setup{Server: "osx"}
	lists := map[string]setting{}
	for _, f := range files {
		s.Files = append(s.Files, f.file)
		for i, line := range f.lines {
			serverAdminLine(p, lists, f.text.at(i), line)
		}
	}
	for name, value := range lists {
		p.written[name] = value
	}
	relayDict(p)
	secret := p.written["smtp_auth_relay_dict:smtp_auth_relay_pwd"]
	for name := range p.written {
		if strings.HasSuffix(name, "_pwd") {
			delete(p.written, name)
		}
	}
	p.setUp(s)
	relaySwitches(p, s, secret)
	return []*Setup{s}
}

// serverAdminLine takes one line.
func serverAdminLine(p *parameters, lists map[string]setting, at Place, line string) {
	trimmed := strings.TrimSpace(line)
	if trimmed == "" || trimmed[0] == '#' || strings.HasPrefix(trimmed, "serveradmin ") || strings.Contains(trimmed, "$ ") && strings.HasSuffix(trimmed, "serveradmin settings mail") {
		return
	}
	key, value, ok := strings.Cut(trimmed, " = ")
	if !ok && strings.HasSuffix(trimmed, " =") {
		key, value, ok = strings.TrimSuffix(trimmed, " ="), "", true
	}
	if !ok || !strings.HasPrefix(key, "mail:") {
		if strings.Contains(trimmed, "_pwd") {
			trimmed = hidden
		}
		p.r.fail(at, "expected mail:postfix:name = value, as serveradmin prints, not %q", trimmed)
		return
	}
	if len(value) > 0 && value[0] == '"' {
		if len(value) < 2 || value[len(value)-1] != '"' {
			p.r.fail(at, "%s: the quotes aren't closed", key)
			return
		}
		value = strings.ReplaceAll(value[1:len(value)-1], `\"`, `"`)
	}
	name, ok := strings.CutPrefix(key, "mail:postfix:")
	if !ok {
		return // of the mailboxes and lists
	}
	if strings.HasSuffix(name, "_pwd") {
		line = key + " = " + hidden
	}
	given := written(value, at, line)
	if list, _, ok := strings.Cut(name, ":_array_index:"); ok {
		if before, ok := lists[list]; ok {
			given.Value = before.Value + ", " + value
			given.Place, given.Text = before.Place, before.Text
		}
		lists[list] = given
		return
	}
	p.set(name, given)
}

// relayDict brings Server Admin's own keys into those of main.cf.
func relayDict(p *parameters) {
	if enabled, ok := p.written["relayhost_enabled"]; ok && enabled.Value == "no" {
		enabled.Value = ""
		p.written["relayhost"] = enabled
	}
	if enabled, ok := p.written["smtp_auth_relay_enabled"]; ok {
		p.written["smtp_sasl_auth_enable"] = enabled
	}
	for _, name := range slices.Sorted(maps.Keys(p.written)) {
		if v := p.written[name]; strings.HasPrefix(v.Value, "_empty_") {
			v.Value = ""
			p.written[name] = v
		}
	}
}

// relaySwitches takes as whom it authenticates.
func relaySwitches(p *parameters, s *Setup, secret setting) {
	if user := p.get("smtp_auth_relay_dict:smtp_auth_relay_userid"); user.Known && s.Auth.Value {
		s.User, s.Secret = user, secret
	}
}
