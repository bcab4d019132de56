package features

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// The counters that a target may be asked to preload.
const (
	counterMessages   = "user-messages"
	counterRecipients = "user-recipients"
	counterDay        = "customer-day"
	counterPeak       = "customer-peak"
)

// In a run of large volume the two ceilings are really reached: 4,600,000 recipients a day and 319,444 in 10 minutes.
const (
	perLargeMessage = 1_000   // recipients of one message of these, where the relay takes more than 100
	perPeakWindow   = 300_000 // recipients between two moves of the clock, below the peak's ceiling
	peakWindow      = 10*time.Minute + tick
)

// hasUsed brings a customer's counter near a ceiling: preloaded, but in a run of large volume really sent.
func hasUsed(ctx context.Context, who, amount, window string) error {
	s := from(ctx)
	n, err := count(amount)
	if err != nil {
		return err
	}
	u := target.Usage{Customer: s.customer(who), Counter: counterPeak, Amount: n}
	if window == "day" {
		u.Counter = counterDay
	}
	if s.volume == VolumeLarge && (u.Counter == counterPeak || s.declares(target.CanClock)) {
		return s.fillWindow(ctx, u)
	}
	return s.setUsage(ctx, u)
}

// setUsage preloads counters.
func (s *scenario) setUsage(ctx context.Context, usage ...target.Usage) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	setter, ok := s.target.(target.UsageSetter)
	if !ok {
		return &Missing{target.CanUsage}
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	s.evidence = reports.Preloaded
	for _, u := range usage {
		s.call("", usageCall, u)
		s.transcript.Note("", strings.Join(strings.Fields(fmt.Sprintf("%s of %s %s is set to %d", u.Counter, u.Customer, u.User, u.Amount)), " "))
		if err := verb(target.CanUsage, "preload "+u.Counter, setter.SetUsage(ctx, s.realUsage(u))); err != nil {
			return err
		}
	}
	return nil
}

// realUsage is u in the names that the relay knows.
func (s *scenario) realUsage(u target.Usage) target.Usage {
	if s.world.cast != nil {
		u.Customer, u.User = cmp.Or(s.world.cast.Customers[u.Customer], u.Customer), s.real(u.User)
	}
	return u
}

// fillWindow brings a customer's counter to u.Amount by sending. The day's takes a few hours of the relay's clock, at the
// end of which the peak's window is empty again.
func (s *scenario) fillWindow(ctx context.Context, u target.Usage) error {
	sender, err := s.world.someSender(u.Customer)
	if err != nil {
		return err
	}
	each := perTransaction
	if s.declares(target.Over100) {
		each = perLargeMessage
	}
	recipients := s.newRecipients(each)
	if u.Counter == counterPeak {
		return s.sendOff(ctx, sender, recipients, u.Amount)
	}
	for left := u.Amount; left > 0; left -= perPeakWindow {
		if err := s.sendOff(ctx, sender, recipients, min(left, perPeakWindow)); err != nil {
			return err
		}
		if err := s.advance(ctx, peakWindow); err != nil {
			return err
		}
	}
	return nil
}

// sendOff relays to total recipients and is an error when one is refused.
func (s *scenario) sendOff(ctx context.Context, sender string, recipients []string, total int) error {
	var mails []mail
	for ; total > 0; total -= len(recipients) {
		mails = append(mails, s.oneOfMany(sender, recipients[:min(total, len(recipients))]))
	}
	return s.given(s.relayWhile(ctx, mails, accepted))
}

// someSender gives an address of the customer that no user has, so that no user's limit is in the way.
func (w *world) someSender(customer string) (string, error) {
	for _, c := range w.customers {
		if c.ID == customer {
			return "bulk@" + c.Domains[0], nil
		}
	}
	return "", fmt.Errorf("no Given made the customer %q", customer)
}

// sparedFrom is how many recipients make a Given of a light run preload. A message has one at least.
const sparedFrom = 500

// preload does in a light run for a Given what sending mails would do to the counters, and tells whether it did. recent are
// those of the mails that fall within the last 10 minutes; the clock isn't moved.
//
// A preload replaces what stands in a counter and forgets whom it stands for, so it is done only before anything else is
// charged; else the Given sends.
func (s *scenario) preload(ctx context.Context, mails, recent []mail) (bool, error) {
	if s.volume != VolumeLight || s.charged || !s.declares(target.CanUsage) || recipientsIn(mails) < sparedFrom {
		return false, nil
	}
	usage := s.world.usage(mails, recent)
	if len(usage) == 0 {
		return false, nil
	}
	return true, s.setUsage(ctx, usage...)
}

// usage is what mails, all of one sender, are charged to; nothing where the sender's domain is no customer's.
func (w *world) usage(mails, recent []mail) []target.Usage {
	sender := mails[0].sender
	c := w.ownerOf(sender)
	if c == nil {
		return nil
	}
	usage := []target.Usage{
		{Customer: c.ID, Counter: counterDay, Amount: recipientsIn(mails)},
		{Customer: c.ID, Counter: counterPeak, Amount: recipientsIn(recent)},
	}
	if _, _, err := w.user(sender); err != nil {
		return usage // only a registered user has counters. Source: CNT-UNREGISTERED
	}
	return append(usage,
		target.Usage{Customer: c.ID, Counter: counterMessages, User: sender, Amount: len(mails)},
		target.Usage{Customer: c.ID, Counter: counterRecipients, User: sender, Amount: differentIn(mails)})
}

// ownerOf gives the customer whose domain address is in, nil when there is none.
func (w *world) ownerOf(address string) *target.Customer {
	_, domain, _ := strings.Cut(address, "@")
	for _, c := range w.customers {
		if containsFold(c.Domains, domain) {
			return c
		}
	}
	return nil
}

// recipientsIn counts every recipient of every mail.
func recipientsIn(mails []mail) int {
	n := 0
	for _, m := range mails {
		n += len(m.recipients)
	}
	return n
}

// differentIn counts the recipients of mails once each.
func differentIn(mails []mail) int {
	seen := map[string]bool{}
	for _, m := range mails {
		for _, r := range m.recipients {
			seen[strings.ToLower(r)] = true
		}
	}
	return len(seen)
}
