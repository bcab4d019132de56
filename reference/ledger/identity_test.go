package ledger

import (
	"testing"

	"github.com/relayspec/relayspec/reference/policy"
)

func TestIdentity(t *testing.T) {
	long := make([]byte, 1000)
	for i := range long {
		long[i] = 'L'
	}
	tests := []struct {
		name string
		a, b policy.Address
		same bool
	}{
		{"itself", policy.Address{Local: "ann", Domain: "a.example"}, policy.Address{Local: "ann", Domain: "a.example"}, true},
		{"ASCII case of the local part", policy.Address{Local: "AzNn", Domain: "a.example"}, policy.Address{Local: "aZnN", Domain: "a.example"}, true},
		{"ASCII case of the domain", policy.Address{Local: "ann", Domain: "A.Example"}, policy.Address{Local: "ann", Domain: "a.example"}, true},
		{"case beyond ASCII", policy.Address{Local: "É", Domain: "a.example"}, policy.Address{Local: "é", Domain: "a.example"}, false},
		{"what lies beside the letters", policy.Address{Local: "[@", Domain: "a.example"}, policy.Address{Local: "{`", Domain: "a.example"}, false},
		{"dots", policy.Address{Local: "a.nn", Domain: "a.example"}, policy.Address{Local: "ann", Domain: "a.example"}, false},
		{"plus", policy.Address{Local: "ann+x", Domain: "a.example"}, policy.Address{Local: "ann", Domain: "a.example"}, false},
		{"where the domain begins", policy.Address{Local: "ab", Domain: "c"}, policy.Address{Local: "a", Domain: "bc"}, false},
		{"no domain", policy.Address{Local: "Postmaster"}, policy.Address{Local: "postmaster"}, true},
		{"no domain, and one", policy.Address{Local: "postmaster"}, policy.Address{Local: "postmaster", Domain: "a.example"}, false},
		{"long", policy.Address{Local: string(long)}, policy.Address{Local: string(long[1:])}, false},
	}
	id := newIdentity([16]byte{1})
	for _, test := range tests {
		a, text := id.hash(&test.a, nil)
		b, _ := id.hash(&test.b, text)
		if same := a == b; same != test.same {
			t.Errorf("%s: the same: %v, want %v", test.name, same, test.same)
		}
	}
}

func TestKeyMatters(t *testing.T) {
	address, hashes := policy.Address{Local: "ann", Domain: "a.example"}, map[uint64]bool{}
	for _, key := range [][16]byte{{}, {0: 1}, {15: 1}} {
		hash, _ := newIdentity(key).hash(&address, nil)
		hashes[hash] = true
	}
	if len(hashes) != 3 {
		t.Errorf("3 keys give %d hashes", len(hashes))
	}
}

// TestBothHalvesMatter shows that recipients are told apart by the whole hash.
func TestBothHalvesMatter(t *testing.T) {
	r := newRecipients(never)
	r.hold([]uint64{1<<32 | 1, 1<<32 | 2, 2<<32 | 1})
	if got := r.count(); got != 3 {
		t.Errorf("%d recipients, want 3", got)
	}
}
