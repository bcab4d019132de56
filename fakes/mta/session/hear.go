package session

import "github.com/relayspec/relayspec/fakes/client"

// hear takes the reply to w.
func (t *transaction) hear(w word, reply client.Reply) {
	switch w {
	case sayMail:
		t.heardMail(reply)
	case sayRcpt:
		t.heardRcpt(reply)
	case sayData:
		t.heardData(reply)
	case sayContent, sayBdat:
		t.heardEnd(w, reply)
	case sayRset:
		t.heardReset(reply)
	}
}

func (t *transaction) heardMail(reply client.Reply) {
	if !reply.Positive() {
		t.refuse(client.Mail, reply)
	}
}

// heardRcpt takes the reply of one recipient. Where MAIL was refused it says nothing new.
func (t *transaction) heardRcpt(reply client.Reply) {
	i := t.order[t.heard]
	t.heard++
	switch {
	case t.fates[i].Verdict != "": // MAIL was refused
		if reply.Code == 421 {
			t.refuse(client.Rcpt, reply)
		}
	case reply.Positive():
		t.taken++
	default:
		meaning := t.s.m.Replies.of(client.Rcpt, reply)
		if meaning.Then() == Cut {
			t.lose(client.Rcpt, reply, nil, meaning)
			return
		}
		t.decide(i, meaning.Verdict(), client.Rcpt, reply, nil)
		if t.open == 0 { // every one was refused
			t.stage, t.then = client.Rcpt, meaning.Then()
		}
	}
}

// heardData takes the reply to DATA. Where nobody is there to get the message it says nothing new, but that the relay
// waits for a dot.
func (t *transaction) heardData(reply client.Reply) {
	if meaning, ok := t.s.m.Replies.severalLines(client.Data, reply); ok && reply.Code == 354 {
		t.lose(client.Data, reply, nil, meaning)
		return
	}
	if reply.Code == 354 {
		return
	}
	t.drop(sayContent)
	if t.open == 0 && t.stage == client.Rcpt {
		for i := range t.fates {
			t.fates[i].ToData = reply
		}
	}
	t.refuse(client.Data, reply)
}

// heardEnd takes the reply to the content. A refused chunk leaves the transaction open, a refused dot doesn't.
// Source: RFC 3030 §2, RFC 5321 §4.1.1.4.
func (t *transaction) heardEnd(w word, reply client.Reply) {
	t.content = w == sayContent || reply.Positive()
	if !reply.Positive() {
		t.refuse(client.EndOfData, reply)
		return
	}
	t.decideAll(Delivered, client.EndOfData, reply, nil)
}

func (t *transaction) heardReset(reply client.Reply) {
	if reply.Code == 421 {
		t.gone = true
		t.s.cut()
	}
}

// refuse takes a reply that refuses all recipients that are left; with none left only 421 means anything.
func (t *transaction) refuse(stage client.Stage, reply client.Reply) {
	meaning := t.s.m.Replies.of(stage, reply)
	if t.open == 0 && reply.Code != 421 {
		return
	}
	if meaning.Then() == Cut {
		t.lose(stage, reply, nil, meaning)
		return
	}
	t.stage, t.then = stage, meaning.Then()
	t.decideAll(meaning.Verdict(), stage, reply, nil)
}

// lose ends the connection: what isn't decided yet is by that.
func (t *transaction) lose(stage client.Stage, reply client.Reply, err error, meaning Meaning) {
	t.gone = true
	t.decideAll(meaning.Verdict(), stage, reply, err)
	if err == nil && meaning.Then() == Leave {
		t.s.conn.GiveUp()
		t.s.leave()
		return
	}
	t.s.cut()
}

func (t *transaction) decideAll(verdict Verdict, stage client.Stage, reply client.Reply, err error) {
	for i := range t.fates {
		t.decide(i, verdict, stage, reply, err)
	}
}

// decide settles the fate of a recipient, unless it was.
func (t *transaction) decide(i int, verdict Verdict, stage client.Stage, reply client.Reply, err error) {
	if t.fates[i].Verdict != "" {
		return
	}
	t.fates[i] = Fate{Recipient: t.e.Recipients[i], Verdict: verdict, Stage: stage, Reply: reply, Err: err}
	t.open--
}

// prune leaves out what has no point any more.
func (t *transaction) prune() {
	if t.open > 0 || len(t.todo) == 0 {
		return
	}
	if t.todo[0] == sayContent { // 354 came although nobody is there to get the message
		return
	}
	t.todo = nil
}

// drop leaves w out, and what would have shared its write.
func (t *transaction) drop(w word) {
	for i := range t.todo {
		if t.todo[i] == w {
			t.todo = t.todo[:i]
			return
		}
	}
}

// finish ends the transaction, and the session where nothing follows.
func (t *transaction) finish() {
	switch {
	case t.gone:
	case t.quit:
		t.s.left()
	case t.then == Leave:
		t.s.leave()
	default:
		t.close()
	}
}

// close says RSET where the server answers such a refusal with it, and QUIT where nothing follows.
func (t *transaction) close() {
	for _, stage := range t.s.m.Resets.After.Value {
		if string(stage) == string(t.stage) && !t.content {
			t.todo = append(t.todo, sayRset)
		}
	}
	if t.next == Nothing {
		t.todo = append(t.todo, sayQuit)
	}
	for len(t.todo) > 0 && !t.gone {
		group := t.take()
		t.write(group)
		t.read(group)
	}
	if t.quit {
		t.s.left()
	}
}
