package session

import (
	"time"

	"github.com/relayspec/relayspec/fakes/client"
)

// word is what a server says in a transaction, as groups name it.
type word string

// The words of a transaction.
const (
	sayMail    word = "mail"
	sayRcpt    word = "rcpt"
	sayData    word = "data"
	sayContent word = "content"
	sayBdat    word = "bdat"
	sayRset    word = "rset"
	sayQuit    word = "quit"
)

// transaction is a message under way.
type transaction struct {
	s    *Session
	e    Envelope
	next Next

	order   []int  // of recipients, as they are said
	todo    []word // what is still to be said; the rcpt among it are the last ones of order
	said    int    // recipients whose RCPT was written
	heard   int    // recipients whose RCPT was answered
	fates   []Fate // of e.Recipients; one without a verdict isn't decided yet
	open    int    // recipients that are not decided yet
	taken   int    // of those the ones that the relay took
	stage   client.Stage
	then    Then // what the refusal makes of the connection
	content bool // the relay has ended the transaction for having it
	quit    bool // QUIT has been said
	gone    bool // the connection is of no use
}

func (s *Session) transaction(e Envelope, next Next) *transaction {
	t := &transaction{s: s, e: e, next: next, then: Keep}
	t.fates = make([]Fate, len(e.Recipients))
	t.order = make([]int, len(e.Recipients))
	t.open = len(e.Recipients)
	for i, recipient := range e.Recipients {
		t.fates[i].Recipient = recipient
		t.order[i] = i
		if s.m.Envelope.Order.Value == Reversed {
			t.order[i] = len(e.Recipients) - 1 - i
		}
	}
	return t
}

// unfit is what becomes of a message that can't be given to this relay.
func (t *transaction) unfit(why error) {
	for i := range t.fates {
		t.decide(i, Bounced, client.Data, client.Reply{}, why)
	}
	if t.s.m.Resets.Unfit.Value {
		if reply, err := t.s.said("RSET"); err != nil || reply.Code == 421 {
			t.s.cut()
			return
		}
	}
	if t.next == Nothing {
		t.s.leave()
	}
}

// send says all of it, write by write.
func (t *transaction) send() error {
	if err := t.s.reset(); err != nil {
		for i := range t.fates {
			t.decide(i, Deferred, client.Mail, client.Reply{}, err)
		}
		return err
	}
	t.s.undone = true
	t.plan()
	for len(t.todo) > 0 && !t.gone {
		group := t.take()
		t.write(group)
		t.read(group)
		t.prune()
	}
	if t.content {
		t.s.undone = false
	}
	t.finish()
	return nil
}

// plan lists what is to be said where nothing is refused.
func (t *transaction) plan() {
	t.todo = append(t.todo, sayMail)
	for range t.order {
		t.todo = append(t.todo, sayRcpt)
	}
	last := sayContent
	if t.s.chunked() {
		last = sayBdat
		t.todo = append(t.todo, sayBdat)
	} else {
		t.todo = append(t.todo, sayData, sayContent)
	}
	if t.next == Nothing && t.joined(last, sayQuit) {
		t.todo = append(t.todo, sayQuit)
	}
}

// joined tells whether b goes out in the write of a.
func (t *transaction) joined(a, b word) bool { return t.s.Offers("PIPELINING") && t.s.m.together(a, b) }

// take takes what goes out in the next write.
func (t *transaction) take() []word {
	n := 1
	for n < len(t.todo) && t.joined(t.todo[n-1], t.todo[n]) {
		n++
	}
	group := t.todo[:n]
	t.todo = t.todo[n:]
	return group
}

func (t *transaction) write(group []word) {
	parts := make([]client.Part, len(group))
	for i, w := range group {
		parts[i] = t.part(w)
	}
	within := t.within(group[0])
	if w := group[0]; w == sayContent || group[len(group)-1] == sayBdat {
		within = t.s.m.Timeouts.Content.Value
	}
	t.s.conn.Put(t.s.within(within), parts...)
}

// part is what w says.
func (t *transaction) part(w word) client.Part {
	switch w {
	case sayMail:
		return client.Part{Line: t.s.mail(&t.e)}
	case sayRcpt:
		recipient := t.e.Recipients[t.order[t.said]]
		t.said++
		return client.Part{Line: t.s.m.Envelope.Rcpt.Value + "<" + recipient + ">"}
	case sayData:
		return client.Part{Line: "DATA"}
	case sayBdat:
		return client.Part{Chunked: true, Chunk: t.e.Content}
	case sayRset:
		return client.Part{Line: "RSET"}
	case sayQuit:
		t.quit = true
		return client.Part{Line: "QUIT"}
	}
	if t.taken == 0 { // the relay wants a message although it took nobody: a lone dot ends that
		return client.Part{Line: "."}
	}
	return client.Part{Dotted: true, Content: t.e.Content}
}

// read reads the replies to a group, up to the one that ends the session.
func (t *transaction) read(group []word) {
	for _, w := range group {
		if w == sayQuit { // finish awaits that, or not
			continue
		}
		t.s.conn.SetTimeout(t.s.within(t.within(w)))
		reply, err := t.s.conn.Await(commandOf(w))
		if err != nil {
			t.lose(stageOf(w), client.Reply{}, err, t.s.m.Replies.without(stageOf(w), err))
			return
		}
		t.hear(w, reply)
		if t.gone {
			return
		}
	}
	t.s.conn.Settle()
}

// within is how long the reply to w is waited for.
func (t *transaction) within(w word) time.Duration {
	timeouts := &t.s.m.Timeouts
	switch w {
	case sayMail:
		return timeouts.Mail.Value
	case sayRcpt:
		return timeouts.Rcpt.Value
	case sayData:
		return timeouts.Data.Value
	case sayRset:
		return timeouts.Reset.Value
	case sayQuit:
		return timeouts.Quit.Value
	}
	return timeouts.EndOfData.Value
}

// stageOf is the stage at which w is answered.
func stageOf(w word) client.Stage {
	switch w {
	case sayMail:
		return client.Mail
	case sayRcpt:
		return client.Rcpt
	case sayData:
		return client.Data
	}
	return client.EndOfData
}

// commandOf is what errors call w.
func commandOf(w word) string {
	switch w {
	case sayMail:
		return "MAIL"
	case sayRcpt:
		return "RCPT"
	case sayData:
		return "DATA"
	case sayBdat:
		return "BDAT"
	case sayRset:
		return "RSET"
	}
	return "."
}
