package settings

import (
	"maps"
	"slices"
	"strings"
)

// cfLine is what a line of sendmail.cf may begin with.
const cfLine = "DOMKCFEHSRPTVQXLN"

// takeLines takes lines of sendmail.cf; one that begins with white space continues the one before.
func (sm *sendmail) takeLines(lines []rawLine) {
	var joined []rawLine
	for _, l := range lines {
		switch {
		case strings.TrimSpace(l.text) == "" || l.text[0] == '#':
		case l.text[0] == ' ' || l.text[0] == '\t':
			if len(joined) == 0 {
				sm.r.fail(l.at.Place, "%q continues nothing: a line of sendmail.cf begins at the left margin", strings.TrimSpace(l.text))
				continue
			}
			joined[len(joined)-1].text += " " + strings.TrimSpace(l.text)
		default:
			joined = append(joined, l)
		}
	}
	for _, l := range joined {
		sm.takeLine(l)
	}
}

func (sm *sendmail) takeLine(l rawLine) {
	rest := l.text[1:]
	switch l.text[0] {
	case 'D':
		name, value := cfName(rest)
		if name == "" {
			sm.r.fail(l.at.Place, "%q: expected the name of a macro after D, as DSsmtp-relay.gmail.com", l.text)
			return
		}
		sm.macros[name] = as(l.at, strings.TrimSpace(value))
		if name == "j" {
			sm.options["j"] = sm.macros[name]
		}
	case 'O':
		sm.takeOption(l, rest)
	case 'M':
		sm.takeMailer(l, rest)
	case 'C':
		if name, value := cfName(rest); name == "w" {
			for _, d := range strings.Fields(value) {
				if d != "localhost" && !strings.Contains(d, "$") {
					sm.s.Domains = append(sm.s.Domains, as(l.at, d))
				}
			}
		}
	case 'K':
		if fields := strings.Fields(rest); len(fields) > 1 {
			sm.s.other("K"+fields[0], as(l.at, strings.Join(fields[1:], " ")))
		} else {
			sm.r.fail(l.at.Place, "%q: expected the name of a map and its class after K", l.text)
		}
	default:
		if strings.IndexByte(cfLine, l.text[0]) < 0 {
			sm.r.fail(l.at.Place, "%q is no line of sendmail.cf: it begins with one of %s, as DSsmtp-relay.gmail.com or O Timeout.datafinal=1h",
				l.text, strings.Join(strings.Split(cfLine, ""), ", "))
		}
	}
}

// cfName splits S... and {name}... into name and value.
func cfName(rest string) (name, value string) {
	if rest == "" {
		return "", ""
	}
	if rest[0] == '{' {
		name, value, _ = strings.Cut(rest[1:], "}")
		return name, value
	}
	return rest[:1], rest[1:]
}

// takeOption takes O Name=value; of one that stands twice the last holds.
func (sm *sendmail) takeOption(l rawLine, rest string) {
	if !strings.HasPrefix(rest, " ") {
		return // the old one-letter form, which says nothing that is asked for
	}
	name, value, ok := strings.Cut(strings.TrimSpace(rest), "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" {
		sm.r.fail(l.at.Place, "%q: expected O Name=value, as O Timeout.datafinal=1h", l.text)
		return
	}
	given := as(l.at, strings.TrimSpace(value))
	if name == "DefaultAuthInfo" {
		given = secretly(given, "O DefaultAuthInfo="+hidden)
	}
	for known := range maps.Keys(sm.options) {
		if strings.EqualFold(known, name) {
			name = known
		}
	}
	if strings.HasPrefix(strings.ToLower(name), "timeout.") {
		name = "Timeout." + strings.ToLower(name[len("timeout."):])
	}
	if before, ok := sm.options[name]; ok && before.Value != given.Value {
		sm.r.warn(l.at.Place, "%s is set at %s too, to %q; this one holds", name, before.Place, before.Value)
	}
	sm.options[name] = given
	sm.s.other(name, given)
	if all := sm.s.Others[name]; len(all) > 1 {
		sm.s.Others[name] = all[len(all)-1:]
	}
}

// takeMailer takes Mname, P=..., A=..., r=n.
func (sm *sendmail) takeMailer(l rawLine, rest string) {
	name, fields, ok := strings.Cut(rest, ",")
	name = strings.TrimSpace(name)
	if !ok || name == "" || !strings.Contains(fields, "=") {
		sm.r.fail(l.at.Place, "%q: expected Mname, P=[IPC], ... A=TCP $h", l.text)
		return
	}
	for _, field := range strings.Split(fields, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		given := as(l.at, strings.TrimSpace(value))
		switch strings.TrimSpace(key) {
		case "A", "Argv":
			sm.args[name] = given
		case "r":
			sm.maxRcpt[name] = given
		case "m":
			sm.maxMsg[name] = given
		}
	}
}

// expand puts what D lines say in the place of $x and ${name}; what the running program alone knows stays.
func (sm *sendmail) expand(s string, open ...string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, "$")
		out.WriteString(before)
		if !found || rest == "" {
			return out.String()
		}
		if sm.steps++; sm.steps > mostSteps || out.Len() > mostOctets {
			sm.r.fail(Place{File: sm.s.Files[0]}, "the macros of D lines don't come to an end within %d steps", mostSteps)
			return ""
		}
		name, after := cfName(rest)
		value, ok := sm.macros[name]
		switch {
		case slices.Contains(open, name):
			sm.r.fail(value.Place, "$%s expands to itself; write what it is to be", name)
			return ""
		case ok:
			out.WriteString(sm.expand(value.Value, append(slices.Clip(open), name)...))
		default:
			out.WriteString("$" + rest[:len(rest)-len(after)])
		}
		s = after
	}
}
