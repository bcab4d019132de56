package settings

import (
	"fmt"
	"strings"
)

// Read reads the configuration of one server, spread over any number of files or folders; of what kind each is, its name
// and content tell. Faults are warnings; the error is a Faults, and tells all that keeps a file from being read. Files
// of several servers are an error: see ReadAll.
func Read(files ...string) (*Setup, Faults, error) { return ReadAs("", files...) }

// ReadAs is Read for a server that is known: postfix, sendmail, exchange-hub ...; "": the files tell.
func ReadAs(server string, files ...string) (*Setup, Faults, error) {
	setups, warnings, err := ReadAll(server, files...)
	if err != nil {
		return nil, warnings, err
	}
	if len(setups) > 1 {
		var names []string
		for _, s := range setups {
			names = append(names, s.Server+" ("+strings.Join(s.Files, ", ")+")")
		}
		return nil, warnings, Faults{{Place: Place{File: setups[1].Files[0]},
			Text: fmt.Sprintf("the files are of several servers: %s; give those of one", strings.Join(names, "; "))}}
	}
	return setups[0], warnings, nil
}
