package features

import (
	"testing"

	"github.com/relayspec/relayspec/reports"
)

// TestWhatIsNotOfferedAsksNothing: a rule of an extension that the relay doesn't offer counts in no total, a rule that the
// driver can't show does.
func TestWhatIsNotOfferedAsksNothing(t *testing.T) {
	held := func(v reports.Verdict, reason string) reports.Case { return reports.Case{Verdict: v, Reason: reason} }
	for name, test := range map[string]struct {
		cases []reports.Case
		want  bool
	}{
		"an extension":             {[]reports.Case{held(reports.Unsupported, "dsn"), held(reports.Unsupported, "auth")}, true},
		"a property of the relay":  {[]reports.Case{held(reports.Unsupported, "helo-suffix")}, false},
		"a verb":                   {[]reports.Case{held(reports.Unprovisioned, "deliveries")}, false},
		"an extension and a verb":  {[]reports.Case{held(reports.Unsupported, "dsn"), held(reports.Unprovisioned, "deliveries")}, false},
		"an extension, and it ran": {[]reports.Case{held(reports.Unsupported, "dsn"), {Verdict: reports.Pass, Source: "rfc"}}, false},
		"nothing":                  {nil, false},
	} {
		var got tally
		for _, c := range test.cases {
			got.add(c)
		}
		if got.notOffered() != test.want {
			t.Errorf("%s: not offered is %t", name, got.notOffered())
		}
	}
	rules := []reports.Rule{
		{Level: reports.Must, Verdict: reports.Pass, Ran: 1},
		{Level: reports.Must, NotOffered: true},
	}
	run := &reports.Run{Rules: rules, Totals: reports.Count([]reports.Case{{Verdict: reports.Pass}}, rules, nil)}
	if got := overall(run); got != reports.Conformant {
		t.Errorf("a relay that keeps all that it offers is %s", got)
	}
}
