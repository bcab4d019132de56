package mutants_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/mutants"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/policy"
	"github.com/relayspec/relayspec/reports"
)

func suite(t *testing.T) *features.Suite {
	t.Helper()
	s, err := features.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryMutantNamesWhatItBreaks(t *testing.T) {
	known := map[string]bool{}
	for _, r := range suite(t).Catalogue.Rules {
		known[r.ID] = true
	}
	for _, c := range suite(t).Cases {
		known[c.Rules[0]] = true
	}
	seen := map[string]bool{}
	for _, m := range mutants.Mutants() {
		if seen[m.Name] || m.Name == "" {
			t.Errorf("%q: a mutant's name stands once", m.Name)
		}
		seen[m.Name] = true
		if len(m.Breaks) == 0 {
			t.Errorf("%q breaks no rule", m.Name)
		}
		for _, rule := range m.Breaks {
			if !known[rule] {
				t.Errorf("%q breaks %s, which neither the catalogue nor a feature has", m.Name, rule)
			}
		}
	}
	if len(seen) < 50 {
		t.Errorf("%d mutants are too few to trust the judge", len(seen))
	}
}

func TestEveryMustRuleIsBroken(t *testing.T) {
	broken := map[string]bool{}
	for _, m := range mutants.Mutants() {
		if !m.Noted {
			broken[m.Breaks[0]] = true
		}
	}
	for _, c := range suite(t).Cases {
		if c.Level == reports.Must && !broken[c.Rules[0]] {
			t.Errorf("no mutant breaks %s first", c.Rules[0])
		}
	}
}

func TestVariantsHaveNamesAndLoad(t *testing.T) {
	for _, v := range mutants.Variants() {
		_, closer, err := embedded.OpenWith(context.Background(), v.Relay)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if err := closer.Close(); err != nil {
			t.Errorf("%s: close: %v", v.Name, err)
		}
	}
}

// The judge of the judge must itself be able to find fault.
func TestTestTellsGoodFromBad(t *testing.T) {
	whole := suite(t)

	harmless := mutants.Mutant{Name: "harmless", Breaks: []string{"NULL-MULTI-RCPT"}}
	deaf := embedded.Options{Service: func(s *policy.Service) { s.Switches.NullSenderAuthFree = true }}
	noncompliant := mutants.Variant{Name: "AUTH lets a null sender have several recipients", Relay: deaf}

	result, err := mutants.Test(context.Background(), mutants.Options{
		Suite:    whole,
		Mutants:  append([]mutants.Mutant{harmless}, named("a null sender may have several recipients")...),
		Variants: []mutants.Variant{noncompliant},
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Good() {
		t.Error("a harmless mutant and a variant that breaks a rule were found good")
	}
	if result.Mutants[0].Good || !result.Mutants[1].Good {
		t.Errorf("harmless: %+v, harmful: %+v", result.Mutants[0], result.Mutants[1])
	}
	if result.Variants[0].Good || !strings.Contains(strings.Join(result.Variants[0].Others, " "), "NULL-MULTI-RCPT/") {
		t.Errorf("the variant that breaks NULL-MULTI-RCPT: %+v", result.Variants[0])
	}
	if !slices.Contains(result.Unbroken, "AUTH-TLS") {
		t.Errorf("no mutant breaks AUTH-TLS here, but it isn't told: %v", result.Unbroken)
	}
}

func named(name string) []mutants.Mutant {
	return slices.DeleteFunc(mutants.Mutants(), func(m mutants.Mutant) bool { return m.Name != name })
}
