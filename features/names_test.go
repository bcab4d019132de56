package features

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNamesAreMadeNewForEachScenario(t *testing.T) {
	n := names{"t7f3a"}
	for plain, want := range map[string]string{
		"anna@acme.example":                  "anna@acme-t7f3a.example",
		"mail.acme.example":                  "mail.acme-t7f3a.example",
		"bob@OTHER.EXAMPLE":                  "bob@OTHER-t7f3a.EXAMPLE",
		"a@one.example, b@acme-labs.example": "a@one-t7f3a.example, b@acme-labs-t7f3a.example",
		"localhost":                          "localhost",
		"smtp-relay.gmail.com":               "smtp-relay.gmail.com",
		"[127.0.0.1]":                        "[127.0.0.1]",
		"acme.example.com":                   "acme-t7f3a.example.com",
		"acme.examples":                      "acme.examples",
	} {
		if got := n.text(plain); got != want {
			t.Errorf("%q became %q, want %q", plain, got, want)
		}
		if got := n.plain(n.text(plain)); got != plain {
			t.Errorf("%q came back as %q", plain, got)
		}
	}
	if got := n.sender("<>"); got != "" {
		t.Errorf("the null sender is %q", got)
	}
}

func TestListsInWords(t *testing.T) {
	for words, want := range map[string][]string{
		"":                           nil,
		"a@x":                        {"a@x"},
		"a@x, b@x and c@x":           {"a@x", "b@x", "c@x"},
		"::1 (disabled), 127.0.0.1 ": {"::1 (disabled)", "127.0.0.1"},
	} {
		if diff := cmp.Diff(want, list(words)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", words, diff)
		}
	}
}

func TestCountsInWords(t *testing.T) {
	for words, want := range map[string]int{"a": 1, "one": 1, "9": 9, "10,000": 10_000, "4,600,000": 4_600_000} {
		if got, err := count(words); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", words, got, err, want)
		}
	}
	for _, words := range []string{"", "-1", "many", "1.5"} {
		if got, err := count(words); err == nil {
			t.Errorf("%q is %d, want an error", words, got)
		}
	}
}

func TestSpansInWords(t *testing.T) {
	for words, want := range map[string]time.Duration{
		"10 minutes":                          10 * time.Minute,
		"1 second":                            time.Second,
		"24 hours and 1 second":               24*time.Hour + time.Second,
		"23 hours, 59 minutes and 59 seconds": 24*time.Hour - time.Second,
	} {
		if got, err := span(words); err != nil || got != want {
			t.Errorf("%q is %s, %v; want %s", words, got, err, want)
		}
	}
	for _, words := range []string{"10 days", "minutes", "ten minutes", "10"} {
		if got, err := span(words); err == nil {
			t.Errorf("%q is %s, want an error", words, got)
		}
	}
}
