package features

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/relayspec/relayspec/features/target"
)

// In a run of large volume the two ceilings are really reached: 4,600,000 recipients a day and 319,444 in 10 minutes.
const (
	reallySentFrom = 300_000 // recipients: less than this is preloaded in every run
	perMessage     = 1_000   // recipients of one message of these
	perPeakWindow  = 300_000 // recipients between two moves of the clock, below the peak's ceiling
	peakWindow     = 10*time.Minute + time.Second
)

// reallySends tells whether u is to be sent rather than preloaded. The day's needs a window that doesn't end in between.
func (s *scenario) reallySends(u target.Usage) bool {
	able := s.target.Describe().Capabilities
	return s.volume == VolumeLarge && u.User == "" && u.Amount >= reallySentFrom &&
		slices.Contains(able, target.Over100) && slices.Contains(able, target.CanClock) && slices.Contains(able, target.Sliding)
}

// fillWindow brings a customer's counter to u.Amount by sending. The day's takes a few hours of the relay's clock, at the
// end of which the peak's window is empty again.
func (s *scenario) fillWindow(ctx context.Context, u target.Usage) error {
	sender, err := s.world.someSender(u.Customer)
	if err != nil {
		return err
	}
	recipients := s.newRecipients(perMessage)
	share := u.Amount
	if u.Counter == counterDay {
		share = perPeakWindow
	}
	for left := u.Amount; left > 0; left -= share {
		if err := s.sendOff(ctx, sender, recipients, min(left, share)); err != nil {
			return err
		}
		if u.Counter == counterPeak {
			return nil
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
	for ; total > 0; total -= perMessage {
		mails = append(mails, s.oneOfMany(sender, recipients[:min(total, perMessage)]))
	}
	if err := s.relay(ctx, mails); err != nil {
		return unprepared(err)
	}
	for _, o := range s.outcomes {
		if reply, refused := o.refusal(); refused {
			return fmt.Errorf("fill the window: refused at %s: %s", o.stage, reply)
		}
	}
	return nil
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
