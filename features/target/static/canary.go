package static

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// canary is a customer that only this harness knows of: when the relay knows it, a world that holds it is in force.
type canary struct{ id, domain, user, password string }

// random is a word that nobody else has.
func random() string { return strings.ToLower(rand.Text()[:12]) }

func newCanary() canary {
	domain := "canary-" + random() + ".example"
	return canary{id: domain, domain: domain, user: "canary@" + domain, password: rand.Text()}
}

// in is w with the canary.
func (c canary) in(w target.World) target.World {
	return target.World{Customers: append(slices.Clone(w.Customers), target.Customer{
		ID: c.id, Licences: 1, Domains: []string{c.domain},
		Users: []target.User{{Address: c.user, Password: c.password}},
		Settings: []target.Setting{{
			Description: "Default", Senders: target.MyDomains, ByAddress: true,
			Addresses: []target.AddressEntry{{Description: "IPv4", Range: "127.0.0.1"}, {Description: "IPv6", Range: "::1"}},
		}},
	})}
}

// outsider is whom a canary writes to.
const outsider = "nobody@elsewhere.example"

// means is a way to see whether a relay knows a customer: its user authenticates on a port, or its mail is let up to the
// recipient there.
type means struct {
	role target.Role
	auth bool
}

func (m means) String() string {
	if m.auth {
		return fmt.Sprintf("AUTH on port %d", m.role)
	}
	return fmt.Sprintf("mail on port %d", m.role)
}

// try uses the means for c, and hands the session on when c is known. said is the reply that decided.
func (r *Relay) try(ctx context.Context, m means, c canary) (session *client.Conn, said client.Reply, err error) {
	conn, err := r.greeted(ctx, m.role)
	if err != nil {
		return nil, said, err
	}
	for _, step := range r.steps(ctx, conn, m, c) {
		if said, err = step(); err != nil || !said.Positive() {
			conn.Close()
			return nil, said, err
		}
	}
	return conn, said, nil
}

// steps are the exchanges of a means, behind the greeting.
func (r *Relay) steps(ctx context.Context, conn *client.Conn, m means, c canary) []func() (client.Reply, error) {
	hello := func() (client.Reply, error) {
		reply, err := conn.Hello(c.domain)
		if err == nil && (reply.Code == 500 || reply.Code == 502) {
			return conn.Helo(c.domain)
		}
		return reply, err
	}
	steps := []func() (client.Reply, error){hello}
	if m.auth {
		startTLS := func() (client.Reply, error) {
			if conn.TLS() || !conn.Capabilities().Has("STARTTLS") {
				return client.Reply{Code: 220}, nil
			}
			return conn.StartTLS(ctx)
		}
		return append(steps, startTLS, hello, func() (client.Reply, error) { return authenticate(conn, c) })
	}
	return append(steps, r.envelope(conn, c)...)
}

// envelope is the beginning of a message of c's.
func (r *Relay) envelope(conn *client.Conn, c canary) []func() (client.Reply, error) {
	return []func() (client.Reply, error){
		func() (client.Reply, error) { return conn.Cmd("MAIL FROM:<" + c.user + ">") },
		func() (client.Reply, error) { return conn.Cmd("RCPT TO:<" + outsider + ">") },
	}
}

// authenticate says AUTH with a password; 504 where no mechanism for one is offered.
func authenticate(conn *client.Conn, c canary) (client.Reply, error) {
	offered := strings.ToUpper(" " + strings.Join(conn.Capabilities().Parameters("AUTH"), " ") + " ")
	switch {
	case strings.Contains(offered, " PLAIN "):
		return conn.AuthPlain(c.user, c.password)
	case strings.Contains(offered, " LOGIN "):
		return conn.AuthLogin(c.user, c.password)
	}
	return client.Reply{Code: 504, Lines: []string{"no mechanism for passwords is offered"}}, nil
}

// acquaint finds out by which means a customer that is there can be told from one that isn't: by those that refuse one
// that nobody made. A relay that takes anything has none, and then nothing is confirmed.
func (r *Relay) acquaint(ctx context.Context) error {
	if r.means != nil {
		return nil
	}
	stranger := newCanary()
	found := []means{}
	for _, auth := range []bool{false, true} {
		for _, role := range roles() {
			if r.addresses[role] == "" {
				continue
			}
			m := means{role, auth}
			session, said, err := r.try(ctx, m, stranger)
			switch {
			case session != nil:
				session.Close()
			case err != nil && !client.Ended(err):
				return fmt.Errorf("see whether the relay refuses whom it can't know: port %d, %s: %s", role, r.addresses[role], r.explain(ctx, role, err))
			case said.Code != 504:
				found = append(found, m)
			}
		}
	}
	r.means = found
	return nil
}

