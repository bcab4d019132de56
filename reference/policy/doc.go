// Package policy is the core of the relay: Facts in, Decision and Charge out.
//
// It holds the documented rules of an SMTP relay service and nothing else. It is pure: no network, clock, disk, log or
// goroutine; now is a value. What differs between services (limits, texts, the answers to what the document leaves
// open) is data in a Service. It doesn't count: it says what acceptance would use up (Charge), the Engine asks the
// ledger, and policy says the reply if a limit refuses.
//
// Start with Decide.
package policy
