package features

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features/target"
)

// worldSteps say what exists on the relay: customers, users, settings, and what has been used of a counter.
func worldSteps(sc *godog.ScenarioContext) {
	sc.Given(`^a customer "([^"]*)" with ([\d,]+) licences?$`, aCustomer)
	sc.Given(`^a customer "([^"]*)" with ([\d,]+) licences?:$`, aCustomerWith)
	sc.Given(`^"([^"@]*)" has the relay setting "([^"]*)":$`, hasSetting)
	sc.Given(`^"([^"]*)" has used ([\d,]+) recipients of the (day|10 minutes)$`, hasUsed)
	sc.When(`^"([^"@]*)" changes the relay setting "([^"]*)":$`, changesSetting)
	sc.Given(`^"([^"@]*)" has become a customer with:$`, becomes)
	sc.When(`^"([^"@]*)" becomes a customer with:$`, becomes)
}

func aCustomer(ctx context.Context, name, licences string) error {
	return aCustomerWith(ctx, name, licences, nil)
}

func aCustomerWith(ctx context.Context, name, licences string, table *godog.Table) error {
	s := from(ctx)
	n, err := count(licences)
	if err != nil {
		return err
	}
	c := s.world.add(target.Customer{ID: s.customer(name), Licences: n, Domains: []string{s.text(name + ".example")}})
	return fill(table, s.customerRows(c))
}

func hasSetting(ctx context.Context, customer, description string, table *godog.Table) error {
	s := from(ctx)
	c, err := s.world.edit(s.customer(customer))
	if err != nil {
		return err
	}
	setting := target.Setting{Description: description, Senders: target.MyDomains}
	if !mentions(table, "SMTP AUTH") {
		setting.ByAddress, setting.Addresses = true, loopback()
	}
	if err := fill(table, settingRows(&setting)); err != nil {
		return err
	}
	c.Settings = append(c.Settings, setting)
	return nil
}

func changesSetting(ctx context.Context, customer, description string, table *godog.Table) error {
	s := from(ctx)
	c, err := s.world.edit(s.customer(customer))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(c.Settings, func(st target.Setting) bool { return st.Description == description })
	if i < 0 {
		return fmt.Errorf("%q has no setting %q", customer, description)
	}
	if err := fill(table, settingRows(&c.Settings[i])); err != nil {
		return err
	}
	return s.renew(ctx)
}

func becomes(ctx context.Context, customer string, table *godog.Table) error {
	s := from(ctx)
	c, err := s.world.edit(s.customer(customer))
	if err != nil {
		return err
	}
	if err := fill(table, s.customerRows(c)); err != nil {
		return err
	}
	return s.renew(ctx)
}

// renew tells the relay what changed. What comes next goes through a new session: an open one may keep what was.
func (s *scenario) renew(ctx context.Context) error {
	s.hangUp()
	return s.ready(ctx)
}

// ready makes the world that the Givens described exist on the relay.
func (s *scenario) ready(ctx context.Context) error {
	if s.world.applied {
		return nil
	}
	if err := s.make(ctx); err != nil {
		return err
	}
	s.world.applied = true
	return nil
}

// make has the relay make the world, or find what is like it.
func (s *scenario) make(ctx context.Context) error {
	err := error(&Missing{target.CanApply})
	if maker, ok := s.target.(target.Applier); ok {
		s.tellWorld(s.world.complete())
		err = verb(target.CanApply, "make the world", maker.Apply(ctx, s.world.complete()))
	}
	if binder, ok := s.target.(target.Binder); ok && errors.As(err, new(*Missing)) {
		return s.bind(ctx, binder)
	}
	return err
}

// bind takes customers of the relay's own for those of the scenario. They are the same ones to the end: what a scenario
// has used of one it can't look for with another.
func (s *scenario) bind(ctx context.Context, binder target.Binder) error {
	if s.world.spends && !s.declares(target.CanReset) {
		return &lacking{Missing{target.CanReset}, "what the relay's own customers have used can't be set to zero"}
	}
	called, err := binder.Bind(ctx, s.world.complete())
	switch {
	case errors.Is(err, target.ErrUnsupported):
		what, said := strings.CutPrefix(err.Error(), target.ErrUnsupported.Error()+": ")
		if !said {
			return &Missing{target.CanApply}
		}
		return &lacking{Missing{target.CanApply}, s.plain(what)}
	case err != nil:
		return fmt.Errorf("find customers like the world's: %w", err)
	case s.world.cast != nil && !s.world.cast.equal(called):
		return &lacking{Missing{target.CanApply}, "a customer of the relay's own can't be changed"}
	}
	first := s.world.cast == nil
	s.world.cast = newCast(called)
	s.tellWorld(s.world.complete())
	if first && s.world.spends {
		return s.spendFromZero(ctx)
	}
	return nil
}

// spendFromZero sets the counters of the relay's own customers to zero, which other scenarios have used.
func (s *scenario) spendFromZero(ctx context.Context) error {
	resetter, ok := s.target.(target.Resetter)
	if !ok {
		return &Missing{target.CanReset}
	}
	for _, c := range s.world.customers {
		id := cmp.Or(s.world.cast.Customers[c.ID], c.ID)
		if err := verb(target.CanReset, "set the counters of "+id+" to zero", resetter.Reset(ctx, id)); err != nil {
			return err
		}
	}
	return nil
}

// lacking is a Missing that says what of the capability it is.
type lacking struct {
	Missing
	what string
}

func (l *lacking) Error() string { return l.Missing.Error() + ": " + l.what }
func (l *lacking) Unwrap() error { return &l.Missing }

// world is what the Givens described so far.
type world struct {
	customers []*target.Customer
	applied   bool  // the relay has it
	spends    bool  // the scenario uses up counters
	cast      *cast // nil: the scenario's names are the relay's
}

func (w *world) add(c target.Customer) *target.Customer {
	w.customers = append(w.customers, &c)
	w.applied = false
	return &c
}

// edit gives a customer to be changed: the relay must be told again.
func (w *world) edit(id string) (*target.Customer, error) {
	for _, c := range w.customers {
		if c.ID == id {
			w.applied = false
			return c, nil
		}
	}
	return nil, fmt.Errorf("no Given made the customer %q", id)
}

func (w *world) user(address string) (*target.Customer, target.User, error) {
	for _, c := range w.customers {
		for _, u := range c.Users {
			if u.Address == address {
				return c, u, nil
			}
		}
	}
	return nil, target.User{}, fmt.Errorf("no Given registered the user %q", address)
}

// complete gives the world as the target gets it: a customer without a setting has the one that the features' descriptions
// promise (allowed senders: my domains; addresses 127.0.0.1 and ::1; nothing else required).
func (w *world) complete() target.World {
	var full target.World
	for _, c := range w.customers {
		whole := *c
		if len(whole.Settings) == 0 {
			whole.Settings = []target.Setting{{Description: "Default", Senders: target.MyDomains, ByAddress: true, Addresses: loopback()}}
		}
		full.Customers = append(full.Customers, whole)
	}
	return full
}

// loopback is the list of addresses of a setting that names none.
func loopback() []target.AddressEntry {
	return []target.AddressEntry{{Description: "IPv4", Range: "127.0.0.1"}, {Description: "IPv6", Range: "::1"}}
}
