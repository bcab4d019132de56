// Package delivery hands accepted mail to a next hop: one host and port that is given, never looked up in DNS.
//
// Transport sends over SMTP, with emersion/go-smtp's client: an implementation that isn't ours, so that a bug of our own
// grammar can't hide on both sides. Queue holds what waits, in memory, and runs what falls due; it has no clock.
// What it holds is lost when the process ends (Close tells of each message): a durable spool is another package.
//
// Start with Transport.Deliver, then Queue.RunDue.
package delivery
