package reference

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relayspec/relayspec/reference/ledger"
	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
)

// Decider decides at the stages of a session. *policy.Policy is one; a wrapper around it is another relay.
type Decider interface {
	Decide(stage policy.Stage, f *policy.Facts) policy.Decision
	Refuse(item *policy.Item) policy.Decision
}

// Ledger holds, charges and gives back. *ledger.Ledger is one.
type Ledger interface {
	Reserve(now time.Time, c *policy.Charge) (ledger.Hold, *policy.Item)
	Commit(now time.Time, h ledger.Hold)
	Release(h ledger.Hold)
}

// Keeper takes messages for good. *mailbox.Box is one.
type Keeper interface {
	Create(e mailbox.Envelope) (*mailbox.Draft, error)
}

// Engine puts the parts of the relay behind one door: policy decides, the ledger counts, the keeper keeps.
// It implements wire.Engine. No lock is held while it waits for anything.
type Engine struct {
	decider atomic.Pointer[Decider]
	service *policy.Service
	around  func(Decider) Decider
	ledger  Ledger
	keeper  Keeper
	buckets *buckets
	host    string
	now     func() time.Time
	charged bool // unfinished transactions are charged too (relay-rules 2.4)

	swap sync.RWMutex // of a hold for another: whoever else wants to hold something waits

	accepted func(id string, e mailbox.Envelope)
}

// NewEngine makes an Engine for a server that isn't ours, such as one that only asks for decisions. Of o it takes Service and
// Directory, which are needed, and Keeper, Ledger, Accepted, Now and Decider. The error says which is missing.
func NewEngine(o Options) (*Engine, error) {
	if err := o.checkEngine(); err != nil {
		return nil, fmt.Errorf("make an engine: %w", err)
	}
	o.setDefaults()
	return newEngine(&o), nil
}

// newEngine makes an Engine of options that have their defaults.
func newEngine(o *Options) *Engine {
	e := &Engine{
		service: o.Service,
		around:  o.Decider,
		ledger:  o.Ledger,
		keeper:  o.Keeper,
		buckets: newBuckets(o.Service.Limits.SingleLabelBurst, o.Service.Limits.SingleLabelRefill),
		host:    o.Service.Host,
		now:     o.Now,
		charged: o.Service.Switches.ChargeUnfinished,

		accepted: o.Accepted,
	}
	e.SetDirectory(o.Directory)
	return e
}

// SetDirectory makes the Engine decide by d from the next decision on: each is made by the old directory or the new one,
// never by a mix.
func (e *Engine) SetDirectory(d policy.Directory) {
	decider := e.around(&policy.Policy{Service: e.service, Directory: d})
	e.decider.Store(&decider)
}

// transaction is what the Engine keeps between two stages of one transaction, in Facts.Hold.
type transaction struct {
	hold     ledger.Hold
	charge   *policy.Charge // what hold holds; nil: nothing
	customer string
	sender   policy.Address // as it goes on from here
	rule     policy.RuleID  // what admitted it
}

// Decide answers at a stage. Where limits speak it holds what acceptance would use up.
func (e *Engine) Decide(_ context.Context, stage policy.Stage, f *policy.Facts) (policy.Decision, error) {
	decider := *e.decider.Load()
	if stage == policy.Auth {
		f.Now = e.now()
	}
	d := decider.Decide(stage, f)
	if d.Bucket && e.buckets.take(f.Peer, e.now()) {
		return policy.Decision{}, nil
	}
	if d.Refused() {
		return d, nil
	}
	if item := e.reserve(stage, f, &d); item != nil {
		return decider.Refuse(item), nil
	}
	return d, nil
}

// reserve holds what d would charge, in place of what the transaction held before, and gives what doesn't fit.
func (e *Engine) reserve(stage policy.Stage, f *policy.Facts, d *policy.Decision) *policy.Item {
	if stage == policy.Data {
		t := e.transaction(f)
		t.sender, t.rule, t.customer = d.Sender, d.Rule, d.Customer
	}
	if len(d.Charge.Items()) == 0 {
		return nil
	}
	return e.hold(e.transaction(f), d.Charge)
}

// hold holds charge in place of what t held before, and nobody takes a place in between. Where it doesn't fit, t goes on
// holding what it held: a refused recipient takes nothing from those before it.
func (e *Engine) hold(t *transaction, charge *policy.Charge) *policy.Item {
	if t.charge == nil {
		e.swap.RLock()
		defer e.swap.RUnlock()
	} else {
		e.swap.Lock()
		defer e.swap.Unlock()
	}
	e.ledger.Release(t.hold)
	hold, item := e.ledger.Reserve(e.now(), charge)
	if item == nil {
		t.hold, t.charge = hold, charge
	} else if t.charge != nil {
		t.hold, _ = e.ledger.Reserve(e.now(), t.charge)
	}
	return item
}

