package static

import "github.com/relayspec/relayspec/features/yamlfile"

// Fault is something that is wrong in a profile, or that isn't so of the relay: where it is said, and what to write instead.
type Fault = yamlfile.Fault

// Faults are all faults of a profile, in the order of their places.
type Faults = yamlfile.Faults

// place is a position in a profile.
type place = yamlfile.Place

// instead says what to write in the place of an unknown word.
func instead(word string, known []string) string { return yamlfile.Instead(word, known) }
