package policy

import "strings"

// admission is what the sender rules make of a transaction.
type admission struct {
	decision Decision  // a refusal, or what admitted it
	customer *Customer // whose mail it is; nil when refused
	sender   Address   // the envelope sender from here on
}

// admit finds whose mail it is and asks that customer's settings. The first enabled setting that holds admits it;
// otherwise the one that got furthest answers.
// Source: relay-rules 2.14, 2.38, 2.39; ELIG-LEGACY (2.35).
func (p *Policy) admit(f *Facts) admission {
	o := p.identify(f)
	if o.customer == nil {
		return admission{decision: p.deny(f, unidentified(f))}
	}
	if o.customer.Edition == LegacyFree {
		return admission{decision: p.withNames(f, p.say(ReplyUnmanaged, "ELIG-LEGACY"))}
	}
	furthest, answer := -1, Decision{}
	for i := range o.customer.Settings {
		s := &o.customer.Settings[i]
		if !s.Enabled {
			continue
		}
		reached, d := p.ask(s, &o, f)
		if !d.Refused() {
			return admission{decision: d, customer: o.customer, sender: p.rewrite(&o, f)}
		}
		if reached > furthest {
			furthest, answer = reached, d
		}
	}
	switch {
	case len(o.customer.Settings) == 0:
		answer = p.deny(f, "CON-ADD-MODES")
	case furthest < 0:
		answer = p.deny(f, "CON-IP-TOGGLE")
	}
	return admission{decision: answer}
}

// unidentified names the rule that a sender breaks who can't be attributed to any customer.
func unidentified(f *Facts) RuleID {
	if f.Sender.Null() {
		return "SND-EMPTY-IDENT"
	}
	return "SND-FOREIGN-IDENT"
}

// origin is whose mail a transaction is, and how that is known.
type origin struct {
	customer   *Customer
	authDomain string // the domain of the AUTH user; empty: no AUTH
	heloDomain string // the registered domain found in HELO, if it is this customer's
	own        bool   // MAIL FROM is in one of the customer's domains
}

// identify finds the customer: the AUTH user's; else the owner of MAIL FROM's domain; else, for a foreign or empty
// MAIL FROM, the owner of the HELO name. The peer's address chooses no customer.
// Source: relay-rules 2.38, assumed; SND-ANY-IDENT, CNT-CUST-HELO, CNT-CUST-SUBDOM, documented.
func (p *Policy) identify(f *Facts) origin {
	var o origin
	senders, _ := p.Directory.Owner(f.Sender.Domain)
	helos, matched := p.heloOwner(f)
	if f.User != "" {
		address := split(f.User)
		user := p.Directory.User(address)
		if user == nil {
			return o // gone since AUTH: what was proved is worth nothing, and nobody else's mail
		}
		o.customer, o.authDomain = user.Customer, address.Domain
	}
	if o.customer == nil {
		o.customer = senders
	}
	if o.customer == nil {
		o.customer = helos
	}
	o.own = senders != nil && senders == o.customer
	if helos != nil && helos == o.customer {
		o.heloDomain = matched
	}
	return o
}

// heloOwner finds the customer whose domain the HELO name is, or is below of. Source: relay-rules 2.13.
func (p *Policy) heloOwner(f *Facts) (*Customer, string) {
	customer, matched := p.Directory.Owner(f.Helo)
	if p.Service.Switches.HeloExact && !strings.EqualFold(strings.TrimSuffix(f.Helo, "."), matched) {
		return nil, ""
	}
	return customer, matched
}

// How far a transaction got in a setting. Source: relay-rules 2.39.
const (
	stoppedAtTLS = iota
	stoppedAtMethod
	stoppedAtSender
)

// ask lets one setting decide: TLS, then address and AUTH, then the sender.
func (p *Policy) ask(s *Setting, o *origin, f *Facts) (int, Decision) {
	if d := p.encrypted(s, f); d.Refused() {
		return stoppedAtTLS, d
	}
	if d := p.method(s, o, f); d.Refused() {
		return stoppedAtMethod, d
	}
	return stoppedAtSender, p.sender(s, o, f)
}

