package features

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// modulePath is the module's name; the table below leaves it out.
const modulePath = "github.com/relayspec/relayspec"

// mayImport is the architecture: package -> what of ours it may import. "x/..." is x and what is under it.
// The package of the command is ".", and may import all.
func mayImport() map[string][]string {
	return map[string][]string{
		".":                           {"..."},
		"reference/policy":            {},
		"reports/transcript":          {},
		"reports":                     {"reports/transcript"},
		"fakes/memnet":                {},
		"reference/directory":         {"reference/policy"},
		"reference/ledger":            {"reference/policy"},
		"reference/services":          {"reference/policy"},
		"reference/wire":              {"reference/policy"},
		"reference/policyd":           {"reference/policy"}, // and what it needs of the Engine through an interface of its own
		"reference/mailbox":           {"reference/policy"},
		"reference/spool":             {"reference/policy"},
		"reference/delivery":          {"reference/policy", "reference/services", "reference/spool"},
		"reference":                   {"reference/..."},
		"simulator":                   {"reference/..."},
		"simulator/clock":             {"reference/..."},
		"simulator/control":           {"simulator/...", "reference/...", "reports/transcript"}, // it shows sessions, credentials left out
		"simulator/faults":            {"reference/..."},
		"simulator/relaytest":         {"simulator/...", "reference/..."},
		"fakes/client":                {"reports/transcript"},
		"fakes/recorder":              {"reports/transcript"},
		"fakes/relay":                 {"reports/transcript"},
		"fakes/mx":                    {"reports/transcript"},
		"fakes/island":                {},
		"fakes/mta":                   {"fakes/mta/...", "features/yamlfile", "fakes/client", "reports/transcript"},
		"fakes/mta/sourced":           {},
		"fakes/mta/queue":             {},
		"fakes/mta/schedule":          {"fakes/mta/sourced"},
		"fakes/mta/mail":              {"fakes/mta/sourced", "fakes/client"},
		"fakes/mta/session":           {"fakes/mta/sourced", "fakes/client", "reports/transcript"},
		"fakes/mta/settings":          {"features/yamlfile"},
		"features/target":             {"fakes/mx", "reports/transcript"},
		"features":                    {"features/target", "features/yamlfile", "fakes/client", "reports/..."},
		"features/sender":             {"features", "features/lint", "features/target", "features/yamlfile", "fakes/client", "fakes/mta/...", "fakes/relay", "reports/..."},
		"features/sender/real":        {"features/sender", "features/target", "features/target/child", "features/yamlfile", "fakes/client", "fakes/mta/mail"},
		"features/lint":               {"features/yamlfile", "fakes/mta/settings", "reports"},
		"features/fidelity":           {"features/yamlfile", "fakes/client", "fakes/mta/...", "fakes/relay", "reports/transcript"},
		"features/mutants":            {"features", "features/target/...", "reports", "simulator/...", "reference/..."},
		"loadgen":                     {"fakes/client", "fakes/mta", "reports"},
		"loadgen/storm":               {"fakes/client"},
		"reference/ledger/journal":    {"reference/ledger", "reference/policy"},
		"features/target/embedded":    {"features/target", "fakes/mx", "simulator/...", "reference/..."},
		"features/doctor":             {"features/target", "fakes/client"},
		"features/yamlfile":           {},
		"features/target/child":       {},
		"features/target/exec":        {"features/target", "features/target/child"},
		"features/target/control":     {"features/target", "features/target/control/api"},
		"features/target/control/api": {}, // generated
		"features/target/static": {"features/target", "features/yamlfile", "features/target/child", "features/target/exec", "features/target/control",
			"fakes/client", "fakes/mx", "reports/transcript"},
		"features/samples":         {}, // only the tests that judge them
		"features/samples/gosmtp":  {}, // somebody else's relays
		"features/samples/minimal": {},

		"features/samples/reference/driver": {}, // our own, as a stranger would write it
	}
}

// testsMayImport is what tests of any package may import besides.
func testsMayImport() []string { return []string{"fakes/...", "reports/transcript"} }

