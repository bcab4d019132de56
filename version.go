package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/relayspec/relayspec/reports"
)

// version is the command that says what this program was built from.
type version struct{}

// Help teaches by example.
func (version) Help() string {
	return "relayspec version\n\nPut its line into a bug report: it names the version, the commit, the Go release and the machine."
}

// Run prints the version.
func (version) Run(s *streams) error {
	_, err := fmt.Fprintf(s.out, "relayspec %s %s %s/%s\n", tool().Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// tool is what reports say of this program.
func tool() reports.Tool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return reports.Tool{Name: "relayspec", Version: "unknown"}
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "devel"
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				v += "-" + setting.Value[:min(12, len(setting.Value))]
			}
		}
	}
	return reports.Tool{Name: "relayspec", Version: v}
}
