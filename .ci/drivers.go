// Command drivers compares reports on one relay that was judged under several drivers, and prints their table. See .ci/drivers.
package main

import (
	"encoding/json"
	"fmt"
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
	said := map[string]map[string]string{} // case -> driver -> verdict
	var faults, order []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	fmt.Printf("%-10s%s   drift\n", "driver", columns(verdicts()))
	for _, file := range files {
		var r report
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &r)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, file+":", err)
			return 1
		}
		counts := map[string]int{}
		for _, c := range r.Cases {
			counts[c.Verdict]++
			if said[c.ID] == nil {
				said[c.ID] = map[string]string{}
				order = append(order, c.ID)
			}
			said[c.ID][r.Target.Driver] = c.Verdict
			verb, _, _ := strings.Cut(c.Reason, ":")
			if c.Verdict == "UNPROVISIONABLE" && !slices.Contains(verbs(), verb) {
				fault("%s under %s: UNPROVISIONABLE names no verb: %s", c.ID, r.Target.Driver, c.Reason)
			}
		}
		var row []string
		for _, v := range verdicts() {
			row = append(row, fmt.Sprint(counts[v]))
		}
		fmt.Printf("%-10s%s   %5d\n", r.Target.Driver, columns(row), len(r.Drift))
		for _, d := range r.Drift {
			fault("%s drifts in %s: %s", r.Target.Driver, d.Capability, d.Text)
		}
		if len(r.NotRun) > 0 {
			fault("%s: %d cases were not run", r.Target.Driver, len(r.NotRun))
		}
	}
	twice := 0
	for _, id := range order {
		ran := map[string]bool{}
		for _, verdict := range said[id] {
			if !heldBack(verdict) {
				ran[verdict] = true
			}
		}
		if len(ran) > 1 {
			fault("%s: the drivers differ: %v", id, said[id])
		}
		both := 0
		for driver, verdict := range said[id] {
			if !heldBack(verdict) {
				both++
			}
			if verdict == "UNSUPPORTED" && len(ran) > 0 {
				fault("%s ran under another driver and is UNSUPPORTED under %s: %v", id, driver, said[id])
			}
		}
		if both > 1 {
			twice++
		}
	}
	fmt.Printf("%d cases, %d of them ran under two drivers or more with the same verdict under each\n", len(order), twice)
	for _, f := range faults {
		fmt.Println("differs:", f)
	}
	if len(faults) > 0 || twice == 0 {
		return 1
	}
	return 0
}

func columns(words []string) string {
	var b strings.Builder
	for i, w := range words {
		fmt.Fprintf(&b, "%*s", len(verdicts()[i])+2, w)
	}
	return b.String()
}
