package settings

import (
	"path/filepath"
	"slices"
	"strings"
)

// readMaster takes what a master.cf beside main.cf sets for the client alone, by -o name=value of the service that sends
// (that of default_transport, smtp unless it is written): it comes before main.cf.
func (p *parameters) readMaster(s *Setup) {
	file := beside("master.cf", slices.DeleteFunc(slices.Clone(s.Files), func(f string) bool {
		name := filepath.Base(f)
		return name != "main.cf" && name != "master.cf" // what postconf prints may lie anywhere
	}))
	if file == "" {
		return
	}
	t := p.r.open(file)
	if t == nil {
		return
	}
	if !slices.Contains(s.Files, file) {
		s.Files = append(s.Files, file)
	}
	service, _, _ := strings.Cut(p.get("default_transport").Value, ":")
	for _, line := range joinedLines(t) {
		words := fieldsAndBraces(line.Value)
		if len(words) < 8 {
			p.r.fail(line.Place, "expected a service of 8 columns, as smtp unix - - n - - smtp, not %q", strings.TrimSpace(line.Value))
			continue
		}
		if words[0] != service || words[1] != "unix" {
			continue
		}
		for i := 8; i+1 < len(words); i++ {
			if words[i] == "-o" {
				p.override(line.Place, t, words[i+1])
				i++
			}
		}
	}
}

// override takes one name=value, or { name = value }.
func (p *parameters) override(service Place, t *text, option string) {
	inside := strings.TrimSuffix(strings.TrimPrefix(option, "{"), "}")
	name, value, ok := strings.Cut(inside, "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" {
		p.r.fail(service, "-o %s: expected -o name=value", option)
		return
	}
	if !strings.HasPrefix(name, "smtp_") && name != "myhostname" {
		return // the client doesn't ask for it
	}
	at := service
	for i := service.Line - 1; i < len(t.lines); i++ { // the line of a service that is continued
		if strings.Contains(t.lines[i], inside) {
			at = t.at(i)
			break
		}
	}
	p.set(name, written(strings.TrimSpace(value), at, t.lines[at.Line-1]))
}

// joinedLines are the lines of a file of Postfix, with those that continue them.
func joinedLines(t *text) []setting {
	var all []setting
	for i, line := range t.lines {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#':
		case (line[0] == ' ' || line[0] == '\t') && len(all) > 0:
			all[len(all)-1].Value += " " + trimmed
		default:
			all = append(all, written(line, t.at(i), line))
		}
	}
	return all
}

// fieldsAndBraces splits at white space that doesn't stand in braces.
func fieldsAndBraces(s string) []string {
	var all []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] == '{' {
			if inside, after, ok := bracketed(s); ok {
				all, s = append(all, "{"+inside+"}"), after
				continue
			}
		}
		end := strings.IndexAny(s, " \t")
		if end < 0 {
			end = len(s)
		}
		all, s = append(all, s[:end]), s[end:]
	}
	return slices.Clip(all)
}
