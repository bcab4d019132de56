package features

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features/target"
	reference "github.com/relayspec/relayspec/features/target/embedded"
)

// alone runs a feature with godog alone and gives its status and what its formatter wrote.
func alone(t *testing.T, relay target.Target, feature string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	status := godog.TestSuite{
		Name:                "alone",
		ScenarioInitializer: InitializeScenario(relay),
		Options: &godog.Options{
			Format: "pretty", NoColors: true, Output: &out, Strict: true, Concurrency: 2,
			FeatureContents: []godog.Feature{{Name: "own.feature", Contents: []byte(feature)}},
		},
	}.Run()
	return status, out.String()
}

func TestGodogAloneRunsOwnFeatures(t *testing.T) {
	relay, closer, err := reference.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	status, out := alone(t, relay, `
Feature: Mine
  Scenario: Holds
    Given a customer "acme" with 100 licences
    When "app@acme.example" relays a message
    Then the relay accepts it
  Scenario: Doesn't hold
    Given a customer "acme" with 100 licences
    When "app@elsewhere.example" relays a message
    Then the relay accepts it
`)
	if status != 1 || !strings.Contains(out, "2 scenarios (1 passed, 1 failed)") {
		t.Errorf("status %d\n%s", status, out)
	}
	if !strings.Contains(out, "wanted acceptance; got the message from <app@elsewhere.example> refused") {
		t.Errorf("the failure doesn't say what came:\n%s", out)
	}
}

func TestGodogAloneSkipsWhatLacks(t *testing.T) {
	status, out := alone(t, &fakeTarget{}, `
Feature: Mine
  @needs.clock
  Scenario: Lacks a verb by its tag
    When "app@acme.example" relays a message
    Then the relay accepts it
  @volume
  Scenario: Lacks volume
    When "app@acme.example" relays a message
    Then the relay accepts it
  Scenario: Finds out that it can't make a world
    Given a customer "acme" with 100 licences
    When "app@acme.example" relays a message
    Then the relay accepts it
`)
	if status != 0 || !strings.Contains(out, "1 passed, 6 skipped") {
		t.Errorf("status %d\n%s", status, out)
	}
}

func TestFSHoldsTheFeatures(t *testing.T) {
	f, err := FS().Open("relay/user-limits.feature")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}
