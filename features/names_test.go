package features

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/features/target"
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

func TestNamesOfARelayOfItsOwn(t *testing.T) {
	s := newScenario(judged{namespace: "t7"})
	s.world.cast = newCast(target.Binding{
		Names: map[string]string{
			"acme-t7.example":      "corp.test",
			"acme-labs-t7.example": "labs.test",
			"anna@acme-t7.example": "a.smith@corp.test",
		},
		Secrets: map[string]string{"secret of anna@acme-t7.example": "a"},
	})
	for scenario, real := range map[string]string{
		"anna@acme-t7.example":                              "a.smith@corp.test",
		"joanna@acme-t7.example":                            "joanna@corp.test",
		"x.anna@acme-t7.example":                            "x.anna@corp.test",
		"eu.acme-t7.example":                                "eu.corp.test",
		"bob@acme-labs-t7.example":                          "bob@labs.test",
		"From: <anna@acme-t7.example>, ben@acme-t7.example": "From: <a.smith@corp.test>, ben@corp.test",
		"bob@other-t7.example":                              "bob@other-t7.example",
		"a banana":                                          "a banana",
	} {
		if got := s.real(scenario); got != real {
			t.Errorf("%q is %q on the relay, want %q", scenario, got, real)
		}
		if got := s.own(real); got != scenario {
			t.Errorf("%q is %q in the scenario, want %q", real, got, scenario)
		}
	}
	if got := s.real("ANNA@ACME-T7.EXAMPLE"); got != "A.SMITH@CORP.TEST" {
		t.Errorf("in capitals: %q", got)
	}
	if got := s.plain("<a.smith@corp.test> to <x@other-t7.example>"); got != "<anna@acme.example> to <x@other.example>" {
		t.Errorf("plain: %q", got)
	}
	if s.secret("secret of anna@acme-t7.example") != "a" || s.secret("not the password") != "not the password" {
		t.Error("secrets are mixed up")
	}
}
