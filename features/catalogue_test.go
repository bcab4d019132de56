package features

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reports"
)

func TestParseCatalogue(t *testing.T) {
	const text = "# id\tchapter\tline\tlevel\tsubjects@work\tjudged by\tnote\n" +
		"LIM-A\t1.2\tL26\tmay\trelay@spine,sender:postfix@senders\twire,audit\ta note\n" +
		"INFO-B\t1.2\tL27\tinfo\tinfo\tnone\t\n"
	got, err := ParseCatalogue("c.tsv", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []Rule{
		{
			ID: "LIM-A", Chapter: "1.2", Line: "L26", Level: reports.May,
			Subjects: map[string]Work{"relay": Spine, "sender:postfix": Senders},
			JudgedBy: []string{"wire", "audit"}, Note: "a note",
		},
		{ID: "INFO-B", Chapter: "1.2", Line: "L27", Level: reports.Info, Subjects: map[string]Work{}},
	}
	if diff := cmp.Diff(want, got.Rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if !Relays().due(got.Rule("LIM-A")) || Relays().due(got.Rule("INFO-B")) || got.Rule("LIM-C") != nil {
		t.Error("LIM-A is due, INFO-B isn't, LIM-C isn't there")
	}
	if diff := cmp.Diff([]string{"sender:postfix@senders"}, got.Rule("LIM-A").deferred([]Party{Relays()})); diff != "" {
		t.Errorf("deferred (-want +got):\n%s", diff)
	}
}

func TestParseCatalogueFaults(t *testing.T) {
	for name, test := range map[string]struct{ line, want string }{
		"columns":       {"LIM-A\t1.2\tL26\tmay", "c.tsv:2: 4 columns, want 7"},
		"id":            {"lim-a\t1\tL1\tmay\tinfo\tnone\t", `c.tsv:2: "lim-a" is no rule ID`},
		"level":         {"LIM-A\t1\tL1\tmust not\tinfo\tnone\t", `c.tsv:2: "must not" is no level`},
		"subject":       {"LIM-A\t1\tL1\tmay\trelay\tnone\t", `c.tsv:2: subject "relay": want SUBJECT@WORK`},
		"work":          {"LIM-A\t1\tL1\tmay\trelay@soon\tnone\t", `c.tsv:2: subject "relay@soon": no work is called "soon"`},
		"twice":         {"LIM-A\t1\tL1\tmay\tinfo\tnone\t\nLIM-A\t1\tL1\tmay\tinfo\tnone\t", "c.tsv:3: LIM-A stands here for the second time"},
		"nothing in it": {"", "c.tsv: no rule in it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseCatalogue("c.tsv", "# head\n"+test.line+"\n")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
