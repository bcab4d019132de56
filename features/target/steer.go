package target

import "context"

// Driver steers a relay of somebody else's: over HTTP (package control) or by a program (package exec). It has every verb;
// one that the relay doesn't have answers ErrUnsupported.
type Driver interface {
	Applier
	Resetter
	UsageSetter
	Clock
	// Introduce asks what the relay is and what can be asked of it.
	Introduce(ctx context.Context) (Introduction, error)
	// Challenge asks for a verb that nobody knows. An honest driver answers ErrUnsupported.
	Challenge(ctx context.Context, verb string) error
}

// Introduction is what a driver says of its relay. It has the form in which drivers say it.
type Introduction struct {
	Name         string            `json:"name"`
	Version      string            `json:"version,omitempty"`
	Verbs        []Capability      `json:"verbs"`        // of Verbs
	Capabilities []Capability      `json:"capabilities"` // declared
	Ports        map[string]string `json:"ports"`        // "25" -> host:port; those that the profile doesn't give
}

// Verbs are the verbs that a driver may have. Deliveries are the harness's own.
func Verbs() []Capability { return []Capability{CanApply, CanReset, CanUsage, CanClock} }
