package ledger_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
)

// model is the ledger of one account as the rules say it: lists and maps of the times at which things stop to count.
type model struct {
	items []policy.Item // the limits, one a counter
	units map[policy.Counter][]time.Time
	seen  map[policy.Counter]map[string]time.Time
	holds []*modelHold
}

type modelHold struct {
	items      []policy.Item
	recipients []string
	real       ledger.Hold
}

func newModel(items ...policy.Item) *model {
	m := &model{items: items, units: map[policy.Counter][]time.Time{}, seen: map[policy.Counter]map[string]time.Time{}}
	for _, item := range items {
		m.seen[item.Counter] = map[string]time.Time{}
	}
	return m
}

// end is when a charge at now stops to count: rounded up to the tick.
func end(now time.Time, w policy.Window) time.Time {
	if w.Fixed {
		return time.Unix(0, (now.UnixNano()/int64(w.Length)+1)*int64(w.Length))
	}
	return time.Unix(0, (now.UnixNano()+int64(quarter)-1)/int64(quarter)*int64(quarter)).Add(w.Length)
}

// used counts the units, or the different recipients, that live or are held. more is what a charge would bring.
func (m *model) used(now time.Time, item policy.Item, more ...*modelHold) int {
	units, different := 0, map[string]bool{}
	for _, end := range m.units[item.Counter] {
		if now.Before(end) {
			units++
		}
	}
	for recipient, end := range m.seen[item.Counter] {
		if now.Before(end) {
			different[recipient] = true
		}
	}
	for _, hold := range append(more, m.holds...) {
		for _, held := range hold.items {
			if held.Counter != item.Counter {
				continue
			}
			if held.Kind == policy.Total {
				units += held.Amount
				continue
			}
			for _, recipient := range hold.recipients {
				different[recipient] = true
			}
		}
	}
	return units + len(different)
}

// refuses gives the rule of the first item that a charge doesn't fit into, or none.
func (m *model) refuses(now time.Time, charge *modelHold) policy.RuleID {
	for _, item := range charge.items {
		fits := item.Limit < 0 || m.used(now, item, charge) <= item.Limit || item.AllowEmpty && m.used(now, item) == 0
		if !fits {
			return item.Rule
		}
	}
	return ""
}

func (m *model) commit(now time.Time, hold *modelHold) {
	for _, item := range hold.items {
		if item.Kind == policy.Total {
			for range item.Amount {
				m.units[item.Counter] = append(m.units[item.Counter], end(now, item.Window))
			}
			continue
		}
		for _, recipient := range hold.recipients {
			m.seen[item.Counter][recipient] = end(now, item.Window)
		}
	}
}

func (m *model) take(i int) *modelHold {
	hold := m.holds[i]
	m.holds = append(m.holds[:i:i], m.holds[i+1:]...)
	return hold
}

func drawItems(t *rapid.T) []policy.Item {
	window := func(label string) policy.Window {
		ticks := rapid.IntRange(1, 12).Draw(t, label)
		return policy.Window{Length: time.Duration(ticks) * quarter, Fixed: rapid.Bool().Draw(t, label+" fixed")}
	}
	limit := func(label string) int { return rapid.SampledFrom([]int{-1, 0, 2, 4, 7, 12}).Draw(t, label) }
	items := []policy.Item{
		{Rule: "day", Counter: policy.CustomerDay, Kind: policy.Total},
		{Rule: "peak", Counter: policy.CustomerPeak, Kind: policy.Kind(rapid.IntRange(0, 1).Draw(t, "peak kind"))},
		{Rule: "messages", Counter: policy.UserMessages, Kind: policy.Total, User: "u"},
		{Rule: "recipients", Counter: policy.UserRecipients, Kind: policy.Distinct, User: "u"},
	}
	for i := range items {
		items[i].Window = window(string(items[i].Rule) + " window")
		items[i].Limit = limit(string(items[i].Rule) + " limit")
		items[i].AllowEmpty = rapid.Bool().Draw(t, string(items[i].Rule)+" allow empty")
	}
	return items
}

// machine plays the same operations on a ledger and on the model.
type machine struct {
	real  *ledger.Ledger
	model *model
	now   time.Time
	old   []ledger.Hold // settled
}

func (m *machine) draw(t *rapid.T) (*modelHold, *policy.Charge) {
	hold, real := &modelHold{}, &policy.Charge{Account: "c"}
	hold.recipients = rapid.SliceOfN(rapid.StringMatching("[a-h]"), 1, 5).Draw(t, "recipients")
	for _, recipient := range hold.recipients {
		real.Recipients = append(real.Recipients, policy.Address{Local: recipient, Domain: "x.example"})
	}
	for _, item := range m.model.items {
		if !rapid.Bool().Draw(t, string(item.Rule)) {
			continue
		}
		item.Amount = len(hold.recipients)
		if item.Counter == policy.UserMessages {
			item.Amount = 1
		}
		hold.items = append(hold.items, item)
		real.Add(item)
	}
	return hold, real
}

