// Package simulator is the world around a relay, as tests describe it: who its customers are, and what it can be asked.
//
// The contract that steers a relay (simulator/control/openapi.yaml) is spoken here in Go: World becomes the relay's
// directory, Extensions are what a service announces. What moves a relay lies below: clock, faults, control.
//
// Start with World.Directory.
package simulator
