package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/relayspec/relayspec/reference/policy"
)

// Deliverer sends one message once and gives one outcome a recipient, in their order. *Transport is one.
type Deliverer interface {
	Deliver(ctx context.Context, e Envelope, body io.Reader) []Outcome
}

// Message is a message that waits for delivery.
type Message struct {
	ID string // for reports
	Envelope
	Received time.Time                     // the schedule gives up counting from here
	Open     func() (io.ReadCloser, error) // the content, once an attempt
}

// Attempt tells what one attempt came to. It is the only trace of a message that leaves the queue.
type Attempt struct {
	ID       string
	Sender   policy.Address
	At       time.Time
	Number   int       // 1 is the first; 0: the queue was closed before any
	Outcomes []Outcome // one for each recipient of this attempt
	Next     time.Time // the next attempt of those deferred; zero: there is none, nothing of the message waits any more
}

// Config is how a Queue works. Deliverer and Report have no default.
type Config struct {
	Deliverer Deliverer
	// Report is called after each attempt, from a goroutine of Run or RunDue, or from Close; the calls of several Workers
	// may overlap.
	Report   func(Attempt)
	Schedule Schedule
	Messages int // that may wait at one time; 0: 1,000
	Workers  int // messages that Run delivers at one time, and each RunDue; 0: 2
	// Recipients of one transaction; a message with more goes in several. 0: 100, which every server must take
	// (RFC 5321 §4.5.3.1.8).
	Recipients int
}

const (
	messages   = 1000
	workers    = 2
	recipients = 100
)

// ErrFull is what Add gives when too many messages wait. By then the relay has accepted the message, so the client isn't
// told: an event is all that says that the message goes no further.
var ErrFull = errors.New("too many messages wait for delivery")

// ErrClosed is what Add gives after Close, and why what waited at Close has failed.
var ErrClosed = errors.New("the delivery queue is closed")

// Queue holds messages until they are delivered, refused or given up, in memory: they don't outlive the process. It has
// no clock and starts nothing by itself: whoever has the clock calls Run, or asks NextDue and calls RunDue.
type Queue struct {
	config  Config
	changed chan struct{}

	mu      sync.Mutex
	waiting []*item    // by due, then in the order of Add
	held    int        // messages in the queue, those under way included
	trying  int        // those under way
	tried   *sync.Cond // trying went down to 0
	serial  uint64
	closed  bool
}

// item is a message in the queue: of its recipients only those that are still to be served.
type item struct {
	Message
	due      time.Time
	serial   uint64
	attempts int
}

// NewQueue makes an empty queue.
func NewQueue(c Config) (*Queue, error) {
	if c.Deliverer == nil || c.Report == nil {
		return nil, errors.New("a delivery queue needs a Deliverer and a Report: mail must not vanish unseen")
	}
	c.Messages = cmp.Or(max(c.Messages, 0), messages)
	c.Workers = cmp.Or(max(c.Workers, 0), workers)
	c.Recipients = cmp.Or(max(c.Recipients, 0), recipients)
	q := &Queue{config: c, changed: make(chan struct{}, 1)}
	q.tried = sync.NewCond(&q.mu)
	return q, nil
}

// Add queues m, due at now. Errors: ErrFull, ErrClosed, or m is nonsense; then nothing of it is queued.
func (q *Queue) Add(now time.Time, m Message) error {
	if len(m.Recipients) == 0 || m.Open == nil {
		return fmt.Errorf("queue message %s: it has no recipients or no content", m.ID)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return fmt.Errorf("queue message %s: %w", m.ID, ErrClosed)
	case q.held+q.parts(m) > q.config.Messages && q.held > 0:
		return fmt.Errorf("queue message %s: %w", m.ID, ErrFull)
	}
	rcpts, notices := slices.Clone(m.Recipients), m.DSN.Notices
	for from := 0; from < len(rcpts); from += q.config.Recipients {
		to := min(from+q.config.Recipients, len(rcpts))
		m.Recipients = rcpts[from:to:to]
		m.DSN.Notices = slices.Clone(notices[min(from, len(notices)):min(to, len(notices))])
		q.serial++
		q.held++
		q.insert(&item{Message: m, due: now, serial: q.serial})
	}
	return nil
}

// parts is how many transactions m takes: each counts as a message.
func (q *Queue) parts(m Message) int {
	return (len(m.Recipients) + q.config.Recipients - 1) / q.config.Recipients
}

// insert puts i where it belongs and tells whoever listens to Changed. q.mu is held.
func (q *Queue) insert(i *item) {
	at, _ := slices.BinarySearchFunc(q.waiting, i, func(a, b *item) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.serial, b.serial))
	})
	q.waiting = slices.Insert(q.waiting, at, i)
	q.Wake()
}

