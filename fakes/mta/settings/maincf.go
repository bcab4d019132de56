package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// parameters are those of a main.cf: what holds, and where it stands.
type parameters struct {
	r       *reading
	written map[string]setting // not expanded
	told    map[string]bool    // of which was said what is wrong with their expansion
	strict  bool               // set once all are read: from then on, what is wrong is told
}

// read takes the parameters of a main.cf, or of what postconf -n prints: a line that begins with white space continues
// the one before; comments and empty lines may stand between them.
func (p *parameters) read(t *text) {
	var value strings.Builder
	name, began := "", Place{}
	flush := func() {
		if name != "" {
			p.set(name, written(strings.TrimSpace(value.String()), began, t.lines[began.Line-1]))
		}
		name = ""
		value.Reset()
	}
	for i, line := range t.lines {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#':
		case strings.HasPrefix(trimmed, "postconf: ") || strings.Contains(trimmed, "/postconf: "):
			p.r.warn(t.at(i), "postconf says: %s", trimmed)
		case line[0] == ' ' || line[0] == '\t':
			if name == "" {
				p.r.fail(t.at(i), "%q continues nothing: a parameter begins at the left margin; take the white space away", trimmed)
			}
			value.WriteString(" " + trimmed)
		default:
			flush()
			before, after, ok := strings.Cut(line, "=")
			name, began = strings.TrimSpace(before), t.at(i)
			if !ok || name == "" || strings.ContainsAny(name, " \t") {
				p.r.fail(t.at(i), "expected name = value, not %q; a continued line begins with white space", trimmed)
				name = "?" // its continued lines are no fault of theirs
			}
			value.WriteString(after)
		}
	}
	flush()
	delete(p.written, "?")
}

// set takes a parameter; of one that is written twice the last holds.
func (p *parameters) set(name string, value setting) {
	if before, ok := p.written[name]; ok && name != "?" && before.Value != value.Value {
		p.r.warn(value.Place, "%s is written at %s too, as %q; this one holds", name, before.Place, shown(name, before.Value))
	}
	p.written[name] = value
}

// shown is a parameter's value without a password.
func shown(name, value string) string {
	switch {
	case strings.HasSuffix(name, "_pwd"):
		return hidden
	case name == "smtp_sasl_password_maps" && strings.HasPrefix(value, "static:"):
		return "static:" + hidden
	}
	return value
}

// get gives a parameter, or else its default; its value is expanded. It isn't Known where neither is, or where it rests on
// one that isn't.
func (p *parameters) get(name string) setting {
	value, ok := p.written[name]
	if !ok {
		text, known := postfixDefaults()[name]
		if !known {
			return setting{}
		}
		value = byDefault(text)
	}
	e := expansion{p: p, open: []string{name}}
	value.Value, value.Known, value.Via = e.expand(value.Value), !e.unknown, e.via
	switch {
	case ok:
		p.tell(name, value.Place, &e)
	case len(e.via) > 0: // a default that rests on what is written stands where that does
		value.Place, value.Text = e.via[0], e.texts[0]
		p.tell(name, value.Place, &e)
	}
	if e.wrong != nil {
		return setting{}
	}
	if !ok {
		value.Value = derived(name, value.Value)
	}
	return value
}

// tell says once what is wrong with an expansion, and on what a parameter that is asked for rests though it isn't written.
func (p *parameters) tell(name string, at Place, e *expansion) {
	if !p.strict || p.told[name] {
		return
	}
	_, matters := postfixDefaults()[name]
	switch {
	case e.wrong != nil && (matters || e.endless): // Postfix expands some of the others in another way, or not at all
		p.r.fail(at, "%s: %v", name, e.wrong)
	case matters && e.misses():
		p.r.warn(at, "%s rests on $%s, which these files don't write: what it comes to isn't known", name, strings.Join(e.missing, ", $"))
	default:
		return
	}
	p.told[name] = true
}

// derived makes of what a default expands to what it is: the default domain is the host's name without its first label.
func derived(name, value string) string {
	if name == "mydomain" {
		_, value, _ = strings.Cut(value, ".")
	}
	return value
}

// checkAll expands all that is written, so that what is wrong in one that nobody asks for is told as well.
func (p *parameters) checkAll(s *Setup) {
	p.strict = true
	for _, name := range slices.Sorted(maps.Keys(p.written)) {
		value := p.get(name)
		if name == "smtp_sasl_password_maps" && strings.HasPrefix(value.Value, "static:") {
			value = secretly(as(value, shown(name, value.Value)), name+" = "+shown(name, value.Value))
		}
		if value.Known {
			s.other(name, value)
		}
	}
}

// yes reads yes or no.
func (p *parameters) yes(name string) Found[bool] {
	value := p.get(name)
	switch value.Value {
	case "yes":
		return as(value, true)
	case "no":
		return as(value, false)
	}
	if value.Known {
		p.r.fail(value.Place, "%s = %s: expected yes or no", name, value.Value)
	}
	return Found[bool]{}
}

// time reads a time of the unit that a bare number has.
func (p *parameters) time(name string, unit time.Duration) Found[time.Duration] {
	value := p.get(name)
	if !value.Known {
		return Found[time.Duration]{}
	}
	t, err := singlePeriod(value.Value, unit)
	if err != nil {
		p.r.fail(value.Place, "%s: %v", name, err)
		return Found[time.Duration]{}
	}
	return as(value, t)
}

// singlePeriod reads one number with at most one letter, as Postfix takes it.
func singlePeriod(value string, unit time.Duration) (time.Duration, error) {
	t, err := period(value, unit)
	if err == nil && strings.Trim(value[:len(value)-1], "0123456789") != "" {
		err = fmt.Errorf("%q is no time; write one number with s, m, h, d or w, as 300s", value)
	}
	return t, err
}

// number reads one that isn't negative.
func (p *parameters) number(name string) Found[int] {
	value := p.get(name)
	if !value.Known {
		return Found[int]{}
	}
	n, err := count(value.Value)
	if err != nil {
		p.r.fail(value.Place, "%s: %v", name, err)
		return Found[int]{}
	}
	return as(value, n)
}

// list gives the members of a list.
func (p *parameters) list(name string) []setting {
	value := p.get(name)
	var all []setting
	for _, member := range strings.FieldsFunc(value.Value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		all = append(all, as(value, member))
	}
	return all
}
