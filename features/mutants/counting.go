package mutants

import (
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
)

// counting are relays that count the wrong thing, or for the wrong account.
func counting() []Mutant {
	return []Mutant{
		{Name: "all users of a customer share their counters", Breaks: []string{"CNT-ENVELOPE"}, Relay: items(func(_ *policy.Facts, item *policy.Item) {
			if !ofCustomer(item) {
				item.User = "everybody"
			}
		})},
		{Name: "unregistered senders have a user's limits", Breaks: []string{"CNT-UNREGISTERED"}, Relay: charges(chargeUnregistered)},
		{Name: "the AUTH identity is charged", Breaks: []string{"CNT-NOT-AUTH", "CNT-ENVELOPE"}, Relay: items(func(f *policy.Facts, item *policy.Item) {
			if !ofCustomer(item) && f.User != "" {
				item.User = f.User
			}
		})},
		{Name: "the addresses in From and Reply-To are counted", Breaks: []string{"CNT-NOT-HEADERS"}, Relay: embedded.Options{Engine: countingHeaders}},
		{Name: "unregistered senders pass a customer's limits", Breaks: []string{"LIM-CUST-BLOCKS-ALL", "CNT-CUST-ALL"}, Relay: charges(freeUnregistered)},
		{Name: "a user's error comes before the customer's", Breaks: []string{"ERR-CUST-PRECEDENCE", "LIM-CUST-BLOCKS-ALL"}, Relay: charges(usersFirst)},
		{Name: "a customer's recipients are counted once each", Breaks: []string{"CNT-UNIQ-VS-TOTAL", "CNT-EXAMPLE", "LIM-CUST-DAY", "LIM-CUST-PEAK"}, Relay: items(func(_ *policy.Facts, item *policy.Item) {
			if ofCustomer(item) {
				item.Kind = policy.Distinct
			}
		})},
		{Name: "a user's recipients are counted each time", Breaks: []string{"CNT-EXAMPLE", "CNT-UNIQ-VS-TOTAL", "LIM-USER-UNIQ"}, Relay: charges(countAll)},
		{Name: "a user's recipients are never forgotten", Breaks: []string{"LIM-USER-UNIQ"}, Relay: number(func(l *policy.Limits) { l.UserWindow *= 1000 })},
		{Name: "a customer's messages are counted, not its recipients", Breaks: []string{"LIM-CUST-DAY", "LIM-CUST-PEAK", "CNT-UNIQ-VS-TOTAL"}, Relay: items(func(_ *policy.Facts, item *policy.Item) {
			if ofCustomer(item) {
				item.Amount = 1
			}
		})},
		{Name: "authenticated mail isn't counted for the customer", Breaks: []string{"CNT-CUST-ALL"}, Relay: items(func(f *policy.Facts, item *policy.Item) {
			if ofCustomer(item) && f.User != "" {
				item.Amount = 0
			}
		})},
		{Name: "each sender domain has a counter of its own", Breaks: []string{"CNT-CUST-SUBDOM", "CNT-CUST-ALL"}, Relay: accounts(func(f *policy.Facts) string { return f.Sender.Domain })},
		{Name: "external senders have a counter of their own", Breaks: []string{"CNT-CUST-HELO", "CNT-CUST-ALL"}, Relay: charges(apartExternal)},
		{Name: "dropped transactions are charged", Breaks: []string{"LIM-CUST-PEAK", "LIM-CUST-DAY"}, Relay: embedded.Options{Switches: map[string]string{"unfinished": "charged"}}},
		{Name: "recipients of a reset transaction are charged", Breaks: []string{"LIM-CUST-PEAK", "LIM-CUST-DAY", "LIM-USER-MSGS", "LIM-USER-UNIQ"}, Relay: with(nil, "limit-stage=rcpt", "unfinished=charged")},
		{Name: "external senders are counted by their own domain", Breaks: []string{"CNT-CUST-HELO", "CNT-CUST-ALL"}, Relay: charges(togetherExternal)},
		{Name: "1,000 messages to A count 1 for the customer, too", Breaks: []string{"CNT-EXAMPLE", "CNT-UNIQ-VS-TOTAL"}, Relay: items(func(_ *policy.Facts, item *policy.Item) {
			if ofCustomer(item) && item.Amount == 1 {
				item.Kind = policy.Distinct
			}
		})},
		{Name: "mail to the customer's own domains is free", Breaks: []string{"CNT-CUST-ALL"}, Noted: true, Relay: with(nil, "own-domains=free")},
		{Name: "capitals make another recipient", Breaks: []string{"LIM-USER-UNIQ"}, Noted: true, Relay: decides(capitalsDiffer)},
		{Name: "the peak's error comes before the day's", Breaks: []string{"ERR-CUST-PRECEDENCE"}, Noted: true, Relay: with(nil, "limit-order=peak-day-user")},
		{Name: "refused mail is charged", Breaks: []string{"LIM-CUST-PEAK", "LIM-CUST-DAY"}, Relay: embedded.Options{Ledger: func(next reference.Ledger) reference.Ledger { return &chargingRefused{next} }}},
		{Name: "a place that is held can be taken twice", Breaks: []string{"LIM-CUST-DAY", "LIM-CUST-PEAK", "LIM-USER-MSGS", "LIM-USER-UNIQ"}, Relay: embedded.Options{Ledger: func(next reference.Ledger) reference.Ledger {
			return &unheld{Ledger: next, asked: map[ledger.Hold]policy.Charge{}}
		}}},
		{Name: "a rewritten message charges the postmaster", Breaks: []string{"CNT-ENVELOPE", "SND-POSTMASTER-REWRITE"}, Relay: charges(chargePostmaster)},
	}
}

