package settings

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// perform does what a built-in macro does, and keeps calls of the library.
func (m *m4) perform(name string, args []string, at setting, c *scan, out func(string)) bool {
	switch name {
	case "dnl":
		n := strings.IndexByte(c.rest(), '\n')
		if n < 0 {
			n = len(c.rest()) - 1
		}
		c.skip(n + 1)
	case "define", "pushdef":
		m.define(args, at)
	case "undefine", "popdef":
		delete(m.macros, argument(args, 0))
	case "ifdef":
		which := 2
		if _, ok := m.macros[argument(args, 0)]; ok {
			which = 1
		}
		return m.again(argument(args, which), c, at.Place, out)
	case "ifelse":
		return m.again(chosen(args), c, at.Place, out)
	case "include", "sinclude":
		m.include(name, argument(args, 0), at, c)
	case "divert":
		m.discard = strings.HasPrefix(argument(args, 0), "-")
	case "changequote", "changecom", "errprint", "eval", "syscmd", "undivert", "m4wrap", "len", "index", "substr",
		"translit", "shift", "incr", "decr":
		if name == "changequote" && len(args) > 0 {
			m.r.fail(at.Place, "changequote isn't read; write quotes as `text'")
			return false
		}
	default:
		m.calls = append(m.calls, call{name, args, at})
	}
	return true
}

// define keeps a macro. Of one that is defined twice the last holds.
func (m *m4) define(args []string, at setting) {
	name := argument(args, 0)
	if name == "" || wordLength(name) != len(name) {
		m.r.fail(at.Place, "define(`%s'): expected a name in its quotes, as define(`SMART_HOST', `smtp-relay.gmail.com')", name)
		return
	}
	if before, ok := m.macros[name]; ok && before.Value != argument(args, 1) {
		m.r.warn(at.Place, "%s is defined at %s too, as `%s'; this one holds", name, before.Place, before.Value)
	}
	at.Value = argument(args, 1)
	m.macros[name] = at
}

// chosen is the branch of ifelse that holds.
func chosen(args []string) string {
	for len(args) >= 3 {
		if args[0] == args[1] {
			return args[2]
		}
		args = args[3:]
		if len(args) == 1 {
			return args[0]
		}
		if len(args) == 2 {
			break
		}
	}
	return ""
}

// include evaluates another file: it lies where it is said, or in the folder of the one that includes it. Sendmail's own
// library (m4/cf.m4) is never read.
func (m *m4) include(name, path string, at setting, c *scan) {
	slashed := filepath.ToSlash(path)
	if slashed == "m4/cf.m4" || slashed == "../m4/cf.m4" || strings.HasSuffix(slashed, "/m4/cf.m4") || strings.HasSuffix(slashed, "/cf.m4") {
		return
	}
	var candidates []string
	if !filepath.IsAbs(path) {
		candidates = append(candidates, filepath.Join(filepath.Dir(at.Place.File), path))
	}
	candidates = append(candidates, filepath.Join(filepath.Dir(at.Place.File), filepath.Base(path)))
	for _, file := range candidates {
		if info, err := os.Stat(file); path != "" && err == nil && info.Mode().IsRegular() {
			if t := m.r.open(file); t != nil {
				m.file(t, append(slices.Clip(c.via), at.Place))
			}
			return
		}
	}
	if name == "include" {
		m.r.fail(at.Place, "it includes %q, which isn't here; lay it beside %s", path, at.Place.File)
	}
}

// value gives what a macro comes to in the end, and where it was defined.
func (m *m4) value(name string) setting {
	body, ok := m.macros[name]
	if !ok {
		return setting{}
	}
	var out strings.Builder
	var via []Place
	c := &scan{s: body.Value, at: body.Place, text: func(int) string { return body.Text }}
	for c.pos < len(c.s) {
		rest := c.rest()
		if isWordStart(rest[0]) {
			word := rest[:wordLength(rest)]
			if inner, ok := m.macros[word]; ok {
				via = append(via, inner.Place)
			}
		}
		if !m.next(c, func(s string) { out.WriteString(s) }) {
			return setting{}
		}
	}
	body.Value = out.String()
	body.Via = append(slices.Clip(body.Via), via...)
	return body
}
