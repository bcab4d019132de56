// Package fidelity measures how faithful the fakes of sending servers are: it plays the scripted relay of a recorded
// transcript against the fake of the server that was recorded, and compares.
//
// A transcript has the form of fakes/mta/testdata/transcripts. What the relay said there becomes a script for fakes/relay
// (Recording.Script), what was injected becomes submissions (Recording.Submissions), and what the fake then sends is laid
// beside what the real server sent (Compare).
//
// Start with ReadFile, Judge and Result.
package fidelity
