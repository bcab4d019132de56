//go:build unix

package loadgen_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/loadgen"
)

// bench is how the lines are measured.
type bench struct {
	rounds   int
	window   time.Duration
	live     int
	idle     int
	alone    bool      // without other people's programs, even where they are installed
	profile  string    // directory for CPU profiles of the servers; empty: none
	progress io.Writer // says what is being measured
}

// group is lines that share what they are measured with.
type group struct {
	name    string
	measure func(*bench, *loadgen.Table) error
}

// groups are the lines of the table, in its order.
func groups() []group {
	return []group{
		{"relay against go-smtp", (*bench).againstGoSMTP},
		{"rules on against off", (*bench).rules},
		{"latency", (*bench).latency},
		{"decision against map", (*bench).decisions},
		{"ledger", (*bench).ledgers},
		{"allocations", (*bench).allocations},
		{"idle connections", (*bench).idleConnections},
		{"relay against smtp-sink", (*bench).againstSink},
	}
}

// printTable measures every group whose name holds only, and prints what came out. A group that fails is named in the
// table and in the error; the others go on.
func (b *bench) printTable(w io.Writer, only string) error {
	started := time.Now()
	fmt.Fprintf(w, "Medians over %d rounds in one run, sides in turn, on %d cores. Only ratios count: a shared machine drifts by 2x, so the\n"+
		"absolute figures are information. Verdicts are information too until the load work binds them.\n\n", b.rounds, runtime.NumCPU())
	var table loadgen.Table
	var failed []error
	for _, g := range groups() {
		if !strings.Contains(g.name, only) {
			continue
		}
		fmt.Fprintf(b.progress, "%3.0f s  %s\n", time.Since(started).Seconds(), g.name)
		if err := g.measure(b, &table); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", g.name, err))
			table.Say(g.name + ": failed, see below")
		}
	}
	fmt.Fprintf(b.progress, "%3.0f s  done\n", time.Since(started).Seconds())
	return errors.Join(append([]error{table.Write(w)}, failed...)...)
}

// ratio adds a line that compares two sides. absolute words the figures of both sides.
func (b *bench) ratio(t *loadgen.Table, name string, target loadgen.Target, unit string, first, second loadgen.Measure) error {
	r, err := loadgen.Compare(b.rounds, first, second)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t.Add(loadgen.Line{
		Name: name, Unit: "x", Figure: r.Summary, Target: target,
		Note: fmt.Sprintf("%s / %s %s", loadgen.Number(r.First.Median), loadgen.Number(r.Second.Median), unit),
	})
	return nil
}

// TestLines takes every line of our own once, as briefly as can be: so that `make bench` doesn't rot. What it reads is no
// figure.
func TestLines(t *testing.T) {
	b := bench{rounds: 1, window: 5 * time.Millisecond, live: 10_000, idle: 20, alone: true, progress: io.Discard}
	var out strings.Builder
	if err := b.printTable(&out, ""); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasSuffix(last, "undecided") {
		t.Errorf("the last line isn't the count of the verdicts: %q", last)
	}
	if testing.Verbose() {
		t.Log(out.String())
	}
}
