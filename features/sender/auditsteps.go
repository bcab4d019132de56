package sender

import (
	"bytes"
	"context"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/fakes/relay"
	"github.com/relayspec/relayspec/features"
)

// walk is one scenario of an audit as its steps share it.
type walk struct {
	features.Trial
	who   *Audited
	began time.Time
	stage string // where the relay refuses once; "": nowhere
	reply string
	sent  transaction // the one that the scenario is about
	to    string      // its recipient; "": it wasn't said
}

// auditSteps binds the vocabulary of the audit's feature.
func auditSteps(sc *godog.ScenarioContext) {
	sc.Given(`^the relay answers (MAIL|RCPT|the end of the message) once with "([^"]*)"( and closes)?$`, answersOnce)
	sc.Given(`^the relay drops the connection within the message once$`, dropsOnce)
	sc.When(`^the server sends a message( to one recipient)?$`, serverSends)
	sc.When(`^the server has sent something$`, serverHasSent)
	sc.When(`^the server has sent a message with an empty sender$`, serverHasSentNotice)
	sc.Then(`^it arrives once$`, arrivesOnce)
	sc.Then(`^it is tried again a minute or more later, and arrives once$`, triedAgain)
	sc.Then(`^a notice goes to its sender, once$`, noticeGoes)
	sc.Then(`^it isn't sent again$`, notSentAgain)
	sc.Then(`^nobody is told that it failed$`, noNotice)
	sc.Then(`^each session presents a name of its own$`, ownName)
	sc.Then(`^no session presents "([^"]*)"$`, notPresented)
	sc.Then(`^each of these is authenticated, or its session presents a name in its domain$`, noticesIdentified)
	sc.Then(`^nobody authenticates in clear text$`, noClearAUTH)
	sc.Then(`^no transaction with an empty sender has more than 1 recipient$`, oneRecipient)
}

// walking gives the scenario in whose step ctx is.
func walking(ctx context.Context) *walk {
	t := features.TrialOf(ctx)
	return t.State(func() any { return newWalk(t) }).(*walk)
}

func newWalk(t features.Trial) *walk {
	w := &walk{Trial: t, who: t.Target().(*auditedTarget).Audited, began: time.Now()}
	w.who.under(w)
	t.Cleanup(func() {
		w.who.under(nil)
		w.who.answers(plainScript())
	})
	return w
}

// under says which scenario is under way.
func (a *Audited) under(w *walk) {
	a.audit.mu.Lock()
	defer a.audit.mu.Unlock()
	a.walk = w
}

func answersOnce(ctx context.Context, stage, reply, closes string) {
	w := walking(ctx)
	rule := relay.Refuse("", reply, 1)
	rule.Close = closes != ""
	script := plainScript()
	switch stage {
	case "MAIL":
		script.Mail = relay.Rules{rule}
	case "RCPT":
		script.Rcpt = relay.Rules{rule}
	default:
		script.End = relay.Rules{rule}
	}
	w.stage, w.reply = stage, reply
	w.who.answers(script)
}

func dropsOnce(ctx context.Context) {
	w, once := walking(ctx), 1
	script := plainScript()
	script.Content = relay.Rules{{Times: &once, Octets: droppedAfter, Close: true}}
	w.stage = "the message"
	w.who.answers(script)
}

