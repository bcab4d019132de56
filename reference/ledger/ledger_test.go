package ledger_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
)

const (
	quarter = 250 * time.Millisecond
	day     = 24 * time.Hour
)

var (
	start   = time.Unix(1_700_000_000, 0)
	sliding = policy.Window{Length: time.Minute}
	fixed   = policy.Window{Length: time.Minute, Fixed: true}
)

func total(amount, limit int, w policy.Window) policy.Item {
	return policy.Item{Rule: "total", Counter: policy.CustomerDay, Kind: policy.Total, Amount: amount, Limit: limit, Window: w}
}

func distinct(limit int, w policy.Window) policy.Item {
	return policy.Item{Rule: "distinct", Counter: policy.UserRecipients, Kind: policy.Distinct, User: "ann@a.example", Limit: limit, Window: w}
}

// charge makes a charge of customer c for recipients given by their local parts.
func charge(recipients string, items ...policy.Item) *policy.Charge {
	c := &policy.Charge{Account: "c"}
	for _, local := range recipients {
		c.Recipients = append(c.Recipients, policy.Address{Local: string(local), Domain: "x.example"})
	}
	for _, item := range items {
		c.Add(item)
	}
	return c
}

// accept reserves and commits at once and tells whether the charge fitted.
func accept(l *ledger.Ledger, now time.Time, c *policy.Charge) bool {
	hold, refused := l.Reserve(now, c)
	l.Commit(now, hold)
	return refused == nil
}

func wantUsed(t *testing.T, l *ledger.Ledger, now time.Time, item policy.Item, want int) {
	t.Helper()
	if got := l.Used(now, "c", item.Counter, item.User, item.Window); got != want {
		t.Errorf("at %v: %v stands at %d, want %d", now.Sub(start), item.Counter, got, want)
	}
}

func TestWindowEnd(t *testing.T) {
	// 1,700,000,000 s lies 20 s into a minute, so a fixed one ends after 40 s.
	tests := []struct {
		name   string
		item   policy.Item
		charge time.Duration // after start
		now    time.Duration
		want   int
	}{
		{"sliding total, a tick before", total(1, 9, sliding), 0, time.Minute - quarter, 1},
		{"sliding total, a nanosecond before", total(1, 9, sliding), 0, time.Minute - 1, 1},
		{"sliding total, at the end", total(1, 9, sliding), 0, time.Minute, 0},
		{"sliding total, a tick after", total(1, 9, sliding), 0, time.Minute + quarter, 0},
		{"sliding distinct, a tick before", distinct(9, sliding), 0, time.Minute - quarter, 1},
		{"sliding distinct, a nanosecond before", distinct(9, sliding), 0, time.Minute - 1, 1},
		{"sliding distinct, at the end", distinct(9, sliding), 0, time.Minute, 0},
		{"sliding distinct, a tick after", distinct(9, sliding), 0, time.Minute + quarter, 0},
		{"fixed total, a tick before", total(1, 9, fixed), 0, 40*time.Second - quarter, 1},
		{"fixed total, at the end", total(1, 9, fixed), 0, 40 * time.Second, 0},
		{"fixed total, a tick after", total(1, 9, fixed), 0, 40*time.Second + quarter, 0},
		{"fixed distinct, a tick before", distinct(9, fixed), 0, 40*time.Second - quarter, 1},
		{"fixed distinct, at the end", distinct(9, fixed), 0, 40 * time.Second, 0},
		{"fixed distinct, a tick after", distinct(9, fixed), 0, 40*time.Second + quarter, 0},
		{"fixed, charged just before the end", total(1, 9, fixed), 40*time.Second - 1, 40 * time.Second, 0},
		{"fixed, charged at the end of one", total(1, 9, fixed), 40 * time.Second, 100*time.Second - 1, 1},
		{"fixed, charged at the end of one, next end", total(1, 9, fixed), 40 * time.Second, 100 * time.Second, 0},
		{"between ticks, never early", total(1, 9, sliding), 1, time.Minute, 1},
		{"between ticks, never early, a tick's end", total(1, 9, sliding), 1, time.Minute + quarter - 1, 1},
		{"between ticks, a tick late at most", total(1, 9, sliding), 1, time.Minute + quarter, 0},
		{"distinct between ticks, never early", distinct(9, sliding), 1, time.Minute + quarter - 1, 1},
		{"distinct between ticks, a tick late at most", distinct(9, sliding), 1, time.Minute + quarter, 0},
		{"day", distinct(9, policy.Window{Length: day}), 0, day - quarter, 1},
		{"day, at the end", distinct(9, policy.Window{Length: day}), 0, day, 0},
		{"length between ticks", total(1, 9, policy.Window{Length: time.Millisecond}), 0, quarter - 1, 1},
		{"length between ticks, a tick late at most", total(1, 9, policy.Window{Length: time.Millisecond}), 0, quarter, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := ledger.New(ledger.Options{})
			if !accept(l, start.Add(test.charge), charge("a", test.item)) {
				t.Fatal("refused")
			}
			wantUsed(t, l, start.Add(test.now), test.item, test.want)
		})
	}
}

