package policy

// charge is what the acceptance of a message to recipients uses up, for the customer and, where MAIL FROM as given is a
// registered user of that customer, for the user. The AUTH identity, the headers and a rewritten sender are never charged.
// Source: CNT-ENVELOPE, CNT-NOT-AUTH, CNT-NOT-HEADERS, CNT-UNREGISTERED, documented; relay-rules 2.41.
func (p *Policy) charge(c *Customer, f *Facts, recipients []Address) *Charge {
	return p.chargeTo(c, p.registered(c, f.Sender), recipients)
}

// Charge is what the acceptance of f's transaction would use up, whatever the stage at which limits speak; nil where the
// sender rules refuse it.
func (p *Policy) Charge(f *Facts) *Charge {
	a := p.admit(f)
	if a.decision.Refused() {
		return nil
	}
	return p.charge(a.customer, f, f.Recipients)
}

// Quota is what one message to one recipient, outside of c's own domains, would use up of c and of user, one of its users:
// it shows every limit that is theirs. A nil user has none.
func (p *Policy) Quota(c *Customer, user *User) *Charge {
	return p.chargeTo(c, user, []Address{{Local: "nobody", Domain: "invalid"}})
}

// chargeTo is what a message of c's to recipients uses up, and of user, who may be nil.
func (p *Policy) chargeTo(c *Customer, user *User, recipients []Address) *Charge {
	charge := &Charge{Account: c.ID, Recipients: recipients}
	counted := len(recipients)
	if p.Service.Switches.OwnDomainsFree {
		counted -= p.inOwnDomains(c, recipients)
	}
	day, peak := p.customerDay(c, counted), p.customerPeak(c, counted)
	if p.Service.Switches.PeakBeforeDay {
		day, peak = peak, day
	}
	charge.Add(day)
	charge.Add(peak)
	if user != nil {
		p.chargeUser(charge, c, user)
	}
	return charge
}

// customerDay refuses a message that would take a customer past its recipients in 24 hours.
//
// Unit: total envelope recipients, charged when the message is accepted. Limit: DayPerLicence a licence, at most DayMax;
// less while nothing has been paid. Reply: ReplyCustomerDay (550 5.7.1); the session stays open.
// Source: LIM-CUST-DAY, LIM-CUST-DAY-MAX, ERR-CUST-DAY, LIM-CUST-BLOCKS-ALL, documented; exact factor: relay-rules 2.6.
func (p *Policy) customerDay(c *Customer, recipients int) Item {
	limit := p.dayLimit(c)
	return Item{
		Rule: limit.rule, Counter: CustomerDay, Amount: recipients, Limit: limit.recipients,
		Window:     p.Service.Window(CustomerDay),
		AllowEmpty: p.Service.Switches.AllowIfEmpty, Refusal: ReplyCustomerDay,
	}
}

// customerPeak refuses a message that would take a customer past its recipients in 10 minutes.
//
// Unit: total envelope recipients, charged when the message is accepted. Limit: PeakPerLicence a licence, at most PeakMax;
// less while nothing has been paid. Reply: ReplyCustomerPeak (450 4.2.1); the session stays open.
// Source: LIM-CUST-PEAK, LIM-CUST-PEAK-MAX, ERR-CUST-PEAK, documented; exact factor: relay-rules 2.6.
func (p *Policy) customerPeak(c *Customer, recipients int) Item {
	l := &p.Service.Limits
	limit := effective(c, l.PeakPerLicence, l.PeakMax, l.TrialPeak, l.UnpaidPeak,
		limitRules{"LIM-CUST-PEAK", "LIM-CUST-PEAK-MAX", "LIM-UNPAID-PEAK"})
	return Item{
		Rule: limit.rule, Counter: CustomerPeak, Amount: recipients, Limit: limit.recipients,
		Window:     p.Service.Window(CustomerPeak),
		AllowEmpty: p.Service.Switches.AllowIfEmpty, Refusal: ReplyCustomerPeak,
	}
}

// chargeUser adds a user's two limits: messages, and distinct recipients, each within UserWindow.
//
// Reply to either: ReplyUserLimit (550 5.4.5); the session stays open.
// Source: LIM-USER-MSGS, LIM-USER-UNIQ, ERR-USER, documented; LIM-USER-LICENCE: not above the customer's day (relay-rules 2.23).
func (p *Policy) chargeUser(charge *Charge, c *Customer, user *User) {
	l := &p.Service.Limits
	messages := l.UserMessages
	if !p.Service.Switches.UserCapFlat {
		messages = lower(messages, p.dayLimit(c).recipients)
	}
	charge.Add(Item{
		Rule: "LIM-USER-MSGS", Counter: UserMessages, User: user.ID, Amount: 1,
		Limit: messages, Window: p.Service.Window(UserMessages), Refusal: ReplyUserLimit,
	})
	charge.Add(Item{
		Rule: "LIM-USER-UNIQ", Counter: UserRecipients, Kind: Distinct, User: user.ID,
		Limit: l.UserRecipients, Window: p.Service.Window(UserRecipients), Refusal: ReplyUserLimit,
	})
}

// dayLimit is a customer's recipients in 24 hours.
func (p *Policy) dayLimit(c *Customer) limit {
	l := &p.Service.Limits
	return effective(c, l.DayPerLicence, l.DayMax, l.TrialDay, l.UnpaidDay,
		limitRules{"LIM-CUST-DAY", "LIM-CUST-DAY-MAX", "LIM-UNPAID-DAY"})
}

// limit is a number of recipients, -1 for none, and the rule that it comes from.
type limit struct {
	recipients int
	rule       RuleID
}

// limitRules are the rules of one window's limits.
type limitRules struct{ licences, ceiling, unpaid RuleID }

// effective is the lowest limit that holds for c: so many recipients a licence, the ceiling, and, while nothing has been
// paid, those of a trial or an unpaid customer. Only a paid invoice raises them, the end of a trial doesn't.
// Source: LIM-CUST-LICENCE, LIM-CUST-DAY-MAX, LIM-CUST-PEAK-MAX, LIM-UNPAID-DAY, LIM-UNPAID-PEAK, TRIAL-LOWER, TRIAL-PAY.
func effective(c *Customer, perLicence, ceiling, trial, unpaid int, rules limitRules) limit {
	lowest := limit{perLicence, rules.licences}
	if perLicence >= 0 {
		lowest.recipients = perLicence * c.Licences
	}
	lowest = lowest.or(ceiling, rules.ceiling)
	switch {
	case c.Paid:
		return lowest
	case c.Trial:
		return lowest.or(trial, "TRIAL-LOWER")
	default:
		return lowest.or(unpaid, rules.unpaid)
	}
}

// or is other's limit where that is lower.
func (l limit) or(recipients int, rule RuleID) limit {
	if lower(l.recipients, recipients) == l.recipients {
		return l
	}
	return limit{recipients, rule}
}

// inOwnDomains counts the recipients that are in c's own domains.
func (p *Policy) inOwnDomains(c *Customer, recipients []Address) int {
	n := 0
	for i := range recipients {
		if owner, _ := p.Directory.Owner(recipients[i].Domain); owner == c {
			n++
		}
	}
	return n
}

// lower is the lower of two limits, where -1 is none.
func lower(a, b int) int {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}
