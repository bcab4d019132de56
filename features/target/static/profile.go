package static

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/yamlfile"
)

// maxFile bounds a profile, in octets.
const maxFile = 1 << 20

// Profile is what a file says of a relay. It isn't changed once it has been read.
type Profile struct {
	Name         string              `yaml:"name"`         // what reports call the relay
	Version      string              `yaml:"version"`      //
	Ports        Ports               `yaml:"ports"`        // may be left out where Start gives them
	TLS          TLS                 `yaml:"tls"`          //
	Roles        Roles               `yaml:"roles"`        // may be left out where a driver makes customers
	Capabilities []target.Capability `yaml:"capabilities"` // declared; what EHLO announces is added
	Sink         *Sink               `yaml:"sink" or:"none"`
	Start        *Start              `yaml:"start"`     // nil: the relay runs already
	Isolated     bool                `yaml:"isolated"`  // it is opened only where no network but the loopback can be reached
	Exec         *Exec               `yaml:"exec"`      // nil: no program steers it
	Control      *Control            `yaml:"control"`   // nil: it isn't steered over HTTP
	Proxy        string              `yaml:"proxy"`     // v1, v2: sessions begin with a PROXY header; empty: they don't
	Customers    []Customer          `yaml:"customers"` // that exist on the relay
	Timeout      time.Duration       `yaml:"timeout"`   // to connect and for each reply; 0: 20 s

	file   string
	places map[string]place // path of a key -> where it stands
	roots  *x509.CertPool   // of TLS.CA
	ready  groups           // of Start.Ready
}

// Ports are the documented ports, host:port each; empty: not served.
type Ports struct {
	Port25  string `yaml:"25"`
	Port465 string `yaml:"465"`
	Port587 string `yaml:"587"`
}

// TLS says whose certificate the relay shows. Nothing said: any will do on a loopback address, elsewhere the system's
// roots must have signed it for the address's host.
type TLS struct {
	CA         string `yaml:"ca"` // PEM file of the roots, from the profile's folder
	ServerName string `yaml:"server-name"`
	Insecure   bool   `yaml:"insecure"` // any certificate will do
}

// Roles are the names of the relay's own that play the parts of the features.
type Roles struct {
	Client     string   `yaml:"client"` // a name for EHLO; empty: client.example
	Sender     string   `yaml:"sender"`
	Recipients []string `yaml:"recipients"` // *@domain: every local part
	User       User     `yaml:"user"`
	Other      User     `yaml:"other"`
	Expired    string   `yaml:"expired"` // a token of User's that is good no more
	// Authenticate: the relay relays only for who has authenticated, so that sessions begin with AUTH as User.
	Authenticate bool `yaml:"authenticate"`
}

// User is a registered user.
type User struct {
	Address  string   `yaml:"address"`
	Password string   `yaml:"password"`
	Tokens   []string `yaml:"tokens"` // bearer tokens that are good
	Aliases  []string `yaml:"aliases"`
}

// Sink is the server of the harness that the relay delivers to.
type Sink struct {
	Listen string `yaml:"listen"` // host:port; port 0: the system's choice
}

// Exec names the program that steers the relay. Source: package exec of this module.
type Exec struct {
	Command []string          `yaml:"command"` // filled in as Start's is
	Dir     string            `yaml:"dir"`     // from the profile's folder; empty: that folder
	Env     map[string]string `yaml:"env"`     // besides the environment; filled in as Command is
	Timeout time.Duration     `yaml:"timeout"` // how long a verb may take; 0: 30 s
}

// Control says where the relay is steered over HTTP. Source: package control of this module.
type Control struct {
	URL     string        `yaml:"url"`     // {control} is filled in
	Token   string        `yaml:"token"`   // {token} is filled in; empty: none is shown
	Timeout time.Duration `yaml:"timeout"` // how long a verb may take; 0: 30 s
}

