package static

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/target"
)

var _ target.Binder = (*Relay)(nil)

// Bind implements target.Binder with the customers of the profile.
//
// Nobody can set a counter of theirs to zero. So one whose limits a few messages reach plays in one scenario only: one
// with few licences, in the trial, or that hasn't paid.
func (r *Relay) Bind(_ context.Context, w target.World) (target.Binding, error) {
	binding := newBinding()
	if len(r.profile.Customers) == 0 {
		return binding, target.ErrUnsupported
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	plays := map[*Customer]string{} // the profile's customer -> the world's
	for _, wanted := range w.Customers {
		found, lack := r.like(wanted, plays)
		if found == nil {
			return binding, fmt.Errorf("%w: no customer of the profile is like %s: %s", target.ErrUnsupported, wanted.ID, lack)
		}
		plays[found] = wanted.ID
		binding.Customers[wanted.ID] = found.ID
		called, _ := found.as(wanted)
		maps.Copy(binding.Names, called.Names)
		maps.Copy(binding.Secrets, called.Secrets)
	}
	for c, scenario := range plays {
		if !c.spare() {
			r.taken[c] = scenario
		}
	}
	return binding, nil
}

func newBinding() target.Binding {
	return target.Binding{Customers: map[string]string{}, Names: map[string]string{}, Secrets: map[string]string{}}
}

// like finds a customer that is like wanted and plays nobody else; one of just as many licences comes before one of any.
// lack says why there is none.
func (r *Relay) like(wanted target.Customer, plays map[*Customer]string) (found *Customer, lack string) {
	var candidates []*Customer
	for i := range r.profile.Customers {
		candidates = append(candidates, &r.profile.Customers[i])
	}
	slices.SortStableFunc(candidates, func(a, b *Customer) int { return cmp.Compare(b.Licences, a.Licences) }) // any is 0
	var lacks []string
	for _, c := range candidates {
		switch _, lack := c.as(wanted); {
		case lack != "":
			lacks = append(lacks, c.ID+" "+lack)
		case plays[c] != "":
			lacks = append(lacks, c.ID+" plays "+plays[c])
		case r.taken[c] != "" && r.taken[c] != wanted.ID:
			lacks = append(lacks, c.ID+" was used by another scenario, and its counters can't be set to zero")
		default:
			return c, ""
		}
	}
	return nil, strings.Join(lacks, "; ")
}

// many is how many licences leave room for a whole run: 13,000 recipients a day and 900 in 10 minutes.
const many = 100

// spare tells whether scenarios may share c.
func (c *Customer) spare() bool {
	return (c.Licences == 0 || c.Licences >= many) && c.Billing != "unpaid" && !c.Trial
}

// as gives what the names of wanted are called when c plays it. lack says why it can't.
func (c *Customer) as(wanted target.Customer) (called target.Binding, lack string) {
	called = newBinding()
	switch {
	case c.Licences != 0 && c.Licences != wanted.Licences:
		return called, fmt.Sprintf("has %d licences, not %d", c.Licences, wanted.Licences)
	case (c.Billing == "unpaid") != wanted.Unpaid, c.Trial != wanted.Trial:
		return called, "is billed otherwise"
	case cmp.Or(c.Edition, editions()[0]) != cmp.Or(wanted.Edition, editions()[0]):
		return called, "has another edition"
	case len(c.Domains) < len(wanted.Domains):
		return called, fmt.Sprintf("has %d domains, not %d", len(c.Domains), len(wanted.Domains))
	}
	if lack := c.unlike(wanted.Settings); lack != "" {
		return called, lack
	}
	for i, domain := range wanted.Domains {
		called.Names[domain] = c.Domains[i]
	}
	taken := map[int]bool{}
	for _, user := range wanted.Users {
		i := c.userLike(user, called.Names, taken)
		if i < 0 {
			return called, "has no user like " + user.Address + ", with a password and as many aliases and tokens"
		}
		taken[i] = true
		c.Users[i].call(user, called)
	}
	return called, ""
}

// userLike finds a user that isn't taken yet, in the same domain, with all that wanted has; -1: none.
func (c *Customer) userLike(wanted target.User, called map[string]string, taken map[int]bool) int {
	_, domain, _ := strings.Cut(wanted.Address, "@")
	for i, u := range c.Users {
		_, own, _ := strings.Cut(u.Address, "@")
		if !taken[i] && strings.EqualFold(own, called[domain]) && u.Password != "" &&
			len(u.Aliases) >= len(wanted.Aliases) && len(u.Tokens) >= len(wanted.Tokens) && everlasting(wanted.Tokens) {
			return i
		}
	}
	return -1
}

// everlasting tells whether no token ends: when those of the profile do isn't known.
func everlasting(tokens []target.Token) bool {
	return !slices.ContainsFunc(tokens, func(t target.Token) bool { return !t.Expires.IsZero() })
}

// call notes what the names of wanted are called when u plays it.
func (u User) call(wanted target.User, called target.Binding) {
	called.Names[wanted.Address] = u.Address
	for i, alias := range wanted.Aliases {
		called.Names[alias] = u.Aliases[i]
	}
	if wanted.Password != "" {
		called.Secrets[wanted.Password] = u.Password
	}
	for i, token := range wanted.Tokens {
		called.Secrets[token.Value] = u.Tokens[i]
	}
}

// unlike says what c's settings lack, or have too much, to be wanted.
func (c *Customer) unlike(wanted []target.Setting) string {
	var have, want []string
	for _, s := range c.Settings {
		have = append(have, s.mark())
	}
	for _, s := range wanted {
		want = append(want, markOf(s))
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		return "has other settings: " + strings.Join(have, ", ") + "; wanted " + strings.Join(want, ", ")
	}
	return ""
}

// mark tells settings apart by what they do; what they are called means nothing.
func (s Setting) mark() string {
	same := target.Setting{
		Disabled: !enabled(s.Enabled), Senders: target.Senders(s.Senders),
		ByAddress: s.Addresses != nil, RequireAuth: s.RequireAuth, RequireTLS: s.RequireTLS,
	}
	for _, e := range s.Addresses {
		same.Addresses = append(same.Addresses, target.AddressEntry{Range: e.Range, Disabled: !enabled(e.Enabled)})
	}
	return markOf(same)
}

func markOf(s target.Setting) string {
	words := []string{string(s.Senders)}
	if s.Disabled {
		words = append(words, "disabled")
	}
	if s.RequireAuth {
		words = append(words, "AUTH")
	}
	if s.RequireTLS {
		words = append(words, "TLS")
	}
	if s.ByAddress {
		words = append(words, "from "+rangesOf(s.Addresses))
	}
	return "[" + strings.Join(words, " ") + "]"
}

// rangesOf lists entries in an order of their own: another order is the same list.
func rangesOf(entries []target.AddressEntry) string {
	var ranges []string
	for _, e := range entries {
		text := e.Range
		if prefix, err := prefixOf(e.Range); err == nil {
			text = prefix.String()
		}
		if e.Disabled {
			text += " (disabled)"
		}
		ranges = append(ranges, text)
	}
	slices.Sort(ranges)
	if len(ranges) == 0 {
		return "nowhere"
	}
	return strings.Join(ranges, "+")
}
