package mutants

import (
	"time"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/policy"
)

// limits are relays whose numbers or windows are wrong.
func limits() []Mutant {
	return []Mutant{
		{"a user may send 9,999 messages", []string{"LIM-USER-MSGS", "ERR-USER"}, number(func(l *policy.Limits) { l.UserMessages = 9999 })},
		{"a user may send 10,001 messages", []string{"LIM-USER-MSGS", "ERR-USER"}, number(func(l *policy.Limits) { l.UserMessages = 10_001 })},
		{"a user has 9,999 distinct recipients", []string{"LIM-USER-UNIQ", "ERR-USER"}, number(func(l *policy.Limits) { l.UserRecipients = 9999 })},
		{"a user has 10,001 distinct recipients", []string{"LIM-USER-UNIQ", "ERR-USER"}, number(func(l *policy.Limits) { l.UserRecipients = 10_001 })},
		{"a user's windows are calendar days", []string{"LIM-USER-MSGS", "LIM-USER-UNIQ"}, items(func(_ *policy.Facts, item *policy.Item) {
			item.Window.Fixed = item.Window.Fixed || !ofCustomer(item)
		})},
		{"a user's window is 25 hours", []string{"LIM-USER-MSGS", "LIM-USER-UNIQ"}, number(func(l *policy.Limits) { l.UserWindow = 25 * time.Hour })},
		{"129 recipients a licence and day", []string{"LIM-CUST-DAY", "LIM-CUST-LICENCE"}, number(func(l *policy.Limits) { l.DayPerLicence = 129 })},
		{"131 recipients a licence and day", []string{"LIM-CUST-DAY", "LIM-CUST-LICENCE"}, number(func(l *policy.Limits) { l.DayPerLicence = 131 })},
		{"a customer's day is a calendar day", []string{"LIM-CUST-DAY"}, fixed(policy.CustomerDay)},
		{"a customer's day is 25 hours", []string{"LIM-CUST-DAY"}, number(func(l *policy.Limits) { l.DayWindow = 25 * time.Hour })},
		{"no ceiling for a customer's day", []string{"LIM-CUST-DAY-MAX"}, number(func(l *policy.Limits) { l.DayMax = -1 })},
		{"the ceiling of the day is 4,599,999", []string{"LIM-CUST-DAY-MAX"}, number(func(l *policy.Limits) { l.DayMax = 4_599_999 })},
		{"the ceiling of the day is 4,600,001", []string{"LIM-CUST-DAY-MAX"}, number(func(l *policy.Limits) { l.DayMax = 4_600_001 })},
		{"8 recipients a licence and 10 minutes", []string{"LIM-CUST-PEAK", "LIM-CUST-LICENCE"}, number(func(l *policy.Limits) { l.PeakPerLicence = 8 })},
		{"10 recipients a licence and 10 minutes", []string{"LIM-CUST-PEAK", "LIM-CUST-LICENCE"}, number(func(l *policy.Limits) { l.PeakPerLicence = 10 })},
		{"the 10 minutes are those of the clock on the wall", []string{"LIM-CUST-PEAK"}, fixed(policy.CustomerPeak)},
		{"the 10 minutes are 11", []string{"LIM-CUST-PEAK"}, number(func(l *policy.Limits) { l.PeakWindow = 11 * time.Minute })},
		{"no ceiling for 10 minutes", []string{"LIM-CUST-PEAK-MAX"}, number(func(l *policy.Limits) { l.PeakMax = -1 })},
		{"the ceiling of 10 minutes is 319,443", []string{"LIM-CUST-PEAK-MAX"}, number(func(l *policy.Limits) { l.PeakMax = 319_443 })},
		{"the ceiling of 10 minutes is 319,445", []string{"LIM-CUST-PEAK-MAX"}, number(func(l *policy.Limits) { l.PeakMax = 319_445 })},
		{"licences don't matter", []string{"LIM-CUST-LICENCE", "LIM-CUST-DAY", "LIM-CUST-PEAK"}, customers(func(c *target.Customer) { c.Licences = 2000 })},
		{"small customers may relay 20,000 a day", []string{"LIM-CUST-SMALL-FIRST", "LIM-CUST-DAY"}, items(func(_ *policy.Facts, item *policy.Item) {
			if item.Counter == policy.CustomerDay && item.Limit > 100 {
				item.Limit = max(item.Limit, 20_000)
			}
		})},
		{"unpaid customers may relay to 99 a day", []string{"LIM-UNPAID-DAY"}, number(func(l *policy.Limits) { l.UnpaidDay = 99 })},
		{"unpaid customers may relay to 101 a day", []string{"LIM-UNPAID-DAY"}, number(func(l *policy.Limits) { l.UnpaidDay = 101 })},
		{"unpaid customers may relay to 49 in 10 minutes", []string{"LIM-UNPAID-PEAK"}, number(func(l *policy.Limits) { l.UnpaidPeak = 49 })},
		{"unpaid customers may relay to 51 in 10 minutes", []string{"LIM-UNPAID-PEAK"}, number(func(l *policy.Limits) { l.UnpaidPeak = 51 })},
		{"a trial has the limits of a paid account", []string{"TRIAL-LOWER", "TRIAL-PAY"}, number(func(l *policy.Limits) { l.TrialDay, l.TrialPeak = -1, -1 })},
		{"the end of the trial raises the limits", []string{"TRIAL-PAY", "LIM-UNPAID-DAY", "LIM-UNPAID-PEAK"}, customers(func(c *target.Customer) { c.Unpaid = c.Unpaid && c.Trial })},
		{"a paid invoice doesn't raise a trial's limits", []string{"TRIAL-PAY"}, customers(func(c *target.Customer) { c.Unpaid = c.Unpaid || c.Trial })},
		{"a legacy account relays", []string{"ELIG-LEGACY"}, customers(func(c *target.Customer) { c.Edition = "" })},
	}
}

// fixed makes one counter's window stand still, which its relay doesn't declare.
func fixed(counter policy.Counter) embedded.Options {
	return items(func(_ *policy.Facts, item *policy.Item) {
		item.Window.Fixed = item.Window.Fixed || item.Counter == counter
	})
}
