//go:build unix

package loadgen_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"
)

// TestMain lets the test binary do two more things: print the table of `make bench`, and be one of the servers that the
// table's lines load, in a process of its own.
func TestMain(m *testing.M) {
	table := flag.Bool("bench.table", false, "print the table of benchmarks instead of running tests")
	serve := flag.String("bench.serve", "", "be this server until standard input ends")
	profile := flag.String("bench.profile", "", "write a CPU profile of each server into this directory")
	only := flag.String("bench.only", "", "only the groups of lines whose names hold this")
	b := bench{progress: os.Stderr}
	flag.IntVar(&b.rounds, "bench.rounds", 11, "rounds a line, 9 or more for a verdict to be worth anything")
	flag.DurationVar(&b.window, "bench.window", 200*time.Millisecond, "how long each side of a round lasts, where it lasts")
	flag.IntVar(&b.live, "bench.live", 1_000_000, "recipients that the ledger's lines fill in")
	flag.IntVar(&b.idle, "bench.idle", 1000, "idle connections that are opened")
	flag.Parse()
	b.profile = *profile
	switch {
	case *serve != "":
		os.Exit(exitOf(serveUntilEOF(server(*serve), *profile)))
	case *table:
		os.Exit(exitOf(b.printTable(os.Stdout, *only)))
	}
	os.Exit(m.Run())
}

func exitOf(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
