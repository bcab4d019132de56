package features_test

import (
	"context"
	"fmt"
	"io"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target/embedded"
)

// The features under godog alone, without this package's verdicts.
func ExampleInitializeScenario() {
	relay, closer, err := embedded.Open(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer closer.Close()
	status := godog.TestSuite{
		Name:                "my relay",
		ScenarioInitializer: features.InitializeScenario(relay),
		Options: &godog.Options{
			FS:     features.FS(),
			Paths:  []string{"relay/encryption-and-ports.feature"},
			Format: "progress",
			Output: io.Discard,
			Strict: true,
		},
	}.Run()
	fmt.Println("status", status)
	// Output: status 0
}
