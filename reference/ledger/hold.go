package ledger

import "github.com/relayspec/relayspec/reference/policy"

// Hold is a charge that is reserved and neither committed nor released yet. It has no age: it counts as used until then.
// The zero Hold holds nothing. A Hold may be copied; all copies are one hold.
type Hold struct {
	of     *reservation
	number uint64 // of the use of the reservation: a Hold that was settled doesn't touch the next one
}

// The memory that an account keeps for its next reservations.
const (
	spareReservations = 64
	spareHashes       = 4096
)

// reservation is what a Hold stands for. Its memory belongs to an account and is used again; its account never changes.
type reservation struct {
	account *account
	number  uint64
	parts   [policy.Counters]part
	count   int
	hashes  []uint64 // of the recipients, if a part counts them
	text    []byte   // to hash in
}

// identify hashes the charge's recipients, if an item counts them.
func (r *reservation) identify(id identity, charge *policy.Charge) {
	r.hashes = r.hashes[:0]
	if !distinct(charge) {
		return
	}
	for i := range charge.Recipients {
		var hash uint64
		hash, r.text = id.hash(&charge.Recipients[i], r.text)
		r.hashes = append(r.hashes, hash)
	}
}

func distinct(charge *policy.Charge) bool {
	items := charge.Items()
	for i := range items {
		if items[i].Kind == policy.Distinct {
			return true
		}
	}
	return false
}

// release gives every part back.
func (r *reservation) release() {
	for i := range r.parts[:r.count] {
		p := &r.parts[i]
		p.release(r.hashes)
		p.user.holds--
	}
}
