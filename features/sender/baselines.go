package sender

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/relayspec/relayspec/features"
)

// What faithful fakes break of the document's rules, with the reasons: a file a profile, where there is anything.
//
//go:embed baselines/*.yaml
var baselines embed.FS

// Baseline gives what is expected of the fake of a profile; nil: nothing but that all rules hold.
func Baseline(profile string) (*features.Baseline, error) {
	name := "baselines/" + profile + ".yaml"
	data, err := baselines.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the baseline of %s: %w", profile, err)
	}
	return features.ParseBaseline("features/sender/"+name, data)
}
