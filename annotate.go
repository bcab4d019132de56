package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"

	"github.com/relayspec/relayspec/reports"
)

// annotations is the flag that asks for annotations.
type annotations struct {
	Annotations string `default:"auto" enum:"auto,github,none" help:"Annotate the lines of the features for a CI: ${enum}. Auto is github where GITHUB_ACTIONS is true."`
}

// asked tells whether annotations are to be written.
func (a *annotations) asked() bool {
	return a.Annotations == "github" || a.Annotations == "auto" && os.Getenv("GITHUB_ACTIONS") == "true"
}

// beside gives how a report is written to standard output with its annotations. They stand behind a text, in which nothing
// that a relay says may be taken for a workflow command; behind another format they would spoil it, and go to err.
func (a *annotations) beside(standard reports.Writer, text bool, err io.Writer) reports.Writer {
	if !a.asked() || standard == nil {
		return standard
	}
	return func(out io.Writer, run *reports.Run) error {
		if !text {
			if fault := standard(out, run); fault != nil {
				return fault
			}
			return reports.WriteAnnotations(err, run)
		}
		token := rand.Text()
		fmt.Fprintf(out, "::stop-commands::%s\n", token)
		if fault := standard(out, run); fault != nil {
			return fault
		}
		fmt.Fprintf(out, "::%s::\n", token)
		return reports.WriteAnnotations(out, run)
	}
}
