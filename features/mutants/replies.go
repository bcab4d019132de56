package mutants

import "github.com/relayspec/relayspec/reference/policy"

// replies are relays that refuse where they should, with other words.
func replies() []Mutant {
	return []Mutant{
		{Name: "a user's limit is refused with 450", Breaks: []string{"ERR-USER", "LIM-USER-MSGS", "LIM-USER-UNIQ"}, Relay: reply(policy.ReplyUserLimit, func(r *policy.Reply) { r.Code, r.Enhanced = 450, "4.4.5" })},
		{Name: "a user's limit is refused with 5.7.1", Breaks: []string{"ERR-USER", "LIM-USER-MSGS", "LIM-USER-UNIQ"}, Relay: reply(policy.ReplyUserLimit, func(r *policy.Reply) { r.Enhanced = "5.7.1" })},
		{Name: "a user's limit is refused in other words", Breaks: []string{"ERR-USER"}, Relay: reply(policy.ReplyUserLimit, func(r *policy.Reply) { r.Lines = []string{"Daily user sending limit exceeded. {id} - gsmtp"} })},
		{Name: "a customer's day is refused with 450", Breaks: []string{"ERR-CUST-DAY", "LIM-CUST-DAY"}, Relay: reply(policy.ReplyCustomerDay, func(r *policy.Reply) { r.Code, r.Enhanced = 450, "4.7.1" })},
		{Name: "a customer's day is refused with 5.4.5", Breaks: []string{"ERR-CUST-DAY", "LIM-CUST-DAY"}, Relay: reply(policy.ReplyCustomerDay, func(r *policy.Reply) { r.Enhanced = "5.4.5" })},
		{Name: "a customer's day is refused in other words", Breaks: []string{"ERR-CUST-DAY"}, Relay: reply(policy.ReplyCustomerDay, func(r *policy.Reply) { r.Lines = []string{"Email quota exceeded. {id} - gsmtp"} })},
		{Name: "the peak is refused for good, with 550", Breaks: []string{"ERR-CUST-PEAK", "LIM-CUST-PEAK"}, Relay: reply(policy.ReplyCustomerPeak, func(r *policy.Reply) { r.Code, r.Enhanced = 550, "5.2.1" })},
		{Name: "the peak is refused with 4.7.1", Breaks: []string{"ERR-CUST-PEAK", "LIM-CUST-PEAK"}, Relay: reply(policy.ReplyCustomerPeak, func(r *policy.Reply) { r.Enhanced = "4.7.1" })},
		{Name: "the peak is refused in other words", Breaks: []string{"ERR-CUST-PEAK"}, Relay: reply(policy.ReplyCustomerPeak, func(r *policy.Reply) { r.Lines = []string{"Too many messages. {id} - gsmtp"} })},
	}
}
