package sender

import (
	"slices"

	"github.com/relayspec/relayspec/fakes/mta"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
	"github.com/relayspec/relayspec/features/target"
)

// ground is what a capability of a fake rests on in its profile: values by their paths.
type ground struct {
	capability target.Capability
	paths      []string
	// either: one value that is known is enough. That a server is documented to give up after a day shows as well as a
	// reply seen on the wire does that it keeps what is refused for now. Else each must be known.
	either bool
}

// grounds are those of all capabilities that may rest on an assumption.
func grounds(p *mta.Profile) []ground {
	retry := "retry.vendor."
	if p.Retry.Documented.Kind.Value != "" {
		retry = "retry.documented."
	}
	var schedule []string
	for _, leaf := range []string{"kind", "queue_run", "min", "max", "steps", "root", "stages", "deferral"} {
		schedule = append(schedule, retry+leaf)
	}
	reuse := []string{"connections.reuse", "connections.messages"}
	if p.Connections.Reuse.Value == mta.NeverReused {
		reuse = reuse[:1] // how many messages, where none is used again, decides nothing
	}
	return []ground{
		{capability: CanTLS, paths: []string{"session.tls.policy"}},
		{capability: CanAuth, paths: []string{"session.tls.policy", "session.auth.mechanisms"}},
		{capability: KnownName, paths: []string{"session.hello.verb"}},
		{capability: KnownFallback, paths: []string{"session.hello.fallback"}},
		{capability: KnownTimeout, paths: []string{"session.replies.any.timeout", "session.replies.any.drop"}, either: true},
		{capability: KnownDeferral, paths: []string{"session.replies.any.4yz", retry + "expire"}, either: true},
		{capability: KnownReturn, paths: []string{"session.replies.any.5yz", "bounce.message"}, either: true},
		{capability: KnownRecipients, paths: []string{"session.recipients.most"}},
		{capability: KnownReuse, paths: reuse},
		{capability: KnownReuseTLS, paths: append(slices.Clone(reuse), "connections.reuse_tls", "session.tls.policy")},
		{capability: KnownRetry, paths: schedule},
		{capability: KnownFirstRetry, paths: []string{retry + "min", retry + "steps", retry + "deferral", retry + "queue_run", retry + "root"}, either: true},
	}
}

// unknown gives what a scenario might rest on and the profile only assumes, each with the value that is assumed. What is
// assumed decides no verdict.
func unknown(p *mta.Profile) map[target.Capability]string {
	lacks := map[target.Capability]string{}
	for _, g := range grounds(p) {
		var assumed []string
		known := false
		for _, path := range g.paths {
			switch p.Source(path) {
			case sourced.Memory:
				assumed = append(assumed, path)
			case "":
			default:
				known = true
			}
		}
		if len(assumed) > 0 && (!known || !g.either) {
			lacks[g.capability] = "assumed in the profile: " + assumed[0]
		}
	}
	return lacks
}
