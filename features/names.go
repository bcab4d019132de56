package features

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
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
