// Package mta has fakes of the mail servers that stand in front of a relay: ten of them, each a profile of data, on one
// engine. A fake takes messages (Submit), keeps them in a queue, sends them to its relay as the real server would (which
// connections it opens, what it says on them, in which segments), tries again by its own schedule, and writes its own
// bounces.
//
// A profile says everything that differs between servers, and of each value where it was learned (sourced.Value); nothing
// in here asks for a server's name. How a connection is spoken is fakes/mta/session's, when to try again
// fakes/mta/schedule's, what becomes of the message fakes/mta/mail's, and the queue itself fakes/mta/queue's.
//
// It is no mail server to run: it takes mail from its caller alone, and delivers to nobody but its relay.
//
// Start with Load, New and Server.Submit.
package mta
