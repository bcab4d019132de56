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
	only     string    // measure only groups and lines whose names hold this
	profile  string    // directory for CPU profiles of the servers; empty: none
	progress io.Writer // says what is being measured

	group     string // that is being measured
	authority string // directory of what the servers' certificates are signed by
}

// group is lines that share what they are measured with.
type group struct {
	name    string
	measure func(*bench, *loadgen.Table) error
	byLine  bool // it leaves out itself what isn't wanted
}

// groups are the lines of the table, in its order.
func groups() []group {
	return []group{
		{"relay against go-smtp", (*bench).againstGoSMTP, true},
		{"TLS against plain", (*bench).tlsAgainstPlain, true},
		{"rules on against off", (*bench).rules, true},
		{"latency", (*bench).latency, false},
		{"decision against map", (*bench).decisions, false},
		{"ledger", (*bench).ledgers, false},
		{"allocations", (*bench).allocations, false},
		{"idle connections", (*bench).idleConnections, false},
		{"relay against smtp-sink", (*bench).againstSink, true},
		{"relay against smtp-sink under smtp-source", (*bench).underSource, true},
	}
}

// wants tells whether a line of the group that is being measured is wanted: its name, or the group's, holds what was
// asked for.
func (b *bench) wants(line string) bool {
	return strings.Contains(b.group, b.only) || strings.Contains(line, b.only)
}

// printTable measures every group and prints what came out. A group that fails is named in the table and in the error; the
// others go on.
func (b *bench) printTable(w io.Writer) error {
	started := time.Now()
	forget, err := b.authorize()
	if err != nil {
		return err
	}
	defer forget()
	fmt.Fprintf(w, "Medians over %d rounds in one run, sides in turn, on %d cores. Only ratios count: a shared machine drifts by 2x, so the\n"+
		"absolute figures are information. Verdicts are information too until the load work binds them.\n\n", b.rounds, runtime.NumCPU())
	var table loadgen.Table
	var failed []error
	for _, g := range groups() {
		if b.group = g.name; !g.byLine && !b.wants("") {
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
	if err := b.printTable(&out); err != nil {
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

// TestChunked takes the pace of BDAT against a server that isn't ours, for the relay's lines need it to announce CHUNKING.
func TestChunked(t *testing.T) {
	b := bench{}
	forget, err := b.authorize()
	if err != nil {
		t.Fatal(err)
	}
	defer forget()
	d, err := b.open(goSMTPServer, shape{100 * kib, 50}, 2)
	if err != nil {
		t.Fatal(err)
	}
	accepted, _, err := d.send(chunked, 20*time.Millisecond)
	if err != nil || accepted < 2 {
		t.Errorf("%d messages were accepted: %v", accepted, err)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
}
