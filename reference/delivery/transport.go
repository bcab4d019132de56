package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/relayspec/relayspec/reference/policy"
)

// Envelope says whom a message is from and for.
type Envelope struct {
	Sender     policy.Address   // zero: <>
	Recipients []policy.Address // one or more
	UTF8       bool             // it came with SMTPUTF8 and goes on so where it can: RFC 6531 §3.6
	DSN        policy.DSN       // goes on where the next hop offers DSN: RFC 3461 §5.2.1
}

// Transport delivers to one next hop over a few connections that are used again (DOS-CONN-REUSE).
// Its methods may be called from many goroutines at once. Close it when nothing is under way any more.
type Transport struct {
	hop   NextHop
	turns chan struct{} // one token a connection

	mu     sync.Mutex
	unused []*connection // the last one is the freshest
	closed bool
}

// NewTransport makes a Transport, or says what is wrong with h. It doesn't connect yet.
func NewTransport(h NextHop) (*Transport, error) {
	h, err := h.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Transport{hop: h, turns: make(chan struct{}, h.Connections)}, nil
}

var errClosed = errors.New("the transport is closed")

// Deliver sends one message in one transaction and tells what became of each recipient, in their order. A recipient
// that the next hop refuses doesn't lose the others. An end of ctx defers what hasn't been delivered.
//
// body has CRLF lines and is read at most once. When the connection is lost after the final dot the recipients are
// deferred, though the next hop may have the message: it then comes twice rather than never (RFC 5321 §4.5.5, RFC 1047).
func (t *Transport) Deliver(ctx context.Context, e Envelope, body io.Reader) []Outcome {
	select {
	case t.turns <- struct{}{}:
		defer func() { <-t.turns }()
	case <-ctx.Done():
		return all(e.Recipients, "wait for a connection to "+t.hop.Address, ctx.Err())
	}
	needsUTF8, body := e.needsUTF8(body)
	c, err := t.open(ctx, &e, needsUTF8)
	if err != nil {
		return unopened(e.Recipients, "deliver to "+t.hop.Address, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.net.Close() })
	outcomes, reusable := transact(c, &e, body)
	if !stop() || !reusable {
		_ = c.net.Close()
		return outcomes
	}
	t.put(c)
	return outcomes
}

// errSession is what kept a session from coming about.
var errSession = errors.New("no session")

// unopened defers when there was no session, even if the next hop said 5yz: its greeting and its answer to EHLO are about
// this relay, not about the message. A reply to MAIL counts as it is.
func unopened(to []policy.Address, doing string, err error) []Outcome {
	outcomes := all(to, doing, err)
	if errors.Is(err, errSession) {
		for i := range outcomes {
			outcomes[i].Status = Deferred
		}
	}
	return outcomes
}

// open gives a connection on which MAIL was accepted. A connection that was used before may have been closed by the
// next hop meanwhile: then another is tried, since nothing of the message has gone out.
func (t *Transport) open(ctx context.Context, e *Envelope, needsUTF8 bool) (*connection, error) {
	for {
		c, err := t.take(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errSession, err)
		}
		if err = mail(ctx, c, e, needsUTF8); err == nil {
			return c, nil
		}
		if !broken(err) {
			t.reset(c)
			return nil, err
		}
		_ = c.net.Close()
		if !c.used || ctx.Err() != nil {
			return nil, err
		}
	}
}

// mail begins the transaction.
func mail(ctx context.Context, c *connection, e *Envelope, needsUTF8 bool) error {
	stop := context.AfterFunc(ctx, func() { _ = c.net.Close() })
	defer stop()
	able, _ := c.client.Extension("SMTPUTF8")
	if needsUTF8 && !able {
		// RFC 6531 §3.5: such a message can't go on; 5.6.7 of RFC 6531 §3.7.4.
		return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 6, 7},
			Message: "the next hop has no SMTPUTF8, which an address or the header needs"}
	}
	options := &smtp.MailOptions{
		UTF8:   able && (needsUTF8 || e.UTF8),
		Return: smtp.DSNReturn(e.DSN.Return), EnvelopeID: e.DSN.EnvelopeID, // where DSN is offered
	}
	return c.client.Mail(path(e.Sender), options)
}

