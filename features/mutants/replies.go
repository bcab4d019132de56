package mutants

import "github.com/relayspec/relayspec/reference/policy"

// replies are relays that refuse where they should, with other words.
func replies() []Mutant {
	return []Mutant{
		{"a user's limit is refused with 450", []string{"ERR-USER", "LIM-USER-MSGS", "LIM-USER-UNIQ"}, reply(policy.ReplyUserLimit, func(r *policy.Reply) { r.Code, r.Enhanced = 450, "4.4.5" })},
		{"a user's limit is refused with 5.7.1", []string{"ERR-USER", "LIM-USER-MSGS", "LIM-USER-UNIQ"}, reply(policy.ReplyUserLimit, func(r *policy.Reply) { r.Enhanced = "5.7.1" })},
		{"a user's limit is refused in other words", []string{"ERR-USER"}, reply(policy.ReplyUserLimit, func(r *policy.Reply) { r.Lines = []string{"Daily user sending limit exceeded. {id} - gsmtp"} })},
		{"a customer's day is refused with 450", []string{"ERR-CUST-DAY", "LIM-CUST-DAY"}, reply(policy.ReplyCustomerDay, func(r *policy.Reply) { r.Code, r.Enhanced = 450, "4.7.1" })},
		{"a customer's day is refused with 5.4.5", []string{"ERR-CUST-DAY", "LIM-CUST-DAY"}, reply(policy.ReplyCustomerDay, func(r *policy.Reply) { r.Enhanced = "5.4.5" })},
		{"a customer's day is refused in other words", []string{"ERR-CUST-DAY"}, reply(policy.ReplyCustomerDay, func(r *policy.Reply) { r.Lines = []string{"Email quota exceeded. {id} - gsmtp"} })},
		{"the peak is refused for good, with 550", []string{"ERR-CUST-PEAK", "LIM-CUST-PEAK"}, reply(policy.ReplyCustomerPeak, func(r *policy.Reply) { r.Code, r.Enhanced = 550, "5.2.1" })},
		{"the peak is refused with 4.7.1", []string{"ERR-CUST-PEAK", "LIM-CUST-PEAK"}, reply(policy.ReplyCustomerPeak, func(r *policy.Reply) { r.Enhanced = "4.7.1" })},
		{"the peak is refused in other words", []string{"ERR-CUST-PEAK"}, reply(policy.ReplyCustomerPeak, func(r *policy.Reply) { r.Lines = []string{"Too many messages. {id} - gsmtp"} })},
	}
}
