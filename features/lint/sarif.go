package lint

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"honnef.co/go/tools/sarif"

	"github.com/relayspec/relayspec/reports"
)

// WriteSARIF writes findings in the Static Analysis Results Interchange Format, version 2.1.0, which services that show
// code take. version is the program's.
func WriteSARIF(w io.Writer, version string, findings []Finding) error {
	run := sarifRun{Results: []sarif.Result{}}
	run.Tool.Driver = sarif.ToolComponent{Name: "relayspec lint", Version: version, Rules: descriptors(findings)}
	for _, f := range findings {
		result := sarif.Result{RuleID: f.Rule, Kind: sarif.Fail, Level: weight(f.Level), Message: sarif.Message{Text: message(f)},
			Locations: []sarif.Location{place(f.Place.File, f.Place.Line)}, Suppressions: []sarif.Suppression{}}
		if result.Level == sarif.None {
			result.Kind = "informational"
		}
		for i, via := range f.Via {
			related := place(via.File, via.Line)
			related.ID, related.Message = i+1, &sarif.Message{Text: "the value comes by this line"}
			result.RelatedLocations = append(result.RelatedLocations, related)
		}
		run.Results = append(run.Results, result)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{Version: sarif.Version, Schema: sarif.Schema, Runs: []sarifRun{run}})
}

// sarifLog is a log whose run has its results, also where there are none: without them it didn't come to an end. Source:
// SARIF 2.1.0 §3.14.23.
type sarifLog struct {
	Version string     `json:"version"`
	Schema  string     `json:"$schema"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	sarif.Run
	Results []sarif.Result `json:"results"`
}

// message is a finding's text with why, and what to write.
func message(f Finding) string {
	text := f.Text + ". " + f.Why + "."
	if len(f.Also) > 0 {
		text += " Also: " + strings.Join(f.Also, ", ") + "."
	}
	if f.Instead != "" {
		text += " Write instead:\n" + f.Instead
	}
	return text
}

// descriptors are the rules of findings, in the order of the catalogue.
func descriptors(findings []Finding) []sarif.ReportingDescriptor {
	all := []sarif.ReportingDescriptor{}
	for _, r := range rules() {
		if slices.ContainsFunc(findings, func(f Finding) bool { return f.Rule == r.id }) {
			all = append(all, sarif.ReportingDescriptor{ID: r.id, ShortDescription: sarif.Message{Text: r.wants},
				Help:                 sarif.Message{Text: r.wants + " Source: the document, " + r.lines + "."},
				DefaultConfiguration: sarif.ReportingConfiguration{Enabled: true, Level: weight(r.level)}})
		}
	}
	return all
}

// weight is a result's level: one that is information has the kind informational, which goes with none.
func weight(l reports.Level) string {
	switch l {
	case must:
		return sarif.Error
	case should:
		return sarif.Warning
	case may:
		return sarif.Note
	}
	return sarif.None
}

// place is a file, with a line if one is known. A path that isn't absolute stays relative to where the program ran.
func place(file string, line int) sarif.Location {
	path := filepath.ToSlash(file)
	uri := (&url.URL{Path: path}).String()
	if filepath.IsAbs(file) {
		uri = "file://" + uri
	}
	return sarif.Location{PhysicalLocation: sarif.PhysicalLocation{ArtifactLocation: sarif.ArtifactLocation{URI: uri},
		Region: sarif.Region{StartLine: max(1, line), StartColumn: 1}}}
}
