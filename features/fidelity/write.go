package fidelity

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteText writes the table of servers and cases, the differences with a line each, what profiles without transcripts
// rest on, and the counts in the last line.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.table(&b)
	r.differences(&b)
	r.shares(&b)
	r.last(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// cell is a result in one word.
func (r *Result) cell() string {
	switch {
	case r.Error != "":
		return "ERROR"
	case r.Profile == "":
		return "no fake"
	case r.Unfaithful():
		return "DIFFERS"
	case len(r.Differences) > 0:
		return fmt.Sprintf("%s (%d)", r.same(), len(r.Differences))
	}
	return r.same()
}

// same is how a case is told in which nothing that counts differs.
func (r *Result) same() string {
	if r.Way == ByInvariants {
		return "holds"
	}
	return "same"
}

// table writes case x server.
func (r *Report) table(w io.Writer) {
	var servers, cases []string
	cells := map[[2]string]string{}
	for i := range r.Results {
		result := &r.Results[i]
		if result.Server == "" {
			continue
		}
		servers, cases = append(servers, result.Server), append(cases, result.Case)
		cells[[2]string{result.Case, result.Server}] = result.cell()
	}
	slices.Sort(servers)
	slices.Sort(cases)
	servers, cases = slices.Compact(servers), slices.Compact(cases)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "case\t%s\n", strings.Join(servers, "\t"))
	for _, name := range cases {
		row := []string{name}
		for _, server := range servers {
			cell := cells[[2]string{name, server}]
			if cell == "" {
				cell = "-"
			}
			row = append(row, cell)
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
	fmt.Fprint(w, `
same: commands, segments and connections are those of the real server. holds: what doesn't hang on timing is.
(n): so many differences that don't count, such as a word in a bounce. DIFFERS: the fake isn't faithful.
`)
}

// differences writes each with its line.
func (r *Report) differences(w io.Writer) {
	for i := range r.Results {
		result := &r.Results[i]
		if len(result.Differences) == 0 && len(result.Notes) == 0 && result.Error == "" {
			continue
		}
		name := result.Server + " " + result.Case
		if result.Server == "" {
			name = result.File
		}
		fmt.Fprintf(w, "\n%s\n", name)
		if result.Error != "" {
			fmt.Fprintf(w, "  ERROR    %s\n", result.Error)
		}
		for _, d := range result.Differences {
			mark := "differs"
			if d.Counts {
				mark = "DIFFERS"
			}
			fmt.Fprintf(w, "  %s  %s\n", mark, d)
		}
		for _, note := range result.Notes {
			fmt.Fprintf(w, "  note     %s\n", note)
		}
	}
}

// shares writes what profiles rest on that no transcript speaks for.
func (r *Report) shares(w io.Writer) {
	var without []Share
	for _, s := range r.Shares {
		if s.Transcripts == 0 {
			without = append(without, s)
		}
	}
	if len(without) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\nwithout transcripts, values by source\tvalues")
	for _, source := range sourced.Sources() {
		fmt.Fprintf(t, "\t%s", source)
	}
	fmt.Fprintln(t)
	for _, s := range without {
		fmt.Fprintf(t, "%s\t%d", s.Title, s.total())
		for _, source := range sourced.Sources() {
			fmt.Fprintf(t, "\t%d%%", s.percent(source))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	fmt.Fprintln(w, "\nmem is unverified memory: assumed, and decides no verdict.")
}

// total is how many values the profile has.
func (s Share) total() int {
	n := 0
	for _, values := range s.Sources {
		n += values
	}
	return n
}

func (s Share) percent(source sourced.Source) int {
	if s.total() == 0 {
		return 0
	}
	return (100*s.Sources[source] + s.total()/2) / s.total()
}

// last writes the counts.
func (r *Report) last(w io.Writer) {
	exact, invariants, without := 0, 0, 0
	for _, result := range r.Results {
		switch {
		case result.Error != "":
		case result.Profile == "":
			without++
		case result.Way == ByInvariants:
			invariants++
		default:
			exact++
		}
	}
	fmt.Fprintf(w, "\n%d transcripts: %d compared exactly, %d by invariants", len(r.Results), exact, invariants)
	if without > 0 {
		fmt.Fprintf(w, ", %d of servers without a fake", without)
	}
	if n := r.Failed(); n > 0 {
		fmt.Fprintf(w, ", %d not played", n)
	}
	if n := r.Broken(); n > 0 {
		fmt.Fprintf(w, "; %d differ\n", n)
		return
	}
	fmt.Fprintln(w, "; none differs in what counts")
}