func TestTick(t *testing.T) {
	tests := []struct{ tick, end time.Duration }{
		{0, quarter},
		{-1, quarter},
		{time.Second, quarter},
		{100 * time.Millisecond, 100 * time.Millisecond},
		{time.Nanosecond, time.Millisecond},
	}
	for _, test := range tests {
		l := ledger.New(ledger.Options{Tick: test.tick})
		item := total(1, 9, sliding)
		accept(l, start.Add(1), charge("a", item))
		wantUsed(t, l, start.Add(time.Minute+test.end-1), item, 1)
		wantUsed(t, l, start.Add(time.Minute+test.end), item, 0)
	}
}

// TestPlaces plays steps against a limit of two: accept, or refuse, at a time after start.
func TestPlaces(t *testing.T) {
	type step struct {
		at         time.Duration
		recipients string
		fits       bool
	}
	tests := []struct {
		name  string
		item  policy.Item
		steps []step
	}{
		{"total: every unit counts", total(1, 2, sliding), []step{
			{0, "a", true}, {time.Second, "a", true}, {2 * time.Second, "a", false},
			{time.Minute - quarter, "a", false}, {time.Minute, "a", true}, {time.Minute, "a", false},
		}},
		{"total: all or nothing", total(3, 2, sliding), []step{{0, "abc", false}}},
		{"distinct: a recipient counts once", distinct(2, sliding), []step{
			{0, "a", true}, {0, "a", true}, {0, "b", true}, {0, "c", false}, {0, "ba", true},
		}},
		{"distinct: twice in one message", distinct(2, sliding), []step{{0, "aab", true}, {0, "aabb", true}, {0, "c", false}}},
		{"distinct: without case", distinct(2, sliding), []step{{0, "aA", true}, {0, "Bb", true}, {0, "c", false}}},
		{"distinct: refreshed", distinct(2, sliding), []step{
			{0, "ab", true}, {30 * time.Second, "a", true}, {time.Minute, "c", true}, // b is gone, a isn't
			{90*time.Second - quarter, "d", false}, {90 * time.Second, "d", true},
		}},
		{"distinct: a refused one doesn't refresh", distinct(2, sliding), []step{
			{0, "ab", true}, {30 * time.Second, "abc", false}, {time.Minute, "cd", true},
		}},
		{"distinct: partly known, too many new", distinct(2, sliding), []step{
			{0, "a", true}, {0, "abc", false}, {0, "ab", true},
		}},
		{"fixed: a new period is empty", distinct(2, fixed), []step{
			{0, "ab", true}, {30 * time.Second, "a", true}, {40 * time.Second, "cd", true}, {40 * time.Second, "a", false},
		}},
		{"time that goes back stands still", total(1, 2, sliding), []step{
			{time.Minute, "a", true}, {0, "a", true}, {0, "a", false}, {2*time.Minute - quarter, "a", false}, {2 * time.Minute, "a", true},
		}},
		{"no limit", total(1000, -1, sliding), []step{{0, "a", true}, {0, "a", true}}},
		{"limit 0", total(1, 0, sliding), []step{{0, "a", false}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := ledger.New(ledger.Options{})
			for i, step := range test.steps {
				if got := accept(l, start.Add(step.at), charge(step.recipients, test.item)); got != step.fits {
					t.Fatalf("step %d: %q at %v fits: %v, want %v", i, step.recipients, step.at, got, step.fits)
				}
			}
		})
	}
}

func TestAllowEmpty(t *testing.T) {
	for _, item := range []policy.Item{total(3, 2, sliding), distinct(2, sliding)} {
		item.AllowEmpty = true
		l := ledger.New(ledger.Options{})
		hold, refused := l.Reserve(start, charge("abc", item))
		if refused != nil {
			t.Errorf("%v: an empty counter refused", item.Rule)
		}
		if accept(l, start, charge("def", item)) {
			t.Errorf("%v: fitted beside a hold", item.Rule)
		}
		l.Commit(start, hold)
		if accept(l, start.Add(time.Minute-quarter), charge("def", item)) {
			t.Errorf("%v: fitted though the counter wasn't empty", item.Rule)
		}
		if !accept(l, start.Add(time.Minute), charge("def", item)) {
			t.Errorf("%v: the window is empty again and refused", item.Rule)
		}
	}
}