// confirm sees whether the relay knows c. One means that says so is enough: a relay that breaks a rule isn't a driver that
// lies.
func (r *Relay) confirm(ctx context.Context, c canary) error {
	var refusals []string
	for i, m := range r.means {
		session, said, err := r.try(ctx, m, c)
		if session != nil {
			session.Quit()
			r.means[0], r.means[i] = r.means[i], r.means[0] // first the next time
			return nil
		}
		refusals = append(refusals, fmt.Sprintf("%s: %s", m, came(said, err)))
	}
	if len(r.means) == 0 {
		return nil
	}
	return fmt.Errorf("unconfirmed: the driver said that the world is made, but the relay doesn't know %s, who is in it: %s",
		c.user, strings.Join(refusals, "; "))
}

// Beyond is more of a counter than any limit lets anybody use. Source: the ceilings are 4,600,000 and 10,000.
const (
	beyondCustomer = 5_000_000
	beyondUser     = 20_000
	windows        = 48 * time.Hour // beyond any window, and no other time of day
)

// rehearse has the driver's verbs show that they do something, on a customer of the harness's own. What is seen to do
// nothing is noted in doubts, and is an error whenever it is asked for.
func (r *Relay) rehearse(ctx context.Context) error {
	if r.driver == nil || !r.can(target.CanApply) {
		return nil
	}
	if err := r.Apply(ctx, target.World{}); err != nil || len(r.means) == 0 {
		return ctx.Err() // each scenario is told so by its own Apply
	}
	r.doubts = map[target.Capability]error{}
	if accepted, _ := r.sends(ctx); accepted == "" || !r.can(target.CanUsage) {
		return ctx.Err() // nothing to tell the difference by
	}
	r.doubt(target.CanUsage, r.useUp(ctx))
	if r.doubts[target.CanUsage] != nil {
		return ctx.Err()
	}
	if r.can(target.CanClock) {
		r.doubt(target.CanClock, r.Advance(ctx, windows))
	}
	if r.can(target.CanReset) {
		r.doubt(target.CanReset, r.startAnew(ctx))
	}
	return ctx.Err()
}

// doubt notes what was seen of a verb. A driver that says now that it doesn't have it does so again when it is asked, and
// answered has taken it down.
func (r *Relay) doubt(verb target.Capability, seen error) {
	if seen != nil && !errors.Is(seen, target.ErrUnsupported) {
		r.doubts[verb] = seen
	}
}

// useUp sets every counter of the canary beyond its limit: the relay must refuse it then.
func (r *Relay) useUp(ctx context.Context) error {
	for _, u := range []target.Usage{
		{Customer: r.canary.id, Counter: "customer-day", Amount: beyondCustomer},
		{Customer: r.canary.id, Counter: "customer-peak", Amount: beyondCustomer},
		{Customer: r.canary.id, Counter: "user-messages", User: r.canary.user, Amount: beyondUser},
		{Customer: r.canary.id, Counter: "user-recipients", User: r.canary.user, Amount: beyondUser},
	} {
		if err := r.SetUsage(ctx, u); err != nil {
			return err
		}
	}
	if accepted, _ := r.sends(ctx); accepted != "" {
		return fmt.Errorf("unconfirmed: the driver said that every counter of %s is used up, but its mail is taken: %s", r.canary.user, accepted)
	}
	return nil
}

// startAnew uses up the canary's counters and sets them to zero: the relay must take its mail again.
func (r *Relay) startAnew(ctx context.Context) error {
	if err := r.useUp(ctx); err != nil {
		return nil // nothing to tell the difference by
	}
	if err := r.Reset(ctx, r.canary.id); err != nil {
		return err
	}
	if accepted, refused := r.sends(ctx); accepted == "" {
		return fmt.Errorf("unconfirmed: the driver said that the counters of %s are at zero, but its mail is refused: %s", r.canary.user, refused)
	}
	return nil
}

// sends sends a message of the canary's, by the means that knew it, and gives the reply that took it or refused it.
func (r *Relay) sends(ctx context.Context) (accepted, refused string) {
	session, said, err := r.try(ctx, r.means[0], r.canary)
	if err != nil || session == nil {
		return "", came(said, err)
	}
	defer session.Close()
	var steps []func() (client.Reply, error)
	if r.means[0].auth {
		steps = r.envelope(session, r.canary)
	}
	content := "From: " + r.canary.user + "\r\nTo: " + outsider + "\r\nSubject: canary\r\n\r\nSent by relayspec to see whether a driver does what it says.\r\n.\r\n"
	steps = append(steps,
		func() (client.Reply, error) { return session.Cmd("DATA") },
		func() (client.Reply, error) {
			if err := session.WriteRaw([]byte(content)); err != nil {
				return client.Reply{}, err
			}
			return session.ReadReply()
		})
	for _, step := range steps {
		said, err = step()
		if err != nil || !said.Positive() && !said.Intermediate() {
			return "", came(said, err)
		}
	}
	session.Quit()
	return said.String(), ""
}

// came says what came of an exchange: the error, or else the reply.
func came(said client.Reply, err error) string {
	if err != nil {
		return client.Explain(err)
	}
	return said.String()
}
