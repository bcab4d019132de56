package features

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/features/target"
)

// exampleDomain matches the label before .example in whatever text it stands: an address, a list, a header field.
var exampleDomain = regexp.MustCompile(`(?i)([a-z0-9-]+)(\.example)\b`)

// names turns the plain names of a feature into names that no other scenario has.
type names struct{ suffix string }

// text namespaces every example domain in s: anna@acme.example is anna@acme-t7f3a.example, eu.acme.example
// eu.acme-t7f3a.example. Names outside .example (localhost, address literals, the service's host) stay as they are.
func (n names) text(s string) string {
	return exampleDomain.ReplaceAllString(s, "${1}-"+n.suffix+"${2}")
}

// customer gives the ID of a customer.
func (n names) customer(name string) string { return name + "-" + n.suffix }

// plain takes the namespace out again, so that failures speak the feature's names.
func (n names) plain(s string) string { return strings.ReplaceAll(s, "-"+n.suffix, "") }

// real gives what the names in text are called on a relay whose customers have names of their own.
func (s *scenario) real(text string) string {
	if s.world.cast == nil {
		return text
	}
	return s.world.cast.real.apply(text)
}

// own is real the other way round.
func (s *scenario) own(text string) string {
	if s.world.cast == nil {
		return text
	}
	return s.world.cast.own.apply(text)
}

// plain gives text in the feature's names.
func (s *scenario) plain(text string) string { return s.names.plain(s.own(text)) }

// secret gives the password, or the token, that the relay knows in the place of one of the scenario's.
func (s *scenario) secret(scenario string) string {
	if s.world.cast == nil {
		return scenario
	}
	return cmp.Or(s.world.cast.Secrets[scenario], scenario)
}

// cast is what a scenario's own is called on a relay whose customers exist already.
type cast struct {
	target.Binding
	real, own renaming
}

func newCast(b target.Binding) *cast {
	back := map[string]string{}
	for scenario, real := range b.Names {
		back[real] = scenario
	}
	return &cast{b, newRenaming(b.Names), newRenaming(back)}
}

// equal tells whether b is what c was made of.
func (c *cast) equal(b target.Binding) bool {
	return maps.Equal(c.Names, b.Names) && maps.Equal(c.Secrets, b.Secrets)
}

// renaming puts other names in the place of some, whatever their case, wherever they stand as whole names: anna@acme.example
// isn't part of joanna@acme.example, but its domain is, and part of eu.acme.example too.
type renaming struct {
	names     map[string]string // in lower case -> the other name
	addresses *regexp.Regexp
	domains   *regexp.Regexp
}

func newRenaming(called map[string]string) renaming {
	r := renaming{names: map[string]string{}}
	var addresses, domains []string
	for from, to := range called {
		r.names[strings.ToLower(from)] = to
		if strings.Contains(from, "@") {
			addresses = append(addresses, from)
		} else {
			domains = append(domains, from)
		}
	}
	r.addresses, r.domains = anyOf(`[^\w.+-]`, addresses), anyOf(`[^\w-]`, domains)
	return r
}

// anyOf fits any of these words, longer ones first, that begins s or stands behind before.
func anyOf(before string, words []string) *regexp.Regexp {
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	for i, word := range words {
		words[i] = regexp.QuoteMeta(word)
	}
	return regexp.MustCompile(`(?i)(^|` + before + `)(` + strings.Join(words, "|") + `)`)
}

func (r renaming) apply(s string) string {
	for _, fits := range []*regexp.Regexp{r.addresses, r.domains} {
		s = fits.ReplaceAllStringFunc(s, func(found string) string {
			parts := fits.FindStringSubmatch(found)
			name, known := r.names[strings.ToLower(parts[2])]
			switch {
			case !known:
				return found // there are none of this kind
			case parts[2] == strings.ToUpper(parts[2]) && parts[2] != strings.ToLower(parts[2]):
				name = strings.ToUpper(name) // a scenario about the case of names
			}
			return parts[1] + name
		})
	}
	return s
}

// sender reads an envelope sender: <> is the null sender, "".
func (n names) sender(s string) string {
	if s == "<>" {
		return ""
	}
	return n.text(s)
}

// list reads "a, b and c".
func list(s string) []string {
	var items []string
	for _, item := range strings.Split(strings.ReplaceAll(s, " and ", ", "), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// count reads a number as the document writes it: 10,000. "a", "an" and "one" are 1.
func count(s string) (int, error) {
	switch s {
	case "a", "an", "one":
		return 1, nil
	}
	n, err := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no count", s)
	}
	return n, nil
}

// unit gives the length of "hour", "minute" or "second"; 0 for another word.
func unit(word string) time.Duration {
	switch word {
	case "hour":
		return time.Hour
	case "minute":
		return time.Minute
	case "second":
		return time.Second
	}
	return 0
}

// span reads "24 hours" or "9 minutes and 59 seconds".
func span(s string) (time.Duration, error) {
	var sum time.Duration
	for _, part := range list(s) {
		number, word, _ := strings.Cut(part, " ")
		n, err := count(number)
		length := unit(strings.TrimSuffix(word, "s"))
		if err != nil || length == 0 {
			return 0, fmt.Errorf("%q is no span of time", s)
		}
		sum += time.Duration(n) * length
	}
	return sum, nil
}

// containsFold tells whether list has s, whatever its case.
func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(item string) bool { return strings.EqualFold(item, s) })
}
