package mta

import "github.com/relayspec/relayspec/fakes/mta/sourced"

// Source is where the value at a path was learned, as Assumed names paths: connections.spread. "": the profile has none
// there, or doesn't say.
func (p *Profile) Source(path string) sourced.Source {
	for _, l := range p.leaves() {
		if l.path == path {
			return l.source
		}
	}
	return ""
}
