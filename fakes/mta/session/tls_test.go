package session

import (
	"crypto/tls"

	"github.com/relayspec/relayspec/fakes/relay"
)

// trusting is a configuration that trusts the certificates of a relay's authority.
func trusting(peer *relay.Relay) *tls.Config {
	return &tls.Config{RootCAs: peer.Authority().Pool()}
}
