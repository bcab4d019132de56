package relay

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
)

// judged is the relay as the judge knows it. It has no licences, limits or settings: it takes all mail, so that any world
// that asks only for mail to be taken exists on it already.
type judged struct{ *Relay }

func (j judged) Describe() target.Description {
	return target.Description{Name: "othermodule", Driver: "in process", Capabilities: []target.Capability{target.CanApply, target.CanDelivered}}
}

func (j judged) Address(role target.Role) string {
	if role == target.Port25 {
		return j.Relay.Address()
	}
	return ""
}

func (j judged) Apply(context.Context, target.World) error { return nil }

func (j judged) Delivered(_ context.Context, token string, _ time.Duration) ([]target.Message, error) {
	var found []target.Message
	for _, m := range j.With(token) {
		found = append(found, target.Message{Sender: m.Sender, Recipients: m.Recipients, Data: []byte(m.Content)})
	}
	return found, nil
}

func start(t *testing.T) judged {
	relay, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { relay.Close() })
	return judged{relay}
}

// The rules that this relay keeps, and those that need a clock of the relay, which it hasn't: they are skipped.
func TestRelay(t *testing.T) {
	features.Run(t, start(t), features.RunOptions{
		Select: "*/port-takes-mail/25 or DOS-CONN-REUSE/100-messages-* or (LIM-USER-MSGS and @needs.clock)",
	})
}

func TestWithGodogAlone(t *testing.T) {
	status := godog.TestSuite{
		Name:                "othermodule",
		ScenarioInitializer: features.InitializeScenario(start(t)),
		Options: &godog.Options{
			Format: "progress", Output: io.Discard, Strict: true, TestingT: t,
			FeatureContents: []godog.Feature{{Name: "own.feature", Contents: []byte(`
Feature: Our own scenarios, in the words of the judge
  Scenario: A message arrives
    Given the server connects to port 25
    When "app@acme.example" relays a message to "bob@other.example"
    Then the relay accepts it
    And "bob@other.example" receives it from "app@acme.example"
  @needs.clock
  Scenario: What the relay can't do is skipped
    Given the server connects to port 25
    When 24 hours pass
    Then the relay accepts it
`)}},
		},
	}.Run()
	if status != 0 {
		t.Fatal("godog's status", status)
	}
}