// Wake makes Run look again at what is due: the clock that it runs by has jumped.
func (q *Queue) Wake() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// Changed receives when NextDue may have come nearer.
func (q *Queue) Changed() <-chan struct{} { return q.changed }

// Len is how many messages the queue holds, those under way included.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}

// NextDue gives when RunDue has something to do; false: nothing waits.
func (q *Queue) NextDue() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return time.Time{}, false
	}
	return q.waiting[0].due, true
}

// RunDue tries every message that is due at now, the longest due first, and returns when each has been reported, also
// those that Run or another RunDue is trying. When ctx ends the attempts under way are cut short and what hasn't been
// tried stays as it was.
func (q *Queue) RunDue(ctx context.Context, now time.Time) {
	var work sync.WaitGroup
	for range q.config.Workers {
		work.Go(func() {
			for ctx.Err() == nil {
				i := q.next(now)
				if i == nil {
					return
				}
				q.attempt(ctx, now, i)
			}
		})
	}
	work.Wait()
	q.settle(ctx)
}

// settle waits until no message is under way, or ctx ends.
func (q *Queue) settle(ctx context.Context) {
	wake := context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.tried.Broadcast()
	})
	defer wake()
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.trying > 0 && ctx.Err() == nil {
		q.tried.Wait()
	}
}

// next takes the message that has been due longest, nil when none is.
func (q *Queue) next(now time.Time) *item {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 || q.waiting[0].due.After(now) {
		return nil
	}
	i := q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	q.trying++
	return i
}

// attempt tries i once, puts back what is deferred, and reports.
func (q *Queue) attempt(ctx context.Context, now time.Time, i *item) {
	defer q.done()
	i.attempts++
	outcomes := q.deliver(ctx, i)
	var deferred []policy.Address
	var dsn policy.DSN
	for at, o := range outcomes {
		if o.Status == Deferred {
			dsn.Add(len(deferred), i.DSN.For(at))
			deferred = append(deferred, o.Recipient)
		}
	}
	r := Attempt{ID: i.ID, Sender: i.Sender, At: now, Number: i.attempts, Outcomes: outcomes}
	if len(deferred) > 0 {
		i.Recipients, i.DSN.Notices = deferred, dsn.Notices
		r.Next = q.again(now, i, outcomes)
	}
	if r.Next.IsZero() {
		q.mu.Lock()
		q.held--
		q.mu.Unlock()
	}
	q.config.Report(r)
}

// done ends an attempt.
func (q *Queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.trying--; q.trying == 0 {
		q.tried.Broadcast()
	}
}

func (q *Queue) deliver(ctx context.Context, i *item) []Outcome {
	body, err := i.Open()
	if err != nil {
		return all(i.Recipients, "open the message", err)
	}
	defer body.Close()
	return q.config.Deliverer.Deliver(ctx, i.Envelope, body)
}

// again puts i back and gives when it is due. When it is given up, or the queue was closed meanwhile, the time is zero
// and what was deferred has failed.
func (q *Queue) again(now time.Time, i *item, outcomes []Outcome) time.Time {
	due, ok := q.config.Schedule.Next(i.Received, now, i.attempts)
	q.mu.Lock()
	defer q.mu.Unlock()
	if ok && !q.closed {
		i.due = due
		q.insert(i)
		return due
	}
	why := "given up: "
	if q.closed {
		why = closing
	}
	for at := range outcomes {
		if o := &outcomes[at]; o.Status == Deferred {
			o.Status, o.Text = Failed, why+o.Text
		}
	}
	return time.Time{}
}

// closing begins the text of what the end of the process loses.
const closing = "the queue was closed: "

// Close ends the queue: it takes nothing more, and each message that still waits is reported as failed, because memory
// is all that holds it. An attempt under way is reported by its Run or RunDue. It may be called more than once.
func (q *Queue) Close(now time.Time) {
	q.mu.Lock()
	rest := q.waiting
	q.waiting, q.closed = nil, true
	q.held -= len(rest)
	q.mu.Unlock()
	for _, i := range rest {
		outcomes := make([]Outcome, len(i.Recipients))
		for at, to := range i.Recipients {
			outcomes[at] = Outcome{Recipient: to, Status: Failed, Text: closing + "not delivered", Err: ErrClosed}
		}
		q.config.Report(Attempt{ID: i.ID, Sender: i.Sender, At: now, Number: i.attempts, Outcomes: outcomes})
	}
}