// until waits until found says so, or as long as within is; 0: without an end. It tells whether found did.
func (w *walk) until(ctx context.Context, within time.Duration, found func([]transaction) bool) (bool, error) {
	if within > 0 {
		bounded, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		ok, err := w.until(bounded, 0, found)
		if err != nil && ctx.Err() == nil {
			return false, nil
		}
		return ok, err
	}
	for {
		change := w.who.change()
		if found(w.transactions()) {
			return true, nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		select { // who says a lot is looked at ten times a second
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// transactions gives those of the sender in the order in which they were begun.
func (w *walk) transactions() []transaction {
	var all []transaction
	for _, c := range w.who.connections() {
		for i := range c.transactions {
			c.transactions[i].cut = c.dropped && i == len(c.transactions)-1
		}
		all = append(all, c.transactions...)
	}
	slices.SortStableFunc(all, func(a, b transaction) int { return a.at.Compare(b.at) })
	return all
}

func serverSends(ctx context.Context, toOne string) error {
	w := walking(ctx)
	w.who.awaits("send a message" + toOne)
	_, err := w.until(ctx, 0, func(all []transaction) bool {
		i := slices.IndexFunc(all, func(t transaction) bool { return !t.at.Before(w.began) && t.sender != "" && w.met(&t) })
		if i >= 0 {
			w.sent = all[i]
		}
		return i >= 0
	})
	return err
}

// met tells whether t met what the scenario has the relay do, and keeps which recipient that was about.
func (w *walk) met(t *transaction) bool {
	w.to = ""
	switch w.stage {
	case "MAIL":
		return t.reply == w.reply
	case "RCPT":
		i := slices.IndexFunc(t.recipients, func(r answered) bool { return r.reply == w.reply })
		if i >= 0 {
			w.to = t.recipients[i].address
		}
		return i >= 0
	}
	if len(t.recipients) > 0 {
		w.to = t.recipients[0].address
	}
	switch w.stage {
	case "the end of the message":
		return t.message != nil && t.message.Reply == w.reply
	case "the message":
		return t.message == nil && t.cut && len(t.recipients) > 0 && strings.HasPrefix(t.recipients[0].reply, "2")
	}
	return t.accepted()
}

// again gives the tries for the same recipient after the one that the scenario is about.
func (w *walk) again(all []transaction) []transaction {
	return slices.DeleteFunc(slices.Clone(all), func(t transaction) bool {
		return !t.at.After(w.sent.at) || !strings.EqualFold(t.sender, w.sent.sender) || w.to != "" && !t.names(w.to)
	})
}

// names tells whether RCPT of that recipient was said in t.
func (t *transaction) names(recipient string) bool {
	return slices.ContainsFunc(t.recipients, func(r answered) bool { return strings.EqualFold(r.address, recipient) })
}

func arrivesOnce(ctx context.Context) error {
	w := walking(ctx)
	return w.once(w.transactions(), w.sent.message)
}

// once asks that a message was taken once.
func (w *walk) once(all []transaction, m *relay.Message) error {
	n := 0
	for _, t := range all {
		if t.accepted() && slices.Equal(t.message.Recipients, m.Recipients) && headerOf(t.message, "Message-Id") == headerOf(m, "Message-Id") {
			n++
		}
	}
	if n != 1 {
		return &features.Failure{Want: "the message to arrive once", Got: fmt.Sprintf("%d times", n)}
	}
	return nil
}

// headerOf is a field of a message; "": it hasn't any.
func headerOf(m *relay.Message, field string) string {
	if m == nil {
		return ""
	}
	read, err := netmail.ReadMessage(bytes.NewReader(m.Content))
	if err != nil {
		return ""
	}
	return read.Header.Get(field)
}

func triedAgain(ctx context.Context) error {
	w := walking(ctx)
	w.who.awaits(fmt.Sprintf("wait until it tries again the message from <%s> to <%s>", w.sent.sender, w.to))
	var tried []transaction
	var got *relay.Message
	arrived, err := w.until(ctx, w.who.audit.Within, func(all []transaction) bool {
		tried, got = w.again(all), nil
		for _, t := range tried {
			if t.accepted() {
				got = t.message
			}
		}
		return got != nil
	})
	switch {
	case err != nil:
		return err
	case len(tried) == 0:
		return &features.Failure{Want: "another try", Got: "none within " + w.who.audit.Within.String()}
	}
	if after := tried[0].at.Sub(w.sent.at); after < w.who.audit.Least-w.who.audit.Least/30 {
		return &features.Failure{Want: "a try after " + w.who.audit.Least.String() + " or more", Got: "one after " + after.Round(time.Second/10).String()}
	}
	if !arrived {
		return &features.Failure{Want: "the message to arrive", Got: fmt.Sprintf("%d more tries, and it didn't", len(tried))}
	}
	return w.once(w.transactions(), got)
}

// notices are those of a failure that went to the sender of the scenario's message after it was refused.
func (w *walk) notices(all []transaction) (found []transaction) {
	for _, t := range all {
		if t.at.After(w.sent.at) && t.sender == "" && t.accepted() && !t.ofDelay() && t.names(w.sent.sender) &&
			bytes.Contains(bytes.ToLower(t.message.Content), []byte(strings.ToLower(w.to))) {
			found = append(found, t)
		}
	}
	return found
}

func noticeGoes(ctx context.Context) error {
	w := walking(ctx)
	w.who.awaits(fmt.Sprintf("wait for a notice to <%s>", w.sent.sender))
	var notices []transaction
	_, err := w.until(ctx, w.who.audit.Within, func(all []transaction) bool {
		notices = w.notices(all)
		return len(notices) > 0 || w.older(all) != nil
	})
	switch {
	case err != nil:
		return err
	case len(notices) > 1:
		return &features.Failure{Want: "one notice to <" + w.sent.sender + ">", Got: fmt.Sprintf("%d", len(notices))}
	case len(notices) == 0 && w.older(w.transactions()) == nil:
		return &features.Missing{Capability: SeesNotices}
	}
	return notSentAgain(ctx)
}

// older finds a later try of the message itself: one that was written before it was refused, or is the same. nil: there is none.
func (w *walk) older(all []transaction) *relay.Message {
	for _, t := range w.again(all) {
		if t.message == nil {
			continue
		}
		written, err := netmail.ParseDate(headerOf(t.message, "Date"))
		id := headerOf(t.message, "Message-Id")
		same := w.sent.message != nil && id != "" && id == headerOf(w.sent.message, "Message-Id")
		if same || w.sent.message == nil && err == nil && written.Before(w.sent.at.Truncate(time.Second)) && written.After(w.began.Add(-time.Hour)) {
			return t.message
		}
	}
	return nil
}

func notSentAgain(ctx context.Context) error {
	w := walking(ctx)
	if w.older(w.transactions()) != nil {
		return &features.Failure{Want: "no other try", Got: "the message came again", Reply: codesOf(w.reply)}
	}
	return nil
}

func noNotice(ctx context.Context) error {
	w := walking(ctx)
	if n := len(w.notices(w.transactions())); n > 0 && w.to != "" {
		return &features.Failure{Want: "no notice of a failure", Got: "one to <" + w.sent.sender + ">"}
	}
	return nil
}

func serverHasSent(ctx context.Context) error {
	w := walking(ctx)
	if len(w.transactions()) == 0 {
		w.who.awaits("send a message")
	}
	_, err := w.until(ctx, 0, func(all []transaction) bool { return len(all) > 0 })
	return err
}

func serverHasSentNotice(ctx context.Context) error {
	if !slices.ContainsFunc(walking(ctx).transactions(), func(t transaction) bool { return t.sender == "" }) {
		return &features.Missing{Capability: SeesNotices}
	}
	return nil
}

func ownName(ctx context.Context) error {
	w := walking(ctx)
	name := w.who.Hello
	own := strings.Contains(strings.Trim(name, "."), ".") && !strings.HasPrefix(name, "[")
	if len(w.who.audit.Domains) > 0 {
		own = w.inDomain(name)
	}
	if !own {
		return &features.Failure{Want: "the server's own name, or its domain, in HELO and EHLO", Got: name}
	}
	return nil
}

// inDomain tells whether a name is in one of the customer's domains.
func (w *walk) inDomain(name string) bool {
	return slices.ContainsFunc(w.who.audit.Domains, func(domain string) bool { return within(name, strings.ToLower(domain)) })
}

func notPresented(ctx context.Context, names string) error {
	w := walking(ctx)
	if slices.Contains(strings.Split(names, ", "), strings.ToLower(w.who.Hello)) {
		return &features.Failure{Want: "none of " + names + " in HELO and EHLO", Got: w.who.Hello}
	}
	return nil
}

func noticesIdentified(ctx context.Context) error {
	w := walking(ctx)
	if len(w.who.audit.Domains) == 0 {
		return &features.Missing{Capability: KnowsDomains}
	}
	for _, t := range w.transactions() {
		if t.sender == "" && !t.authenticated && !w.inDomain(t.hello) {
			return &features.Failure{Want: "AUTH, or a name in its domain, where the sender is empty", Got: "neither; it presents " + t.hello}
		}
	}
	return nil
}

func noClearAUTH(ctx context.Context) error {
	w := walking(ctx)
	if slices.ContainsFunc(w.who.connections(), func(c connection) bool { return c.clearAUTH }) {
		return &features.Failure{Want: "no AUTH in clear text", Got: "AUTH in clear text"}
	}
	return nil
}

func oneRecipient(ctx context.Context) error {
	w := walking(ctx)
	for _, t := range w.transactions() {
		if t.sender == "" && len(t.recipients) > 1 {
			return &features.Failure{Want: "at most 1 RCPT behind MAIL FROM:<>", Got: fmt.Sprintf("%d", len(t.recipients))}
		}
	}
	return nil
}