// transaction gives f's transaction, and begins it.
func (e *Engine) transaction(f *policy.Facts) *transaction {
	t, ok := f.Hold.(*transaction)
	if !ok {
		t = &transaction{}
		f.Hold = t
	}
	return t
}

// Commit keeps the message, charges for it and says so: the order in which nothing is lost and nothing is charged that
// wasn't accepted. Source: relay-rules 2.41; RFC 5321 §6.1 (responsibility begins with the 250).
func (e *Engine) Commit(_ context.Context, f *policy.Facts, body io.Reader) (policy.Decision, error) {
	t := e.transaction(f)
	envelope := e.envelope(f, t)
	draft, err := e.keeper.Create(envelope)
	if err != nil {
		return policy.Decision{}, fmt.Errorf("begin a message: %w", err)
	}
	defer draft.Discard() // unless it is kept
	if err := e.write(draft, f, body); err != nil {
		return policy.Decision{}, err
	}
	if d := e.accept(f); d.Refused() {
		return d, nil
	}
	id, err := draft.Commit()
	if err != nil {
		return policy.Decision{}, fmt.Errorf("keep a message: %w", err)
	}
	e.ledger.Commit(e.now(), t.hold)
	t.hold, t.charge = ledger.Hold{}, nil
	e.accepted(id, envelope)
	return policy.Decision{Rule: t.rule}, nil
}

// accept decides once more, now that the message is there, and holds what is charged only now.
func (e *Engine) accept(f *policy.Facts) policy.Decision {
	decider := *e.decider.Load()
	d := decider.Decide(policy.Accept, f)
	if item := e.reserve(policy.Accept, f, &d); item != nil {
		return decider.Refuse(item)
	}
	return d
}

// Release gives back what f's transaction holds.
func (e *Engine) Release(f *policy.Facts) {
	t, ok := f.Hold.(*transaction)
	if !ok {
		return
	}
	if e.charged {
		e.ledger.Commit(e.now(), t.hold)
	} else {
		e.ledger.Release(t.hold)
	}
	f.Hold = nil
}

func (e *Engine) envelope(f *policy.Facts, t *transaction) mailbox.Envelope {
	return mailbox.Envelope{
		Received:   e.now(),
		Session:    f.Session,
		Customer:   t.customer,
		Peer:       f.Peer,
		Helo:       f.Helo,
		User:       f.User,
		Given:      f.Sender,
		Sender:     t.sender,
		Recipients: f.Recipients,
		UTF8:       f.UTF8,
		DSN:        f.DSN,
		Rules:      rules(t.rule),
	}
}

func rules(admitting policy.RuleID) []policy.RuleID {
	if admitting == "" {
		return nil
	}
	return []policy.RuleID{admitting}
}

// write puts the trace header and the message into draft. An error of body comes back as it is.
func (e *Engine) write(draft io.Writer, f *policy.Facts, body io.Reader) error {
	if _, err := draft.Write(e.received(f)); err != nil {
		return fmt.Errorf("write the trace header: %w", err)
	}
	_, err := io.Copy(draft, body)
	return err
}

// received is the trace header that every relay adds. Source: RFC 5321 §4.4; with-types RFC 3848, RFC 6531 §4.3.
func (e *Engine) received(f *policy.Facts) []byte {
	const usual = 256 // octets; a longer one is allocated twice
	b := appendAll(make([]byte, 0, usual), "Received: from ", f.Helo, " ([")
	if f.Peer.Unmap().Is6() {
		b = append(b, "IPv6:"...)
	}
	b = f.Peer.Unmap().AppendTo(b)
	b = appendAll(b, "])\r\n\tby ", e.host, " with ", protocol(f), " id ", f.Session, ";\r\n\t")
	b = e.now().UTC().AppendFormat(b, time.RFC1123Z)
	return append(b, "\r\n"...)
}

func appendAll(b []byte, parts ...string) []byte {
	for _, part := range parts {
		b = append(b, part...)
	}
	return b
}

// protocol is the with-type of a transaction.
func protocol(f *policy.Facts) string {
	with := "SMTP"
	switch {
	case f.UTF8:
		with = "UTF8SMTP"
	case f.Extended:
		with = "ESMTP"
	default:
		return with
	}
	if f.TLS {
		with += "S"
	}
	if f.User != "" {
		with += "A"
	}
	return with
}
