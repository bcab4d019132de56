package policy

// Policy decides by a service's rules about the customers of a directory. Both stay as they are while it is in use.
type Policy struct {
	Service   *Service
	Directory Directory
}

// Decide answers at a stage. The zero Decision lets the client go on.
//
// At the stage where limits speak (Data, unless the service says otherwise) a Decision that isn't a refusal carries the
// Charge. The caller asks the ledger for it and, where that refuses, says Refuse.
func (p *Policy) Decide(stage Stage, f *Facts) Decision {
	switch stage {
	case Helo:
		return p.helo(f)
	case Auth:
		return p.auth(f)
	case Mail:
		return p.mail(f)
	case Rcpt:
		return p.rcpt(f)
	case Data:
		return p.data(f)
	case Accept:
		return p.accept(f)
	default:
		return Decision{}
	}
}

// Refuse is the decision when item doesn't fit into what is left.
// Source: ERR-USER, ERR-CUST-DAY, ERR-CUST-PEAK.
func (p *Policy) Refuse(item *Item) Decision {
	d := p.say(item.Refusal, item.Rule)
	d.Close = p.Service.Switches.LimitCloses
	return d
}

// mail applies the sender rules, unless they speak later.
func (p *Policy) mail(f *Facts) Decision {
	if p.Service.senderStage() != Mail {
		return Decision{}
	}
	return p.admit(f).decision
}

// rcpt applies the rules of one more recipient.
func (p *Policy) rcpt(f *Facts) Decision {
	if p.Service.senderStage() == Rcpt {
		if a := p.admit(f); a.decision.Refused() {
			return a.decision
		}
	}
	if d := p.recipientCap(f); d.Refused() {
		return d
	}
	if p.Service.limitStage() != Rcpt {
		return Decision{}
	}
	a := p.admit(f)
	if a.decision.Refused() { // no sender rule speaks here: DATA refuses, and nothing is anybody's to charge
		return Decision{}
	}
	return Decision{Charge: p.charge(a.customer, f, append(f.Recipients[:len(f.Recipients):len(f.Recipients)], f.Rcpt))}
}

// recipientCap refuses a recipient that is one too many for its transaction.
//
// Replies: ReplyNullSender (550, or 452 by switch) for the second recipient of <>; ReplyRecipients (452) past
// Limits.Recipients. The recipients before it stay valid.
// Source: NULL-MULTI-RCPT, documented, reply assumed (relay-rules 2.8, 2.9); LIM-RCPT-PER-TX, LIM-RCPT-RFC5321 (2.7).
func (p *Policy) recipientCap(f *Facts) Decision {
	already := len(f.Recipients)
	exempt := f.User != "" && p.Service.Switches.NullSenderAuthFree
	if f.Sender.Null() && already >= 1 && !exempt {
		if p.Service.Switches.NullSenderDefers {
			return p.say(ReplyRecipients, "NULL-MULTI-RCPT")
		}
		return p.say(ReplyNullSender, "NULL-MULTI-RCPT")
	}
	if limit := p.Service.Limits.Recipients; limit >= 0 && already >= limit {
		return p.say(ReplyRecipients, "LIM-RCPT-RFC5321")
	}
	return Decision{}
}

// data gives the sender as it goes on from here, and the charge where limits speak now.
func (p *Policy) data(f *Facts) Decision {
	a := p.admit(f)
	if a.decision.Refused() {
		return a.decision
	}
	d := a.decision
	d.Sender = a.sender
	d.Customer = a.customer.ID
	if p.Service.limitStage() != Accept {
		d.Charge = p.charge(a.customer, f, f.Recipients)
	}
	return d
}

// accept gives the charge where limits speak only after the final dot.
func (p *Policy) accept(f *Facts) Decision {
	a := p.admit(f)
	d := a.decision
	if !d.Refused() && p.Service.limitStage() == Accept {
		d.Charge = p.charge(a.customer, f, f.Recipients)
	}
	return d
}

// say makes a decision of a reply of the service.
func (p *Policy) say(name ReplyName, rule RuleID) Decision {
	return Decision{Reply: p.Service.Replies[name], Rule: rule}
}
