package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

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
	endless bool // what is wrong: it has no end
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
			e.endless = true
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
	if versions, ok := strings.CutSuffix(operator, "level"); ok { // of compatibility levels: 3.10 is more than 3.9
		operator, order = versions, compareLevels(a, b)
	} else if x, err := count(a); err == nil {
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

// compareLevels compares numbers that dots part.
func compareLevels(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		return m - n
	})
}

// value gives what a parameter comes to.
func (e *expansion) value(name string) string {
	if slices.Contains(e.open, name) {
		e.endless = true
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
