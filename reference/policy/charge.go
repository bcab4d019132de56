package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind tells how a counter counts.
type Kind uint8

// The kinds of counters. Source: CNT-UNIQ-VS-TOTAL.
const (
	Total    Kind = iota // every unit counts
	Distinct             // each different recipient counts once; another message to it refreshes its time
)

// Counter names what is counted within a customer's account.
type Counter uint8

// The counters of the documented limits.
const (
	CustomerDay    Counter = iota // recipients of the customer, 24 h
	CustomerPeak                  // recipients of the customer, 10 min
	UserMessages                  // messages of a user, 24 h
	UserRecipients                // distinct recipients of a user, 24 h
	Counters       = 4
)

var counterNames = [...]string{"customer-day", "customer-peak", "user-messages", "user-recipients"}

func (c Counter) String() string { return counterNames[c] }

// ParseCounter finds a counter by its name.
func ParseCounter(name string) (Counter, error) {
	at := slices.Index(counterNames[:], name)
	if at < 0 {
		return 0, fmt.Errorf("no counter is called %q: there are %s", name, strings.Join(counterNames[:], ", "))
	}
	return Counter(at), nil
}

// Window is how long a charge counts.
type Window struct {
	Length time.Duration // > 0
	Fixed  bool          // false: sliding, a charge at t counts until t+Length, excluded. true: until the next multiple of Length since 1970
}

// Item is one limit that a charge must fit into.
type Item struct {
	Rule       RuleID
	Counter    Counter
	Kind       Kind
	User       string // registered user (lower case), for the user's counters; else empty
	Amount     int    // Total: units; Distinct: ignored, Charge.Recipients are counted
	Limit      int    // -1: none
	Window     Window
	AllowEmpty bool // a charge over Limit passes while the counter stands at zero (relay-rules 2.27)
	Refusal    ReplyName
}

// Charge is what the acceptance of a transaction uses up: all items or none.
// The items stand in the order in which their limits speak. Source: relay-rules 2.26.
type Charge struct {
	Account    string // the customer
	Recipients []Address
	items      [Counters]Item
	count      int
}

// Add appends an item. A charge has at most one item a Counter.
func (c *Charge) Add(item Item) {
	c.items[c.count] = item
	c.count++
}

// Items gives the items in order of precedence: none where c is nil. The slice is c's own.
func (c *Charge) Items() []Item {
	if c == nil {
		return nil
	}
	return c.items[:c.count]
}
