// Package reference is the relay: a full SMTP relay that keeps the documented rules of a service.
//
// One message goes: socket -> wire (bytes to policy.Facts) -> Engine (policy decides, the ledger holds and charges, the
// mailbox keeps) -> reply; then the next hop, if there is one. Real time, real sockets, real disk; a caller that wants
// another time gives Options.Now.
//
// Start with Start, then Engine.
package reference