func TestFirstItemSpeaks(t *testing.T) {
	customer, peak, user := total(1, 1, sliding), total(1, 1, sliding), distinct(1, sliding)
	customer.Rule, peak.Rule, user.Rule = "customer", "peak", "user"
	peak.Counter = policy.CustomerPeak
	full := func(items ...policy.Item) *ledger.Ledger {
		l := ledger.New(ledger.Options{})
		for _, item := range items {
			l.Set(start, "c", item.Counter, item.User, 1, item.Window)
		}
		return l
	}
	tests := []struct {
		full []policy.Item
		want policy.RuleID
	}{
		{nil, ""},
		{[]policy.Item{customer, peak, user}, "customer"},
		{[]policy.Item{peak, user}, "peak"},
		{[]policy.Item{user}, "user"},
	}
	for _, test := range tests {
		l, got := full(test.full...), policy.RuleID("")
		if _, refused := l.Reserve(start, charge("a", customer, peak, user)); refused != nil {
			got = refused.Rule
		}
		if got != test.want {
			t.Errorf("with %d full: %q refuses, want %q", len(test.full), got, test.want)
		}
	}
}

func TestRefusedChangesNothing(t *testing.T) {
	l := ledger.New(ledger.Options{})
	first, second := distinct(9, sliding), total(3, 2, sliding)
	hold, refused := l.Reserve(start, charge("abc", first, second))
	if refused == nil || refused.Rule != second.Rule || hold != (ledger.Hold{}) {
		t.Fatalf("got %v, %v", hold, refused)
	}
	wantUsed(t, l, start, first, 0)
	wantUsed(t, l, start, second, 0)
	l.Commit(start, hold)
	l.Release(hold)
	wantUsed(t, l, start, first, 0)
}

func TestOnePlaceTwoHolds(t *testing.T) {
	for _, item := range []policy.Item{total(1, 1, sliding), distinct(1, sliding)} {
		l := ledger.New(ledger.Options{})
		first, refused := l.Reserve(start, charge("a", item))
		if refused != nil {
			t.Fatal("refused")
		}
		// A hold has no age: it outlives its window.
		later := start.Add(time.Hour)
		if _, refused := l.Reserve(later, charge("b", item)); refused == nil {
			t.Errorf("%v: the second hold took the place of the first", item.Rule)
		}
		l.Release(first)
		wantUsed(t, l, later, item, 0)
		second, refused := l.Reserve(later, charge("b", item))
		if refused != nil {
			t.Errorf("%v: release gave nothing back", item.Rule)
		}
		l.Commit(later, second)
		wantUsed(t, l, later, item, 1)
	}
}

func TestHoldSettlesOnce(t *testing.T) {
	item := total(1, 9, sliding)
	l := ledger.New(ledger.Options{})
	first, _ := l.Reserve(start, charge("a", item))
	l.Commit(start, first)
	l.Release(first)
	l.Commit(start, first)
	wantUsed(t, l, start, item, 1)

	second, _ := l.Reserve(start, charge("a", item)) // has the memory of the first
	l.Release(first)
	wantUsed(t, l, start, item, 2)
	l.Release(second)
	l.Commit(start, second)
	wantUsed(t, l, start, item, 1)
}

func TestHoldPins(t *testing.T) {
	item := distinct(2, sliding)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	setup := func() (*ledger.Ledger, ledger.Hold) {
		l := ledger.New(ledger.Options{})
		accept(l, start, charge("a", item))
		hold, refused := l.Reserve(at(30*time.Second), charge("ab", item))
		if refused != nil {
			t.Fatal("refused")
		}
		wantUsed(t, l, at(time.Minute), item, 2) // a has left the window, and is held
		if accept(l, at(time.Minute), charge("c", item)) {
			t.Error("c fits beside a and b, which are held")
		}
		if !accept(l, at(time.Minute), charge("ba", item)) {
			t.Error("a and b are held and need no place")
		}
		return l, hold
	}
	t.Run("commit", func(t *testing.T) {
		l, hold := setup()
		l.Commit(at(70*time.Second), hold)
		wantUsed(t, l, at(2*time.Minute), item, 2)
		wantUsed(t, l, at(130*time.Second), item, 0)
	})
	t.Run("release", func(t *testing.T) {
		l, hold := setup()
		l.Release(hold)
		wantUsed(t, l, at(time.Minute), item, 2) // by the other message
		wantUsed(t, l, at(2*time.Minute), item, 0)
	})
	t.Run("release within the window", func(t *testing.T) {
		l := ledger.New(ledger.Options{})
		accept(l, start, charge("a", item))
		hold, _ := l.Reserve(at(30*time.Second), charge("ab", item))
		l.Release(hold)
		wantUsed(t, l, at(time.Minute-quarter), item, 1) // not refreshed either
		wantUsed(t, l, at(time.Minute), item, 0)
	})
}

