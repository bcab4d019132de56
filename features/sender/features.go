package sender

import (
	"embed"
	"fmt"

	"github.com/relayspec/relayspec/features"
)

// The features travel in the program, as those about relays do.
//
//go:embed *.feature
var embedded embed.FS

// Load reads the features of this package with the catalogue of this program: all of them, those of each server included.
// An error lists every fault with its file and line.
func Load() (*features.Suite, error) {
	catalogue, err := features.LoadCatalogue()
	if err != nil {
		return nil, err
	}
	all := features.Party{Subjects: []string{"sender", "sender:*"}, Capabilities: Known()}
	suite, err := features.ParseSuiteOf(all, embedded, "features/sender", catalogue)
	if err != nil {
		return nil, fmt.Errorf("the features of senders: %w", err)
	}
	return suite, nil
}

// Of is the part of suite that judges d: what holds of every sender, and of the server that it is.
func Of(suite *features.Suite, d Description) *features.Suite {
	subjects := []string{"sender"}
	if d.Profile != "" {
		subjects = append(subjects, "sender:"+d.Profile)
	}
	return suite.For(subjects...)
}
