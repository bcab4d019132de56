package mutants

import (
	"time"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/reference/policy"
)

// limits are relays whose numbers or windows are wrong.
func limits() []Mutant {
	return []Mutant{
		{Name: "a user may send 9,999 messages", Breaks: []string{"LIM-USER-MSGS", "ERR-USER"}, Relay: number(func(l *policy.Limits) { l.UserMessages = 9999 })},
		{Name: "a user may send 10,001 messages", Breaks: []string{"LIM-USER-MSGS", "ERR-USER"}, Relay: number(func(l *policy.Limits) { l.UserMessages = 10_001 })},
		{Name: "a user has 9,999 distinct recipients", Breaks: []string{"LIM-USER-UNIQ", "ERR-USER"}, Relay: number(func(l *policy.Limits) { l.UserRecipients = 9999 })},
		{Name: "a user has 10,001 distinct recipients", Breaks: []string{"LIM-USER-UNIQ", "ERR-USER"}, Relay: number(func(l *policy.Limits) { l.UserRecipients = 10_001 })},
		{Name: "a user's windows are calendar days", Breaks: []string{"LIM-USER-MSGS", "LIM-USER-UNIQ", "LIM-CUST-DAY"}, Relay: with(nil, "day-window=fixed")},
		{Name: "a user's window is 25 hours", Breaks: []string{"LIM-USER-MSGS", "LIM-USER-UNIQ"}, Relay: number(func(l *policy.Limits) { l.UserWindow = 25 * time.Hour })},
		{Name: "129 recipients a licence and day", Breaks: []string{"LIM-CUST-DAY", "LIM-CUST-LICENCE"}, Relay: number(func(l *policy.Limits) { l.DayPerLicence = 129 })},
		{Name: "131 recipients a licence and day", Breaks: []string{"LIM-CUST-DAY", "LIM-CUST-LICENCE"}, Relay: number(func(l *policy.Limits) { l.DayPerLicence = 131 })},
		{Name: "a customer's day is a calendar day", Breaks: []string{"LIM-CUST-DAY", "LIM-USER-MSGS", "LIM-USER-UNIQ"}, Relay: with(nil, "day-window=fixed")},
		{Name: "a customer's day is 25 hours", Breaks: []string{"LIM-CUST-DAY", "LIM-UNPAID-DAY"}, Relay: number(func(l *policy.Limits) { l.DayWindow = 25 * time.Hour })},
		{Name: "no ceiling for a customer's day", Breaks: []string{"LIM-CUST-DAY-MAX"}, Relay: number(func(l *policy.Limits) { l.DayMax = -1 })},
		{Name: "the ceiling of the day is 4,599,999", Breaks: []string{"LIM-CUST-DAY-MAX"}, Relay: number(func(l *policy.Limits) { l.DayMax = 4_599_999 })},
		{Name: "the ceiling of the day is 4,600,001", Breaks: []string{"LIM-CUST-DAY-MAX"}, Relay: number(func(l *policy.Limits) { l.DayMax = 4_600_001 })},
		{Name: "8 recipients a licence and 10 minutes", Breaks: []string{"LIM-CUST-PEAK", "LIM-CUST-LICENCE"}, Relay: number(func(l *policy.Limits) { l.PeakPerLicence = 8 })},
		{Name: "10 recipients a licence and 10 minutes", Breaks: []string{"LIM-CUST-PEAK", "LIM-CUST-LICENCE"}, Relay: number(func(l *policy.Limits) { l.PeakPerLicence = 10 })},
		{Name: "the 10 minutes are those of the clock on the wall", Breaks: []string{"LIM-CUST-PEAK"}, Relay: with(nil, "peak-window=fixed")},
		{Name: "the 10 minutes are 11", Breaks: []string{"LIM-CUST-PEAK", "LIM-UNPAID-PEAK"}, Relay: number(func(l *policy.Limits) { l.PeakWindow = 11 * time.Minute })},
		{Name: "no ceiling for 10 minutes", Breaks: []string{"LIM-CUST-PEAK-MAX"}, Relay: number(func(l *policy.Limits) { l.PeakMax = -1 })},
		{Name: "the ceiling of 10 minutes is 319,443", Breaks: []string{"LIM-CUST-PEAK-MAX"}, Relay: number(func(l *policy.Limits) { l.PeakMax = 319_443 })},
		{Name: "the ceiling of 10 minutes is 319,445", Breaks: []string{"LIM-CUST-PEAK-MAX"}, Relay: number(func(l *policy.Limits) { l.PeakMax = 319_445 })},
		{Name: "licences don't matter", Breaks: []string{"LIM-CUST-LICENCE", "LIM-CUST-DAY", "LIM-CUST-PEAK"}, Relay: customers(func(c *target.Customer) { c.Licences = 2000 })},
		{Name: "small customers may relay 20,000 a day", Breaks: []string{"LIM-CUST-SMALL-FIRST", "LIM-CUST-DAY"}, Relay: items(func(_ *policy.Facts, item *policy.Item) {
			if item.Counter == policy.CustomerDay && item.Limit > 100 {
				item.Limit = max(item.Limit, 20_000)
			}
		})},
		{Name: "a user's messages count for 23 hours", Breaks: []string{"LIM-USER-MSGS"}, Relay: window(policy.UserMessages, 23*time.Hour)},
		{Name: "a user's recipients count for 23 hours", Breaks: []string{"LIM-USER-UNIQ"}, Relay: window(policy.UserRecipients, 23*time.Hour)},
		{Name: "a customer's day is 23 hours", Breaks: []string{"LIM-CUST-DAY", "LIM-UNPAID-DAY"}, Relay: window(policy.CustomerDay, 23*time.Hour)},
		{Name: "the 10 minutes are 9", Breaks: []string{"LIM-CUST-PEAK", "LIM-UNPAID-PEAK"}, Relay: window(policy.CustomerPeak, 9*time.Minute)},
		{Name: "an unpaid customer's day is 23 hours", Breaks: []string{"LIM-UNPAID-DAY"}, Relay: unpaidWindow(policy.CustomerDay, 23*time.Hour)},
		{Name: "an unpaid customer's day is 25 hours", Breaks: []string{"LIM-UNPAID-DAY"}, Relay: unpaidWindow(policy.CustomerDay, 25*time.Hour)},
		{Name: "an unpaid customer's 10 minutes are 9", Breaks: []string{"LIM-UNPAID-PEAK"}, Relay: unpaidWindow(policy.CustomerPeak, 9*time.Minute)},
		{Name: "an unpaid customer's 10 minutes are 11", Breaks: []string{"LIM-UNPAID-PEAK"}, Relay: unpaidWindow(policy.CustomerPeak, 11*time.Minute)},
		{Name: "unpaid customers may relay to 99 a day", Breaks: []string{"LIM-UNPAID-DAY"}, Relay: number(func(l *policy.Limits) { l.UnpaidDay = 99 })},
		{Name: "unpaid customers may relay to 101 a day", Breaks: []string{"LIM-UNPAID-DAY"}, Relay: number(func(l *policy.Limits) { l.UnpaidDay = 101 })},
		{Name: "unpaid customers may relay to 49 in 10 minutes", Breaks: []string{"LIM-UNPAID-PEAK"}, Relay: number(func(l *policy.Limits) { l.UnpaidPeak = 49 })},
		{Name: "unpaid customers may relay to 51 in 10 minutes", Breaks: []string{"LIM-UNPAID-PEAK"}, Relay: number(func(l *policy.Limits) { l.UnpaidPeak = 51 })},
		{Name: "a trial has the limits of a paid account", Breaks: []string{"TRIAL-LOWER", "TRIAL-PAY"}, Relay: number(func(l *policy.Limits) { l.TrialDay, l.TrialPeak = -1, -1 })},
		{Name: "the end of the trial raises the limits", Breaks: []string{"TRIAL-PAY", "LIM-UNPAID-DAY", "LIM-UNPAID-PEAK"}, Relay: customers(func(c *target.Customer) { c.Unpaid = c.Unpaid && c.Trial })},
		{Name: "a paid invoice doesn't raise a trial's limits", Breaks: []string{"TRIAL-PAY"}, Relay: customers(func(c *target.Customer) { c.Unpaid = c.Unpaid || c.Trial })},
		{Name: "a legacy account relays", Breaks: []string{"ELIG-LEGACY"}, Relay: customers(func(c *target.Customer) { c.Edition = "" })},
	}
}

// window changes for how long one counter counts.
func window(of policy.Counter, length time.Duration) embedded.Options {
	return items(func(_ *policy.Facts, item *policy.Item) {
		if item.Counter == of {
			item.Window.Length = length
		}
	})
}

// unpaidWindow is window for customers that haven't paid yet, who are known by their limits.
func unpaidWindow(of policy.Counter, length time.Duration) embedded.Options {
	return charges(func(next reference.Decider, _ *policy.Facts, account string, items []policy.Item) (string, []policy.Item) {
		l := &serviceOf(next).Limits
		for i := range items {
			unpaid := items[i].Limit == l.UnpaidDay || items[i].Limit == l.UnpaidPeak
			if items[i].Counter == of && unpaid {
				items[i].Window.Length = length
			}
		}
		return account, items
	})
}
