package reports

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// annotated is how many annotations of one kind GitHub shows of a step.
const annotated = 10

// WriteAnnotations writes run as workflow commands of GitHub, which shows them beside the lines of the features: an error
// for each FAIL, XPASS and ERROR and for each entry of the baseline that is true no more, a warning for each NONSTRICT and
// FLAKY, a notice for the gate. What is as the baseline says has none. Of each kind at most ten are written, as many as are
// shown. Credentials are left out.
func WriteAnnotations(w io.Writer, run *Run) error {
	run = shown(run)
	a := &annotations{Writer: bufio.NewWriter(w)}
	if run.Trouble != "" {
		text := "The run could not be made, or not be ended: " + run.Trouble
		a.errors = append(a.errors, annotation{title: "relayspec", text: text})
	}
	for _, e := range untoldEntries(run) {
		a.errors = append(a.errors, annotation{run.Baseline.File, e.Line, "baseline " + string(e.State), e.ID + ": " + e.Text})
	}
	for _, c := range told(run) {
		a.told(c)
	}
	a.write("error", a.errors)
	a.write("warning", a.warnings)
	if run.Gate != nil {
		text := fmt.Sprintf("%s is %s; gate: %s", orUnknown(run.Target.Name), run.Overall, run.Gate)
		a.write("notice", []annotation{{title: "relayspec", text: text}})
	}
	if err := a.Flush(); err != nil {
		return fmt.Errorf("write the annotations: %w", err)
	}
	return nil
}

// annotations writes commands. An error stays in the bufio.Writer until Flush.
type annotations struct {
	*bufio.Writer
	errors, warnings []annotation
}

// annotation is what stands beside a line of a file.
type annotation struct {
	file  string // empty: beside none
	line  int
	title string
	text  string
}

// told adds what is told of c.
func (a *annotations) told(c Case) {
	beside := annotation{c.Feature, c.Line, said(c) + " " + c.ID, c.Rule + ": " + complaint(c)}
	switch {
	case c.Changed(), c.Verdict == Fail, c.Verdict == XPass, c.Verdict == Error:
		a.errors = append(a.errors, beside)
	case c.Verdict == NonStrict, c.Verdict == Flaky:
		a.warnings = append(a.warnings, beside)
	}
}

// write writes commands of one kind, as many as are shown: the last one counts those that are left out.
func (a *annotations) write(kind string, all []annotation) {
	if more := len(all) - annotated; more > 0 {
		all = append(slices.Clone(all[:annotated-1]), annotation{title: "relayspec", text: fmt.Sprintf("and %d more: see the report", more+1)})
	}
	for _, one := range all {
		var properties []string
		if one.file != "" {
			properties = append(properties, "file="+property(one.file), fmt.Sprintf("line=%d", one.line))
		}
		properties = append(properties, "title="+property(one.title))
		fmt.Fprintf(a.Writer, "::%s %s::%s\n", kind, strings.Join(properties, ","), message(one.text))
	}
}

// message writes text as a workflow command holds it: on one line.
func message(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// property writes a value of a workflow command, which a comma would end.
func property(value string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(value))
}