// encrypted refuses clear text where the setting requires TLS. Reply: ReplyTLSRequired (530); the session stays open.
// Source: TLS-REQUIRE, TLS-REJECT-PLAIN, documented; code observed elsewhere (relay-rules 2.18).
func (p *Policy) encrypted(s *Setting, f *Facts) Decision {
	if !s.RequireTLS || f.TLS {
		return Decision{}
	}
	if p.Service.Switches.TLSRequiredDenies {
		return p.deny(f, "TLS-REQUIRE")
	}
	return p.say(ReplyTLSRequired, "TLS-REQUIRE")
}

// method asks for what the setting's two boxes require: a listed address, AUTH, or both.
// Replies: the 550 of deny; ReplyAuthRequired (530) for missing AUTH by switch.
// Source: AUTH-METHODS, AUTH-IP, AUTH-SMTP, documented; AND assumed (relay-rules 2.14); codes 2.15, 2.20.
func (p *Policy) method(s *Setting, o *origin, f *Facts) Decision {
	listed := s.ByAddress && s.Addresses.Contains(f.Peer)
	proved := s.RequireAuth && o.authDomain != ""
	if p.Service.Switches.EitherMethod && (listed || proved) {
		return Decision{}
	}
	if s.RequireAuth && !proved {
		if p.Service.Switches.AuthRequired530 {
			return p.say(ReplyAuthRequired, "AUTH-SMTP")
		}
		return p.deny(f, "AUTH-SMTP")
	}
	if s.ByAddress && !listed {
		return p.deny(f, "AUTH-IP")
	}
	if !s.ByAddress && !s.RequireAuth {
		return p.deny(f, "AUTH-METHODS")
	}
	return Decision{}
}

// sender applies "Allowed senders". The Decision of an admitted one names the option that admitted it.
// Reply: the 550 of deny.
// Source: SND-REGISTERED, SND-DOMAINS, SND-ANY, SND-EMPTY-IDENT, documented; <> under any option: relay-rules 2.40.
func (p *Policy) sender(s *Setting, o *origin, f *Facts) Decision {
	rule := optionRule(s.Senders)
	switch {
	case f.Sender.Null():
		if s.Senders != AnyAddress && p.Service.Switches.EmptyOnlyAny {
			return p.deny(f, "SND-EMPTY-IDENT")
		}
		return Decision{Rule: "SND-EMPTY-IDENT"}
	case s.Senders == AnyAddress:
		return Decision{Rule: rule}
	case s.Senders == MyDomains && o.own:
		return Decision{Rule: rule}
	case s.Senders == RegisteredUsers && p.registered(o.customer, f.Sender) != nil:
		return Decision{Rule: rule}
	case s.Senders == RegisteredUsers && p.Service.Switches.UnknownUserDenied:
		return p.withNames(f, p.say(ReplyRelayDenied, rule))
	default:
		return p.deny(f, rule)
	}
}

// optionRule is the rule of an option of "Allowed senders".
func optionRule(s Senders) RuleID {
	switch s {
	case RegisteredUsers:
		return "SND-REGISTERED"
	case MyDomains:
		return "SND-DOMAINS"
	default:
		return "SND-ANY"
	}
}

// registered gives the user of customer c whose address a is, nil when there is none.
// Source: SND-REGISTERED, CNT-UNREGISTERED; aliases by switch (relay-rules 2.30).
func (p *Policy) registered(c *Customer, a Address) *User {
	user := p.Directory.User(a)
	if user == nil && p.Service.Switches.Aliases {
		user = p.Directory.Alias(a)
	}
	if user == nil || user.Customer != c {
		return nil
	}
	return user
}

// rewrite gives the envelope sender as it goes on. A sender from outside the customer's domains becomes postmaster@ of
// the domain that AUTH or HELO gave; <> stays, for a bounce of a bounce would loop.
// Source: SND-POSTMASTER-REWRITE, SND-REWRITE-DOMAIN, documented; envelope only, AUTH first: relay-rules 2.10 to 2.12.
func (p *Policy) rewrite(o *origin, f *Facts) Address {
	if o.own || f.Sender.Null() && !p.Service.Switches.RewriteNull {
		return f.Sender
	}
	domain, other := o.authDomain, o.heloDomain
	if domain == "" || other != "" && p.Service.Switches.RewriteHeloFirst {
		domain = other
	}
	return Address{Local: "postmaster", Domain: domain}
}
