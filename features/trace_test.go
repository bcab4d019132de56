package features

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/reports"
)

func TestTrace(t *testing.T) {
	trace := aSuite(t, `
@documented
Feature: F

  @LIM-A @must
  Rule: A

    @LIM-B
    Scenario: One
      When x

    Scenario: Two
      When x

  @RFC5321-4.1.1.4/nested-mail @should @rfc
  Rule: RFC

    Scenario: Three
      When x

  @CON-E @must
  Rule: E

    Scenario: Ahead of its work
      When x
`).Trace()
	want := []TracedRule{
		{ID: "LIM-A", Chapter: "1.2", Line: "L20", Level: reports.Must, Cases: []string{"LIM-A/one", "LIM-A/two"}},
		{ID: "LIM-B", Chapter: "1.2", Line: "L21", Level: reports.Should, Cases: []string{"LIM-A/one"}, Deferred: []string{"sender@senders"}},
		{ID: "LIM-C", Chapter: "1.2", Line: "L22", Level: reports.May, Fault: "no scenario judges it, and its work is done"},
		{ID: "LIM-D", Chapter: "1.10", Line: "L23", Level: reports.Must, Fault: "no scenario judges it, and its work is done"},
		{ID: "CON-E", Chapter: "1.10", Line: "L24", Level: reports.Must, Cases: []string{"CON-E/ahead-of-its-work"}, Deferred: []string{"console@later"}},
		{ID: "INF-F", Chapter: "1.10", Line: "L25", Level: reports.Info, NotJudged: "no more than a word"},
		{
			ID: "RFC5321-4.1.1.4/nested-mail", Chapter: "RFC5321", Line: "RFC5321-4.1.1.4", Level: reports.Should,
			Cases: []string{"RFC5321-4.1.1.4/nested-mail/three"},
		},
	}
	if diff := cmp.Diff(want, trace.Rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(TraceCounts{Rules: 7, Judged: 4, NotJudged: 1, Faults: 2, Cases: 4}, trace.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if len(trace.Faults) != 2 || !strings.HasPrefix(trace.Faults[0], "LIM-C: ") {
		t.Errorf("faults %q", trace.Faults)
	}
	checkTraceText(t, trace)
}

func checkTraceText(t *testing.T, trace Trace) {
	t.Helper()
	var out bytes.Buffer
	if err := trace.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"  LIM-B (L21, should)\n      LIM-A/one\n      DEFERRED(sender@senders)\n",
		"  LIM-C (L22, may)\n      FAULT: no scenario",
		"      not judged: no more than a word\n",
		"  LIM-A/one (features/relay/a.feature:9)\n      LIM-A, LIM-B\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in\n%s", want, out.String())
		}
	}
	last := "\n7 rules: 4 judged by 4 scenarios, 0 deferred, 1 not judged for a reason, 2 faults\n"
	if !strings.HasSuffix(out.String(), last) {
		t.Errorf("want %q at the end of\n%s", last, out.String())
	}
}

// TestCatalogueOfThisProgram checks what the catalogue in the tree comes to: every rule judged, deferred, or with its reason.
func TestCatalogueOfThisProgram(t *testing.T) {
	suite, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	trace := suite.Trace()
	t.Logf("%+v", trace.Counts)
	if got := len(suite.Catalogue.Rules); got != 175 {
		t.Errorf("%d rules in the catalogue, want 175", got)
	}
	for _, fault := range trace.Faults {
		t.Error(fault)
	}
}