// onlyInTests is what only the tests of a package may import.
func onlyInTests() map[string][]string {
	return map[string][]string{
		"features":                 {"features/target/embedded"},                       // the relay that the judge is tried on
		"features/target/embedded": {"features", "features/target/control", "reports"}, // the judge that tries it, and the driver
		"features/target/static":   {"features", "reports"},                            // the judge, whom relays that misbehave must not mislead
		"features/samples":         {"features", "features/target/...", "reports"},
		"features/sender/real":     {"features", "reports"},         // the judge, whom a real server must not mislead
		"reference/policyd":        {"reference", "reference/..."},  // the Engine that it asks
		"simulator/control":        {"features/target/control/api"}, // the client that is generated from its document
		"simulator/faults":         {"simulator/clock"},             // the time by which they expire
		"loadgen":                  {"reference/..."},               // the relay that is measured
		"reference/policy":         {"reference/services"},          // the documented service, that policy's tables are about
	}
}

// pureMustNot is what the core must never learn of: package -> what of the standard library its own files may not import.
func pureMustNot() map[string][]string {
	return map[string][]string{
		"reference/policy":    {"net", "net/...", "os", "os/...", "log", "log/...", "context", "sync", "syscall"},
		"reference/ledger":    {"net", "net/...", "os", "os/...", "log", "log/...", "syscall"},
		"reference/directory": {"net", "net/...", "os/exec", "os/signal", "os/user", "log", "log/...", "syscall"}, // os itself: only in Load
	}
}

// source is one Go file of the module.
type source struct {
	pkg    string // directory below the module, "." for the command
	name   string // path below the module
	test   bool
	syntax *ast.File
	files  *token.FileSet
}

func (s *source) at(node ast.Node) string {
	return fmt.Sprintf("%s:%d", s.name, s.files.Position(node.Pos()).Line)
}

// imports gives the paths that s imports.
func (s *source) imports() map[string]*ast.ImportSpec {
	found := map[string]*ast.ImportSpec{}
	for _, spec := range s.syntax.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			found[name] = spec
		}
	}
	return found
}

// readModule parses every Go file of the module.
func readModule(fsys fs.FS) ([]source, error) {
	var sources []source
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := path.Base(name); name != "." && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		syntax, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		sources = append(sources, source{path.Dir(name), name, strings.HasSuffix(name, "_test.go"), syntax, files})
		return nil
	})
	return sources, err
}

// within tells whether name is one of the patterns; "x/..." is x and what is under it, "..." everything.
func within(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		parent, whole := strings.CutSuffix(pattern, "...")
		if !whole {
			return name == pattern
		}
		return strings.HasPrefix(name+"/", parent)
	})
}

// importFaults checks sources against the table.
func importFaults(sources []source) []string {
	var faults []string
	table := mayImport()
	unknown := map[string]bool{}
	for _, s := range sources {
		allowed, known := table[s.pkg]
		if !known {
			if !unknown[s.pkg] {
				unknown[s.pkg] = true
				faults = append(faults, fmt.Sprintf("%s: the package isn't in the table of imports: add its line", s.pkg))
			}
			continue
		}
		if s.test {
			allowed = slices.Concat(allowed, testsMayImport(), onlyInTests()[s.pkg], []string{s.pkg})
		}
		for name, spec := range s.imports() {
			ours, isOurs := strings.CutPrefix(name, modulePath+"/")
			switch {
			case isOurs && !within(ours, allowed):
				faults = append(faults, fmt.Sprintf("%s: %s must not import %s", s.at(spec), s.pkg, ours))
			case !s.test && within(name, pureMustNot()[s.pkg]) && name != "net/netip":
				faults = append(faults, fmt.Sprintf("%s: %s is pure and must not import %s", s.at(spec), s.pkg, name))
			}
		}
	}
	slices.Sort(faults)
	return faults
}

// callFaults checks what the core's own files call: no clock in policy and ledger, os only in Load in directory.
func callFaults(sources []source) []string {
	var faults []string
	for _, s := range sources {
		if s.test {
			continue
		}
		for _, declaration := range s.syntax.Decls {
			function, isFunction := declaration.(*ast.FuncDecl)
			loads := isFunction && strings.HasPrefix(function.Name.Name, "Load")
			ast.Inspect(declaration, func(node ast.Node) bool {
				selector, ok := node.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				of, _ := selector.X.(*ast.Ident)
				switch {
				case of == nil:
				case of.Name == "time" && slices.Contains([]string{"reference/policy", "reference/ledger"}, s.pkg) && ticks(selector.Sel.Name):
					faults = append(faults, fmt.Sprintf("%s: %s takes now as a value and must not use time.%s", s.at(node), s.pkg, selector.Sel.Name))
				case of.Name == "os" && s.pkg == "reference/directory" && !loads:
					faults = append(faults, fmt.Sprintf("%s: %s may use os only in Load, not os.%s", s.at(node), s.pkg, selector.Sel.Name))
				}
				return true
			})
		}
	}
	slices.Sort(faults)
	return faults
}