func (m *machine) Reserve(t *rapid.T) {
	hold, charge := m.draw(t)
	want := m.model.refuses(m.now, hold)
	real, refused := m.real.Reserve(m.now, charge)
	got := policy.RuleID("")
	if refused != nil {
		got = refused.Rule
	}
	if got != want {
		t.Fatalf("refused by %q, want %q", got, want)
	}
	if want == "" {
		hold.real = real
		m.model.holds = append(m.model.holds, hold)
	}
}

// Look compares how each item of a charge stands, and when it would fit.
func (m *machine) Look(t *rapid.T) {
	hold, charge := m.draw(t)
	looked := m.real.Look(m.now, charge)
	if len(looked) != len(hold.items) {
		t.Fatalf("%d items were looked at, of %d", len(looked), len(hold.items))
	}
	for i, item := range hold.items {
		got := looked[i]
		if want := m.model.used(m.now, item); got.Used != want {
			t.Fatalf("%v stands at %d, want %d", item.Counter, got.Used, want)
		}
		free := m.free(item, hold)
		if got.Fits != free.Equal(m.now) || !got.Free.Equal(free) {
			t.Fatalf("%v at %s: fits %v, free at %s; want free at %s", item.Counter, m.now, got.Fits, got.Free, free)
		}
	}
}

// free tries one time after the other until item fits.
func (m *machine) free(item policy.Item, charge *modelHold) time.Time {
	const longest = 26 // ticks: two windows
	first := m.now.Truncate(quarter)
	for ticks := range time.Duration(longest) {
		at := first.Add(ticks * quarter)
		if ticks == 0 {
			at = m.now
		}
		if item.Limit < 0 || m.model.used(at, item, charge) <= item.Limit || item.AllowEmpty && m.model.used(at, item) == 0 {
			return at
		}
	}
	return time.Time{}
}

func (m *machine) settle(t *rapid.T) *modelHold {
	if len(m.model.holds) == 0 {
		t.Skip("nothing is held")
	}
	hold := m.model.take(rapid.IntRange(0, len(m.model.holds)-1).Draw(t, "hold"))
	m.old = append(m.old, hold.real)
	return hold
}

func (m *machine) Commit(t *rapid.T) {
	hold := m.settle(t)
	m.model.commit(m.now, hold)
	m.real.Commit(m.now, hold.real)
}

func (m *machine) Release(t *rapid.T) { m.real.Release(m.settle(t).real) }

func (m *machine) Again(t *rapid.T) {
	if len(m.old) == 0 {
		t.Skip("nothing was settled")
	}
	old := rapid.SampledFrom(m.old).Draw(t, "old hold")
	m.real.Commit(m.now, old)
	m.real.Release(old)
}

func (m *machine) Advance(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 6).Draw(t, "ticks")) * quarter)
}

func (m *machine) AdvanceBetweenTicks(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.Int64Range(1, int64(quarter)).Draw(t, "nanoseconds")))
}

func (m *machine) Back(t *rapid.T) {
	back := time.Duration(rapid.Int64Range(1, int64(day)).Draw(t, "back"))
	m.real.Used(m.now, "c", policy.CustomerDay, "", m.model.items[0].Window) // the latest is seen
	m.real.Used(m.now.Add(-back), "c", policy.CustomerDay, "", m.model.items[0].Window)
}

func (m *machine) Reset(t *rapid.T) {
	fresh := newModel(m.model.items...)
	fresh.holds = m.model.holds
	m.model = fresh
	m.real.Reset("c")
	m.now = start.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "start")) * quarter)
}

func (m *machine) Set(t *rapid.T) {
	item := rapid.SampledFrom(m.model.items).Draw(t, "item")
	amount := rapid.IntRange(0, 9).Draw(t, "amount")
	m.model.units[item.Counter], m.model.seen[item.Counter] = nil, map[string]time.Time{}
	for range amount {
		m.model.units[item.Counter] = append(m.model.units[item.Counter], end(m.now, item.Window))
	}
	m.real.Set(m.now, "c", item.Counter, item.User, amount, item.Window)
}

func (m *machine) Sweep(*rapid.T) { m.real.Sweep(m.now) }

// Check compares every counter after every operation.
func (m *machine) Check(t *rapid.T) {
	for _, item := range m.model.items {
		got, want := m.real.Used(m.now, "c", item.Counter, item.User, item.Window), m.model.used(m.now, item)
		if got != want {
			t.Fatalf("%v stands at %d, want %d", item.Counter, got, want)
		}
	}
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{real: ledger.New(ledger.Options{}), model: newModel(drawItems(t)...), now: start}
		t.Repeat(map[string]func(*rapid.T){
			"": m.Check, "reserve": m.Reserve, "reserve more": m.Reserve, "look": m.Look, "commit": m.Commit, "release": m.Release, "again": m.Again,
			"advance": m.Advance, "advance between ticks": m.AdvanceBetweenTicks, "back": m.Back, "set": m.Set, "reset": m.Reset,
			"sweep": m.Sweep,
		})
	})
}
