package ledger

import (
	"encoding/binary"

	"github.com/dchest/siphash"

	"github.com/relayspec/relayspec/reference/policy"
)

// identity tells recipients apart, by a key. Source: relay-rules 2.29, assumed.
type identity struct{ k0, k1 uint64 }

func newIdentity(key [16]byte) identity {
	return identity{binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])}
}

// hash is the identity of an address. text is memory to work in; it is given back as it has grown.
func (id identity) hash(address *policy.Address, text []byte) (uint64, []byte) {
	text = appendFolded(text[:0], address.Local)
	text = append(text, '@') // a domain has none, so this can't be mistaken for a part of the local part
	text = appendFolded(text, address.Domain)
	return siphash.Hash(id.k0, id.k1, text), text
}

// appendFolded appends s with the ASCII letters in lower case.
func appendFolded(text []byte, s string) []byte {
	start := len(text)
	text = append(text, s...)
	for i, c := range text[start:] {
		if 'A' <= c && c <= 'Z' {
			text[start+i] = c + 'a' - 'A'
		}
	}
	return text
}
