// Package child runs the programs of others that a target needs: a relay that is started for a run, and a driver that is
// asked for one thing after another. Each is the first of a process group of its own, and is ended with all that is in it.
//
// Start with Start, for what goes on, and Ask, for what answers and ends.
package child
