package features

import (
	"strings"
	"testing"
)

func TestParseSelection(t *testing.T) {
	c := &Case{ID: "LIM-USER-MSGS/refuses-the-10001st", Rules: []string{"LIM-USER-MSGS", "ERR-USER"}, Tags: []string{"@LIM-USER-MSGS", "@must", "@needs.clock"}}
	for expression, want := range map[string]bool{
		"":                                       true,
		"  ":                                     true,
		"@must":                                  true,
		"@should":                                false,
		"@mus":                                   false,
		"must":                                   false,
		"LIM-*":                                  true,
		"LIM-USER-MSGS":                          true,
		"LIM-USER":                               false,
		"ERR-USER":                               true,
		"ERR-USER/*":                             false,
		"LIM-USER-????":                          true,
		"LIM-USER-???":                           false,
		"*":                                      true,
		"*/refuses-*":                            true,
		"LIM-USER-MSGS/refuses-the-10001st":      true,
		"not @must":                              false,
		"not not @must":                          true,
		"not @should and @must":                  true, // not binds closest
		"not (@should and @must)":                true,
		"not (@must and @needs.clock)":           false,
		"@must and not @needs.clock":             false,
		"@should or @must and @needs.clock":      true,
		"@must or @should and @absent":           true, // and binds closer than or
		"(@must or @should) and @absent":         false,
		"@absent or @absent2 or @must":           true,
		"(LIM-* or CNT-*) and not @needs.usage":  true,
		`\not`:                                   false, // a word, no operator
		`not \and`:                               true,
		"@must and @needs.clock and LIM-* and *": true,
	} {
		t.Run(expression, func(t *testing.T) {
			selection, err := ParseSelection(expression)
			if err != nil {
				t.Fatal(err)
			}
			if got := selection(c); got != want {
				t.Errorf("selects %v, want %v", got, want)
			}
		})
	}
}

func TestParseSelectionErrors(t *testing.T) {
	for expression, want := range map[string]string{
		"@a and":          "column 7: it ends where a @tag, a rule or a case should be",
		"and @a":          `column 1: found "and" where a @tag`,
		"@a @b":           `column 4: found "@b" where and, or, or the end should be`,
		"(@a":             "column 4: it ends where and, or, or ) should be",
		"@a)":             `column 3: found ")" where and, or, or the end should be`,
		"()":              `column 2: found ")" where a @tag`,
		"not":             "column 4: it ends where a @tag",
		"@a or not or @b": `column 11: found "or" where a @tag`,
		"é and or":        `column 7: found "or" where a @tag`,
		"@a and (@b @c)":  `column 12: found "@c" where and, or, or ) should be`,
	} {
		t.Run(expression, func(t *testing.T) {
			_, err := ParseSelection(expression)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}
