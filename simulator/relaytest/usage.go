package relaytest

import (
	"fmt"
	"strings"

	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/policy"
)

// The counters of the documented limits.
const (
	CustomerDay    = policy.CustomerDay    // recipients of the customer, 24 h
	CustomerPeak   = policy.CustomerPeak   // recipients of the customer, 10 min
	UserMessages   = policy.UserMessages   // messages of a user, 24 h
	UserRecipients = policy.UserRecipients // different recipients of a user, 24 h
)

// Usage is where a counter stands.
type Usage struct {
	Counter policy.Counter
	// User is the address of a registered user: for UserMessages and UserRecipients, which are nobody else's. Empty: the only
	// one that there is.
	User string
	// Customer is the ID of a customer. Empty: the user's, or the only one that there is.
	Customer string
	Amount   int
}

// Use makes a counter stand at an amount, as if that had just been used; what it counted before is forgotten. Where the user
// or the customer doesn't exist the test ends.
func (r *Relay) Use(u Usage) {
	r.t.Helper()
	customer, user, err := r.account(&u)
	if err != nil {
		r.t.Fatalf("use %s: %v", u.Counter, err)
		return
	}
	r.ledger.Set(r.clock.Now(), customer, u.Counter, user, u.Amount, r.service.Window(u.Counter))
}

// Used tells where a counter stands; the Amount of u doesn't matter. Where the user or the customer doesn't exist the test
// ends.
func (r *Relay) Used(u Usage) int {
	r.t.Helper()
	customer, user, err := r.account(&u)
	if err != nil {
		r.t.Fatalf("look at %s: %v", u.Counter, err)
		return 0
	}
	return r.ledger.Used(r.clock.Now(), customer, u.Counter, user, r.service.Window(u.Counter))
}

// account finds whose counter it is.
func (r *Relay) account(u *Usage) (customer, user string, err error) {
	r.mu.Lock()
	world := r.world
	r.mu.Unlock()
	if u.Counter == UserMessages || u.Counter == UserRecipients {
		found, err := userOf(world, u.User)
		if err != nil {
			return "", "", err
		}
		if u.Customer != "" && u.Customer != found.Customer.ID {
			return "", "", fmt.Errorf("user %s is customer %q's, not %q's", found.Address, found.Customer.ID, u.Customer)
		}
		return found.Customer.ID, found.ID, nil
	}
	all := world.Customers()
	switch {
	case u.User != "":
		return "", "", fmt.Errorf("it is a customer's counter: leave User, which is %q, out", u.User)
	case u.Customer == "" && len(all) == 1:
		return all[0].ID, "", nil
	case world.Customer(u.Customer) == nil:
		return "", "", fmt.Errorf("there is no customer %q: name one of %s", u.Customer, customers(world))
	}
	return u.Customer, "", nil
}

func userOf(world *directory.Directory, address string) (*policy.User, error) {
	all := world.Users()
	if address == "" && len(all) == 1 {
		return all[0], nil
	}
	var known []string
	for _, u := range all {
		if strings.EqualFold(u.Address.String(), address) {
			return u, nil
		}
		known = append(known, u.Address.String())
	}
	return nil, fmt.Errorf("there is no registered user %q: name one of %s", address, strings.Join(known, ", "))
}