// TestExample is the document's own: 1,000 messages to A and 1,000 to B. Source: CNT-EXAMPLE.
func TestExample(t *testing.T) {
	l := ledger.New(ledger.Options{})
	customer, user := total(1, 2000, sliding), distinct(2, sliding)
	for i := range 2000 {
		if !accept(l, start, charge("AB"[i%2:i%2+1], customer, user)) {
			t.Fatalf("message %d refused", i)
		}
	}
	wantUsed(t, l, start, customer, 2000)
	wantUsed(t, l, start, user, 2)
}

func TestSetAndReset(t *testing.T) {
	for _, item := range []policy.Item{total(1, 10, sliding), distinct(10, sliding)} {
		l := ledger.New(ledger.Options{})
		accept(l, start, charge("a", item))
		hold, _ := l.Reserve(start, charge("b", item))
		l.Set(start.Add(time.Second), "c", item.Counter, item.User, 9, item.Window)
		wantUsed(t, l, start.Add(time.Second), item, 10)
		if accept(l, start.Add(time.Second), charge("a", item)) {
			t.Errorf("%v: fits into a full counter", item.Rule)
		}
		l.Release(hold)
		wantUsed(t, l, start.Add(61*time.Second-quarter), item, 9)
		hold, _ = l.Reserve(start.Add(61*time.Second), charge("c", item))
		l.Reset("c")
		wantUsed(t, l, start, item, 1) // the hold; and time starts anew
		l.Commit(start, hold)
		wantUsed(t, l, start.Add(time.Minute-quarter), item, 1)
		wantUsed(t, l, start.Add(time.Minute), item, 0)
	}
}

func TestResetForgetsWhatIsHeldToo(t *testing.T) {
	l, item := ledger.New(ledger.Options{}), distinct(9, sliding)
	accept(l, start, charge("a", item))
	hold, _ := l.Reserve(start, charge("a", item))
	l.Reset("c")
	wantUsed(t, l, start, item, 1)
	l.Release(hold)
	wantUsed(t, l, start, item, 0) // not what a was charged before
}

func TestTimeNeverGoesBack(t *testing.T) {
	for _, item := range []policy.Item{total(1, 9, sliding), distinct(9, sliding), total(1, 9, fixed), distinct(9, fixed)} {
		l := ledger.New(ledger.Options{})
		late := start.Add(40 * time.Second) // a fixed window begins
		accept(l, late.Add(-1), charge("a", item))
		l.Used(late, "c", item.Counter, item.User, item.Window)
		hold, _ := l.Reserve(start, charge("b", item))
		l.Commit(start, hold)
		l.Used(late.Add(time.Minute-quarter), "c", item.Counter, item.User, item.Window)
		want := 1
		if !item.Window.Fixed {
			want = 2
		}
		wantUsed(t, l, start, item, want)
		wantUsed(t, l, late.Add(time.Minute), item, 0)
	}
}

func TestAccountsAndUsersApart(t *testing.T) {
	l := ledger.New(ledger.Options{})
	accept(l, start, charge("a", distinct(9, sliding)))
	item := distinct(9, sliding)
	item.User = "bob@a.example"
	wantUsed(t, l, start, item, 0)
	if got := l.Used(start, "other", policy.UserRecipients, "ann@a.example", sliding); got != 0 {
		t.Errorf("another customer's user stands at %d", got)
	}
	l.Reset("other")
	wantUsed(t, l, start, distinct(9, sliding), 1)
}

