// Package static is the target for any relay: a profile, a YAML file, says where it is, what it can do, and which names
// of its own play the roles of the features. Nobody can steer such a relay, but the profile may say how to start it, and
// where it delivers to a sink of the harness stands.
//
// The form of a profile is profile.schema.json. Start with Load and Profile.Open; what is wrong with a profile are
// Faults. The package isn't for relays that offer a way to make customers or to move a clock.
package static
