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
		p.r.warn(value.Place, "%s is written at %s too, as %q; this one holds", name, before.Place, before.Value)
	}
	p.written[name] = value
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
	case e.wrong != nil:
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
			value = secretly(as(value, "static:"+hidden), name+" = static:"+hidden)
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

// expansion is the expansion of one parameter.
type expansion struct {
	p       *parameters
	open    []string // the parameters that are being expanded, the first outermost
	steps   int
	via     []Place
	texts   []string // the lines of via
	unknown bool     // something that nobody knows was asked for
	missing []string // that
	wrong   error
}

// What an expansion may grow to: no configuration comes near.
const (
	mostSteps  = 10_000
	mostOctets = 1 << 16
)

// expand gives s with its $name, ${name}, $(name), ${name?text}, ${name:text}, ${name?{a}:{b}} and ${{a} == {b} ? {c} : {d}}.
func (e *expansion) expand(s string) string {
	var out strings.Builder
	for s != "" && e.wrong == nil {
		before, rest, found := strings.Cut(s, "$")
		out.WriteString(before)
		if !found {
			break
		}
		if e.steps++; e.steps > mostSteps || out.Len() > mostOctets {
			e.wrong = fmt.Errorf("its expansion doesn't end within %d steps and %d octets; write what it is to be", mostSteps, mostOctets)
			break
		}
		s = e.one(rest, &out)
	}
	return out.String()
}

// misses tells whether something isn't known that a main.cf should say: the host's own name needn't stand there.
func (e *expansion) misses() bool {
	return slices.ContainsFunc(e.missing, func(name string) bool { return name != "myhostname" })
}

// one writes what the variable that rest begins with comes to, and gives what follows it.
func (e *expansion) one(rest string, out *strings.Builder) string {
	switch {
	case rest == "":
		e.wrong = fmt.Errorf("a $ without a name; write $name, or $$ for the character")
	case rest[0] == '$':
		out.WriteByte('$')
		return rest[1:]
	case rest[0] == '{' || rest[0] == '(':
		inside, after, ok := bracketed(rest)
		if !ok {
			e.wrong = fmt.Errorf("%q isn't closed; write ${name}", "$"+rest)
			return ""
		}
		out.WriteString(e.braced(inside))
		return after
	default:
		n := wordLength(rest)
		if n == 0 {
			e.wrong = fmt.Errorf("no name follows the $ in %q; write $name, or $$ for the character", "$"+rest)
			return ""
		}
		out.WriteString(e.value(rest[:n]))
		return rest[n:]
	}
	return ""
}

func wordLength(s string) int {
	n := 0
	for n < len(s) && (s[n] == '_' || s[n] >= '0' && s[n] <= '9' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
		n++
	}
	return n
}

// bracketed gives what stands between the bracket that s begins with and its fellow, and what follows.
func bracketed(s string) (inside, after string, ok bool) {
	open, shut := byte('{'), byte('}')
	if strings.HasPrefix(s, "(") {
		open, shut = '(', ')'
	}
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case open:
			depth++
		case shut:
			depth--
		}
		if depth == 0 {
			return s[min(1, i):i], s[i+1:], i > 0
		}
	}
	return "", "", false
}

// braced gives what the inside of ${} comes to.
func (e *expansion) braced(inside string) string {
	if strings.HasPrefix(strings.TrimSpace(inside), "{") {
		return e.comparison(strings.TrimSpace(inside))
	}
	inside = strings.TrimLeft(inside, " \t")
	n := wordLength(inside)
	name, rest := inside[:n], strings.TrimLeft(inside[n:], " \t")
	if name == "" || rest != "" && rest[0] != '?' && rest[0] != ':' {
		e.wrong = fmt.Errorf("%q isn't understood; write ${name}, ${name?text} or ${name:text}", "${"+inside+"}")
		return ""
	}
	if rest == "" {
		return e.value(name)
	}
	was, missing := e.unknown, e.missing
	set := e.value(name) != ""
	e.unknown, e.missing = was, missing // what isn't written is taken as not set
	return e.choose(set, rest)
}

// choose gives the branch of ?text, :text, ?{text}, :{text} or ?{text}:{text} that holds.
func (e *expansion) choose(set bool, rest string) string {
	kind, yes, no := rest[0], strings.TrimLeft(rest[1:], " \t"), ""
	if strings.HasPrefix(yes, "{") {
		inside, after, ok := bracketed(yes)
		after = strings.TrimSpace(after)
		if after != "" && ok {
			after, ok = strings.CutPrefix(after, ":")
			if no, after, _ = bracketed(strings.TrimSpace(after) + " "); strings.TrimSpace(after) != "" || kind == ':' {
				ok = false
			}
		}
		if !ok {
			e.wrong = fmt.Errorf("%q isn't understood; write ?{text}:{text}, ?{text} or :{text}", rest)
			return ""
		}
		yes, no = strings.TrimLeft(inside, " \t"), strings.TrimLeft(no, " \t")
	}
	if kind == ':' {
		yes, no = "", yes
	}
	if set {
		return e.expand(yes)
	}
	return e.expand(no)
}

// comparison gives what {a} == {b} ? {c} : {d} comes to.
func (e *expansion) comparison(s string) string {
	left, rest, ok := bracketed(s)
	rest = strings.TrimSpace(rest)
	at := strings.Index(rest, "{")
	if !ok || at < 0 {
		e.wrong = fmt.Errorf("%q isn't understood; write ${{a} == {b} ? {c} : {d}}", "${"+s+"}")
		return ""
	}
	operator := strings.TrimSpace(rest[:at])
	right, rest, ok := bracketed(rest[at:])
	rest = strings.TrimSpace(rest)
	holds, known := compare(e.expand(left), operator, e.expand(right))
	switch {
	case !ok || !known || rest != "" && rest[0] != '?' && rest[0] != ':':
		e.wrong = fmt.Errorf("%q isn't understood; write ${{a} == {b} ? {c} : {d}}, with ==, !=, <, <=, > or >=", "${"+s+"}")
		return ""
	case rest == "" && holds:
		return "true"
	case rest == "":
		return ""
	}
	return e.choose(holds, rest)
}

// compare compares numbers as such, and all else as text.
func compare(a, operator, b string) (holds, known bool) {
	order := strings.Compare(a, b)
	if x, err := count(a); err == nil {
		if y, err := count(b); err == nil {
			order = x - y
		}
	}
	switch operator {
	case "==":
		return order == 0, true
	case "!=":
		return order != 0, true
	case "<":
		return order < 0, true
	case "<=":
		return order <= 0, true
	case ">":
		return order > 0, true
	case ">=":
		return order >= 0, true
	}
	return false, false
}

// value gives what a parameter comes to.
func (e *expansion) value(name string) string {
	if slices.Contains(e.open, name) {
		e.wrong = fmt.Errorf("it expands to itself: $%s; write a value in one of them", strings.Join(append(e.open, name), " -> $"))
		return ""
	}
	value, ok := e.p.written[name]
	if ok {
		e.via = append(e.via, value.Place)
		e.texts = append(e.texts, value.Text)
	} else if text, known := postfixDefaults()[name]; known {
		value.Value = text
	} else {
		e.unknown = true
		e.missing = append(e.missing, name)
		return ""
	}
	e.open = append(e.open, name)
	defer func() { e.open = e.open[:len(e.open)-1] }()
	text := e.expand(value.Value)
	if !ok {
		text = derived(name, text)
	}
	return text
}
