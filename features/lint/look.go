package lint

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/reports"
)

// rule is what the document asks of a configuration.
type rule struct {
	id      string
	level   reports.Level // the catalogue's
	lines   string        // of the document
	wants   string        // in one sentence
	servers []string      // that it is about; nil: all
	check   func(*look)
}

// look is one configuration held against one rule.
type look struct {
	Options
	*settings.Setup
	all      []*settings.Setup // that were given
	recipe   *Recipe
	rule     *rule
	State    State
	unsaid   string
	findings []Finding
}

// spot is where a finding is: a setting, of whatever kind, or what should be there.
type spot struct {
	place   settings.Place
	via     []settings.Place
	written bool
}

func at[T any](f settings.Found[T]) spot { return spot{f.Place, f.Via, f.Written()} }

// tell adds a finding of the rule's own level.
func (l *look) tell(where spot, text, why, instead string) {
	l.weigh(l.rule.level, where, text, why, instead)
}

// note adds one that is information.
func (l *look) note(where spot, text, why, instead string) {
	before := l.State
	l.weigh(reports.Info, where, text, why, instead)
	if before != Broken {
		l.State = Noted
	}
}

// weigh adds a finding of a level of its own.
func (l *look) weigh(level reports.Level, where spot, text, why, instead string) {
	if where.place == (settings.Place{}) {
		where.place = l.whole()
	}
	where.via = slices.DeleteFunc(slices.Clone(where.via), func(p settings.Place) bool { return p == where.place })
	l.findings = append(l.findings, Finding{Rule: l.rule.id, Level: level, Server: l.Server, Place: where.place, Via: where.via,
		Text: text, Why: why, Instead: strings.TrimRight(instead, "\n")})
	l.State = Broken
}

// silent says that the files don't tell.
func (l *look) silent(format string, args ...any) {
	if l.State == Kept {
		l.State, l.unsaid = Unsaid, fmt.Sprintf(format, args...)
	}
}

// whole is the place of what stands nowhere: the first file.
func (l *look) whole() settings.Place {
	if len(l.Files) == 0 {
		return settings.Place{File: l.Server}
	}
	return settings.Place{File: l.Files[0]}
}

// others gives the values of a setting that only this server has.
func (l *look) others(name string) []settings.Found[string] { return l.Others[name] }

// other gives its only value, or its first.
func (l *look) other(name string) (settings.Found[string], bool) {
	values := l.Others[name]
	if len(values) == 0 {
		return settings.Found[string]{}, false
	}
	return values[0], true
}

// write gives the lines that set something, as this server's administrators write them, name as in recipes' write: section.
// A setting's file decides where a server has several kinds of them.
func (l *look) write(name string, where spot, fill ...string) string {
	file := where.place.File
	if file == "" {
		file = l.whole().File
	}
	text, ok := l.recipe.Write[name+filepath.Ext(file)]
	if !ok {
		text = l.recipe.Write[name]
	}
	fill = append(fill, "{name}", l.ownName(), "{domain}", l.ownDomain(), "{connector}", l.connector())
	return strings.NewReplacer(fill...).Replace(text)
}

// ownDomain is the customer's, as far as it is known.
func (l *look) ownDomain() string {
	if len(l.Options.Domains) > 0 {
		return l.Options.Domains[0]
	}
	for _, d := range l.Setup.Domains {
		if strings.Contains(d.Value, ".") {
			return d.Value
		}
	}
	return "your-domain.example"
}

// ownName is a name that the server may well present.
func (l *look) ownName() string {
	for _, name := range []settings.Found[string]{l.Host, l.Hello} {
		if name.Known && fault(name.Value) == "" && (len(l.Options.Domains) == 0 || within(name.Value, l.Options.Domains)) {
			return name.Value
		}
	}
	return "mail." + l.ownDomain()
}

// connector is the name of Exchange's send connector.
func (l *look) connector() string {
	if name, ok := l.other("Name"); ok {
		return name.Value
	}
	if name, ok := l.other("Identity"); ok {
		return name.Value
	}
	return "Outbound"
}

// span says how long d is, as administrators write it.
func span(d time.Duration) string {
	switch {
	case d == 0:
		return "0 s"
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%g s", d.Seconds())
}
