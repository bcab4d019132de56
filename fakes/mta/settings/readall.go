package settings

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// reading is one call of ReadAll.
type reading struct {
	server   string // that the caller asks for; "": any
	errors   Faults
	warnings Faults
}

// mostFaults is how many faults are told, and how many warnings.
const mostFaults = 100

// fail notes what keeps the files from being read.
func (r *reading) fail(at Place, format string, args ...any) {
	r.errors = noted(r.errors, at, false, format, args)
}

// warn notes what is odd.
func (r *reading) warn(at Place, format string, args ...any) {
	r.warnings = noted(r.warnings, at, true, format, args)
}

// noted adds a fault, unless there are many.
func noted(faults Faults, at Place, warning bool, format string, args []any) Faults {
	switch {
	case len(faults) > mostFaults:
		return faults
	case len(faults) == mostFaults:
		format, args = "and more from here on; is it the right file?", nil
	}
	return append(faults, &Fault{Place: at, Text: fmt.Sprintf(format, args...), Warning: warning})
}

// warnWindows notes that a server which wants lines that end with LF alone would misread t.
func (r *reading) warnWindows(t *text, reader string) {
	if t.windows {
		r.warn(Place{File: t.file}, "its lines end as in Windows, and %s takes the CR for part of what the line says; convert it (dos2unix)", reader)
	}
}

// open reads a file, or notes why it can't be.
func (r *reading) open(file string) *text {
	t, fault := open(file)
	if fault != nil {
		r.errors = append(r.errors, fault)
	}
	return t
}

// source is a file with what it was found to be.
type source struct {
	*text
	kind *kind
}

// name is the file's name without its folder.
func (s source) name() string { return filepath.Base(s.file) }

// ReadAll reads the configurations of several servers, and gives one Setup for each, in the order in which they first
// come: main.cf and its maps are one, Exchange's hub and edge are two. See ReadAs for server, warnings and error.
func ReadAll(server string, files ...string) ([]*Setup, Faults, error) {
	r := &reading{server: server}
	if server != "" && !slices.Contains(servers(), server) {
		return nil, nil, Faults{{Place: Place{File: "server"}, Text: fmt.Sprintf("%q isn't known; write one of %s", server, strings.Join(servers(), ", "))}}
	}
	if len(files) == 0 {
		return nil, nil, Faults{{Place: Place{File: "files"}, Text: "none is given; give a configuration file, as main.cf"}}
	}
	var groups [][]source
	for _, s := range r.sources(files) {
		at := slices.IndexFunc(groups, func(g []source) bool { return g[0].together(s) })
		if at < 0 {
			groups = append(groups, nil)
			at = len(groups) - 1
		}
		groups[at] = append(groups[at], s)
	}
	var setups []*Setup
	for _, group := range groups {
		setups = append(setups, group[0].kind.read(r, group)...)
	}
	for _, s := range setups {
		if server != "" {
			s.Server = server
		}
	}
	r.errors, r.warnings = tidy(r.errors), tidy(r.warnings)
	if len(r.errors) > 0 {
		return nil, r.warnings, r.errors
	}
	return setups, r.warnings, nil
}

// together tells whether two files are of one server.
func (s source) together(other source) bool {
	return s.kind.group == other.kind.group && (s.kind.group != "qmail" || home(s.file) == home(other.file))
}

// tidy puts faults in the order of their places, and leaves out what is said twice.
func tidy(faults Faults) Faults {
	slices.SortStableFunc(faults, func(a, b *Fault) int {
		return cmp.Or(strings.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line))
	})
	return slices.CompactFunc(faults, func(a, b *Fault) bool { return *a == *b })
}

// sources opens files and those of folders, and finds out what they are.
func (r *reading) sources(paths []string) []source {
	var all []source
	seen := map[string]bool{}
	for _, path := range paths {
		files := []string{path}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			if files = inFolder(path, r.server); len(files) == 0 {
				r.fail(Place{File: path}, "the folder has no file of a known name (%s); give the files themselves", strings.Join(knownNames(), ", "))
			}
		}
		for _, file := range files {
			file = filepath.Clean(file)
			if seen[file] {
				continue
			}
			seen[file] = true
			if t := r.open(file); t != nil {
				if k := r.recognise(t); k != nil {
					all = append(all, source{t, k})
				}
			}
		}
	}
	return all
}

// inFolder gives the files of a folder that are known by their names, its folder control's too.
func inFolder(folder, server string) []string {
	var files []string
	for _, dir := range []string{folder, filepath.Join(folder, "control")} {
		entries, _ := os.ReadDir(dir) // what can't be read has no file
		for _, e := range entries {
			k := byName(filepath.Join(dir, e.Name()))
			if !e.IsDir() && k != nil && (server == "" || slices.Contains(k.servers, server)) {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	return files
}
