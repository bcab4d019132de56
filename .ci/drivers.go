// Command drivers compares reports on one relay that was judged under several drivers, and prints their table. See .ci/drivers.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

type report struct {
	Target struct{ Name, Driver string }
	Cases  []struct{ ID, Verdict, Reason string }
	Drift  []struct{ Capability, Text string }
	NotRun []any `json:"not_run"`
}

// verdicts are the columns of the table.
func verdicts() []string {
	return []string{"PASS", "FAIL", "NONSTRICT", "NOTE", "ERROR", "UNPROVISIONABLE", "UNSUPPORTED"}
}

// heldBack tells whether a verdict says that a case wasn't run.
func heldBack(verdict string) bool { return strings.HasPrefix(verdict, "UN") }

// verbs are what a driver may lack.
func verbs() []string { return []string{"world", "reset", "usage", "clock", "deliveries"} }

func main() { os.Exit(run(os.Args[1:])) }

func run(files []string) int {
	t := &table{said: map[string]map[string]string{}}
	fmt.Printf("%-10s%s   drift\n", "driver", columns(verdicts()))
	for _, file := range files {
		r, err := read(file)
		if err != nil {
			fmt.Fprintln(os.Stderr, file+":", err)
			return 1
		}
		fmt.Println(t.add(r))
	}
	twice := 0
	for _, id := range t.order {
		if t.compare(id) > 1 {
			twice++
		}
	}
	fmt.Printf("%d cases, %d of them ran under two drivers or more with the same verdict under each\n", len(t.order), twice)
	for _, f := range t.faults {
		fmt.Println("differs:", f)
	}
	if len(t.faults) > 0 || twice == 0 {
		return 1
	}
	return 0
}

func read(file string) (r report, err error) {
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	return r, err
}

// table is what the reports say together.
type table struct {
	said   map[string]map[string]string // case -> driver -> verdict
	order  []string                     // of the cases, as they came
	faults []string
}

func (t *table) fault(format string, args ...any) {
	t.faults = append(t.faults, fmt.Sprintf(format, args...))
}

// add takes a driver's report, and gives its row.
func (t *table) add(r report) string {
	driver, counts := r.Target.Driver, map[string]int{}
	for _, c := range r.Cases {
		counts[c.Verdict]++
		if t.said[c.ID] == nil {
			t.said[c.ID] = map[string]string{}
			t.order = append(t.order, c.ID)
		}
		t.said[c.ID][driver] = c.Verdict
		verb, _, _ := strings.Cut(c.Reason, ":")
		if c.Verdict == "UNPROVISIONABLE" && !slices.Contains(verbs(), verb) {
			t.fault("%s under %s: UNPROVISIONABLE names no verb: %s", c.ID, driver, c.Reason)
		}
	}
	for _, d := range r.Drift {
		t.fault("%s drifts in %s: %s", driver, d.Capability, d.Text)
	}
	if len(r.NotRun) > 0 {
		t.fault("%s: %d cases were not run", driver, len(r.NotRun))
	}
	var row []string
	for _, v := range verdicts() {
		row = append(row, fmt.Sprint(counts[v]))
	}
	return fmt.Sprintf("%-10s%s   %5d", driver, columns(row), len(r.Drift))
}

// compare sees whether the drivers agree on a case, and tells under how many of them it ran.
func (t *table) compare(id string) (drivers int) {
	ran := map[string]bool{} // verdicts
	for _, verdict := range t.said[id] {
		if !heldBack(verdict) {
			ran[verdict] = true
			drivers++
		}
	}
	if len(ran) > 1 {
		t.fault("%s: the drivers differ: %v", id, t.said[id])
	}
	for _, driver := range slices.Sorted(maps.Keys(t.said[id])) {
		if t.said[id][driver] == "UNSUPPORTED" && drivers > 0 {
			t.fault("%s ran under another driver and is UNSUPPORTED under %s: %v", id, driver, t.said[id])
		}
	}
	return drivers
}

func columns(words []string) string {
	var b strings.Builder
	for i, w := range words {
		fmt.Fprintf(&b, "%*s", len(verdicts()[i])+2, w)
	}
	return b.String()
}
