// Package island is where programs that aren't ours run: they look names up and send mail wherever they are told to, and
// here that leads nowhere. An island is a network with a loopback interface alone, a resolver of ours, mounts and processes
// that end with it, and a folder in memory for files.
//
// This program goes there by running itself again: Command gives it as the island's first process, which furnishes the
// island, answers for the resolver, and runs the program once more, for what it was called to do. So main has to begin
// with Land. It takes Linux and root; Lacking says what is missing.
//
// It is no sandbox: files that aren't on the ground are those of the machine. Start with Command.
package island

// Options of Command. The zero value works.
type Options struct {
	Hosts []string // names for 127.0.0.1 besides localhost, that the table of hosts has
	// Names are hosts besides those of examples, each with its IPv4 address, that the resolver has. No mail exchanger is
	// named for them.
	Names map[string]string
}

const (
	// stageEnv tells this program what it is on an island: first, or settled.
	stageEnv = "RELAYSPEC_ISLAND"
	first    = "first"
	settled  = "settled"
	// hostsEnv has Options.Hosts, namesEnv Options.Names as name=address, groundEnv what Ground gives.
	hostsEnv  = "RELAYSPEC_ISLAND_HOSTS"
	namesEnv  = "RELAYSPEC_ISLAND_NAMES"
	groundEnv = "RELAYSPEC_ISLAND_GROUND"
)

// Name is what the machine is called on an island. Its domain, where resolvers search for every name that isn't there, has
// nobody else.
const (
	Name   = "relay." + domain
	domain = "island.example"
)