// ticks tells whether time's name looks at the real clock or waits for it.
func ticks(name string) bool {
	return slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}, name)
}

// reached gives what of ours the files of pkg bring with them, tests left out.
func reached(sources []source, pkg string) []string {
	var found []string
	var visit func(string)
	visit = func(pkg string) {
		if slices.Contains(found, pkg) {
			return
		}
		found = append(found, pkg)
		for _, s := range sources {
			if s.test || s.pkg != pkg {
				continue
			}
			for name := range s.imports() {
				if ours, isOurs := strings.CutPrefix(name, modulePath+"/"); isOurs {
					visit(ours)
				}
			}
		}
	}
	visit(pkg)
	return found
}

func thisModule(t *testing.T) []source {
	t.Helper()
	directory, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	sources, err := readModule(os.DirFS(filepath.Dir(directory)))
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) == 0 {
		t.Fatal("no Go file found")
	}
	return sources
}

func TestArchitecture(t *testing.T) {
	sources := thisModule(t)
	for _, fault := range slices.Concat(importFaults(sources), callFaults(sources)) {
		t.Error(fault)
	}
	// Somebody else's relay that imports the features for its CI must not be given ours.
	for _, pkg := range reached(sources, "features") {
		if within(pkg, []string{"reference/...", "simulator/..."}) {
			t.Errorf("features brings %s with it", pkg)
		}
	}
}

// TestArchitectureFindsFaults shows that each check can fail.
func TestArchitectureFindsFaults(t *testing.T) {
	sources, err := readModule(mapFS(map[string]string{
		"main.go":                          `package main; import _ "github.com/relayspec/relayspec/reference"`,
		"loadgen/new/a.go":                 `package new`,
		"reference/policy/a.go":            "package policy\nimport \"net\"\nimport \"net/netip\"\nimport _ \"github.com/relayspec/relayspec/reference/ledger\"\nvar _ = net.IP{}\nvar _ = netip.Addr{}",
		"reference/policy/a_test.go":       `package policy; import (_ "os"; _ "github.com/relayspec/relayspec/fakes/memnet"; _ "github.com/relayspec/relayspec/reference/policy")`,
		"reference/ledger/a.go":            "package ledger\nimport \"time\"\nvar a = time.Hour\nfunc f() { _ = time.Now() }",
		"reference/directory/a.go":         "package directory\nimport \"os\"\nfunc LoadFile() { os.Open(\"\") }\nfunc other() { os.Open(\"\") }",
		"reference/wire/a_test.go":         `package wire; import _ "github.com/relayspec/relayspec/reference/ledger"`,
		"features/a.go":                    `package features; import _ "github.com/relayspec/relayspec/features/target/embedded"`,
		"features/a_test.go":               `package features; import _ "github.com/relayspec/relayspec/features/target/embedded"`,
		"features/target/embedded/a.go":    `package embedded; import _ "github.com/relayspec/relayspec/reference"`,
		"features/testdata/broken/a.go":    `nonsense`,
		"reference/a.go":                   `package reference`,
		"reference/services/policyless.go": `package services; import _ "log"`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"features/a.go:1: features must not import features/target/embedded",
		"loadgen/new: the package isn't in the table of imports: add its line",
		"reference/policy/a.go:2: reference/policy is pure and must not import net",
		"reference/policy/a.go:4: reference/policy must not import reference/ledger",
		"reference/wire/a_test.go:1: reference/wire must not import reference/ledger",
	}
	if diff := cmp.Diff(want, importFaults(sources)); diff != "" {
		t.Errorf("imports (-want +got):\n%s", diff)
	}
	want = []string{
		"reference/directory/a.go:4: reference/directory may use os only in Load, not os.Open",
		"reference/ledger/a.go:4: reference/ledger takes now as a value and must not use time.Now",
	}
	if diff := cmp.Diff(want, callFaults(sources)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got := reached(sources, "features"); !slices.Contains(got, "reference") {
		t.Errorf("features reaches %v, want reference among them", got)
	}
}
