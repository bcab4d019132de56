// Package ledger keeps what has been used of each limit, in memory.
//
// It answers one question: does this charge still fit? Windows are exact, not token buckets. A charge is reserved when
// the client asks for DATA, committed on the final 250 and released otherwise, so two sessions can never both take the
// last place. The package is pure: now is a value, and it knows no clock, disk or network. It doesn't decide what is
// charged or what a refusal says: that is policy's. It doesn't survive the process.
//
// Start with Ledger.Reserve. Then read counter.go (what one limit counts with), timeline.go (units over time) and
// recipients.go (which recipients were seen).
//
// # Time
//
// A charge is stamped with a tick (Options.Tick). It is rounded up, and now is rounded down, so a place never comes back
// early and at most one tick late; whole ticks are exact: a sliding charge at t is gone at exactly t+Length.
// Source: relay-rules 2.1, 2.2, 2.42.
//
// # Identity of a recipient
//
// A recipient is known by a keyed 64-bit SipHash of its whole address, ASCII letters without case (relay-rules 2.29).
// Two different recipients of one user that share a hash count as one. Among n recipients in a window the odds are
// n²/2^65: 3e-12 for 10,000, 6e-7 for 4,600,000. Nobody can aim for it without the key.
package ledger
