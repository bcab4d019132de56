package sender

import (
	"testing"

	"github.com/relayspec/relayspec/features"
)

// TestEveryRuleOfSendersHasAScenario traces the whole: rules and scenarios of relays and senders.
func TestEveryRuleOfSendersHasAScenario(t *testing.T) {
	senders, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	relays, err := features.Load()
	if err != nil {
		t.Fatal(err)
	}
	trace := relays.Trace(senders)
	for _, fault := range trace.Faults {
		t.Error(fault)
	}
	for _, r := range trace.Rules {
		if len(r.Cases) == 0 && len(r.Deferred) > 0 {
			t.Logf("%s deferred %v", r.ID, r.Deferred)
		}
	}
	t.Logf("%+v", trace.Counts)
	for _, profile := range []string{"", "postfix", "qmail"} {
		part := Of(senders, Description{Profile: profile})
		t.Logf("%q: %d cases", profile, len(part.Cases))
	}
}
