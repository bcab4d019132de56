//go:build unix

package loadgen_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"testing"
	"time"
)

// TestMain lets the test binary do two more things: print the table of `make bench`, and be one of the servers that the
// table's lines load, in a process of its own.
func TestMain(m *testing.M) {
	table := flag.Bool("bench.table", false, "print the table of benchmarks instead of running tests")
	serve := flag.String("bench.serve", "", "be this server until standard input ends")
	profile := flag.String("bench.profile", "", "write a CPU profile of each process into this directory")
	authority := flag.String("bench.authority", "", "directory of what vouches for the server's TLS; empty: no TLS")
	b := bench{progress: os.Stderr}
	flag.StringVar(&b.only, "bench.only", "", "only the lines whose names, or their group's, hold this")
	flag.IntVar(&b.rounds, "bench.rounds", 11, "rounds a line, 9 or more for a verdict to be worth anything")
	flag.DurationVar(&b.window, "bench.window", 150*time.Millisecond, "how long each side of a round lasts, where it lasts")
	flag.IntVar(&b.live, "bench.live", 1_000_000, "recipients that the ledger's lines fill in")
	flag.IntVar(&b.idle, "bench.idle", 1000, "idle connections that are opened")
	flag.Parse()
	b.profile = *profile
	switch {
	case *serve != "":
		os.Exit(exitOf(profiled(*profile, *serve, func() error { return serveUntilEOF(server(*serve), *authority) })))
	case *table:
		os.Exit(exitOf(profiled(*profile, "client", func() error { return b.printTable(os.Stdout) })))
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

// profiled writes a CPU profile of work into directory, if there is one.
func profiled(directory, name string, work func() error) (err error) {
	if directory == "" {
		return work()
	}
	f, err := os.Create(filepath.Join(directory, fmt.Sprintf("%s-%d.pprof", name, os.Getpid())))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return work()
}
