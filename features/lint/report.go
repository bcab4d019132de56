package lint

import (
	"fmt"
	"io"
	"strings"

	"github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/reports"
)

// WriteText writes findings for people: each with its place and rule, why, and what to write instead; then their number, and
// what could not be judged.
func WriteText(w io.Writer, setups []*settings.Setup, findings []Finding, unsaid []Outcome) error {
	var b strings.Builder
	counts := map[reports.Level]int{}
	for _, f := range findings {
		counts[f.Level]++
		fmt.Fprintf(&b, "%s: %s %s: %s\n", f.Place, f.Level, rulesOf(f), f.Text)
		for _, via := range f.Via {
			fmt.Fprintf(&b, "    see %s\n", via)
		}
		b.WriteString(wrapped("    ", "    ", f.Why))
		if f.Instead != "" {
			fmt.Fprintf(&b, "%s\n", indent("    -> ", f.Instead))
		}
	}
	var servers []string
	for _, s := range setups {
		servers = append(servers, s.Server+" ("+strings.Join(s.Files, ", ")+")")
	}
	var parts []string
	for _, l := range Levels() {
		parts = append(parts, fmt.Sprintf("%d %s", counts[l], l))
	}
	for _, g := range byReason(unsaid) {
		b.WriteString(wrapped("not judged, as ", "    ", g))
	}
	fmt.Fprintf(&b, "%s: %s\n", strings.Join(servers, "; "), strings.Join(parts, ", "))
	_, err := io.WriteString(w, b.String())
	return err
}

// byReason gives a line for each thing that the files don't tell, with the rules that are about it.
func byReason(unsaid []Outcome) []string {
	var reasons []string
	rules := map[string][]string{}
	for _, o := range unsaid {
		if rules[o.Unsaid] == nil {
			reasons = append(reasons, o.Unsaid)
		}
		rules[o.Unsaid] = append(rules[o.Unsaid], o.Rule)
	}
	for i, reason := range reasons {
		reasons[i] = reason + ": " + strings.Join(rules[reason], ", ")
	}
	return reasons
}

// rulesOf gives the rules that a finding is about.
func rulesOf(f Finding) string {
	if len(f.Also) == 0 {
		return f.Rule
	}
	return f.Rule + " (also " + strings.Join(f.Also, ", ") + ")"
}

// WriteText writes the steps of a recipe; with corrected each with what has to be put right in it, and what else has to.
// name and domain are filled in.
func (r *Recipe) WriteText(w io.Writer, corrected bool, name, domain string) error {
	var b strings.Builder
	fill := strings.NewReplacer("{name}", name, "{domain}", domain)
	fmt.Fprintf(&b, "%s (the document, %s)\n", r.Title, r.Lines)
	for i, s := range r.Steps {
		b.WriteString("\n" + wrapped(fmt.Sprintf("%2d. ", i+1), "    ", s.Do+" ["+s.Rule+"]"))
		lines(&b, s.File, s.Write, s.Run)
		if corrected {
			for _, c := range r.Corrected(s.Rule) {
				c.write(&b, fill, "    But ", "      ")
			}
		}
	}
	if rest := r.Corrected(""); corrected && len(rest) > 0 {
		fmt.Fprintf(&b, "\nWhat the document leaves open\n")
		for _, c := range rest {
			b.WriteString("\n")
			c.write(&b, fill, "  - ", "    ")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *Correction) write(b *strings.Builder, fill *strings.Replacer, first, next string) {
	text := c.Why
	if c.When != "" {
		text = "where " + c.When + ": " + text
	}
	b.WriteString(wrapped(first, next, text+" ["+c.Rule+"]"))
	lines(b, c.File, fill.Replace(c.Write), fill.Replace(c.Run))
}

// wrapped breaks text where a line has become 100 characters long.
func wrapped(first, next, text string) string {
	var b strings.Builder
	line := first
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case len(line)+1+len(word) > 100:
			b.WriteString(line + "\n")
			line = next + word
		default:
			line += " " + word
		}
	}
	return b.String() + line + "\n"
}

// lines writes what goes into a file, and what is to be run.
func lines(b *strings.Builder, file, text, command string) {
	if file != "" {
		fmt.Fprintf(b, "      %s:\n", file)
	}
	if text != "" {
		fmt.Fprintf(b, "%s\n", indent("        ", text))
	}
	if command != "" {
		fmt.Fprintf(b, "      $ %s\n", command)
	}
}
