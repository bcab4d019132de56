package settings

import (
	"fmt"
	"slices"
	"strings"
)

// m4 evaluates the macros of a sendmail.mc, as far as administrators use them: define, undefine, include, sinclude, ifdef,
// ifelse, divert, dnl, and macros of their own. What the macros of Sendmail's own library would write isn't made: they are
// kept as they were called (calls).
type m4 struct {
	r       *reading
	files   []string
	macros  map[string]setting // those that were defined; what they come to is found when they are asked for
	calls   []call             // of FEATURE, MAILER, OSTYPE ...
	raw     []rawLine          // what stands outside of macros, as in LOCAL_CONFIG
	line    strings.Builder    // the raw line that is being written
	lineAt  Place
	discard bool // since divert(-1): what is written goes nowhere
	steps   int
}

// call is a macro of Sendmail's library as it was called, its arguments expanded.
type call struct {
	name string
	args []string
	at   setting // where, and by which way
}

// rawLine is a line of sendmail.cf.
type rawLine struct {
	text string
	at   setting
}

// library are the macros of Sendmail's own that say something of how it sends, or that mustn't be taken for a text.
func library() []string {
	return []string{"FEATURE", "MAILER", "OSTYPE", "DOMAIN", "VERSIONID", "MASQUERADE_AS", "MASQUERADE_DOMAIN", "EXPOSED_USER",
		"LOCAL_DOMAIN", "LOCAL_CONFIG", "LOCAL_RULESETS", "LOCAL_RULE_0", "LOCAL_RULE_1", "LOCAL_RULE_2", "LOCAL_RULE_3",
		"LOCAL_NET_CONFIG", "LOCAL_USER", "MAILER_DEFINITIONS", "DAEMON_OPTIONS", "CLIENT_OPTIONS", "INPUT_MAIL_FILTER",
		"MAIL_FILTER", "RELAY_DOMAIN", "RELAY_DOMAIN_FILE", "CANONIFY_DOMAIN", "GENERICS_DOMAIN", "VIRTUSER_DOMAIN", "SITE",
		"TRUST_AUTH_MECH", "UUCPSMTP", "MODIFY_MAILER_FLAGS", "HACK", "LDAPROUTE_DOMAIN", "DOL", "include", "sinclude"}
}

// builtins are the macros of m4 itself that are evaluated.
func builtins() []string {
	return []string{"define", "undefine", "pushdef", "popdef", "ifdef", "ifelse", "divert", "dnl", "changequote", "changecom",
		"errprint", "eval", "syscmd", "undivert", "m4wrap", "len", "index", "substr", "translit", "shift", "incr", "decr"}
}

// mostIncludes is how deep includes may be nested.
const mostIncludes = 16

// scan is a text that is being evaluated.
type scan struct {
	s    string
	pos  int
	file string
	line int     // of pos; 0: the text came from a macro, and stands at
	at   Place   // where the macro was called
	via  []Place // includes and macros through which it came
	text func(int) string
}

func (c *scan) place() Place {
	if c.line == 0 {
		return c.at
	}
	return Place{File: c.file, Line: c.line}
}

// lineText is the line that is being read, as it stands in the file.
func (c *scan) lineText() string {
	if c.text == nil {
		return ""
	}
	return c.text(c.place().Line)
}

// skip goes n octets on.
func (c *scan) skip(n int) {
	if c.line > 0 {
		c.line += strings.Count(c.s[c.pos:c.pos+n], "\n")
	}
	c.pos += n
}

func (c *scan) rest() string { return c.s[c.pos:] }

// file evaluates a file.
func (m *m4) file(t *text, via []Place) {
	if len(via) > mostIncludes {
		m.r.fail(via[len(via)-1], "includes are nested more than %d deep: does %s include itself?", mostIncludes, t.file)
		return
	}
	m.files = append(m.files, t.file)
	c := &scan{s: strings.Join(t.lines, "\n") + "\n", file: t.file, line: 1, via: via, text: func(n int) string {
		if n < 1 || n > len(t.lines) {
			return ""
		}
		return t.lines[n-1]
	}}
	for c.pos < len(c.s) && m.next(c, func(text string) { m.write(c, text) }) {
	}
	m.write(c, "\n")
}

// write takes what stands outside of macros, line by line.
func (m *m4) write(c *scan, text string) {
	for text != "" {
		if m.line.Len() == 0 {
			m.lineAt = c.place()
		}
		line, rest, ends := strings.Cut(text, "\n")
		m.line.WriteString(line)
		if !ends {
			return
		}
		if whole := m.line.String(); strings.TrimSpace(whole) != "" && !m.discard {
			at := written(whole, m.lineAt, whole)
			at.Via = c.via
			m.raw = append(m.raw, rawLine{whole, at})
		}
		m.line.Reset()
		text = rest
	}
}

