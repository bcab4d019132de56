package faults

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Invalid is what is wrong with one field of a Fault.
type Invalid struct {
	Field string // as in JSON: when.peer
	Value string // as it was given
	Want  string // what to write instead
}

func (i *Invalid) Error() string { return fmt.Sprintf("%s: %s; write %s", i.Field, i.Value, i.Want) }

// Bounds of a Fault.
const (
	longestDelay = Span(time.Hour)
	longestGlob  = 512 // octets
	longestLine  = 500 // octets of a line of a Reply: RFC 5321 §4.5.3.1.5, less its code
	mostLines    = 100
)

// Stages are all of them, in the order of a session.
func Stages() []Stage { return []Stage{Connect, Helo, Auth, Mail, Rcpt, Data, Accept, Accepted} }

// checker gathers what is wrong with a Fault.
type checker struct{ wrong []error }

// check tells all that is wrong with f: Invalid, joined.
func (f *Fault) check() error {
	var c checker
	c.id(f.ID)
	if !slices.Contains(Stages(), f.On) {
		c.text("on", string(f.On), "one of connect, helo, auth, mail, rcpt, data, accept, accepted")
	}
	c.deeds(f)
	c.reply(f.Reply)
	c.when(f)
	c.bounds(f)
	return errors.Join(c.wrong...)
}

func (c *checker) fault(field, value, want string) {
	c.wrong = append(c.wrong, &Invalid{field, value, want})
}

func (c *checker) text(field, value, want string) { c.fault(field, strconv.Quote(value), want) }

func (c *checker) number(field string, value int, want string) {
	c.fault(field, strconv.Itoa(value), want)
}

// identifier is what a fault may be called: it stands in paths and in replies.
var identifier = regexp.MustCompile(`^[A-Za-z0-9._-]{0,64}$`)

func (c *checker) id(id string) {
	if !identifier.MatchString(id) {
		c.text("id", id, "at most 64 letters, digits, dots, dashes and underscores, or none to be given one")
	}
}

// deeds checks what f does.
func (c *checker) deeds(f *Fault) {
	switch {
	case f.Reply == nil && f.Delay == 0 && f.Rate == 0 && !f.Drop:
		c.fault("reply", "neither reply, delay, rate nor drop is given", "what the fault does: at least one of them")
	case f.Rate != 0 && f.On != Connect:
		c.number("rate", f.Rate, "on: connect with it: a rate holds for a whole connection")
	case f.Rate != 0 && (f.Reply != nil || f.Delay != 0 || f.Drop):
		c.number("rate", f.Rate, "it into a fault of its own, without reply, delay and drop")
	}
	if f.Rate < 0 {
		c.number("rate", f.Rate, "octets a second, 1 or more, or 0 for as they come")
	}
	if f.Delay < 0 || f.Delay > longestDelay {
		c.fault("delay", time.Duration(f.Delay).String(), "a span from 0s to 1h")
	}
	if f.Reply != nil && f.On == Accepted {
		c.number("reply.code", f.Reply.Code, "no reply: the message is taken already, so only delay and drop are left; or on: accept")
	}
}

// enhanced is an enhanced status code: RFC 3463 §2.
var enhanced = regexp.MustCompile(`^([245])\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})$`)

func (c *checker) reply(r *Reply) {
	if r == nil {
		return
	}
	if r.Code < 200 || r.Code > 599 {
		c.number("reply.code", r.Code, "a reply code from 200 to 599")
	} else if r.Enhanced != "" && (!enhanced.MatchString(r.Enhanced) || int(r.Enhanced[0]-'0') != r.Code/100) {
		c.text("reply.enhanced", r.Enhanced, fmt.Sprintf("a code of the class of %d such as %d.7.0, or none", r.Code, r.Code/100))
	}
	if len(r.Lines) > mostLines {
		c.number("reply.lines", len(r.Lines), "at most 100 lines")
	}
	for i, line := range r.Lines {
		if len(line) > longestLine || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
			c.text(fmt.Sprintf("reply.lines[%d]", i), line, "printable ASCII, at most 500 octets, without code and line end")
		}
	}
}

// when checks the conditions of f: each must be known at f's stage, and readable.
func (c *checker) when(f *Fault) {
	w := &f.When
	for _, condition := range []struct {
		field, value string
		from         Stage
	}{
		{"when.helo", w.Helo, Helo}, {"when.user", w.User, Auth}, {"when.sender", w.Sender, Mail}, {"when.recipient", w.Recipient, Rcpt},
	} {
		if slices.Contains(Stages(), f.On) && condition.value != "" && slices.Index(Stages(), f.On) < slices.Index(Stages(), condition.from) {
			c.text(condition.field, condition.value, fmt.Sprintf("on: %s or a later stage: at %s it isn't known yet", condition.from, f.On))
		}
		c.glob(condition.field, condition.value)
	}
	if w.Sender != "<>" && strings.HasPrefix(w.Sender, "<") {
		c.text("when.sender", w.Sender, "an address without < and >; only the null sender is <>")
	}
	if strings.HasPrefix(w.Recipient, "<") {
		c.text("when.recipient", w.Recipient, "an address without < and >")
	}
	c.peer(w.Peer)
	if w.Nth < 0 {
		c.number("when.nth", w.Nth, "1 or more, or 0 for every time")
	}
}

func (c *checker) glob(field, value string) {
	if len(value) > longestGlob || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7F || r == '\uFFFD' }) {
		c.text(field, value, "at most 512 octets of text, * for any and ? for one character")
	}
}

func (c *checker) peer(value string) {
	c.glob("when.peer", value)
	if value == "" || isGlob(value) {
		return
	}
	if _, err := prefixOf(value); err != nil {
		c.text("when.peer", value, "an IP address, a range such as 192.0.2.0/24, or a glob such as 192.0.2.*")
	}
}

// prefixOf reads an address or a range of them.
func prefixOf(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		prefix, err := netip.ParsePrefix(text)
		return prefix.Masked(), err
	}
	address, err := netip.ParseAddr(text)
	return netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), err
}

func (c *checker) bounds(f *Fault) {
	if f.Count < 0 {
		c.number("count", f.Count, "how often it strikes, 1 or more, or 0 for as often as it fits")
	}
	if f.TTL < 0 {
		c.fault("ttl", time.Duration(f.TTL).String(), "a span such as 10m, or 0s for until it is removed")
	}
	if !(f.Probability >= 0 && f.Probability <= 1) { // nor is NaN
		c.fault("probability", strconv.FormatFloat(f.Probability, 'g', -1, 64), "a number from 0 to 1, where 0 is always")
	}
}
