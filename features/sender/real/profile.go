// Package real has real sending servers judged: each is started anew for a scenario by a script (features/senders), in front
// of the scripted relay, on an island where smtp-relay.gmail.com is an address of the machine's own.
//
// A driver is a program that Profile names. What it is to set up stands in its environment: HOST, RELAY, PORT, TLS, ROOT,
// LOGIN, PASSWORD, LISTEN, SCALE, FINAL. Called with "version" it says its server's; with "configure DIR" it writes the files that an
// administrator would; without arguments it starts the server, and answers each line of its standard input, "flush" or
// "queue", until that ends. Answers are the lines of its output that begin with "> ": for a queue an object of JSON each, and
// the last one "done", or "failed" and why. Whatever else it writes is shown where it fails.
//
// Start with Open.
package real

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/sender"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/yamlfile"
)

// Profile is the file that says how a real server is driven.
type Profile struct {
	Name    string   `yaml:"name"`    // of reports and baselines
	Profile string   `yaml:"profile"` // the server as the catalogue calls it
	Command []string `yaml:"command"` // the driver and its arguments, found from the file's folder
	Listen  string   `yaml:"listen"`  // where it takes mail; "": 127.0.0.1:25
	Relay   string   `yaml:"relay"`   // the address that the relay's name leads to there; "": RelayAddress
	// Scale is by how much its timers for retries are shortened where a scenario lets time pass; 0: it has no such scenarios.
	Scale int `yaml:"scale"`
	// Capabilities are those besides that a real server is as it is.
	Capabilities []string `yaml:"capabilities"`
	// Files are what configure writes and lint reads, in that order; what isn't written is left out.
	Files []string `yaml:"files"`

	dir string
}

// RelayName is the relay as the document names it, which an island's resolver leads to RelayAddress.
const (
	RelayName    = "smtp-relay.gmail.com"
	RelayAddress = "127.0.0.2"
)

// Load reads a profile. Errors: every fault with its file and line.
func Load(file string) (*Profile, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no such file: %s; features/senders has those of this tree", file)
	}
	if err != nil {
		return nil, err
	}
	p := &Profile{Listen: "127.0.0.1:25", Relay: RelayAddress}
	if p.dir, err = filepath.Abs(filepath.Dir(file)); err != nil {
		return nil, err
	}
	f, read := yamlfile.Read(file, data, yamlfile.Form{What: "a sender's profile", Empty: "write name:, profile: and command:"}, p)
	if read {
		p.check(f)
	}
	if faults := f.Faults(); len(faults) > 0 {
		return nil, faults
	}
	return p, nil
}

func (p *Profile) check(f *yamlfile.File) {
	if p.Name == "" {
		f.Fault(f.At("name"), "name is missing: write what reports are to call the sender")
	}
	if len(p.Command) == 0 {
		f.Fault(f.At("command"), "command is missing: write the driver, as in command: [./start]")
	}
	for i, c := range p.Capabilities {
		if !slices.Contains(declarable(), target.Capability(c)) {
			f.Fault(f.At(fmt.Sprintf("capabilities[%d]", i)), "no driver declares %s; there are %s", c, inWords(declarable()))
		}
	}
}

// declarable are the capabilities that a driver may declare: the clock comes of Scale, and what is known of a real server
// goes without saying.
func declarable() []target.Capability {
	return []target.Capability{sender.CanConfigure, sender.CanTLS, sender.CanAuth, sender.CanRoute, sender.CanHurry}
}

func inWords(all []target.Capability) string {
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}
