package settings

import (
	"regexp"
	"strings"
)

// mapLines reads the lines key, white space, value of a map's text file that lies beside. given is what names the map, by
// its last word; path is its file where that isn't written.
func (sm *sendmail) mapLines(given setting, path string) []entry {
	if fields := strings.Fields(given.Value); len(fields) > 1 {
		path = fields[len(fields)-1]
	}
	file := beside(path, sm.s.Files)
	if file == "" {
		return nil
	}
	t := sm.r.open(file)
	if t == nil {
		return nil
	}
	sm.s.Files = append(sm.s.Files, file)
	var all []entry
	for i, line := range t.lines {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		at := strings.IndexAny(trimmed, " \t")
		if at < 0 {
			sm.r.fail(t.at(i), "expected a key, white space and a value")
			continue
		}
		value := written(strings.TrimSpace(trimmed[at:]), t.at(i), line)
		value.Via = []Place{given.Place}
		all = append(all, entry{trimmed[:at], value})
	}
	return all
}

// about tells whether a key of a map is about the relay, or about all hosts.
func (sm *sendmail) about(key, tag string) bool {
	host, ok := strings.CutPrefix(key, tag)
	return ok && (host == "" || strings.EqualFold(strings.Trim(host, "[]"), sm.s.Relay.Value.Host))
}

// access takes what the access map says of TLS with the relay, and as whom to authenticate.
func (sm *sendmail) access() {
	for _, by := range []string{"FEATURE(access_db)", "Kaccess"} {
		all := sm.s.Others[by]
		if len(all) == 0 {
			continue
		}
		for _, e := range sm.mapLines(all[len(all)-1], "/etc/mail/access") {
			level := strings.ToUpper(e.value.Value)
			switch {
			case sm.about(e.key, "TLS_Srv:") && (strings.Contains(level, "ENCR") || strings.Contains(level, "VERIFY")):
				sm.s.TLS = as(e.value, RequiredTLS)
			case sm.about(e.key, "Try_TLS:") && level == "NO":
				sm.s.TLS = as(e.value, NoTLS)
			case sm.about(e.key, "AuthInfo:"):
				sm.authInfo(e)
			}
		}
		return
	}
}

// auth reads whether it authenticates: by FEATURE(`authinfo'), by the access map (above) or DefaultAuthInfo.
func (sm *sendmail) auth() {
	s := sm.s
	for _, by := range []string{"FEATURE(authinfo)", "Kauthinfo", "DefaultAuthInfo", "confDEF_AUTH_INFO"} {
		all := s.Others[by]
		if len(all) == 0 || s.Auth.Value {
			continue
		}
		s.Auth = as(all[len(all)-1], true)
		if strings.HasSuffix(by, "_INFO") || strings.HasPrefix(by, "Default") {
			continue
		}
		for _, e := range sm.mapLines(all[len(all)-1], "/etc/mail/authinfo") {
			if sm.about(e.key, "AuthInfo:") {
				sm.authInfo(e)
			}
		}
	}
}

// authInfo takes "U:user" "P:password" of the relay.
func (sm *sendmail) authInfo(e entry) {
	at := secretly(e.value, e.key+" "+hidden)
	sm.s.Auth = as(at, true)
	for _, part := range regexp.MustCompile(`"([UIPMR])[:=]([^"]*)"`).FindAllStringSubmatch(e.value.Value, -1) {
		switch part[1] {
		case "U":
			sm.s.User = as(at, part[2])
		case "P":
			sm.s.Secret = as(at, part[2])
		}
	}
}
