// Package child runs the programs of others that a target needs: a relay that is started for a run, and a driver that is
// asked for one thing after another. Each is the first of a process group of its own, and is ended with all that is in it.
// On Linux it ends with this process, too, however that ends.
//
// Start with Start, for what goes on, and Ask, for what answers and ends.
package child

import (
	"os"
	"strconv"
)

// ours is in the environment of whatever this process starts.
func ours() string { return "RELAYSPEC_JUDGE=" + strconv.Itoa(os.Getpid()) }

// EndAll ends every process that this one started, and all that they started, at once: for who can't wait until each is
// closed. Where the environment of a process can't be read it ends nothing.
func EndAll() { EndMarked(ours()) }
