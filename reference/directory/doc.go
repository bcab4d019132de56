// Package directory knows who is who: customers, their domains, users, licences and relay settings, and who owns a name.
//
// It reads them from a world file and answers the look-ups that policy asks for (policy.Directory). A Directory never
// changes: to change the world, make another one. It counts nothing (ledger) and decides nothing (policy).
//
// A fault in the file is told with its place, and all faults are told at once; what is allowed but unwise is a warning.
//
// Start with Load and Directory; the form of the file stands in world.go and, with comments, in the sample world.yaml.
package directory