// Start says how a relay is started, once for each instance that is opened.
type Start struct {
	Command []string          `yaml:"command"` // blanks() are filled in
	Dir     string            `yaml:"dir"`     // from the profile's folder; empty: that folder
	Env     map[string]string `yaml:"env"`     // besides the environment; filled in as Command is
	Ready   string            `yaml:"ready"`   // an expression; its groups port25, port465, port587 give the addresses
	Within  time.Duration     `yaml:"within"`  // how long it may take; 0: 10 s
}

// Customer is a customer of the relay service that exists on the relay.
type Customer struct {
	ID       string    `yaml:"id"`
	Licences int       `yaml:"licences" or:"any"` // 0: any
	Edition  string    `yaml:"edition"`
	Billing  string    `yaml:"billing"`
	Trial    bool      `yaml:"trial"`
	Domains  []string  `yaml:"domains"`
	Users    []User    `yaml:"users"`
	Settings []Setting `yaml:"settings"`
}

// Setting is a relay setting of a customer.
type Setting struct {
	Description string  `yaml:"description"`
	Enabled     *bool   `yaml:"enabled"` // nil: yes
	Senders     string  `yaml:"senders"`
	Addresses   []Entry `yaml:"addresses"` // nil: mail is taken from everywhere
	RequireAuth bool    `yaml:"require-auth"`
	RequireTLS  bool    `yaml:"require-tls"`
}

// Entry is an address, or a range of them, that mail is taken from.
type Entry struct {
	Range       string `yaml:"range"`
	Description string `yaml:"description"`
	Enabled     *bool  `yaml:"enabled"` // nil: yes
}

// Short reads the short form, the range alone.
func (e *Entry) Short(text string) { e.Range = text }

// enabled tells what an absent word means.
func enabled(b *bool) bool { return b == nil || *b }

// Load reads a profile. The error is Faults, all of them, when the file can be read. ${NAME} in a text is the environment
// variable of that name.
func Load(file string) (*Profile, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("load the profile: %w; give the path of a profile", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("load the profile: %s has %d octets; a profile has at most %d", file, info.Size(), maxFile)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("load the profile: %w", err)
	}
	return Parse(file, data, os.LookupEnv)
}

// Parse reads a profile's content. file stands in the faults, and what the profile names lies in its folder; environment
// gives the values of ${NAME}. The error is Faults.
func Parse(file string, data []byte, environment func(name string) (string, bool)) (*Profile, error) {
	p := &Profile{file: file}
	form := yamlfile.Form{What: "a profile", Empty: "write name:, ports: and roles:", Environment: environment}
	read, ok := yamlfile.Read(file, data, form, p)
	p.places = read.Places
	if ok {
		(&checker{p, read}).all()
	}
	if faults := read.Faults(); len(faults) > 0 {
		return nil, faults
	}
	return p, nil
}

// folder is where the profile's paths begin.
func (p *Profile) folder() string { return filepath.Dir(p.file) }

// path makes a path of the profile one of this process.
func (p *Profile) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.folder(), name)
}

// fault is a fault at the first of paths that the file has; of the whole file when it has none.
func (p *Profile) fault(text string, paths ...string) Fault {
	for _, path := range paths {
		if at, ok := p.places[path]; ok {
			return Fault{File: p.file, Line: at.Line, Column: at.Column, Text: text}
		}
	}
	return Fault{File: p.file, Text: text}
}

// timeout is how long the relay may take to answer.
func (p *Profile) timeout() time.Duration {
	if p.Timeout == 0 {
		return 20 * time.Second
	}
	return p.Timeout
}

// written gives the address that the profile writes for role.
func (p *Profile) written(role target.Role) string {
	switch role {
	case target.Port25:
		return p.Ports.Port25
	case target.Port465:
		return p.Ports.Port465
	case target.Port587:
		return p.Ports.Port587
	}
	return ""
}

// roles are the documented ports, the one that a session is opened to by default first.
func roles() []target.Role { return []target.Role{target.Port587, target.Port25, target.Port465} }
