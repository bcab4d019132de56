// Package loadgen loads relays and says how fast they are, in figures that can be believed.
//
// So far it holds what compares two sides within one run; what sends comes with it later. It judges no behaviour: whether
// a relay keeps the rules is for the features.
//
// A machine that is shared drifts by a factor of two within the hour, so a figure alone says little. Compare lets two
// sides run in turn and gives the median ratio with bounds; a Target makes a verdict of that, and a Table prints it.
// Start with Compare. The lines that `make bench` prints are in the package's tests, for they need the relay.
package loadgen
