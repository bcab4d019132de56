package features

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// aCatalogue is a small one for tests.
func aCatalogue(t *testing.T) *Catalogue {
	t.Helper()
	c, err := ParseCatalogue("catalogue.tsv", strings.Join([]string{
		"LIM-A\t1.2\tL20\tmust\trelay@spine\twire\t",
		"LIM-B\t1.2\tL21\tshould\trelay@spine,sender@senders\twire,audit\t",
		"LIM-C\t1.2\tL22\tmay\trelay@spine\twire\t",
		"LIM-D\t1.10\tL23\tmust\trelay@spine\twire\t",
		"CON-E\t1.10\tL24\tmust\tconsole@later\tadmin\t",
		"INF-F\t1.10\tL25\tinfo\tinfo\tnone\tno more than a word",
		"",
	}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// aSuite is a suite of one feature file.
func aSuite(t *testing.T, source string) *Suite {
	t.Helper()
	s, err := ParseSuite(fstest.MapFS{"relay/a.feature": {Data: []byte(source)}}, "features", aCatalogue(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseSuite(t *testing.T) {
	s, err := ParseSuite(fstest.MapFS{
		"b/z.feature": {Data: []byte(`
@documented
Feature: Last

  @LIM-D @must
  Rule: The last chapter.

    @LIM-A @assumed @needs.clock @volume
    Scenario: Takes 10,000 of the customer's
      When nothing
`)},
		"a/y.feature": {Data: []byte(`
@documented
Feature: First

  @LIM-B @LIM-A @should
  Rule: Two at once

    Scenario Outline: Takes <n> of <what>
      When <n> come

      Examples:
        | n | what     |
        | 1 | mail     |
        | 2 | a@b.test |

  @RFC5321-4.1.1.4/nested-mail @must @rfc
  Rule: An RFC's

    Scenario: Nested
      When nothing
`)},
	}, "features", aCatalogue(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []Case{
		{
			ID: "LIM-B/takes-of/1-mail", Rules: []string{"LIM-B", "LIM-A"}, Name: "Takes 1 of mail",
			Feature: "features/a/y.feature", Line: 13, Level: reports.Should, Source: "documented", Sentence: "Two at once",
		},
		{
			ID: "LIM-B/takes-of/2-a-b-test", Rules: []string{"LIM-B", "LIM-A"}, Name: "Takes 2 of a@b.test",
			Feature: "features/a/y.feature", Line: 14, Level: reports.Should, Source: "documented", Sentence: "Two at once",
		},
		{
			ID: "LIM-D/takes-10000-of-the-customers", Rules: []string{"LIM-D", "LIM-A"}, Name: "Takes 10,000 of the customer's",
			Feature: "features/b/z.feature", Line: 9, Level: reports.Must, Source: "assumed", Sentence: "The last chapter",
			Needs: []target.Capability{target.CanClock, target.Volume}, Volume: true,
		},
		{
			ID: "RFC5321-4.1.1.4/nested-mail/nested", Rules: []string{"RFC5321-4.1.1.4/nested-mail"}, Name: "Nested",
			Feature: "features/a/y.feature", Line: 19, Level: reports.Must, Source: "rfc", Sentence: "An RFC's",
		},
	}
	if diff := cmp.Diff(want, s.Cases, cmpopts.IgnoreFields(Case{}, "Tags", "FeatureName", "FeatureLine", "Steps")); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
}

func TestParseSuiteFaults(t *testing.T) {
	const head = "Feature: F\n\n  @LIM-A @must @documented\n  Rule: R\n\n" // 5 lines
	for name, test := range map[string]struct{ source, want string }{
		"grammar":          {"Feature: F\n  Scenario: x\n    When y\n    nonsense\n", "features/relay/a.feature:4: expected: "},
		"no feature":       {"# nothing\n", "a.feature:1: no Feature: in it"},
		"no rule":          {"Feature: F\n  Scenario: S\n    When x\n", `a.feature:2: the scenario "S" stands under no Rule:`},
		"rule without tag": {"Feature: F\n\n  @must\n  Rule: R\n    Scenario: S\n      When x\n", `a.feature:4: the Rule: "R" has no tag that names a rule`},
		"unknown rule":     {"Feature: F\n\n  @LIM-Z @must\n  Rule: R\n    Scenario: S\n      When x\n", "a.feature:4: no rule of the catalogue is called LIM-Z"},
		"unknown second":   {head + "    @LIM-Z\n    Scenario: S\n      When x\n", "a.feature:7: no rule of the catalogue is called LIM-Z"},
		"empty rule":       {head, "a.feature:4: no scenario under the Rule: of LIM-A"},
		"no level":         {"Feature: F\n\n  @LIM-A @documented\n  Rule: R\n    Scenario: S\n      When x\n", "a.feature:5: 0 tags say the level"},
		"two levels":       {head + "    @should\n    Scenario: S\n      When x\n", "a.feature:7: 2 tags say the level"},
		"other level":      {"Feature: F\n\n  @LIM-A @should @documented\n  Rule: R\n    Scenario: S\n      When x\n", "a.feature:5: the tag says @should, the catalogue gives LIM-A the level must"},
		"no source":        {"Feature: F\n\n  @LIM-A @must\n  Rule: R\n    Scenario: S\n      When x\n", "a.feature:5: no tag says the source"},
		"unknown needs":    {head + "    @needs.wings\n    Scenario: S\n      When x\n", `a.feature:7: no capability is called "wings"`},
		"unknown tag":      {head + "    @wip\n    Scenario: S\n      When x\n", "a.feature:7: nobody knows the tag @wip"},
		"no name":          {head + "    Scenario:\n      When x\n", "a.feature:6: a scenario without a name"},
		"no steps":         {head + "    Scenario: S\n", `a.feature:6: the scenario "S" has no steps`},
		"no examples":      {head + "    Scenario Outline: S\n      When <x>\n\n      Examples:\n        | x |\n", `a.feature:6: the outline "S" has no example`},
		"same ID":          {head + "    Scenario: A b\n      When x\n\n    Scenario: A, b!\n      When y\n", "a.feature:9: the case ID LIM-A/a-b stands already at features/relay/a.feature:6"},
		"same in all":      {head + "    Scenario: A\n      When x\n\n    Scenario: A\n      When x\n", "a.feature:9: the same name, tags and steps as features/relay/a.feature:6"},
		"no letter":        {head + "    Scenario: ...\n      When x\n", "a.feature:6: the case ID LIM-A/ has a part that is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseSuite(fstest.MapFS{"relay/a.feature": {Data: []byte(test.source)}}, "features", aCatalogue(t))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v\nwant  %q", err, test.want)
			}
		})
	}
}

func TestParseSuiteTellsEveryFault(t *testing.T) {
	_, err := ParseSuite(fstest.MapFS{
		"a.feature": {Data: []byte("# nothing\n")},
		"b.feature": {Data: []byte("Feature: F\n\n  @LIM-A @must @wip\n  Rule: R\n    Scenario: S\n      When x\n")},
	}, "", aCatalogue(t))
	if err == nil {
		t.Fatal("no error")
	}
	if got := len(strings.Split(err.Error(), "\n")); got != 3 {
		t.Errorf("%d faults, want 3:\n%v", got, err)
	}
}

func TestLoad(t *testing.T) {
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]bool{}
	for _, c := range s.Cases {
		for _, id := range c.Rules {
			rules[id] = true
		}
	}
	t.Logf("%d scenarios judge %d rules; the catalogue has %d", len(s.Cases), len(rules), len(s.Catalogue.Rules))
	if len(s.Cases) == 0 {
		t.Error("no scenario")
	}
}

// mapFS makes a file system of texts.
func mapFS(texts map[string]string) fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range texts {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}
