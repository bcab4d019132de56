//go:build unix

package loadgen_test

import (
	"fmt"
	"runtime"
	"time"

	"github.com/relayspec/relayspec/loadgen"
	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
)

// ledgerMail charges a ledger with messages of users of one customer, as the documented limits do, without the limits.
type ledgerMail struct {
	ledger *ledger.Ledger
	users  []string
	charge policy.Charge
	step   time.Duration // between two messages: a day is what is live
	now    time.Time
	next   int // number of the next round of new recipients
}

func newLedgerMail(users, live int) *ledgerMail {
	m := &ledgerMail{
		ledger: ledger.New(ledger.Options{}),
		now:    time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
		step:   24 * time.Hour / time.Duration(live),
	}
	for n := range users {
		m.users = append(m.users, fmt.Sprintf("user%d@customer.example", n))
	}
	return m
}

// send charges a message of a user.
func (m *ledgerMail) send(user int, to []policy.Address) error {
	const noLimitMet = 1 << 40
	m.now = m.now.Add(m.step * time.Duration(len(to)))
	day, peak := policy.Window{Length: 24 * time.Hour}, policy.Window{Length: 10 * time.Minute}
	m.charge = policy.Charge{Account: "customer", Recipients: to}
	m.charge.Add(policy.Item{Counter: policy.CustomerDay, Amount: len(to), Limit: noLimitMet, Window: day})
	m.charge.Add(policy.Item{Counter: policy.CustomerPeak, Amount: len(to), Limit: noLimitMet, Window: peak})
	m.charge.Add(policy.Item{Counter: policy.UserMessages, User: m.users[user], Amount: 1, Limit: noLimitMet, Window: day})
	m.charge.Add(policy.Item{Counter: policy.UserRecipients, Kind: policy.Distinct, User: m.users[user], Limit: noLimitMet, Window: day})
	hold, refused := m.ledger.Reserve(m.now, &m.charge)
	if refused != nil {
		return fmt.Errorf("the ledger refused a charge of %d recipients by %s", len(to), refused.Counter)
	}
	m.ledger.Commit(m.now, hold)
	return nil
}

// sendNew charges messages to new recipients, of the users in turn, and tells how long that took.
func (m *ledgerMail) sendNew(messages, each int) (time.Duration, error) {
	mailing := newMailing(m.next, messages*each, 1)
	m.next++
	started := time.Now()
	for n := range messages {
		if err := m.send(n%len(m.users), mailing.addresses[n*each:][:each]); err != nil {
			return 0, err
		}
	}
	return time.Since(started), nil
}

// ledgers tells what a distinct recipient costs in memory and time.
func (b *bench) ledgers(t *loadgen.Table) error {
	for _, users := range []int{1, 1000} {
		if err := b.ledger(t, users); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) ledger(t *loadgen.Table, users int) error {
	const each = 50
	live := b.live
	if users > 1 {
		users = min(users, live/each)
	}
	where := fmt.Sprintf("%s x %s recipients", plural(users, "user"), loadgen.Number(float64(live/users)))
	before := inUse()
	m := newLedgerMail(users, live)
	const block = 10_000 // recipients that are made at once
	for range live / block {
		if _, err := m.sendNew(block/each, each); err != nil {
			return err
		}
	}
	t.Add(loadgen.Line{
		Name: "ledger, a distinct recipient after fill, " + where, Unit: "octets", Target: loadgen.AtMost(24),
		Figure: loadgen.Exactly(float64(inUse()-before) / float64(live)),
	})
	for _, line := range []struct {
		name string
		each int
	}{{"batched by 50", each}, {"single", 1}} {
		s, err := m.time(b.rounds, block*2/line.each, line.each)
		if err != nil {
			return err
		}
		t.Add(loadgen.Line{
			Name: fmt.Sprintf("ledger, a recipient %s, %s", line.name, where), Unit: "ns", Figure: s,
			Note: "an absolute figure; the target (200 batched, 600 single) is for 10 million live",
		})
	}
	runtime.KeepAlive(m)
	return nil
}

// time measures nanoseconds a new recipient while the window slides.
func (m *ledgerMail) time(rounds, messages, each int) (loadgen.Summary, error) {
	var figures []float64
	for range rounds {
		took, err := m.sendNew(messages, each)
		if err != nil {
			return loadgen.Summary{}, err
		}
		figures = append(figures, float64(took.Nanoseconds())/float64(messages*each))
	}
	return loadgen.Summarize(figures), nil
}