// next evaluates one token of c, and writes what it comes to; false: it can't go on.
func (m *m4) next(c *scan, out func(string)) bool {
	if m.steps++; m.steps > 1_000_000 {
		m.r.fail(c.place(), "the macros don't come to an end; is one defined as itself?")
		return false
	}
	rest := c.rest()
	switch {
	case rest[0] == '`':
		return m.quoted(c, out)
	case rest[0] == '#':
		n := strings.IndexByte(rest, '\n')
		if n < 0 {
			n = len(rest)
		}
		out(rest[:n]) // m4 copies comments as they are
		c.skip(n)
	case isWordStart(rest[0]):
		n := wordLength(rest)
		return m.word(c, rest[:n], out)
	default:
		out(rest[:1])
		c.skip(1)
	}
	return true
}

func isWordStart(b byte) bool { return b == '_' || b|0x20 >= 'a' && b|0x20 <= 'z' }

// quoted writes what stands in `quotes', the outermost taken off.
func (m *m4) quoted(c *scan, out func(string)) bool {
	began, depth, rest := c.place(), 0, c.rest()
	for i := range len(rest) {
		switch rest[i] {
		case '`':
			depth++
		case '\'':
			if depth--; depth == 0 {
				out(rest[1:i])
				c.skip(i + 1)
				return true
			}
		}
	}
	m.r.fail(began, "the quote ` isn't closed by ': %q; write `text'", firstLine(rest))
	return false
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// word evaluates a word: a macro is called, anything else stands for itself.
func (m *m4) word(c *scan, name string, out func(string)) bool {
	at := written("", c.place(), c.lineText())
	at.Via = c.via
	called := strings.HasPrefix(c.rest()[len(name):], "(")
	known := slices.Contains(builtins(), name) || slices.Contains(library(), name)
	body, defined := m.macros[name]
	if !known && !defined || known && !called && name != "dnl" && name != "divert" && !strings.HasPrefix(name, "LOCAL_") && name != "MAILER_DEFINITIONS" {
		out(name)
		c.skip(len(name))
		return true
	}
	c.skip(len(name))
	var args []string
	if called {
		var ok bool
		if args, ok = m.arguments(c, name, at.Place); !ok {
			return false
		}
	}
	if !known {
		return m.expandCall(body, name, args, c, out)
	}
	return m.perform(name, args, at, c, out)
}

// arguments reads what stands in parentheses, each argument evaluated.
func (m *m4) arguments(c *scan, name string, began Place) ([]string, bool) {
	c.skip(1)
	var args []string
	var arg strings.Builder
	depth := 0
	for c.pos < len(c.s) {
		if arg.Len() == 0 && strings.IndexByte(" \t\n", c.s[c.pos]) >= 0 {
			c.skip(1) // white space before an argument
			continue
		}
		switch b := c.s[c.pos]; {
		case b == '(':
			depth++
			arg.WriteByte(b)
			c.skip(1)
		case b == ')' && depth == 0:
			c.skip(1)
			return append(args, arg.String()), true
		case b == ')':
			depth--
			arg.WriteByte(b)
			c.skip(1)
		case b == ',' && depth == 0:
			args = append(args, arg.String())
			arg.Reset()
			c.skip(1)
		default:
			if !m.next(c, func(s string) { arg.WriteString(s) }) {
				return nil, false
			}
		}
	}
	m.r.fail(began, "%s( isn't closed; write %s(`...') and a dnl", name, name)
	return nil, false
}

// argument is args[i], "" where it isn't there.
func argument(args []string, i int) string {
	if i < len(args) {
		return args[i]
	}
	return ""
}

// expandCall puts a macro's body, its $1 ... filled in, in the place of the call, and evaluates it.
func (m *m4) expandCall(body setting, name string, args []string, c *scan, out func(string)) bool {
	if len(c.via) > 4*mostIncludes {
		m.r.fail(c.place(), "%s is defined by itself; write what it is to be", name)
		return false
	}
	text := body.Value
	if strings.Contains(text, "$") {
		for i := 9; i >= 1; i-- {
			text = strings.ReplaceAll(text, fmt.Sprintf("$%d", i), argument(args, i-1))
		}
		text = strings.ReplaceAll(text, "$*", strings.Join(args, ","))
		text = strings.ReplaceAll(text, "$#", fmt.Sprint(len(args)))
	}
	return m.again(text, c, body.Place, out)
}

// again evaluates a text in the place where c is.
func (m *m4) again(text string, c *scan, via Place, out func(string)) bool {
	if len(text) > 1<<20 {
		m.r.fail(c.place(), "a macro grows past %d octets", 1<<20)
		return false
	}
	inner := &scan{s: text, at: c.place(), via: append(slices.Clip(c.via), via), text: c.text}
	for inner.pos < len(inner.s) {
		if !m.next(inner, out) {
			return false
		}
	}
	return true
}