// transact goes from RCPT to the final dot. reusable tells whether the connection can carry another transaction.
func transact(c *connection, e *Envelope, body io.Reader) (outcomes []Outcome, reusable bool) {
	outcomes = make([]Outcome, len(e.Recipients))
	var accepted []int
	for i, to := range e.Recipients {
		err := c.client.Rcpt(path(to), rcptOptions(e.DSN.For(i)))
		switch {
		case err == nil:
			accepted = append(accepted, i)
		case broken(err):
			// nothing was sent to those accepted so far, and nothing will be
			rest := append(accepted, indices(i, len(e.Recipients))...)
			settle(outcomes, e.Recipients, rest, "name the recipients", err)
			return outcomes, false
		default:
			outcomes[i] = outcomeOf(to, "name the recipient", err)
		}
	}
	if len(accepted) == 0 {
		return outcomes, c.client.Reset() == nil
	}
	reply, err := send(c, body)
	if err != nil {
		settle(outcomes, e.Recipients, accepted, "send the message", err)
		return outcomes, !broken(err) && c.client.Reset() == nil
	}
	for _, i := range accepted {
		outcomes[i] = Outcome{Recipient: e.Recipients[i], Status: Delivered, Code: 250, Text: reply}
	}
	return outcomes, true
}

// rcptOptions are the parameters of RCPT; they are sent only where DSN is offered. The client knows two types of ORCPT,
// and one of another type stays here.
func rcptOptions(n policy.Notice) *smtp.RcptOptions {
	if n == (policy.Notice{}) {
		return nil
	}
	o := &smtp.RcptOptions{}
	if n.Notify != "" {
		for word := range strings.SplitSeq(n.Notify, ",") {
			o.Notify = append(o.Notify, smtp.DSNNotify(word))
		}
	}
	switch n.OriginalType {
	case "rfc822":
		o.OriginalRecipientType, o.OriginalRecipient = smtp.DSNAddressTypeRFC822, n.Original
	case "utf-8":
		o.OriginalRecipientType, o.OriginalRecipient = smtp.DSNAddressTypeUTF8, n.Original
	}
	return o
}

// errBody is a failure to read the message, which is ours.
var errBody = errors.New("read the message")

// send sends DATA and the message. When the message can't be read to its end no final dot is sent: the next hop must
// not take half a message, so the connection can only be closed.
func send(c *connection, body io.Reader) (reply string, err error) {
	w, err := c.client.Data()
	if err != nil {
		return "", err
	}
	source := &bodyReader{r: body}
	if _, err := io.Copy(w, source); err != nil {
		if source.err != nil {
			return "", fmt.Errorf("%w: %w", errBody, source.err)
		}
		return "", err
	}
	response, err := w.CloseWithResponse()
	if err != nil {
		return "", err
	}
	return response.StatusText, nil
}

// bodyReader remembers whether it was reading that failed, rather than the connection.
type bodyReader struct {
	r   io.Reader
	err error
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// settle gives the recipients at these indices the outcome of one error.
func settle(outcomes []Outcome, to []policy.Address, at []int, doing string, err error) {
	for _, i := range at {
		outcomes[i] = outcomeOf(to[i], doing, err)
	}
}

func all(to []policy.Address, doing string, err error) []Outcome {
	outcomes := make([]Outcome, len(to))
	settle(outcomes, to, indices(0, len(to)), doing, err)
	return outcomes
}

func indices(from, to int) []int {
	list := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		list = append(list, i)
	}
	return list
}

// take gives an unused connection that is fresh enough, or a new one.
func (t *Transport) take(ctx context.Context) (*connection, error) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, errClosed
	}
	var stale []*connection
	var c *connection
	if n := len(t.unused); n > 0 {
		c, t.unused = t.unused[n-1], t.unused[:n-1]
		if time.Since(c.since) > t.hop.Idle {
			stale, t.unused, c = append(t.unused, c), nil, nil // the freshest is too old, so all are
		}
	}
	t.mu.Unlock()
	for _, old := range stale {
		_ = old.net.Close()
	}
	if c != nil {
		return c, nil
	}
	return t.dial(ctx)
}

// put keeps c for the next message.
func (t *Transport) put(c *connection) {
	c.used, c.since = true, time.Now()
	t.mu.Lock()
	keep := !t.closed && t.hop.Idle > 0
	if keep {
		t.unused = append(t.unused, c)
	}
	t.mu.Unlock()
	if !keep {
		c.quit()
	}
}

// reset keeps c for the next message after a refusal.
func (t *Transport) reset(c *connection) {
	if c.client.Reset() != nil {
		_ = c.net.Close()
		return
	}
	t.put(c)
}

// Close says QUIT on the connections that wait. It may be called more than once.
func (t *Transport) Close() error {
	t.mu.Lock()
	unused := t.unused
	t.unused, t.closed = nil, true
	t.mu.Unlock()
	for _, c := range unused {
		c.quit()
	}
	return nil
}
