package mutants

import (
	"strings"
	"unicode"

	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/policy"
)

// counting are relays that count the wrong thing, or for the wrong account.
func counting() []Mutant {
	return []Mutant{
		{Name: "all users of a customer share the counter of messages", Breaks: []string{"CNT-ENVELOPE", "LIM-USER-MSGS"}, Relay: counter(policy.UserMessages, chargeEverybody)},
		{Name: "all users of a customer share the counter of recipients", Breaks: []string{"CNT-ENVELOPE", "LIM-USER-UNIQ"}, Relay: counter(policy.UserRecipients, chargeEverybody)},
		{Name: "unregistered senders have a user's limits", Breaks: []string{"CNT-UNREGISTERED"}, Relay: charges(chargeUnregistered)},
		{Name: "the AUTH identity is charged the messages", Breaks: []string{"CNT-NOT-AUTH", "CNT-ENVELOPE"}, Relay: counter(policy.UserMessages, chargeAuthenticated)},
		{Name: "the AUTH identity is charged the recipients", Breaks: []string{"CNT-NOT-AUTH", "CNT-ENVELOPE"}, Relay: counter(policy.UserRecipients, chargeAuthenticated)},
		{Name: "the addresses in From are counted", Breaks: []string{"CNT-NOT-HEADERS"}, Relay: embedded.Options{Engine: countingHeader("From")}},
		{Name: "the addresses in Reply-To are counted", Breaks: []string{"CNT-NOT-HEADERS"}, Relay: embedded.Options{Engine: countingHeader("Reply-To")}},
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
		{Name: "a dropped transaction is charged to the customer's day", Breaks: []string{"LIM-CUST-DAY"}, Relay: unfinished(policy.CustomerDay)},
		{Name: "a dropped transaction is charged to the customer's 10 minutes", Breaks: []string{"LIM-CUST-PEAK"}, Relay: unfinished(policy.CustomerPeak)},
		{Name: "a dropped transaction is charged to the user's messages", Breaks: []string{"LIM-USER-MSGS"}, Relay: unfinished(policy.UserMessages)},
		{Name: "a dropped transaction is charged to the user's recipients", Breaks: []string{"LIM-USER-UNIQ"}, Relay: unfinished(policy.UserRecipients)},
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
		{Name: "a place that is held can be taken twice", Breaks: []string{"LIM-CUST-DAY", "LIM-CUST-PEAK", "LIM-USER-MSGS", "LIM-USER-UNIQ"}, Relay: embedded.Options{Ledger: newUnheld}},
		{Name: "a rewritten message is one of the postmaster's", Breaks: []string{"CNT-ENVELOPE"}, Relay: charges(chargePostmaster(policy.UserMessages))},
		{Name: "a rewritten message's recipients are the postmaster's", Breaks: []string{"CNT-ENVELOPE"}, Relay: charges(chargePostmaster(policy.UserRecipients))},
	}
}

// counter changes the items of one counter.
func counter(of policy.Counter, change func(f *policy.Facts, item *policy.Item)) embedded.Options {
	return items(func(f *policy.Facts, item *policy.Item) {
		if item.Counter == of {
			change(f, item)
		}
	})
}

// chargeEverybody charges one user for all.
func chargeEverybody(_ *policy.Facts, item *policy.Item) { item.User = "everybody" }

// chargeAuthenticated charges who logged in.
func chargeAuthenticated(f *policy.Facts, item *policy.Item) {
	if f.User != "" {
		item.User = f.User
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

// chargePostmaster charges the rewritten sender in one of a user's counters.
func chargePostmaster(of policy.Counter) func(reference.Decider, *policy.Facts, string, []policy.Item) (string, []policy.Item) {
	return func(next reference.Decider, f *policy.Facts, account string, items []policy.Item) (string, []policy.Item) {
		d := next.Decide(policy.Data, f)
		user := directoryOf(next).User(d.Sender)
		if user == nil || len(items) != 2 {
			return account, items
		}
		for _, item := range userItems(next, user.ID) {
			if item.Counter == of {
				items = append(items, item)
			}
		}
		return account, items
	}
}
