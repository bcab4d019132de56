package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/policy"
)

// batch is the recipients of a message. Their local parts are numbers that are written over in place, which the ledger
// can't notice as it keeps no address: so that a benchmark measures the ledger and not the making of strings.
type batch struct {
	digits     []byte
	recipients []policy.Address
}

const digits = 16

func newBatch(size int) *batch {
	b := &batch{digits: make([]byte, size*digits)}
	for i := range size {
		local := unsafe.String(&b.digits[i*digits], digits)
		b.recipients = append(b.recipients, policy.Address{Local: local, Domain: "customer.example"})
	}
	return b
}

// write makes the recipients those from number on.
func (b *batch) write(number uint64) {
	for i := range b.recipients {
		rest := number + uint64(i)
		at := b.digits[i*digits:][:digits]
		for j := range at {
			at[digits-1-j] = "0123456789abcdef"[rest&15]
			rest >>= 4
		}
	}
}

// mail plays messages of users that each have live recipients in a window of a day.
type mail struct {
	ledger *ledger.Ledger
	batch  *batch
	users  []string
	charge policy.Charge
	step   time.Duration // between two messages
	now    time.Time
	next   uint64 // the number of the next new recipient
}

func newMail(size, users, live int) *mail {
	m := &mail{ledger: ledger.New(ledger.Options{}), batch: newBatch(size), now: start}
	for i := range users {
		m.users = append(m.users, "user"+strconv.Itoa(i)+"@customer.example")
	}
	m.step = day * time.Duration(size) / time.Duration(users*live)
	return m
}

// send charges one message of a user to the recipients in the batch, as the documented limits do.
func (m *mail) send(user string) bool {
	m.now = m.now.Add(m.step)
	size := len(m.batch.recipients)
	m.charge = policy.Charge{Account: "c", Recipients: m.batch.recipients}
	m.charge.Add(policy.Item{Counter: policy.CustomerDay, Amount: size, Limit: 1 << 40, Window: policy.Window{Length: day}})
	m.charge.Add(policy.Item{Counter: policy.CustomerPeak, Amount: size, Limit: 1 << 40, Window: policy.Window{Length: 10 * time.Minute}})
	m.charge.Add(policy.Item{Counter: policy.UserMessages, User: user, Amount: 1, Limit: 1 << 40, Window: policy.Window{Length: day}})
	m.charge.Add(policy.Item{Counter: policy.UserRecipients, Kind: policy.Distinct, User: user, Limit: 1 << 40, Window: policy.Window{Length: day}})
	hold, refused := m.ledger.Reserve(m.now, &m.charge)
	m.ledger.Commit(m.now, hold)
	return refused == nil
}

func (m *mail) sendNew(user string) bool {
	m.batch.write(m.next)
	m.next += uint64(len(m.batch.recipients))
	return m.send(user)
}

// fill sends to live new recipients a user, in turn.
func (m *mail) fill(live int) {
	for range live / len(m.batch.recipients) {
		for _, user := range m.users {
			m.sendNew(user)
		}
	}
}

// heap is how much memory is in use.
func heap() float64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}

func BenchmarkReserveCommit50New(b *testing.B) {
	for _, shape := range []struct{ users, live int }{{1, 10_000}, {1, 1_000_000}, {100, 10_000}} {
		b.Run(fmt.Sprintf("users=%d/live=%d", shape.users, shape.live), func(b *testing.B) { benchNew(b, 50, shape.users, shape.live) })
	}
}

func BenchmarkSingle(b *testing.B) { benchNew(b, 1, 100, 10_000) }

// BenchmarkLarge is the size that the design was measured at: 10 million live recipients. -short leaves it out.
func BenchmarkLarge(b *testing.B) {
	if testing.Short() {
		b.Skip("fills in 10 million recipients")
	}
	benchNew(b, 50, 1000, 10_000)
}

func benchNew(b *testing.B, size, users, live int) {
	before := heap()
	m := newMail(size, users, live)
	m.fill(live)
	filled := heap() - before
	m.fill(live / 2) // now it slides
	random := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		m.sendNew(m.users[random.IntN(len(m.users))])
	}
	b.ReportMetric(filled/float64(users*live), "B/recipient")
	b.ReportMetric((heap()-before)/float64(users*live), "B/live")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/recipient")
	runtime.KeepAlive(m)
}

// BenchmarkReserveCommit50Known sends to random ones of the recipients that count already.
func BenchmarkReserveCommit50Known(b *testing.B) {
	const live = 1_000_000
	m := newMail(50, 1, live)
	m.fill(live)
	random := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		m.batch.write(random.Uint64N(live/50) * 50)
		m.send(m.users[0])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*50), "ns/recipient")
}

// BenchmarkBareMap is what the ledger is measured against: when did each address last get a message, and nothing else.
// It forgets nothing and keeps no limit.
func BenchmarkBareMap(b *testing.B) {
	const live = 1_000_000
	before := heap()
	last := map[string]time.Time{}
	batch := newBatch(50)
	for number := uint64(0); number < live; number += 50 {
		batch.write(number)
		for _, recipient := range batch.recipients {
			last[recipient.Local+"@"+recipient.Domain] = start
		}
	}
	filled := heap() - before
	random := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		batch.write(random.Uint64N(live/50) * 50)
		for _, recipient := range batch.recipients {
			last[recipient.Local+"@"+recipient.Domain] = start
		}
	}
	b.ReportMetric(filled/live, "B/recipient")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*50), "ns/recipient")
	runtime.KeepAlive(last)
}

// TestNoAllocations charges known recipients in a window that slides.
func TestNoAllocations(t *testing.T) {
	m := newMail(50, 1, 10_000)
	m.fill(20_000)
	round := uint64(0)
	refused := 0
	allocations := testing.AllocsPerRun(2000, func() {
		m.batch.write(10_000 + round%200*50)
		round++
		if !m.send(m.users[0]) {
			refused++
		}
	})
	if allocations != 0 || refused != 0 {
		t.Errorf("%v allocations a message, %d refused, want none", allocations, refused)
	}
}
