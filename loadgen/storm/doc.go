// Package storm treats a relay badly while a client that works uses it: sessions that say garbage, sessions that say
// nothing, and sessions that say an octet now and then, thousands of each. It tells what the working client met.
//
// It judges no rule, for that is the features' part, and it measures no throughput, for that is loadgen's. What a storm
// costs the relay in memory is for whoever runs the relay to see: Options.Held is called while everything is there.
//
// Start with Run.
package storm