func TestSweep(t *testing.T) {
	l := ledger.New(ledger.Options{})
	item := distinct(9, sliding)
	accept(l, start, charge("a", item))
	hold, _ := l.Reserve(start, charge("b", item))
	l.Sweep(start.Add(time.Minute - quarter))
	wantUsed(t, l, start.Add(time.Minute-quarter), item, 2)
	l.Sweep(start.Add(time.Hour)) // b is still held
	wantUsed(t, l, start.Add(time.Hour), item, 1)
	l.Commit(start.Add(time.Hour), hold)
	wantUsed(t, l, start.Add(time.Hour+time.Minute-quarter), item, 1)
	l.Sweep(start.Add(2 * time.Hour))
	l.Commit(start.Add(2*time.Hour), hold)
	wantUsed(t, l, start.Add(2*time.Hour), item, 0)
	if !accept(l, start, charge("a", item)) {
		t.Error("refused after a sweep")
	}
	wantUsed(t, l, start, item, 1) // a customer that was let go starts anew, time included
}

// TestWindowChanges shows that what was used counts by the new window, and that new charges live at least as long as theirs.
func TestWindowChanges(t *testing.T) {
	for _, item := range []policy.Item{total(1, 9, sliding), distinct(9, sliding)} {
		l := ledger.New(ledger.Options{})
		accept(l, start, charge("a", item))
		item.Window = fixed // until 40 s
		accept(l, start.Add(10*time.Second), charge("b", item))
		accept(l, start.Add(10*time.Second), charge("b", item))
		wantUsed(t, l, start.Add(10*time.Second), item, map[policy.Kind]int{policy.Total: 3, policy.Distinct: 2}[item.Kind])
		item.Window = policy.Window{Length: 2 * time.Minute}
		accept(l, start.Add(30*time.Second), charge("c", item)) // sliding again
		wantUsed(t, l, start.Add(2*time.Minute-quarter), item, map[policy.Kind]int{policy.Total: 4, policy.Distinct: 3}[item.Kind])
		item.Window = policy.Window{Length: time.Second}
		wantUsed(t, l, start.Add(2*time.Minute), item, 0)
		accept(l, start.Add(2*time.Minute), charge("d", item))
		wantUsed(t, l, start.Add(2*time.Minute+time.Second-quarter), item, 1)
		wantUsed(t, l, start.Add(2*time.Minute+time.Second), item, 0)
	}
}

func TestHammer(t *testing.T) {
	const limit, workers, tries = 500, 16, 200
	l := ledger.New(ledger.Options{})
	var accepted atomic.Int64
	var done sync.WaitGroup
	for w := range workers {
		done.Go(func() {
			for i := range tries {
				c := charge("", total(1, limit, sliding), distinct(-1, sliding))
				c.Recipients = []policy.Address{{Local: fmt.Sprint(w, i), Domain: "x.example"}}
				hold, refused := l.Reserve(start, c)
				if refused != nil {
					continue
				}
				if used := l.Used(start, "c", policy.CustomerDay, "", sliding); used > limit {
					t.Errorf("%d used", used)
				}
				if i%3 == 0 {
					l.Release(hold)
					continue
				}
				accepted.Add(1)
				l.Commit(start, hold)
			}
		})
	}
	done.Wait()
	if got := accepted.Load(); got != limit {
		t.Errorf("accepted %d, want %d", got, limit)
	}
	wantUsed(t, l, start, total(1, limit, sliding), limit)
	wantUsed(t, l, start, distinct(-1, sliding), limit)
}

// TestEverythingAtOnce is for the race detector, and for holds that outlive resets and sweeps.
func TestEverythingAtOnce(t *testing.T) {
	const workers, rounds = 8, 300
	l := ledger.New(ledger.Options{})
	var done sync.WaitGroup
	for w := range workers {
		done.Go(func() {
			account := fmt.Sprint("customer", w%2)
			for i := range rounds {
				now := start.Add(time.Duration(i) * quarter)
				c := charge("abc"[i%3:], total(1, -1, sliding), distinct(-1, sliding))
				c.Account = account
				hold, _ := l.Reserve(now, c)
				switch i % 7 {
				case 0:
					l.Sweep(now)
				case 1:
					l.Reset(account)
				case 2:
					l.Set(now, account, policy.UserRecipients, "ann@a.example", 3, sliding)
				}
				if used := l.Used(now, account, policy.UserRecipients, "ann@a.example", sliding); used < 3-i%3 {
					t.Errorf("%d used, holds included", used)
				}
				if i%2 == 0 {
					l.Commit(now, hold)
				} else {
					l.Release(hold)
				}
			}
		})
	}
	done.Wait()
	for _, account := range []string{"customer0", "customer1"} {
		for _, item := range []policy.Item{total(1, -1, sliding), distinct(-1, sliding)} {
			if got := l.Used(start.Add(time.Hour), account, item.Counter, item.User, item.Window); got != 0 {
				t.Errorf("%s: %v stands at %d after all", account, item.Counter, got)
			}
		}
	}
}
