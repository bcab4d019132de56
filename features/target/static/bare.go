package static

import (
	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// Dialer opens sessions to role as the profile says; nil: it isn't served.
func (r *Relay) Dialer(role target.Role) *client.Dialer {
	if r.addresses[role] == "" {
		return nil
	}
	return r.dialer(role)
}