// chargeUnregistered gives every sender the two limits of a user.
func chargeUnregistered(next reference.Decider, f *policy.Facts, account string, items []policy.Item) (string, []policy.Item) {
	if len(items) > 2 || f.Sender.Null() {
		return account, items
	}
	return account, append(items, userItems(next, f.Sender.String())...)
}

// userItems are the two limits of a user.
func userItems(next reference.Decider, user string) []policy.Item {
	l := serviceOf(next).Limits
	window := policy.Window{Length: l.UserWindow}
	return []policy.Item{
		{Rule: "LIM-USER-MSGS", Counter: policy.UserMessages, User: user, Amount: 1, Limit: l.UserMessages, Window: window, Refusal: policy.ReplyUserLimit},
		{Rule: "LIM-USER-UNIQ", Counter: policy.UserRecipients, Kind: policy.Distinct, User: user, Limit: l.UserRecipients, Window: window, Refusal: policy.ReplyUserLimit},
	}
}

// freeUnregistered lets those pass who are no registered users.
func freeUnregistered(_ reference.Decider, _ *policy.Facts, account string, items []policy.Item) (string, []policy.Item) {
	if len(items) == 2 {
		for i := range items {
			items[i].Limit = -1
		}
	}
	return account, items
}

// usersFirst puts a user's limits before the customer's.
func usersFirst(_ reference.Decider, _ *policy.Facts, account string, items []policy.Item) (string, []policy.Item) {
	return account, append(items[2:len(items):len(items)], items[:2]...)
}

// countAll counts a user's recipients as the customer's are.
func countAll(_ reference.Decider, f *policy.Facts, account string, items []policy.Item) (string, []policy.Item) {
	for i := range items {
		if items[i].Kind == policy.Distinct {
			items[i].Kind, items[i].Amount = policy.Total, items[0].Amount
		}
	}
	return account, items
}

// accounts counts each kind of message, as of names it, apart.
func accounts(of func(f *policy.Facts) string) embedded.Options {
	return charges(func(_ reference.Decider, f *policy.Facts, account string, items []policy.Item) (string, []policy.Item) {
		return account + "/" + of(f), items
	})
}

// apartExternal counts mail of senders that are in no domain of the customer's apart.
func apartExternal(next reference.Decider, f *policy.Facts, account string, items []policy.Item) (string, []policy.Item) {
	if owner, _ := directoryOf(next).Owner(f.Sender.Domain); owner == nil {
		account += "/external"
	}
	return account, items
}

// togetherExternal counts mail of senders that are in no domain of any customer's by that domain, for all customers together.
func togetherExternal(next reference.Decider, f *policy.Facts, account string, items []policy.Item) (string, []policy.Item) {
	if owner, _ := directoryOf(next).Owner(f.Sender.Domain); owner == nil {
		account = "external " + f.Sender.Domain
	}
	return account, items
}

// capitalsDiffer charges addresses in which a capital is another letter.
func capitalsDiffer(next reference.Decider, stage policy.Stage, f *policy.Facts) policy.Decision {
	d := next.Decide(stage, f)
	if d.Charge == nil {
		return d
	}
	other := make([]policy.Address, len(d.Charge.Recipients))
	for i, a := range d.Charge.Recipients {
		var local strings.Builder
		for _, c := range a.Local {
			if c != unicode.ToLower(c) {
				local.WriteByte('^')
			}
			local.WriteRune(c)
		}
		other[i] = policy.Address{Local: local.String(), Domain: a.Domain}
	}
	d.Charge.Recipients = other
	return d
}

// chargePostmaster charges the rewritten sender.
func chargePostmaster(next reference.Decider, f *policy.Facts, account string, items []policy.Item) (string, []policy.Item) {
	d := next.Decide(policy.Data, f)
	if user := directoryOf(next).User(d.Sender); user != nil && len(items) == 2 {
		items = append(items, userItems(next, user.ID)...)
	}
	return account, items
}

// chargingRefused charges what it refuses, for the counters that still have room.
type chargingRefused struct{ reference.Ledger }

func (l *chargingRefused) Reserve(now time.Time, c *policy.Charge) (ledger.Hold, *policy.Item) {
	hold, refused := l.Ledger.Reserve(now, c)
	if refused != nil {
		l.charge(now, c)
	}
	return hold, refused
}

// charge commits c without its limits.
func (l *chargingRefused) charge(now time.Time, c *policy.Charge) {
	l.Commit(now, unlimited(l.Ledger, now, c))
}

// unlimited holds c without its limits.
func unlimited(l reference.Ledger, now time.Time, c *policy.Charge) ledger.Hold {
	free := policy.Charge{Account: c.Account, Recipients: c.Recipients}
	for _, item := range c.Items() {
		item.Limit = -1
		free.Add(item)
	}
	hold, _ := l.Reserve(now, &free)
	return hold
}

// unheld asks whether there is room and holds nothing: what is accepted is charged at the end, whatever came between.
type unheld struct {
	reference.Ledger
	mu    sync.Mutex
	asked map[ledger.Hold]policy.Charge
}

func (l *unheld) Reserve(now time.Time, c *policy.Charge) (ledger.Hold, *policy.Item) {
	hold, refused := l.Ledger.Reserve(now, c)
	if refused == nil {
		l.Ledger.Release(hold)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.asked[hold] = *c
	}
	return hold, refused
}

func (l *unheld) Commit(now time.Time, h ledger.Hold) {
	if c, ok := l.take(h); ok {
		l.Ledger.Commit(now, unlimited(l.Ledger, now, &c))
	}
}

func (l *unheld) Release(h ledger.Hold) { l.take(h) }

func (l *unheld) take(h ledger.Hold) (policy.Charge, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.asked[h]
	delete(l.asked, h)
	return c, ok
}
