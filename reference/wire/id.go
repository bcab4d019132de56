package wire

import (
	"fmt"
	"math/rand/v2"
)

// newID gives a session id in the shape seen since 2023, ffacd0b85a97d-385ccd68a77sm336259f8f.78.
// Source: relay-rules section 3, observed.
func newID() string {
	return fmt.Sprintf("%013x-%011xsm%d%c%02x.%d", rand.Uint64()>>12, rand.Uint64()>>20,
		100_000+rand.IntN(9_900_000), 'a'+rune(rand.IntN(6)), rand.IntN(256), 1+rand.IntN(127))
}
