// Package relay is a scripted relay: it answers as it is told at every stage, and keeps all that its senders say,
// in which reads it came, and how each connection ended.
//
// It is for judging senders. It knows no limit and no rule of any service, and shares no code with the reference relay
// (law 2 of the architecture): what a sender is to meet stands in a Script, a value that may be read from JSON. Where a
// script says nothing it accepts.
//
// Start with Start and Script; Relay.Sessions tells what came, Relay.WriteTranscript writes it down.
package relay
