package reports

import (
	"encoding/json"
	"fmt"
	"io"
)

// badge is what an endpoint badge of shields.io reads.
type badge struct {
	SchemaVersion int    `json:"schemaVersion"`
	Label         string `json:"label"`
	Message       string `json:"message"`
	Color         string `json:"color"`
	IsError       bool   `json:"isError"`
}

// WriteBadge writes run as the JSON of an endpoint badge of shields.io: "55/55 must" in green, or what is in the way.
// The colour of a relay that doesn't conform, or of which nobody can tell, can't be changed by who shows the badge.
func WriteBadge(w io.Writer, run *Run) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(badgeOf(run)); err != nil {
		return fmt.Errorf("write the badge: %w", err)
	}
	return nil
}

func badgeOf(run *Run) badge {
	must := run.Totals.Must
	b := badge{SchemaVersion: 1, Label: "relayspec", Message: fmt.Sprintf("%d/%d must", must.Passed, must.All)}
	switch run.Overall {
	case Conformant:
		b.Color = "brightgreen"
	case Deviating:
		b.Color = "green"
		b.Message += fmt.Sprintf(", %d should missed", verdictsOf(run, NonStrict))
		if n := run.Totals.Verdicts[Flaky]; n > 0 {
			b.Message += fmt.Sprintf(", %d flaky", n)
		}
	case Partial:
		b.Color = "yellow"
		b.Message += fmt.Sprintf(", %d not judged", must.All-must.Judged)
	case NonConformant:
		b.Color, b.IsError = "red", true
		b.Message = "non-conformant, " + failing(verdictsOf(run, Fail))
		if run.Gate != nil && run.Gate.Code == 0 {
			b.Message += ", as expected"
		}
	default:
		b.Color, b.IsError = "lightgrey", true
		b.Message = string(Inconclusive)
	}
	return b
}

// verdictsOf counts the rules with verdict v.
func verdictsOf(run *Run, v Verdict) int {
	n := 0
	for _, r := range run.Rules {
		if r.Verdict == v {
			n++
		}
	}
	return n
}

// failing says that n must rules fail.
func failing(n int) string {
	if n == 1 {
		return "1 must rule fails"
	}
	return fmt.Sprintf("%d must rules fail", n)
}
